"""Lit frames: does a method leave alone what is lit already?"""

from __future__ import annotations

import math
from pathlib import Path

from markupsafe import Markup

from lle.report.parts import fold, paragraph, table
from lle.report.sections import Section
from lle.results.quality import LIT_LOG_RATIO, LIT_PSNR, Evaluation, LitFrames
from lle.results.read import Results

READS = (Evaluation.FILES,)
ABOUT = (
    "Every method is given lit pictures, the references of the validation split, and ought to leave them as they are: a camera that is "
    f"switched on by day must not be washed out. The limits are a mean that changes by less than {math.expm1(LIT_LOG_RATIO):.0%} "
    f"(|ln ratio| < {LIT_LOG_RATIO}) and a PSNR to the picture of at least {LIT_PSNR:g} dB."
)
HEADS = ("Method", "Lit frame: PSNR, dB", "Lit frame: brightness change", "Pictures within the limits", "On average")


def section(_: Path, results: Results) -> Section | None:
    """Shows a table a data set; None where no evaluation looked at lit pictures."""
    shown: list[Markup] = []
    for dataset, evaluations in results.evaluations.items():
        found = {method: one.lit for method, one in evaluations.items() if one.lit is not None}
        if found:
            order = sorted(found, key=lambda method: (-found[method].psnr, method))
            rows = [(results.title(method), *_cells(found[method])) for method in order]
            shown.append(fold(dataset, table(f"Lit frames of {dataset}", HEADS, rows, text=(4,)), open_=not shown))
    return Section("lit", "Lit frames", Markup().join([paragraph(ABOUT), *shown]), menu="Lit frames", order=105) if shown else None


def _cells(lit: LitFrames) -> tuple[str, ...]:
    change = math.expm1(lit.log_ratio)
    return f"{lit.psnr:.2f}", f"{change:+.1%}", f"{lit.within} of {lit.images}", "left alone" if lit.left_alone else "changed"
