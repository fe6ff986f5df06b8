"""From tensors to numpy pictures and back, for methods that are no networks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def by_image(enhance: Callable[[np.ndarray], np.ndarray], low: Tensor) -> Tensor:
    """Applies a function of one picture to each picture of a batch.

    Args:
        enhance: from H x W x 3 float32 RGB in [0, 1] to the same shape; values outside [0, 1] are cut off.
        low: B x 3 x H x W.

    Returns:
        B x 3 x H x W on the device and of the type of `low`.
    """
    pictures = low.detach().clamp(0, 1).float().permute(0, 2, 3, 1).cpu().numpy()
    results = [np.ascontiguousarray(enhance(picture), dtype=np.float32) for picture in pictures]
    return torch.from_numpy(np.stack(results)).permute(0, 3, 1, 2).clamp(0, 1).contiguous().to(low)


def to_8bit(image: np.ndarray) -> np.ndarray:
    """Rounds values in [0, 1] to uint8, for OpenCV functions that know no other type."""
    result: np.ndarray = np.round(image * 255).astype(np.uint8)
    return result
