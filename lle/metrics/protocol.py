"""How pictures are judged: value range, rounding, channels and size, the same for every method and data set.

A method is judged on the 8-bit picture that it would save, at full size, in RGB. GT-mean scores, for which the output's
brightness is first corrected with the reference's mean, are measured too, under names of their own: they answer another
question and flatter methods that miss the exposure, as the authors of Retinexformer warn.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""H x W x 3, RGB, 0 to 255."""
Plane = NDArray[np.float64]
"""H x W, one channel."""


@dataclass(frozen=True)
class Protocol:
    """The choices behind every number of the tables; written into every result file.

    Attributes:
        rounding: precision of the judged picture.
        channels: channels of a metric whose name says nothing else.
        size: whether pictures are resized before they are judged.
        ssim: window of `ssim`, `ssim_y` and `ssim_gt_mean`.
        ssim_skimage: window of the metric of that name.
        vif: which of the two published versions.
        loe: sampling of `loe`.
        loe_100: sampling of `loe_100`.
        luma: weights of R, G and B in a grey picture, rounded to whole numbers.
        gt_mean: what the metrics named `*_gt_mean` do first.
        border: how pixels whose window leaves the picture count in SSIM.
    """

    rounding: str = "8-bit"
    channels: str = "RGB"
    size: str = "full"
    ssim: str = "gaussian-11-1.5"
    ssim_skimage: str = "uniform-7"
    vif: str = "wavelet"
    loe: str = "short-side-50-bicubic"
    loe_100: str = "100x100-nearest"
    luma: str = "0.299-0.587-0.114"
    gt_mean: str = "output times mean grey of reference over mean grey of output, clipped"
    border: str = "left out"

    def as_dict(self) -> dict[str, str]:
        """Returns the choices as plain data."""
        return asdict(self)


PROTOCOL = Protocol()


def to_uint8(values: NDArray[np.floating]) -> Image:
    """Rounds a picture in [0, 1] to 8 bits, half up; values outside are clipped.

    Raises:
        ValueError: a value is NaN or infinite.
    """
    if not np.isfinite(values).all():
        raise ValueError("the picture holds NaN or infinite values")
    return np.floor(np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def luma(image: Image) -> Plane:
    """Returns the grey picture, H x W, whole numbers 0 to 255: 0.299 R + 0.587 G + 0.114 B, rounded half up.

    In whole numbers throughout, so that no machine rounds a tie differently.
    """
    wide = image.astype(np.int32)
    thousandths = 299 * wide[..., 0] + 587 * wide[..., 1] + 114 * wide[..., 2]
    return ((thousandths + 500) // 1000).astype(np.float64)


def gt_mean(output: Image, reference: Image) -> Image:
    """Scales a picture so that its mean grey value is the reference's.

    The test script of Retinexformer (caiyuanhao1998/Retinexformer, option --GT_mean) does so before it measures. A
    black picture has no such scale and comes back as it is.
    """
    ours, theirs = (float(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).mean()) for image in (output, reference))
    if ours == 0:
        return output
    return to_uint8(output.astype(np.float64) * (theirs / ours / 255))
