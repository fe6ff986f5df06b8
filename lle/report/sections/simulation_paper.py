"""CLIP-ISP's simulation made again: its figures beside ours, what was fitted, and how much hangs on it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from markupsafe import Markup

from lle.report import figures, parts
from lle.report.claims_file import CLAIMS, ClaimedTable, read_claims
from lle.report.columns import COSTS, columns
from lle.report.sections import Section
from lle.results.cost import Profile
from lle.results.quality import Evaluation
from lle.results.read import Results
from lle.results.simulation import PaperRun, SimulationResult

READS = (SimulationResult.FILES, CLAIMS, Evaluation.FILES, Profile.FILES)
PAGE = "simulation"
DATASET = "mine_rendered"
"""Our pictures beside the paper's simulation set."""
QUALITY = ("psnr", "ssim", "vif", "musiq")
SIZE = "400x600"
PICTURES = 40
"""Sent at once, in the paper."""


def section(reports: Path, results: Results) -> Iterator[Section]:
    """Yields two sections, or none where nothing was simulated."""
    path = SimulationResult.path(reports)
    if not path.is_file():
        return
    run = SimulationResult.read(path).paper
    yield Section("sim-paper", "CLIP-ISP's simulation, made again", _paper(run), menu="Paper", order=10, page=PAGE)
    yield _placed(run, _claimed(reports), results)


def _claimed(reports: Path) -> ClaimedTable | None:
    """Returns the paper's table of methods in its simulation."""
    tables = [table for paper in read_claims(reports / CLAIMS).papers if paper.id == "clip_isp" for table in paper.tables]
    return next((table for table in tables if table.dataset == "clip_isp_simulation" and table.study is None), None)


def _paper(run: PaperRun) -> Markup:
    fitted = run.fitted
    rows = [
        (name, f"{timing.claimed:g}", f"{timing.simulated:.4g}", f"{timing.low:.4g} … {timing.high:.4g}")
        for name, timing in (
            ("Edge, frames per second", run.timings["edge fps"]),
            ("Cloud, frames per second", run.timings["cloud fps"]),
            ("Edge, delay of 40 pictures, ms", run.timings["edge delay"]),
            ("Cloud, delay of 40 pictures, ms", run.timings["cloud delay"]),
        )
    ]
    assumed = ", ".join(f"{name}: {value:g}" for name, value in fitted.assumed.items())
    values = [
        ("Size of a picture", f"{fitted.picture_bytes:g} bytes, {fitted.bits_per_pixel:g} bit a pixel", "delay at the edge"),
        ("Rate of the way to the cloud", f"{fitted.cloud_mbit_per_s:g} Mbit/s", "delay in the cloud"),
        ("Picture on the edge's computer", f"{fitted.edge_ms:g} ms", "frame rate and delay at the edge"),
        ("Picture on the cloud's computer", f"{fitted.cloud_ms:g} ms", "frame rate and delay in the cloud"),
        ("Edge over the profiled machine", f"{fitted.edge_speed:g} times as fast", "time above, and our profile"),
        ("Cloud over the profiled machine", f"{fitted.cloud_speed:g} times as fast", "time above, and our profile"),
    ]
    readings = [(one.title, f"{one.edge_ms:g}", f"{one.cloud_ms:g}", f"{one.cloud_speed:.3g}") for one in run.readings]
    moves = [
        (
            one.parameter,
            f"{one.value:g}",
            *(f"{edge:.3g} / {cloud:.3g}" for edge, cloud in (one.halved, one.doubled)),
            "never" if one.turns is None else f"{one.turns:.4g}",
        )
        for one in run.sensitivities
    ]
    return Markup().join(
        [
            parts.paragraph(
                "The paper prints four figures and neither the network nor the size of a picture, so four values are fitted to four "
                f"figures: that they come out is no evidence. Assumed besides: {assumed}."
            ),
            parts.table(
                "Claimed and simulated (200 rounds of 40 pictures)", ("Figure", "Claimed", "Simulated", "95 % of the rounds"), rows
            ),
            parts.table("What was fitted", ("Value", "Fitted", "To"), values, text=(1, 2)),
            _curve(run),
            parts.paragraph(
                "The paper's “delay” cannot hold the time on the computers: 40 pictures at 15.16 a second take 2.6 s. Its four figures fit "
                "each other in one reading only that does not make the cloud's computer the slower one:"
            ),
            parts.table(
                "What the frame rates say of the computers",
                ("Reading", "Edge, ms a picture", "Cloud, ms a picture", "Cloud's speed over the edge's"),
                readings,
            ),
            parts.paragraph(
                "How much the conclusion, that the edge is faster, hangs on each value: frames per second at the edge and in the cloud, "
                "and where both would be equal."
            ),
            parts.table(
                "One value changed, the others as fitted", ("Value", "Fitted or assumed", "Half: edge / cloud", "Twice", "Equal at"), moves
            ),
            parts.paragraph(_stands(run)),
        ]
    )


def _stands(run: PaperRun) -> str:
    """Says how far the conclusion holds."""
    falls = [one.parameter for one in run.sensitivities for edge, cloud in (one.halved, one.doubled) if edge <= cloud]
    alone = next((one.turns for one in run.sensitivities if one.parameter.startswith("pictures")), None)
    text = f"It falls with {', '.join(falls)}. " if falls else "It stands with half and with twice of any single value. "
    if alone is not None and alone < PICTURES:
        text += f"But it rests on {PICTURES} pictures being sent at once: with {int(alone)} or fewer the cloud is the faster place."
    return text


def _curve(run: PaperRun) -> Markup:
    first, last = run.families[0], run.families[-1]
    series = {
        "Edge": first.edge_ms,
        f"Cloud, {first.delay_ms:g} ms + {first.mbit_per_s:.3g} Mbit/s": first.cloud_ms,
        f"Cloud, {last.delay_ms:g} ms + {last.mbit_per_s:.3g} Mbit/s": last.cloud_ms,
    }
    top = 1.05 * max(first.cloud_ms[-1], last.cloud_ms[-1])
    others = ", ".join(f"{one.delay_ms:g} ms and {one.mbit_per_s:.3g} Mbit/s" for one in run.families)
    chart = figures.lines(
        "sim-delay", run.volumes, series, "Pictures sent at once", "Delay, ms", parts.WIDE, "Delay against volume", (0.0, float(top))
    )
    caption = (
        "The printed delays at 40 pictures (9.7 ms and 248.4 ms) fix the rate to the cloud only for a given constant delay: "
        f"{others} fit alike."
    )
    return parts.figure(Markup(f'<div class="scroll">{chart}</div>'), caption)


def _placed(run: PaperRun, table: ClaimedTable | None, results: Results) -> Section:
    """Table IV: claimed quality and cost, ours, and our frame rates in both places."""
    claimed = {} if table is None else {row.method: (row.name, dict(zip([c.metric for c in table.columns], row.values, strict=True)))
                                        for row in table.rows if row.method is not None}  # fmt: skip
    placed = {one.method: one for one in run.placed}
    ours = results.evaluations.get(DATASET, {})
    names = [*claimed, *(method for method in placed if method not in claimed)]
    known = {column.key: column for column in (*columns(QUALITY), *COSTS)}
    cells: list[tuple[str, str]] = []
    rows = []
    for method in names:
        one = placed.get(method)
        row = [claimed[method][0] if method in claimed else results.title(method)]
        row += ["—", "—"] if one is None else [f"{one.edge_fps:.3g}", f"{one.cloud_fps:.3g}"]
        for key in (*QUALITY, "gmacs"):
            printed: Decimal | None = claimed[method][1].get(key) if method in claimed else None
            row.append("" if printed is None else str(printed))
            value = _ours(results, ours.get(method), method, key)
            if value is None:
                row.append("—")
                continue
            run_id = f"profile/{method}" if key == "gmacs" else f"{DATASET}/{method}"
            cells.append((run_id, key))
            row.append(parts.number(known[key].text(value), run_id, key))
        rows.append(row)
    heads = ["Method", "Edge, fps", "Cloud, fps"]
    for key in (*QUALITY, "gmacs"):
        label = "FLOPs, 10⁹" if key == "gmacs" else known[key].label
        heads += [f"{label}, paper", "ours"]
    html = Markup().join(
        [
            parts.paragraph(
                f"The paper's Table IV beside ours on {DATASET}: other pictures, so compare each side with itself only. A method's "
                "quality is the same in both places; its frame rate is simulated, with its profiled time on the computers fitted to "
                "CLIP-ISP. A dash stands where a method is not in the suite, is no network, or its metric's weights are not on disk."
            ),
            parts.table("Methods in the paper's two places", heads, rows),
        ]
    )
    return Section("sim-placed", "Methods at the edge and in the cloud", html, menu="Table IV", order=20, page=PAGE, cells=tuple(cells))


def _ours(results: Results, evaluation: Evaluation | None, method: str, key: str) -> float | None:
    if key == "gmacs":
        profile = results.profiles.get(method)
        return None if profile is None else profile.gmacs(SIZE)
    score = None if evaluation is None else evaluation.metrics.get(key)
    return None if score is None else score.mean
