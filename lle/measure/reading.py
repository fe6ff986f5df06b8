"""Reading signs in the dark: how many characters of the signs' texts a recogniser gets right, after a method and without one.

A picture's signs are named by its row: `parameters["signs"] = [{"text": ..., "box": [top, left, bottom, right]}]`, in pixels, the lower
and right ends exclusive.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lle.config.schema import BaseParams
from lle.data.images import read_rgb
from lle.data.pairs import Prepared, Row, open_prepared
from lle.errors import DataError
from lle.files import significant
from lle.keys import made_by
from lle.measure.method import opened
from lle.measure.quality import Enhance, as_picture, bootstrap_groups
from lle.metrics.bootstrap import bootstrap_mean
from lle.metrics.protocol import Image
from lle.provenance import provenance
from lle.results.quality import INPUT, NORMAL
from lle.results.reading import Reading

MISSING = "rapidocr is not installed. Install the extra `read`: pip install 'lle-suite[read]', and run `lle read` again."
MARGIN = 2
"""Pixels round a sign that are shown to the recogniser too."""
BORDER = 32
"""Pixels by which a crop is continued at its edges: text that touches an edge is not detected."""
SPLIT = "test"

Reader = Callable[[Image], str]
"""From a crop, H x W x 3 uint8 RGB, to the text in it, "" for none."""


def edit_distance(first: str, second: str) -> int:
    """Least number of characters to insert, delete or replace that turns one text into the other (Levenshtein, 1966)."""
    before = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        row = [i]
        for j, b in enumerate(second, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
        before = row
    return before[-1]


def character_accuracy(text: str, read: str) -> float:
    """Returns 1 - edit distance / length of the text, not below 0; upper and lower case and spaces do not count.

    Raises:
        ValueError: the text is empty.
    """
    right, found = ("".join(one.upper().split()) for one in (text, read))
    if not right:
        raise ValueError("a sign without text cannot be read")
    return max(0.0, 1 - edit_distance(right, found) / len(right))


def read_method(
    name: str,
    dataset: str,
    params: BaseParams,
    models: Path = Path("build/models"),
    reports: Path = Path("reports"),
    data: Path = Path("build/data"),
    reader: Reader | None = None,
) -> Reading:
    """Reads the signs in the test pictures of a data set after a method has enhanced them.

    Args:
        name: a method's id, `input` for the pictures as they are, or `normal` for their references, which nothing can surpass.
        dataset: a prepared data set whose rows name signs.
        params: all settings.
        models: trained models.
        reports: receives `reading/<dataset>/<name>.json`.
        data: prepared data sets.
        reader: what recognises text; None takes rapidocr, and where it is not installed the result says so.

    Returns:
        What was written.

    Raises:
        DataError: no picture has a legible sign, or a sign's box is outside of its picture.
        LleError: the model or the data set is missing.
    """
    prepared = open_prepared(dataset, data)
    rows = rows_with_signs(prepared)
    enhance, trained_on, origin = opened(name, (INPUT, NORMAL), params, models)
    recogniser = None if reader is None else "given"
    if reader is None:
        reader, recogniser = rapid_reader()
    signs = [] if reader is None else [sign for row in rows for sign in _read_row(name, row, enhance, reader)]
    result = {
        "schema": Reading.SCHEMA,
        "method": name,
        "dataset": dataset,
        "split": SPLIT,
        "images": len(rows),
        **_summary(signs, params),
        "signs": signs,
        "recogniser": recogniser,
        "protocol": {
            "accuracy": "1 - edit distance / length, not below 0, without regard to case and spaces; mean over signs",
            "reading": "the most confident of the lines detected in a sign's crop and its two halves recognised as a line each",
            "interval": f"{params.evaluate.confidence:.0%} percentile bootstrap over signs, those of a scene together where scenes suffice",
        },
        "trained_on": trained_on,
        "provenance": provenance(
            **origin,
            data_digest=prepared.digest,
            command=params.command("read", name, dataset),
            before=made_by([models / name, data / dataset]),
        ),
    }
    return Reading.written(result, Reading.path(reports, dataset, name))


def rows_with_signs(prepared: Prepared) -> list[Row]:
    """Returns the test rows that name signs.

    Raises:
        DataError: there are none.
    """
    rows = [row for row in prepared.rows(SPLIT) if row.parameters.get("signs")]
    if not rows:
        raise DataError(f"no test picture of '{prepared.name}' names a sign to read. Take a set of rendered scenes (`kind: mine`).")
    return rows


def crop(picture: Image, box: Sequence[int], name: str) -> Image:
    """Cuts a sign out of a picture, with a margin where there is one.

    Args:
        picture: H x W x 3 uint8.
        box: top, left, bottom, right, the last two exclusive.
        name: of the picture, for errors.

    Raises:
        DataError: the box is empty or outside of the picture.
    """
    top, left, bottom, right = box
    if not (0 <= top < bottom <= picture.shape[0] and 0 <= left < right <= picture.shape[1]):
        raise DataError(f"the box {list(box)} of a sign is not inside of '{name}', {picture.shape[0]} x {picture.shape[1]} pixels.")
    return np.ascontiguousarray(picture[max(0, top - MARGIN) : bottom + MARGIN, max(0, left - MARGIN) : right + MARGIN])


@functools.cache
def rapid_reader() -> tuple[Reader | None, str | None]:
    """Returns rapidocr as a reader, and its name and version; None twice where it is not installed.

    A panel has one line of text in its upper or lower half, beside lines of illegible print. In a trial on drawn panels of
    `lle.data.mine.signs` the most confident of detected lines and halves had more characters right than detected lines alone, these than
    the halves as a line each, and these than the whole panel as one line; enlarging panels did not help detection.
    """
    try:
        from rapidocr import RapidOCR
    except ModuleNotFoundError:
        return None, None
    engine = RapidOCR(params={"Global.log_level": "error", "Global.text_score": 0.0, "EngineConfig.onnxruntime.intra_op_num_threads": 1})

    def lines(picture: Image, detect: bool) -> list[tuple[float, str]]:
        found = engine(np.ascontiguousarray(picture[..., ::-1]), use_det=detect, use_cls=False, use_rec=True)
        texts, scores = getattr(found, "txts", None) or (), getattr(found, "scores", None) or ()
        return [(float(score), str(text)) for score, text in zip(scores, texts, strict=True)]

    def read(picture: Image) -> str:
        height = picture.shape[0]
        around = np.pad(picture, ((BORDER, BORDER), (BORDER, BORDER), (0, 0)), mode="edge")
        halves = picture[: max(1, round(0.52 * height))], picture[height // 2 :]
        found = [*lines(around, True), *(line for half in halves for line in lines(half, False))]
        return max(found, default=(0.0, ""))[1]

    return read, f"rapidocr {importlib.metadata.version('rapidocr')}"


def _read_row(name: str, row: Row, enhance: Enhance, reader: Reader) -> Iterator[dict[str, Any]]:
    """Yields what is read of each sign of a picture."""
    path = row.normal if name == NORMAL else row.low
    if path is None:
        raise DataError(f"'{row.image}' has no {'reference' if name == NORMAL else 'low-light picture'}.")
    picture = read_rgb(path)
    shown = as_picture(name, row.image, enhance(picture.copy()), picture)
    for sign in row.parameters["signs"]:
        found = reader(crop(shown, sign["box"], row.image))
        accuracy = significant(character_accuracy(sign["text"], found))
        yield {"image": row.image, "scene": row.scene, "text": sign["text"], "read": found, "accuracy": accuracy}


def _summary(signs: Sequence[Mapping[str, Any]], params: BaseParams) -> dict[str, Any]:
    if not signs:
        return {"accuracy": {"mean": None, "missing": MISSING}, "exact": None}
    values = [sign["accuracy"] for sign in signs]
    groups = bootstrap_groups([sign["scene"] for sign in signs])
    interval = bootstrap_mean(values, groups, params.seed, params.evaluate.resamples, params.evaluate.confidence)
    cells = {key: value if key == "n" or value is None else significant(value) for key, value in asdict(interval).items()}
    return {"accuracy": cells, "exact": significant(sum(value == 1 for value in values) / len(values))}
