"""Regions of a picture, found in threads, and losses on the brightness inside them.

Source: ZhengYanXU/PIE @3a43c38, train.py and Myloss.py.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from lle.errors import TrainingError


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=max(os.cpu_count() or 1, 1), thread_name_prefix="regions")


def _felzenszwalb(image: np.ndarray, scale: float, sigma: float, min_size: int) -> np.ndarray:
    try:
        from skimage.segmentation import felzenszwalb
    except ModuleNotFoundError as error:
        raise TrainingError(
            "regions need scikit-image, which is not installed. Install lle-suite[suite], or set the weight of the region term to 0."
        ) from error
    return np.asarray(felzenszwalb(image, scale=scale, sigma=sigma, min_size=min_size), dtype=np.int64)


class PendingRegions:
    """Regions that are being found in other threads.

    The search spends nearly all its time outside Python's lock, so the training step can go on with other terms and ask
    for the result last. A picture's regions depend on that picture alone, so the number of threads changes nothing.

    Args:
        images: B x 3 x H x W in [0, 1]; detached here.
        scale: larger values give larger regions.
        sigma: of the Gaussian that smooths the picture first, in pixels.
        min_size: smallest region in pixels.

    Attributes:
        waited: seconds that `get` had to wait.
    """

    def __init__(self, images: Tensor, scale: float = 100.0, sigma: float = 0.5, min_size: int = 300) -> None:
        self._device, self.waited = images.device, 0.0
        arrays = images.detach().permute(0, 2, 3, 1).float().cpu().numpy()
        self._futures: Sequence[Future[np.ndarray]] = [_pool().submit(_felzenszwalb, array, scale, sigma, min_size) for array in arrays]

    def get(self) -> Tensor:
        """Waits for the regions and returns their labels, B x H x W int64, counted from 0 in every picture."""
        start = time.perf_counter()
        labels = np.stack([future.result() for future in self._futures])
        self.waited = time.perf_counter() - start
        return torch.from_numpy(labels).to(self._device)


def _pairs(image: Tensor, labels: Tensor, every: bool) -> tuple[Tensor, Tensor]:
    """Brightness and labels, both K x HW: of every image with every label map, or of each with its own."""
    count = len(image)
    brightness, flat = image.mean(1).flatten(1), labels.flatten(1)
    if every:
        return brightness.repeat_interleave(count, 0), flat.repeat(count, 1)
    return brightness, flat


def region_variance(image: Tensor, labels: Tensor, every: bool = False) -> Tensor:
    """Variance of the brightness inside regions, weighted by their areas: the sum of n_i / (H W) var_i.

    Args:
        image: B x C x H x W.
        labels: B x H x W int64; pixels with a negative label count as 0.
        every: also divides each image by the other images' regions.

    Returns:
        A scalar, the mean over the batch; 0 where every region has one brightness.
    """
    brightness, flat = _pairs(image, labels, every)
    inside = (flat >= 0).to(brightness.dtype)
    index = flat.clamp_min(0)
    size = int(index.max()) + 1
    zeros = brightness.new_zeros(len(brightness), size)
    area = zeros.scatter_add(1, index, inside)
    means = zeros.scatter_add(1, index, brightness * inside) / area.clamp_min(1)
    return ((brightness - means.gather(1, index)).square() * inside).mean()


def region_darkness(image: Tensor, labels: Tensor, every: bool = True, most: int = 100) -> Tensor:
    """The region term as the authors' code computes it.

    The value that a region is pulled to is the sum of its brightness over the area of the whole picture, not over its own,
    so small regions are pulled towards black; and pixels of brightness 0 are left out.

    Args:
        image: B x C x H x W.
        labels: B x H x W int64.
        every: as in the code, where a broadcast pairs every image with every label map and the value is taken over all pairs.
        most: only labels from 0 to `most - 1` count.

    Returns:
        A scalar: the sum over regions of the mean over all pixels.
    """
    brightness, flat = _pairs(image, labels, every)
    counted = ((flat >= 0) & (flat < most)).to(brightness.dtype)
    index = flat.clamp(0, most - 1)
    totals = brightness.new_zeros(len(brightness), most).scatter_add(1, index, (brightness * counted).detach())
    pulls = (totals.sum(0, keepdim=True) / brightness.numel()).expand_as(totals) if every else totals / brightness.shape[1]
    present = counted * (brightness != 0)
    return ((brightness - pulls.gather(1, index)).square() * present).mean()
