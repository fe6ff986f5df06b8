"""Reading in the dark: how many characters of the signs are recognised after every method."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from lle.measure.quality import bootstrap_groups
from lle.metrics.bootstrap import paired_difference
from lle.report.parts import paragraph, table
from lle.report.sections import Section
from lle.report.significance import RESAMPLES
from lle.results.quality import INPUT, NORMAL
from lle.results.read import Results
from lle.results.reading import Reading

READS = (Reading.FILES,)
TITLES = {INPUT: "Dark, untouched", NORMAL: "Normal light, the reference"}
HEADS = ("Method", "Characters right, %", "95 % interval", "Signs without a mistake, %", "Against dark")


def section(reports: Path, results: Results) -> Section | None:
    """Shows what lies in `reports/reading`, a folder a data set."""
    folders = sorted({path.parent for path in reports.glob(Reading.FILES)})
    if not folders:
        return None
    shown = [part for folder in folders for part in _dataset(folder, results)]
    about = (
        "Signs of the test pictures are cut out where they are known to be, and recognised. The accuracy of a sign is one minus the edit "
        "distance to its text over the text's length, without regard to case and spaces, and not below 0. The recogniser was made for "
        "good light, as people's eyes are; the reference in normal light is what can be reached."
    )
    return Section("reading", "Reading in the dark", Markup().join([paragraph(about), *shown]), menu="Reading", order=550)


def _dataset(folder: Path, results: Results) -> list[Markup]:
    found = {path.stem: Reading.read(path) for path in sorted(folder.glob("*.json"))}
    order = _order(found)
    first = found[order[0]]
    rows = []
    for method in order:
        one = found[method]
        score = one.accuracy
        interval = "—" if score.low is None else f"{_percent(score.low)} to {_percent(score.high)}"
        title = TITLES.get(method) or results.title(method)
        rows.append((title, _percent(score.mean), interval, _percent(one.exact), _against(one, found.get(INPUT))))
    named = {one.recogniser for one in found.values() if one.recogniser}
    count = max(len(one.signs) for one in found.values())
    caption = f"Signs read on {folder.name}: {count} signs in {first.images} {first.split} pictures"
    reasons = dict.fromkeys(one.accuracy.missing for one in found.values() if one.accuracy.missing)
    remarks = [*([f"Recognised by {', '.join(sorted(named))}."] if named else []), *(f"Empty cells: {reason}" for reason in reasons)]
    return [
        Markup('<h3 id="reading-{}">{}</h3>').format(folder.name, f"Reading in the dark: {folder.name}"),
        table(caption, HEADS, rows, text=(2, 4)),
        *(paragraph(remark) for remark in remarks),
    ]


def _order(found: Mapping[str, Reading]) -> list[str]:
    """The dark pictures first, the references last, and the methods in between, the best first."""
    methods = sorted((method for method in found if method not in TITLES), key=lambda method: (-(found[method].accuracy.mean or 0), method))
    return [*([INPUT] if INPUT in found else []), *methods, *([NORMAL] if NORMAL in found else [])]


def _against(one: Reading, dark: Reading | None) -> str:
    """Accuracy minus that of the dark pictures, in points of percent, where both read the same signs."""
    if dark is None or one.method == INPUT or not one.signs or not dark.signs:
        return "—"
    if [(sign.image, sign.text) for sign in one.signs] != [(sign.image, sign.text) for sign in dark.signs]:
        return "other signs"
    own, before = ([sign.accuracy for sign in reading.signs] for reading in (one, dark))
    groups = bootstrap_groups([sign.scene for sign in one.signs])
    change = paired_difference(own, before, groups, resamples=RESAMPLES).difference
    if change.low is None or change.high is None:
        return f"{100 * change.mean:+.1f}"
    return f"{100 * change.mean:+.1f} ({100 * change.low:+.1f} to {100 * change.high:+.1f})"


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{100 * value:.1f}"
