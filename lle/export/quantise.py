"""Whole numbers in place of floats: post-training calibration with a bound on the PSNR that is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lle.data.images import read_rgb
from lle.data.pairs import Prepared
from lle.errors import LleError
from lle.infer.description import Quantised
from lle.metrics.psnr import psnr

if TYPE_CHECKING:
    import openvino

ALLOWED_DB = 0.1
"""PSNR that may be lost on validation pictures; layers that cost more stay in float."""
CALIBRATION, VALIDATION = 48, 16
"""Most pictures of the training and of the validation split."""
LONGEST = 512
"""Pictures are reduced to this longer side: calibration runs the model hundreds of times."""


@dataclass(frozen=True)
class Pair:
    """A picture, 1 x H x W x 3 uint8, and what PSNR is taken against, H x W x 3."""

    low: NDArray[np.uint8]
    wanted: NDArray[np.uint8] | None


def read_pairs(prepared: Prepared, split: str, most: int) -> list[Pair]:
    """Returns low-light pictures of a split, evenly spread over it, with their references where there are any.

    Args:
        prepared: the set.
        split: `train` or `val`.
        most: pictures.

    Raises:
        DataError: there is no such split.
    """
    rows = [row for row in prepared.rows(split) if row.low is not None]
    if not rows:
        raise LleError(f"the split '{split}' of '{prepared.name}' has no low-light pictures to calibrate with. Name another set (--data).")
    chosen = [rows[index] for index in np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)]
    return [
        Pair(_reduced(read_rgb(row.low))[None], None if row.normal is None else _reduced(read_rgb(row.normal))) for row in chosen if row.low
    ]


def _reduced(picture: NDArray[Any]) -> NDArray[np.uint8]:
    scale = LONGEST / max(picture.shape[:2])
    if scale >= 1:
        return picture
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def quantise(
    model: openvino.Model, calibration: Sequence[Pair], validation: Sequence[Pair], dataset: str, allowed_db: float = ALLOWED_DB
) -> tuple[openvino.Model, Quantised]:
    """Quantises a model with NNCF's accuracy control.

    Args:
        model: of fp32; it is not changed.
        calibration: pictures by which ranges are set.
        validation: pictures by which the loss is measured.
        dataset: name of their set.
        allowed_db: PSNR that may be lost; layers go back to float until no more is.

    Returns:
        The quantised model, and what it lost.

    Raises:
        LleError: more is lost even so.
    """
    import nncf
    import openvino

    logging.getLogger("nncf").setLevel(logging.WARNING)
    core = openvino.Core()
    original = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    paired = all(pair.wanted is not None for pair in validation)
    # Where there is no reference, the float model's own picture is: its PSNR is then infinite, so the drop is from a set height.
    wanted = [pair.wanted if paired and pair.wanted is not None else np.array(original(pair.low)[0][0]) for pair in validation]

    def score(compiled: Callable[[Any], Any], _: Iterable[Any]) -> tuple[float, None]:
        values = [
            min(psnr(np.ascontiguousarray(compiled(pair.low)[0][0]), reference), _HEIGHT)
            for pair, reference in zip(validation, wanted, strict=True)
        ]
        return float(np.mean(values)), None

    quantised = nncf.quantize_with_accuracy_control(
        model.clone(),
        calibration_dataset=nncf.Dataset([pair.low for pair in calibration]),
        validation_dataset=nncf.Dataset([pair.low for pair in validation]),
        validation_fn=score,
        max_drop=allowed_db,
        drop_type=nncf.DropType.ABSOLUTE,
        subset_size=len(calibration),
    )
    after = score(core.compile_model(quantised, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}), ())[0]
    before = score(original, ())[0]
    if before - after > allowed_db:
        raise LleError(f"int8 loses {before - after:.2f} dB on {dataset}, where {allowed_db:g} dB are allowed. Export it as fp32 or fp16.")
    return quantised, Quantised(
        dataset=dataset,
        calibration=len(calibration),
        validation=len(validation),
        reference="normal" if paired else "fp32",
        before_db=round(before, 3),
        after_db=round(after, 3),
        loss_db=round(before - after, 3),
        allowed_db=allowed_db,
    )


_HEIGHT = 45.0
"""PSNR in dB above which pictures count as equal: a mean error of half a percent of the range."""
