"""Does a method leave a lit frame alone? It is given well-exposed pictures, the references of a validation split."""

from __future__ import annotations

import numpy as np

from lle.data.images import read_rgb
from lle.data.pairs import Prepared
from lle.files import significant
from lle.measure.quality import Enhance, as_picture
from lle.metrics.protocol import Image
from lle.metrics.psnr import psnr
from lle.results.quality import LIT_LOG_RATIO, LIT_PSNR, LitFrames


def lit_frames(method: str, enhance: Enhance, prepared: Prepared, pictures: int) -> LitFrames | None:
    """Gives a method lit pictures and compares what it returns with them.

    Args:
        method: its name, for errors.
        enhance: from a picture, H x W x 3 uint8 RGB, to the enhanced one.
        prepared: a data set; references of its validation split are taken, spread evenly over it.
        pictures: how many at most.

    Returns:
        The means; None where the set has no validation split with references.

    Raises:
        DataError: a picture cannot be read.
        LleError: the method gave a picture of another size, or NaN.
    """
    paths = [row.normal for row in prepared.rows("val") if row.normal is not None] if prepared.has_split("val") else []
    if not paths:
        return None
    chosen = dict.fromkeys(np.linspace(0, len(paths) - 1, min(pictures, len(paths))).round().astype(int).tolist())
    changes = []
    for index in chosen:
        lit = read_rgb(paths[index])
        changes.append(change(lit, as_picture(method, paths[index].name, enhance(lit.copy()), lit)))
    ratios, similarities = zip(*changes, strict=True)
    return LitFrames(
        images=len(changes),
        psnr=significant(float(np.mean(similarities))),
        log_ratio=significant(float(np.mean(ratios))),
        within=sum(abs(ratio) < LIT_LOG_RATIO and similarity >= LIT_PSNR for ratio, similarity in changes),
    )


def change(lit: Image, output: Image) -> tuple[float, float]:
    """Compares what a method made of a lit picture with it.

    Args:
        lit: H x W x 3 uint8.
        output: of the same shape.

    Returns:
        The natural logarithm of the ratio of the means of stored values, output over input (a mean below one level counts as one),
        and the PSNR in dB, which is capped for equal pictures.
    """
    return float(np.log(max(output.mean(), 1.0) / max(lit.mean(), 1.0))), psnr(output, lit)
