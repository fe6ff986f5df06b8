"""Network of PIE: DCE-Net, as in Zero-DCE and SCL-LLE."""

from __future__ import annotations

from lle.nn.dce import DceNet as Network

__all__ = ["Network"]
