"""Network of SCL-LLE: DCE-Net, as in Zero-DCE and PIE."""

from __future__ import annotations

from lle.nn.dce import DceNet as Network

__all__ = ["Network"]
