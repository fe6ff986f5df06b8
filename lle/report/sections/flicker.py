"""How much each method flickers on clips with known motion."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from lle.report import parts
from lle.report.sections import Section
from lle.results.quality import INPUT
from lle.results.read import Results
from lle.results.video import Flicker, Flickers

READS = (Flicker.FILES,)

HEADS = ("Method", "Warping error", "Mean over time", "PSNR, dB", "Smoothed: warping error", "Smoothed: mean", "Smoothed: PSNR, dB")


def section(_: Path, results: Results) -> Section | None:
    """Shows the table, or None where no method was measured."""
    found = results.flickers
    if not found:
        return None
    order = sorted(found, key=lambda name: (name != INPUT, found[name].alone.warping, name))
    rows = [_row(results.title(name), found[name]) for name in order]
    missing = [name for name in results.methods if name not in found]
    rows += [(results.title(name), *["—"] * (len(HEADS) - 1)) for name in missing]
    one = next(iter(found.values()))
    remark = (
        f"{one.clips} clips of {one.frames} frames: a window that moves by whole pixels over dark test pictures of {one.dataset}, with "
        "fresh noise in every frame. Nothing else changes, so every change of the result is flicker. Warping error: root mean square "
        "difference of a frame and the one before, moved to where it must be, in levels of 255; a method that brightens also brightens "
        "noise, of which the input's row shows how much there is. Mean over time: standard deviation of the mean of what all frames "
        "show, in levels. PSNR is against the normal picture moved alike. Smoothed: parameters averaged over "
        f"{one.smooth_seconds:g} s, for methods that estimate some; others have a dash."
    )
    if missing:
        remark += f" Not measured: {', '.join(map(results.title, missing))}; `lle flicker METHOD {one.dataset}` does it."
    shown = [parts.paragraph(remark), parts.table("Flicker by method", HEADS, rows)]
    return Section("flicker", "Flicker in video", Markup().join(shown), menu="Flicker", order=140)


def _row(title: str, found: Flicker) -> tuple[str, ...]:
    def cells(flickers: Flickers | None, quality: float | None) -> tuple[str, ...]:
        if flickers is None or quality is None:
            return ("—", "—", "—")
        return (f"{flickers.warping:.2f}", f"{flickers.mean_sd:.3f}", f"{quality:.2f}")

    return (title, *cells(found.alone, found.psnr_alone), *cells(found.smoothed, found.psnr_smoothed))
