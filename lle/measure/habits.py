"""What the habits of other test scripts change in the scores of the same weights: rounding, resizing, GT-mean, SSIM variants, selection.

Each habit judges the same method on the same pictures as the protocol does, but for one step. The change is that of the mean over the
pictures. Selection on test data is measured by itself: a network is trained, and its checkpoint chosen once on validation and once on
test pictures. Nothing here chooses anything that is used.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray

from lle import zoo
from lle.config.schema import BaseParams
from lle.data.images import read_rgb
from lle.data.pairs import Prepared, open_prepared
from lle.engine.model_io import load_model
from lle.engine.train import train
from lle.engine.validation import mean_psnr, to_tensor
from lle.errors import LleError
from lle.files import significant
from lle.metrics.protocol import Image, gt_mean, luma, to_uint8
from lle.metrics.psnr import psnr
from lle.metrics.ssim import ssim, ssim_skimage
from lle.provenance import provenance
from lle.results.benchmarks import Habits

if TYPE_CHECKING:
    import lightning.pytorch as pl

    from lle.engine.method import Method
    from lle.engine.trainee import Trainee

Enhance = Callable[[Image], NDArray]
"""From a picture to values in [0, 1], H x W x 3, not rounded."""
Scores = tuple[float, float]
"""PSNR in dB, SSIM."""
SIDE = 256
"""Pixels of the square to which some test scripts resize."""
QUALITY = 90
"""Of JPEG."""
EVERY = 20
"""Iterations between two checkpoints among which one is chosen."""


@dataclass(frozen=True)
class View:
    """A pair, and what a method makes of it.

    Attributes:
        enhance: the method.
        low: H x W x 3 uint8.
        normal: the reference, of the same shape.
        output: values from 0 to 1, not rounded.
    """

    enhance: Enhance
    low: Image
    normal: Image
    output: NDArray

    @classmethod
    def of(cls, enhance: Enhance, low: Image, normal: Image) -> View:
        """Enhances the low picture."""
        return cls(enhance, low, normal, np.clip(enhance(low), 0, 1))

    @property
    def picture(self) -> Image:
        """The 8-bit output, which the protocol judges."""
        return to_uint8(self.output)

    @property
    def scores(self) -> Scores:
        """Those of the protocol."""
        return _scores(self.picture, self.normal)


def _scores(output: Image, normal: Image) -> Scores:
    return psnr(output, normal), ssim(output, normal)


def _of_floats(output: NDArray, normal: NDArray) -> Scores:
    """Scores of values from 0 to 255 that need not be whole."""
    error = float(np.mean((output.astype(np.float64) - normal) ** 2))
    return float(10 * np.log10(255.0**2 / max(error, 1e-10))), ssim(output, normal)


def _resized(view: View) -> Scores:
    low, normal = (cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for image in (view.low, view.normal))
    return View.of(view.enhance, to_uint8(low / 255), to_uint8(normal / 255)).scores


def _enlarged(view: View) -> Scores:
    height, width = view.low.shape[:2]
    half = cv2.resize(view.low, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    small = to_uint8(view.enhance(to_uint8(half / 255)))
    return _scores(to_uint8(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC) / 255), view.normal)


def _jpeg(picture: Image) -> Image:
    """Encodes and decodes; both read the channels in one order, so it is the picture's."""
    _, data = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return to_uint8(decoded / 255)


HABITS: Mapping[str, tuple[str, Callable[[View], Scores]]] = {
    "gt_mean": (
        "the output gets the mean brightness of the reference first",
        lambda view: _scores(gt_mean(view.picture, view.normal), view.normal),
    ),
    "float": ("the output is not rounded", lambda view: _of_floats(255 * view.output, view.normal)),
    "truncated": (
        "the output is cut to whole levels, not rounded",
        lambda view: _scores((255 * view.output).astype(np.uint8), view.normal),
    ),
    "grey": ("grey pictures are judged", lambda view: _of_floats(luma(view.picture), luma(view.normal))),
    "uniform_window": (
        "SSIM has a uniform 7 x 7 window",
        lambda view: (psnr(view.picture, view.normal), ssim_skimage(view.picture, view.normal)),
    ),
    "resized": (f"input and reference are resized to {SIDE} x {SIDE}", _resized),
    "enlarged": ("the method works at half size, and its output is enlarged", _enlarged),
    "jpeg_input": (
        f"the input was saved as JPEG of quality {QUALITY}",
        lambda view: View.of(view.enhance, _jpeg(view.low), view.normal).scores,
    ),
    "jpeg_output": (
        f"the output is saved as JPEG of quality {QUALITY}",
        lambda view: _scores(_jpeg(view.picture), view.normal),
    ),
}
"""By name: what is done, and the scores of one picture."""
POOLED = ("pooled", "PSNR of the mean squared error of all pictures, not the mean of their PSNR")


def effects(enhance: Enhance, pairs: Sequence[tuple[Image, Image]]) -> dict[str, Any]:
    """Returns the mean scores by the protocol, and by habit how much it changes them.

    Args:
        enhance: the method.
        pairs: low and normal pictures, H x W x 3 uint8.
    """
    views = (View.of(enhance, low, normal) for low, normal in pairs)  # one at a time
    scores = np.array([[view.scores, *(judge(view) for _, judge in HABITS.values())] for view in views])
    base = scores[:, 0]
    changes = {}
    for place, (name, (text, _)) in enumerate(HABITS.items(), 1):
        change = scores[:, place] - base
        changes[name] = _change(text, change[:, 0], float(change[:, 1].mean()))
    pooled = -10 * np.log10(np.mean(10 ** (-base[:, 0] / 10)))
    changes[POOLED[0]] = _change(POOLED[1], np.array([pooled - base[:, 0].mean()]), 0.0)
    return {"psnr": significant(float(base[:, 0].mean())), "ssim": significant(float(base[:, 1].mean())), "habits": changes}


def _change(text: str, decibels: NDArray, similarity: float) -> dict[str, Any]:
    values = {"psnr": decibels.mean(), "least": decibels.min(), "most": decibels.max(), "ssim": similarity}
    return {"what": text, **{key: significant(float(value)) for key, value in values.items()}}


class Checkpoints(Callback):
    """Scores the network on two lists of pairs every `EVERY` iterations.

    Args:
        validation: pairs on which a checkpoint may be chosen.
        test: pairs on which it may not.
    """

    def __init__(self, validation: Sequence[tuple[Image, Image]], test: Sequence[tuple[Image, Image]]) -> None:
        self.lists, self.scores = (validation, test), list[Scores]()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Trainee, *_: Any) -> None:  # type: ignore[override]
        """Scores the network as it is."""
        if pl_module.due(EVERY):
            first, second = (mean_psnr(pl_module.method, pairs, pl_module.device) for pairs in self.lists)
            self.scores.append((first, second))


def chosen(scores: Sequence[Scores]) -> dict[str, float]:
    """Returns the test score of the checkpoint that validation chooses, of the one that the test chooses, and of the last.

    Args:
        scores: of the checkpoints in their order, on validation and on test pictures.
    """
    return {
        "by_validation": significant(max(scores, key=lambda both: both[0])[1]),
        "by_test": significant(max(test for _, test in scores)),
        "last": significant(scores[-1][1]),
    }


def values(method: Method) -> Enhance:
    """Returns a method as a function of pictures."""
    return lambda picture: method.enhance(to_tensor(picture))[0].permute(1, 2, 0).numpy()


def pairs_of(prepared: Prepared, split: str, limit: int | None = None) -> list[tuple[Image, Image]]:
    """Reads pairs of a split, spread evenly over it where there are more than `limit`.

    Raises:
        LleError: there are none.
    """
    rows = [(row.low, row.normal) for row in prepared.rows(split) if row.low is not None and row.normal is not None]
    if not rows:
        raise LleError(f"data set '{prepared.name}' has no pairs in its split '{split}'. Name another one.")
    places = np.linspace(0, len(rows) - 1, min(limit or len(rows), len(rows))).round().astype(int)
    return [(read_rgb(rows[place][0]), read_rgb(rows[place][1])) for place in places]


def trainings(name: str, params: BaseParams, data: Path, cache: Path, seeds: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Trains a method once a seed, in a folder that is removed, and yields what each choice of a checkpoint gives.

    Args:
        name: a method's id.
        params: all settings; `train.data` is the set.
        data: prepared data sets.
        cache: decoded pictures.
        seeds: of the trainings.
    """
    prepared = open_prepared(params.train.data, data)
    validation, test = pairs_of(prepared, "val"), pairs_of(prepared, "test")
    for seed in seeds:
        found = Checkpoints(validation, test)
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            train(name, params.with_override("seed", seed), home / "models", None, data, cache, home / "scratch", callbacks=[found])
        yield {"seed": seed, "checkpoints": len(found.scores), **chosen(found.scores)}


def measure(
    reports: Path, params: BaseParams, dataset: str, data: Path, cache: Path, names: Sequence[str], trained: str, seeds: Sequence[int]
) -> Habits:
    """Measures every habit, and writes `benchmarks/habits.json`.

    Args:
        reports: receives the file.
        params: all settings, with `dataset` as `train.data`.
        dataset: whose test split is judged.
        data: prepared data sets.
        cache: decoded pictures.
        names: weights of the package.
        trained: method for the choice of a checkpoint.
        seeds: of its trainings.

    Returns:
        What was written.
    """
    prepared = open_prepared(dataset, data)
    test = pairs_of(prepared, "test")
    record = Habits.of(
        {
            "dataset": dataset,
            "images": len(test),
            "weights": {name: effects(values(load_model(zoo.folder(name))), test) for name in names},
            "selection": {"method": trained, "every": EVERY, "trainings": list(trainings(trained, params, data, cache, seeds))},
            "provenance": provenance(seed=None, data_digest=prepared.digest, command=params.command("benchmark", "habits", dataset)),
        }
    )
    record.write(Habits.path(reports))
    return record
