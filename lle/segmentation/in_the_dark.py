"""Segmentation in the dark: how much of a scene a network still recognises after a method has enhanced it.

Test pictures are darkened by the papers' formula, unless their set has dark ones of its own, enhanced, and segmented by one judge that
has seen neither kind. Two rows frame the methods: `dark`, the dark pictures themselves, and `clean`, the well-lit ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lle.config.schema import BaseParams
from lle.data import degrade
from lle.data.images import read_rgb, write_webp
from lle.data.pairs import Prepared, Row, open_prepared
from lle.errors import LleError
from lle.files import csv_text, write_text
from lle.measure.method import opened
from lle.metrics import segmentation
from lle.metrics.protocol import Image
from lle.provenance import provenance
from lle.results.segmentation import Segmentation
from lle.segmentation.judge import JUDGES, judge_settings, load_judge, summary
from lle.segmentation.labels import class_names, read_labels, rows_with_mask

DARK, CLEAN = "dark", "clean"
"""Rows beside the methods: the dark pictures as they are, and the well-lit ones."""
SAMPLE_SIDE = 240
"""Pixels of the longer side of a sample picture."""
SAMPLE_QUALITY = 80


def segment_method(
    name: str,
    dataset: str,
    params: BaseParams,
    models: Path = Path("build/models"),
    reports: Path = Path("reports"),
    data: Path = Path("build/data"),
    judges: Path = JUDGES,
) -> Segmentation:
    """Measures a method by what the judge of a data set recognises in its results.

    Args:
        name: a method's id, `dark` or `clean`.
        dataset: a prepared segmentation set with a trained judge.
        params: all settings.
        models: trained models.
        reports: receives `segment/<dataset>/<name>.json`, the counts of every picture beside it as `.csv`, and sample pictures
            with their masks in `segment/<dataset>/samples/<name>/`.
        data: prepared data sets.
        judges: trained judges.

    Returns:
        What was written.

    Raises:
        LleError: the judge, the model or the data set is missing, or they do not fit each other.
    """
    prepared = open_prepared(dataset, data)
    names, listed = class_names(prepared)
    judge_settings(params, dataset)
    judge, identity = load_judge(dataset, judges)
    if identity["classes"] != names:
        raise LleError(f"the judge of '{dataset}' knows other classes than the data set. Train it again: lle judge {dataset}.")
    split = "test" if "test" in prepared.counts else "val"  # VOC's test masks are not published
    rows = choose_rows(rows_with_mask(prepared, split), params.segment.images, params.seed)
    enhance, trained_on, origin = opened(name, (DARK, CLEAN), params, models)
    origin = provenance(**origin, data_digest=prepared.digest, command=params.command("segment", name, dataset))

    kept = {rows[index][0].image for index in np.linspace(0, len(rows) - 1, min(params.segment.samples, len(rows))).round().astype(int)}
    samples: dict[str, Image] = {}
    lines, counts = [], []
    for row, picture, mask in rows:
        clean = read_rgb(picture)
        dark, light = darkened(clean, row, params)
        shown = clean if name == CLEAN else enhance(dark)
        found = judge.segment(shown)
        right = read_labels(prepared, mask)
        counts.append(segmentation.counts(right, found, len(names)))
        lines.append({"image": row.image, "scene": row.scene, **light, **_cells(names, counts[-1])})
        if row.image in kept:
            samples |= {row.image: shown, f"{row.image}.mask": coloured(prepared, found)}
            if name == CLEAN:
                samples[f"{row.image}.truth"] = coloured(prepared, right)

    options = {"seed": params.seed, "resamples": params.evaluate.resamples, "level": params.evaluate.confidence}
    result = {
        "schema": Segmentation.SCHEMA,
        "method": name,
        "dataset": dataset,
        "split": split,
        **summary(np.stack(counts), names, listed, **options),
        "judge": {key: value for key, value in identity.items() if key != "classes"},
        "colours": {entry["name"]: entry["colour"] for entry in prepared.facts["segmentation"]["classes"]},
        "darkening": None if rows[0][0].low is not None else params.segment.darkening.model_dump(mode="json"),
        "protocol": {
            "mean IoU": "TP / (TP + FP + FN) of each class, pooled over all pictures, averaged over the classes that occur in the truth",
            "interval": f"{params.evaluate.confidence:.0%} percentile bootstrap over pictures",
        },
        "trained_on": trained_on,
        "provenance": origin,
    }
    folder = reports / "segment" / dataset
    _write_samples(folder / "samples" / name, samples)
    write_text(folder / f"{name}.csv", csv_text(lines))
    return Segmentation.written(result, Segmentation.path(reports, dataset, name))


def choose_rows(rows: Sequence[tuple[Row, Path, Path]], count: int, seed: int) -> list[tuple[Row, Path, Path]]:
    """Draws pictures without repetition, in the order of the manifest; all of them where there are no more."""
    if count >= len(rows):
        return list(rows)
    chosen = np.random.default_rng([seed, count]).choice(len(rows), count, replace=False)
    return [rows[index] for index in sorted(chosen)]


def darkened(picture: Image, row: Row, params: BaseParams) -> tuple[Image, dict[str, float]]:
    """Returns the set's own dark picture or, where it has none, darkens one: always alike, whichever others are drawn; and how."""
    if row.low is not None:
        return read_rgb(row.low), {}
    rng = np.random.default_rng([params.seed, zlib.crc32(row.image.encode())])
    dark, light = degrade.published(picture, params.segment.darkening, params.segment.camera, rng)
    return dark, {key: light[key] for key in ("alpha", "beta", "gamma")}


def coloured(prepared: Prepared, mask: np.ndarray) -> Image:
    """Returns a mask in the colours of its classes, H x W x 3 uint8; white where there is none."""
    table = np.full((256, 3), 255, np.uint8)
    for index, entry in enumerate(prepared.facts["segmentation"]["classes"]):
        table[index] = entry["colour"]
    return table[mask]


def _cells(names: Sequence[str], counts: np.ndarray) -> dict[str, int]:
    return {f"{name}_{column}": int(counts[i, j]) for i, name in enumerate(names) for j, column in enumerate(segmentation.COLUMNS)}


def _write_samples(folder: Path, pictures: dict[str, Image]) -> None:
    """Writes pictures as WebP and masks without loss, and removes those of an earlier run."""
    for name, picture in pictures.items():
        quality = None if name.endswith((".mask", ".truth")) else SAMPLE_QUALITY
        write_webp(folder / f"{name}.webp", picture, SAMPLE_SIDE, quality)
    for old in folder.glob("*.webp"):
        if old.name.removesuffix(".webp") not in pictures:
            old.unlink()
