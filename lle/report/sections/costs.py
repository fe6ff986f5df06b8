"""Parameters and operations of every method, beside the column of FLOPs of the papers."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from lle.registry import Card, card, packages
from lle.report import parts
from lle.report.costs import SIZE, count
from lle.report.sections import Section
from lle.results.read import Results

LIMIT = 0.1
"""Relative difference from a paper's figure above which the method's card has to say why."""


def why(known: Card) -> str:
    """Returns the paragraph or list item of a card that names the papers' figure, as plain text, or "" where there is none."""
    for block in known.text.replace("\n- ", "\n\n- ").split("\n\n"):
        if f"{known.claimed_gflops:g}" in block:
            return " ".join(block.removeprefix("- ").replace("**", "").replace("`", "").split())
    return ""


def _operations(macs: float | None) -> str:
    return "–" if macs is None else f"{macs / 1e9:.4g}"


def section(_reports: Path, results: Results) -> Section | None:
    """Shows `costs.json`, from counting every method of the suite."""
    if not results.costs:
        return None
    rows, reasons = [], []
    without: dict[str, list[str]] = {}
    known = {name: card(name) for name in results.costs if name in packages()}
    for name, costs in sorted(results.costs.items(), key=lambda item: known[item[0]].title.casefold() if item[0] in known else item[0]):
        title = known[name].title if name in known else name
        claimed = known[name].claimed_gflops if name in known else None
        ours, printed = costs.macs, costs.paper
        # The printed figure is of the size that the paper has; the settings may have a smaller one.
        likened = ours if printed is None or printed.macs is None else printed.macs
        share = None if likened is None or claimed is None else likened / 1e9 / claimed - 1
        if share is not None and abs(share) > LIMIT:
            reasons.append(f"{title}: {why(known[name])}")
        if ours is None:
            without.setdefault(costs.macs_missing or "not counted", []).append(title)
        profile = results.profiles.get(name)
        latency = None if profile is None else profile.latency(SIZE)
        rows.append(
            (
                title,
                known[name].supervision if name in known else "unknown",
                count(costs.parameters),
                _operations(ours),
                "" if printed is None else count(printed.parameters),
                "" if printed is None else _operations(printed.macs),
                "" if claimed is None else f"{claimed:g}",
                "" if share is None else f"{100 * share:+.1f} %".replace("-", "−"),
                "" if latency is None else f"{latency:.3g}",
            )
        )
    heads = (
        "Method",
        "Training needs",
        "Parameters",
        "10⁹ MACs",
        "Parameters, preset paper",
        "10⁹ MACs, preset paper",
        "10⁹ FLOPs in the papers",
        "Difference",
        "Latency ms",
    )
    caption = f"One picture of {SIZE} at test time; operations are multiply-accumulates"
    html = [
        parts.paragraph(
            "Counted from the networks, with the settings of params.yaml and with the preset that follows the paper; no weights are "
            "needed for it. What the papers call FLOPs are multiply-accumulates; the difference is that of the preset paper from them. "
            "A latency stands only where the method was trained and profiled here."
        ),
        parts.table(caption, heads, rows, text=(1,)),
    ]
    html += [parts.paragraph(f"No operations for {', '.join(titles)}: {reason}.") for reason, titles in without.items()]
    if reasons:
        items = Markup().join(Markup("<li>{}</li>").format(reason) for reason in reasons)
        html.append(parts.fold(f"Why figures differ by more than {LIMIT:.0%}", Markup("<ul>{}</ul>").format(items), open_=True))
    return Section("costs-all", "Cost of every method", Markup().join(html), order=300)
