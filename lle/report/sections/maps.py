"""Error maps and, as in SLLEN's Fig. 6, illumination maps of the sample pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from markupsafe import Markup

from lle.report import parts, pixels
from lle.report.leaderboard import leaderboard
from lle.report.sections import Section
from lle.results.quality import INPUT, NORMAL
from lle.results.read import SAMPLES, Results

READS = (SAMPLES, "metrics/*/*.json")
CSS = """
.maps { list-style: none; padding: 0; margin: .5rem 0; display: grid; gap: .75rem; }
.maps { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
.maps img { display: block; width: 100%; height: auto; border-radius: 4px; }
.maps figcaption { color: var(--text); font-size: .85rem; overflow-wrap: anywhere; }
.scale { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .6rem; font-size: .9rem; max-width: none; }
.scale span.bar { width: 11rem; height: .8rem; border: 1px solid var(--line); }
"""


def section(_: Path, results: Results) -> Section | None:
    """Shows the maps of every sample picture, a block a picture."""
    blocks = [_scene(results, dataset, image, files) for dataset, images in results.samples.items() for image, files in images.items()]
    shown = [block for block in blocks if block]
    if not shown:
        return None
    scales = [
        _scale("Error map", f"{pixels.ERROR} too dark", f"{pixels.ERROR} too bright, of 255", pixels.SIGNED),
        _scale("Illumination map", "no light: the output is far brighter than the input", "full light: unchanged", pixels.ORDERED),
    ]
    text = (
        "An error map is the brightness of the output minus that of the normal-light picture. An illumination map is input over "
        "output, the light that the output takes the scene to have been lit by; beside those of the methods stands that of the "
        "normal-light picture. A map without the edges of things is a plausible light."
    )
    return Section(
        "maps", "Error and illumination maps", Markup().join([parts.paragraph(text), *scales, *shown]), "Maps", 10, "pictures", CSS
    )


def order(results: Results, dataset: str, files: Mapping[str, Path]) -> list[str]:
    """Returns the methods that have a sample, best first as in the leaderboard."""
    known = [row.method for row in leaderboard(results, dataset).rows] if dataset in results.evaluations else []
    return [method for method in known if method in files and method != INPUT]


def _scene(results: Results, dataset: str, image: str, files: Mapping[str, Path]) -> Markup:
    methods = order(results, dataset, files)
    if INPUT not in files or not methods:
        return Markup()
    low = pixels.read(files[INPUT])
    inside = Markup()
    if NORMAL in files:
        normal = pixels.read(files[NORMAL])

        def error(method: str) -> tuple[str, str]:
            output = pixels.read(files[method])
            return pixels.webp(pixels.error(output, normal)), f"{results.title(method)}, {pixels.psnr(output, normal):.1f} dB"

        first = (pixels.webp(normal), "Normal light")
        inside += Markup("<h4>Error</h4>") + _grid([first, *_each([INPUT, *methods], error)], f"error map, {dataset} {image}")

    def light(method: str) -> tuple[str, str]:
        name = "Normal light" if method == NORMAL else results.title(method)
        return pixels.webp(pixels.illumination(low, pixels.read(files[method]))), name

    lit = [NORMAL] if NORMAL in files else []
    inside += Markup("<h4>Illumination</h4>")
    inside += _grid([(pixels.webp(low), "Input"), *_each([*lit, *methods], light)], f"illumination map, {dataset} {image}")
    return Markup("<h3>{}: {}</h3>").format(dataset, image) + inside


def _each(methods: list[str], draw: Callable[[str], tuple[str, str]]) -> list[tuple[str, str]]:
    return [draw(method) for method in methods]


def _grid(shown: list[tuple[str, str]], label: str) -> Markup:
    items = [
        Markup("<li>{}</li>").format(
            parts.figure(Markup('<img src="{}" alt="{}" loading="lazy" decoding="async">').format(Markup(uri), f"{name}: {label}"), name)
        )
        for uri, name in shown
    ]
    return Markup('<ul class="maps" aria-label="{}">{}</ul>').format(label, Markup().join(items))


def _scale(name: str, low: str, high: str, colours: tuple[tuple[int, int, int], ...]) -> Markup:
    stops = ", ".join(f"rgb{colour}" for colour in colours)
    return Markup('<p class="scale"><b>{}</b> {} <span class="bar" style="background: linear-gradient(90deg, {})"></span> {}</p>').format(
        name, low, Markup(stops), high
    )
