"""Tables of the site and of README, made from result files: no number on a page is typed.

`python docs/tables.py` writes the rows between the two marks of README.md again; `docs/hooks.py` puts the others into the built site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lle import registry
from lle.files import write_text
from lle.report.claims import ComparedTable, Ours, compare
from lle.report.claims_file import CLAIMS, read_claims
from lle.results.benchmarks import Habits, RealPictures
from lle.results.quality import Evaluation
from lle.results.read import read_results

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "reports"
SET = "mine_rendered"
TOP = 3
"""Methods that README shows."""
MARKS = ("<!-- leaderboard: python docs/tables.py -->", "<!-- end of leaderboard -->")
PROTOCOL = (
    ("psnr", "PSNR, dB"),
    ("psnr_gt_mean", "PSNR, GT mean, dB"),
    ("ssim", "SSIM"),
    ("ssim_y", "SSIM, grey"),
    ("ssim_skimage", "SSIM, 7 x 7"),
    ("ssim_gt_mean", "SSIM, GT mean"),
    ("loe", "LOE"),
    ("loe_100", "LOE, 100 x 100"),
)


def ranked(reports: Path = REPORTS) -> list[Evaluation]:
    """Returns the results on the rendered mine, the best PSNR first."""
    found = [Evaluation.read(path) for path in sorted((reports / "metrics" / SET).glob("*.json"))]
    return sorted(found, key=lambda result: -(result.metrics["psnr"].mean or 0))


def title(method: str) -> str:
    """Returns what a method is called."""
    return "Input, untouched" if method == "input" else registry.card(method).title


def rows(heads: Sequence[str], lines: Iterable[Sequence[str]], words: int = 1) -> list[str]:
    """Returns a Markdown table; all columns but the first `words` hold numbers."""
    rule = "|" + "---|" * words + "---:|" * (len(heads) - words)
    return ["| " + " | ".join(heads) + " |", rule, *("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)]


def leaderboard(reports: Path = REPORTS) -> list[str]:
    """Returns the top of the leaderboard, and the untouched input."""
    results = ranked(reports)
    methods = [result for result in results if result.method != "input"]
    lines = []
    for result in [*methods[:TOP], *(result for result in results if result.method == "input")]:
        psnr, ssim, loe = (result.metrics[name] for name in ("psnr", "ssim", "loe"))
        needs = "" if result.method == "input" else registry.card(result.method).supervision
        lines.append(
            [title(result.method), needs, f"{psnr.mean:.2f} ({psnr.low:.2f} – {psnr.high:.2f})", _text(ssim.mean, 3), _text(loe.mean, 0)]
        )
    return rows(("method", "learns from", "PSNR, dB", "SSIM", "LOE ↓"), lines, words=2)


def _text(value: float | None, digits: int) -> str:
    """Returns a number, or a dash: what was not measured is not filled in."""
    return "—" if value is None else f"{value:.{digits}f}"


def readme(text: str, reports: Path = REPORTS) -> str:
    """Returns README with the rows that the results give."""
    first, last = map(re.escape, MARKS)
    table = "\n".join([MARKS[0], *leaderboard(reports), MARKS[1]])
    return re.sub(rf"{first}.*?{last}", lambda _: table, text, flags=re.DOTALL)


def protocol() -> list[str]:
    """Returns the scores of all methods by several definitions."""
    results = ranked()
    lines = []
    for result in results:
        means = [result.metrics[key].mean if key in result.metrics else None for key, _ in PROTOCOL]
        lines.append([f"`{result.method}`", *("-" if mean is None else f"{mean:.4g}" for mean in means)])
    images = sorted({result.images for result in results})
    return [
        *rows(["Method", *(label for _, label in PROTOCOL)], lines),
        "",
        f"`{SET}`, test split, {' or '.join(map(str, images))} pictures, means.",
    ]


def habits() -> list[str]:
    """Returns what the habits of other test scripts change, by weights of the package."""
    found = Habits.read(Habits.path(REPORTS))
    names = list(found.weights)
    what = next(iter(found.weights.values())).habits
    heads = ["Otherwise than here", *(f"`{name}`, {unit}" for name in names for unit in ("dB", "SSIM"))]
    lines = [["*as here*", *(text for one in found.weights.values() for text in (f"{one.psnr:.2f}", f"{one.ssim:.3f}"))]]
    for key, habit in what.items():
        changes = [found.weights[name].habits[key] for name in names]
        lines.append([habit.what, *(text for one in changes for text in (signed(one.psnr, 2), signed(one.ssim, 3)))])
    return [
        *rows(heads, lines),
        "",
        f"Change of the mean over the {found.images} test pictures of `{found.dataset}`, for weights that come with the package. Commit "
        f"`{(found.provenance.git or '')[:8]}`, `{found.provenance.command}`.",
    ]


def selection() -> list[str]:
    """Returns what a choice of the checkpoint on test pictures gives."""
    found = Habits.read(Habits.path(REPORTS)).selection
    lines = [
        [str(one.seed), str(one.checkpoints), f"{one.by_validation:.2f}", f"{one.by_test:.2f}", signed(one.by_test - one.by_validation, 2)]
        for one in found.trainings
    ]
    return [
        *rows(("Seed", "Checkpoints", "chosen on validation, dB", "chosen on test, dB", "gain, dB"), lines, words=0),
        "",
        f"`{found.method}`, a checkpoint every {found.every} iterations; both columns are PSNR on the test pictures.",
    ]


def real() -> list[str]:
    """Returns what the weights of the package do to lamps and grey areas of real pictures."""
    lines = []
    for path in sorted((REPORTS / "benchmarks").glob("real_*.json")):
        found = RealPictures.read(path)
        where = f"`{path.stem.removeprefix('real_')}`, {found.pictures} pictures"
        for model in found.models:
            one = found.over_pictures(model)
            lines.append([f"`{model}`", where, f"{100 * one.blown_more:+.2f}", _text(one.shift_mean, 1), _text(one.shift_most, 1)])
    return rows(("Weights", "Pictures", "blown out, points at most", "shift of grey, mean", "at most"), lines, words=2)


def signed(value: float, digits: int) -> str:
    """Returns a change with its sign; one that is 0 with these digits has none."""
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text if float(f"{value:.{digits}f}") else "0"


TABLES = {"protocol": protocol, "habits": habits, "selection": selection, "real": real}
"""By the name that stands in a page's mark: `<!-- table: protocol -->`."""


@dataclass(frozen=True)
class PaperPage:
    """What the site says of a paper.

    Attributes:
        name: short.
        title: of the paper.
        claimed: number of its figures.
        ours: how many of them have one of ours.
        text: the page.
    """

    name: str
    title: str
    claimed: int
    ours: int
    text: str


def papers() -> dict[str, PaperPage]:
    """Returns, by paper, its tables: what is printed, and what is measured here."""
    claims = read_claims(REPORTS / CLAIMS)
    compared = compare(claims, read_results(REPORTS, registry.card))
    found = {}
    for paper in claims.papers:
        items = compared[paper.id]
        text = [f"# {paper.name}", "", f"{paper.title} ({paper.reference}).", "", *(line for item in items for line in _claimed(item))]
        text += [] if items else [f"No table of this paper could be read; see the head of `reports/{CLAIMS}`."]
        counts = (sum(item.count for item in items), sum(item.filled for item in items))
        found[paper.id] = PaperPage(paper.name, paper.title, *counts, "\n".join(text))
    return found


def _claimed(item: ComparedTable) -> list[str]:
    table = item.table
    sets = {row.dataset for row in table.rows if row.dataset}
    heads = [
        "Method",
        *(["Data set"] if sets else []),
        *(f"{column.label}{f', {column.unit}' if column.unit else ''}" for column in table.columns),
    ]
    lines = []
    for row, cells in zip(table.rows, item.cells, strict=True):
        shown = [cell.claimed + "".join(f"<br>**{_ours(one)}**" for one in cell.ours) for cell in cells]
        lines.append([row.name, *([row.dataset or ""] if sets else []), *shown])
    head = table.table[:1].upper() + table.table[1:]
    told = [*(f"- {text}." for text in item.conditions), *(f"- None: {reason}." for reason in item.reasons)]
    return [
        f"## {head}: {table.title}",
        "",
        f"{item.filled} of {item.count} figures have one of ours.",
        "",
        *rows(heads, lines, words=2 if sets else 1),
        "",
        *(f"- {note.text}" for note in table.notes),
        "",
        "<details markdown><summary>How ours was measured, and why cells have none</summary>",
        "",
        *(line.replace("\n", " ") for line in told),
        "",
        "</details>",
        "",
    ]


def _ours(one: Ours) -> str:
    return f"{one.text} ({', '.join(filter(None, (one.difference, one.where)))})"


def scores(name: str) -> dict[str, float]:
    """Returns the measured scores of a method for its card in the gallery; nothing where it is not in the default suite."""
    path = Evaluation.path(REPORTS, SET, name)
    if not path.is_file():
        return {}
    metrics = Evaluation.read(path).metrics
    return {key: mean for key in ("psnr", "ssim") if (mean := metrics[key].mean) is not None}


def main() -> None:
    """Writes the rows of README."""
    path = ROOT / "README.md"
    write_text(path, readme(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
