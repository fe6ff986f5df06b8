"""Segmentation in the dark: what a judge recognises after every method, in a table and, as in SLLEN's Fig. 11, in pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup

from lle.metrics.segmentation import paired_mean_iou, read_counts
from lle.report import parts
from lle.report.gallery import data_uri, webp_size
from lle.report.sections import Section
from lle.report.significance import RESAMPLES
from lle.results.read import Results
from lle.results.segmentation import Judge, Segmentation

READS = (Segmentation.FILES, "segment/*/*.csv", "segment/*/samples/*/*.webp", Judge.FILES)
DARK, CLEAN = "dark", "clean"
TITLES = {DARK: "Dark, untouched", CLEAN: "Clean, before darkening"}
CSS = """
.classes { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
.classes svg { width: 1em; height: 1em; vertical-align: -.1em; }
.masked img { display: block; width: 100%; height: auto; }
.masked img + img { margin-top: 2px; image-rendering: pixelated; }
"""


def section(reports: Path, results: Results) -> Section | None:
    """Shows what lies in `reports/segment`, a folder a data set."""
    folders = sorted({path.parent for path in reports.glob(Segmentation.FILES)})
    shown = [part for folder in folders for part in _dataset(folder, reports / "judges", results)]
    if not shown:
        return None
    remark = (
        "Test pictures are darkened by beta (alpha I)^gamma, enhanced, and segmented by one network that was trained on clean "
        "pictures only. Intersection over union is pooled over all pictures, in percent; a class that no test picture shows has none. "
        "Intervals draw whole pictures, and where pictures are frames of one video they are narrower than they should be."
    )
    return Section(
        "segmentation",
        "Segmentation in the dark",
        Markup().join([parts.paragraph(remark), *shown]),
        menu="Segmentation",
        order=540,
        css=CSS,
    )


def _dataset(folder: Path, judges: Path, results: Results) -> list[Markup]:
    found = {path.stem: Segmentation.read(path) for path in sorted(folder.glob("*.json"))}
    order = _order(found)
    first = found[order[0]]
    names = [name for name in first.classes if name not in first.absent]
    both = bool(first.unlisted)
    listed = [index for index, name in enumerate(first.classes) if name not in first.unlisted]
    changes = _changes(folder, order, listed)
    heads = ["Method", *names, "mean, listed" if both else "mean", "95 % interval", *(["mean, all"] if both else []), "against dark"]
    rows = []
    for method in order:
        one = found[method]
        mean = one.mean_iou.listed
        cells = [_percent(one.iou[name]) for name in names]
        cells += [_percent(mean.mean), f"{_percent(mean.low)} to {_percent(mean.high)}"]
        cells += [_percent(one.mean_iou.all.mean)] if both else []
        rows.append((_title(method, results), *cells, changes.get(method, "–")))
    dataset = folder.name
    caption = f"Segmentation in the dark, {dataset}: IoU by class, {first.images} {first.split} pictures"
    return [
        Markup('<h3 id="segmentation-{}">{}</h3>').format(dataset, f"Segmentation in the dark: {dataset}"),
        parts.paragraph(_judge(judges / f"{dataset}.json", first) + _verdict(found, results)),
        parts.table(caption, heads, rows),
        *_pictures(folder / "samples", found, order, results),
    ]


def _title(method: str, results: Results) -> str:
    return TITLES.get(method) or results.title(method)


def _mean(found: Mapping[str, Segmentation], method: str) -> float:
    mean = found[method].mean_iou.listed.mean
    return float("nan") if mean is None else float(mean)


def _order(found: Mapping[str, Segmentation]) -> list[str]:
    """The dark pictures first, the clean ones last, and the methods in between, the best first."""
    methods = sorted((method for method in found if method not in TITLES), key=lambda method: (-_mean(found, method), method))
    return [*([DARK] if DARK in found else []), *methods, *([CLEAN] if CLEAN in found else [])]


def _changes(folder: Path, order: Sequence[str], listed: Sequence[int]) -> dict[str, str]:
    """Mean IoU minus that of the dark pictures, with its interval, where both were measured on the same pictures."""
    tables = {method: read_counts(folder / f"{method}.csv") for method in order if (folder / f"{method}.csv").is_file()}
    if DARK not in tables:
        return {}
    pictures, _, dark = tables[DARK]
    shown = {}
    for method, (own, _, counts) in tables.items():
        if method == DARK:
            continue
        if own != pictures:
            shown[method] = "other pictures"
            continue
        change = paired_mean_iou(counts, dark, listed, resamples=RESAMPLES)
        shown[method] = f"{_signed(change.mean)} ({_signed(change.low)} to {_signed(change.high)})"
    return shown


def _judge(path: Path, one: Segmentation) -> str:
    if not path.is_file():
        return f"The judge is a DeepLabV3+ with encoder {one.judge.encoder}; how it was trained is not on record here. "
    judge = Judge.read(path)
    made = f"trained for {judge.iterations} steps" if judge.iterations else "with weights that were given"
    return (
        f"The judge is a DeepLabV3+ with encoder {judge.settings['encoder']}, {made}; on {judge.images} clean "
        f"{judge.split} pictures its mean IoU is {_percent(judge.mean_iou.all.mean)} %. "
    )


def _verdict(found: Mapping[str, Segmentation], results: Results) -> str:
    if not {DARK, CLEAN} <= found.keys():
        return ""
    methods = [method for method in found if method not in TITLES]
    dark, clean = _mean(found, DARK), _mean(found, CLEAN)
    between = [_title(method, results) for method in _order(found) if method in methods and dark < _mean(found, method) < clean]
    above = [_title(method, results) for method in _order(found) if method in methods and _mean(found, method) >= clean]
    text = f"Between dark ({_percent(dark)} %) and clean ({_percent(clean)} %) lie: {', '.join(between) or 'no method'}."
    return text + (f" Not below clean: {', '.join(above)}." if above else "")


def _pictures(folder: Path, found: Mapping[str, Segmentation], order: Sequence[str], results: Results) -> list[Markup]:
    """Every kept picture by every method, the judge's mask below it; the truth is the last."""
    images = sorted({path.name.removesuffix(".mask.webp") for path in folder.glob("*/*.mask.webp")})
    if not images:
        return []
    swatch = '<li><svg viewBox="0 0 1 1" aria-hidden="true"><rect width="1" height="1" fill="rgb({})"/></svg> {}</li>'
    first = found[order[0]]
    legend = Markup().join(Markup(swatch).format(",".join(map(str, first.colours[name])), name) for name in first.classes)
    shown = [Markup('<ul class="classes" aria-label="Classes">{}</ul>').format(legend)]
    for image in images:
        items = []
        for method in order:
            files = [folder / method / f"{image}{kind}.webp" for kind in ("", ".mask")]
            if all(file.is_file() for file in files):
                items.append(_item(files, _title(method, results), image))
        truth = folder / CLEAN / f"{image}.truth.webp"
        if truth.is_file():
            items.append(_item([folder / CLEAN / f"{image}.webp", truth], "Truth", image))
        shown.append(Markup('<ul class="sheet masked" aria-label="{}">{}</ul>').format(image, Markup().join(items)))
    return shown


def _item(files: Sequence[Path], title: str, image: str) -> Markup:
    pictures = Markup()
    for file, what in zip(files, ("picture", "segmentation"), strict=True):
        width, height = webp_size(file)
        pictures += Markup('<img src="{}" width="{}" height="{}" alt="{}" decoding="async">').format(
            Markup(data_uri(file)), width, height, f"{image}, {title}: {what}"
        )
    return Markup("<li>{}</li>").format(parts.figure(pictures, title))


def _percent(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{100 * value:.1f}"


def _signed(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{100 * value:+.1f}".replace("-", "−")
