"""Does the idea of each paper act in what was trained? The numbers that methods declare about it, and the same training without it."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from lle.report.parts import fold, paragraph, table
from lle.report.sections import Section
from lle.results.mechanism import Mechanism, MechanismMeasure
from lle.results.read import Results, Study

READS = (Mechanism.FILES, Study.FILES)
ABOUT = (
    "A reproduction whose central idea does nothing tests nothing. So each method is asked for numbers about the part of it that its "
    "paper is about, on validation pictures. The bounds are ours; a part below its bound is shown as it is. The share of a term in a "
    "gradient is the norm of its own gradient over the sum of the norms of all terms' gradients."
)
CONTROLS = (
    "The same trainings with a part switched off, on validation pictures. The change of the pictures is the mean absolute difference "
    "between both results, in grey levels of 255."
)
HEADS = ("Number", "Of", "Value", "Bound", "")


def section(reports: Path, results: Results) -> Section | None:
    """Returns the numbers of every method that was asked, and the controls of the studies; None where nothing was."""
    found = [Mechanism.read(path) for path in sorted(Path(reports).glob(Mechanism.FILES))]
    controls = [study for study in results.studies.values() if any(one.output_change is not None for one in study.contrasts)]
    if not found and not controls:
        return None
    parts = [paragraph(ABOUT), *(_method(one, results) for one in found)]
    if controls:
        parts += [paragraph(CONTROLS), *(_controls(study) for study in controls)]
    return Section("mechanism", "Does the idea act?", Markup().join(parts), menu="Mechanisms", order=910)


def _method(found: Mechanism, results: Results) -> Markup:
    title = f"{results.title(found.method)}, preset {found.preset}: {found.pictures} validation pairs of {found.dataset}"
    judged = [one for one in found.measures if one.least is not None]
    rest = [one for one in found.measures if one.least is None]
    shown = table(title, HEADS, map(_row, judged), text=(1, 4)) if judged else Markup()
    return shown + (fold("Further numbers", table(title, HEADS[:3], (_row(one)[:3] for one in rest), text=(1,))) if rest else Markup())


def _row(one: MechanismMeasure) -> tuple[str, ...]:
    bound = "" if one.least is None else f"at least {_value(one.least, one.unit)}"
    return (
        one.title,
        one.place or "the whole",
        _value(one.value, one.unit),
        bound,
        {True: "acts", False: "does not act", None: ""}[one.acts],
    )


def _value(value: float, unit: str) -> str:
    return f"{value:.1%}" if unit == "share" else f"{value:.3g}" if not unit else f"{value:.2f} {unit}"


def _controls(study: Study) -> Markup:
    titles = {name: variant.title for name, variant in study.variants.items()}
    rows = []
    for one in study.contrasts:
        difference, interval = "—", "—"
        if one.difference is not None and one.difference.mean is not None:
            difference = f"{one.difference.mean:+.2f} dB"
            if one.difference.low is not None and one.difference.high is not None:
                interval = f"{one.difference.low:+.2f} – {one.difference.high:+.2f}"
        change = "—" if one.output_change is None else f"{one.output_change:.1f}"
        name = f"{titles[one.better]} against {titles[one.worse]}"
        rows.append((name, one.dataset, change, difference, interval, one.verdict or one.missing or "—"))
    heads = ("Trainings", "Data set", "Change of the pictures", "PSNR gained by the part", "95 % interval", "Better with it")
    return table(f"{study.title}: seeds {', '.join(map(str, study.seeds))}, split {study.split}", heads, rows, text=(1, 5))
