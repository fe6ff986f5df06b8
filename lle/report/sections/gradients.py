"""How much contour normal-light pictures have, which sets the level E_g of SLLEN's loss: figure 5 of its paper, on our sets."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from lle.report import figures, parts
from lle.report.sections import Section
from lle.results.gradients import GradientLevels
from lle.results.read import Results

READS = (GradientLevels.FILES,)
NONE = "Not drawn yet: lle gradients DATASET measures the training pictures of a set of pairs."
ABOUT = (
    "The loss L_grad (eq. 10) asks for as much contour as normal-light pictures have on average, E_g. The mean gradient of a picture is "
    "the mean of (|dx| + |dy|) / 2 over pixels and colours in [0, 1], measured with the operator of the loss on the pictures that are "
    "learned from. The paper took 6000 pictures of LOL, GladNet and AgLLNet's set, and its value is lost."
)


def section(reports: Path, _: Results) -> Section:
    """Shows a figure a data set; where there is none, the command that makes it."""
    found = [GradientLevels.read(path) for path in sorted(reports.glob(GradientLevels.FILES))]
    shown = [parts.paragraph(ABOUT), *map(_figure, found)] if found else [parts.paragraph(NONE)]
    return Section("gradients", "Fig. 5: the level of contour", Markup().join(shown), menu="Fig. 5", order=800, page="papers/sllen")


def _figure(one: GradientLevels) -> Markup:
    series = {"normal light": one.normal, **({"low light": one.low} if one.low else {})}
    title = f"Mean gradients of {len(one.normal)} pictures of {one.dataset}, split {one.split}"

    def draw(key: str, width: float) -> str:
        return figures.distribution(key, series, (f"E_g {one.level:.4f}", one.level), "Mean gradient of a picture", width, title)

    return parts.figure(parts.both(draw, f"gradients-{one.dataset}"), f"{title}: share of the pictures; the line is E_g.")
