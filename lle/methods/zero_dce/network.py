"""Network of Zero-DCE: DCE-Net, which the whole family shares."""

from __future__ import annotations

from lle.nn.dce import DceNet as Network

__all__ = ["Network"]
