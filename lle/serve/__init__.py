"""The HTTP service: `lle serve`."""
