"""Histograms of hue, saturation and value of the sample pictures, as in CLIP-ISP's Fig. 7."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from lle.report import figures, parts, pixels
from lle.report.sections import Section
from lle.report.sections.maps import order
from lle.results.quality import INPUT, NORMAL
from lle.results.read import SAMPLES, Results

READS = (SAMPLES,)
CSS = """
.histograms { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 1rem 1.5rem; }
.histograms figcaption { color: var(--text); margin: 0; }
.chart .share { fill: var(--zero); opacity: .55; }
.chart .truth { fill: none; stroke: var(--text); stroke-width: 1.3; }
"""
NAMES = ("Hue", "Saturation", "Value")


def section(_: Path, results: Results) -> Section | None:
    """Shows one figure a method and picture; the outline is the normal-light picture's histogram."""
    shown = [
        block
        for dataset, images in results.samples.items()
        for image, files in images.items()
        if (block := _scene(results, dataset, image, files))
    ]
    if not shown:
        return None
    text = (
        "Shares of the pixels by hue, saturation and value. Filled: the picture named above; line: the normal-light picture. Hue runs from "
        "red over green and blue back to red, saturation and value from 0 to 1. The height is the square root of the share, "
        "so that a tall bin hides no other."
    )
    return Section(
        "histograms", "Hue, saturation and value", Markup().join([parts.paragraph(text), *shown]), "Histograms", 20, "pictures", CSS
    )


def _scene(results: Results, dataset: str, image: str, files: Mapping[str, Path]) -> Markup:
    methods = order(results, dataset, files)
    if INPUT not in files or not methods:
        return Markup()
    truth = pixels.histograms(pixels.read(files[NORMAL])) if NORMAL in files else None
    drawn = []
    for method in (INPUT, *methods):
        title = results.title(method)
        key = f"hsv-{dataset}-{image}-{method}"
        picture = figures.histograms(key, NAMES, pixels.histograms(pixels.read(files[method])), truth, f"{title}, {dataset} {image}")
        drawn.append(Markup("<figure><figcaption>{}</figcaption>{}</figure>").format(title, Markup(picture)))
    return Markup('<h3>{}: {}</h3><div class="histograms">{}</div>').format(dataset, image, Markup().join(drawn))
