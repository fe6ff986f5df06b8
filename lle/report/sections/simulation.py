"""The simulated mine network: what the scenarios came to, a designer's answers, a calculator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from markupsafe import Markup

from lle.report import figures, parts
from lle.report.render import fragment
from lle.report.sections import Section
from lle.results.read import Results
from lle.results.simulation import Ages, Design, Mine, SimulationResult

READS = (SimulationResult.FILES,)
PAGE = "simulation"


def section(reports: Path, results: Results) -> Iterator[Section]:
    """Yields the sections of the page, or none where nothing was simulated."""
    path = SimulationResult.path(reports)
    if not path.is_file():
        return
    found = SimulationResult.read(path)
    if found.mines:
        yield Section("sim-mines", "Mines that were simulated", _mines(found, results), menu="Mines", order=30, page=PAGE)
    if found.design is not None:
        yield Section("sim-design", "What a designer asks", _design(found.design, results), menu="Design", order=40, page=PAGE)
        yield _calculator(found, found.design, results)


def _ms(ages: Ages, value: float | None) -> str:
    return "—" if value is None or not ages.n else f"{value:.0f}"


def _mines(found: SimulationResult, results: Results) -> Markup:
    rows = [
        (
            mine.title,
            f"{results.title(mine.method)}, {mine.place}",
            str(mine.cameras),
            str(mine.made),
            _ms(mine.dark, mine.dark.p50),
            _ms(mine.dark, mine.dark.p95),
            _ms(mine.lit, mine.lit.p95),
            f"{mine.late:.2%}",
            f"{mine.box_load:.0%}",
            f"{mine.cloud_load:.0%}",
            f"{mine.ring_load:.0%}",
            f"{mine.uplink_load:.0%}",
            ", ".join(f"{count} {reason}" for reason, count in mine.lost.items()) or "none",
        )
        for mine in found.mines.values()
    ]
    heads = ("Mine", "Enhanced", "Cameras", "Frames", "Dark, median ms", "Dark, 95 % ms", "Lit, 95 % ms", "Late or lost",
             "Busiest box", "Cloud", "Busiest ring link", "Uplink", "Lost to")  # fmt: skip
    charts = [_moments(key, mine) for key, mine in found.mines.items() if mine.failures]
    return Markup().join(
        [
            parts.paragraph(
                "Ages are from the camera to the control room, of frames that were enhanced (dark) and of those that the darkness gate let "
                "through (lit)."
            ),
            parts.table("What the mines came to", heads, rows, text=(1, 12)),
            parts.figures(charts),
        ]
    )


def _moments(key: str, mine: Mine) -> Markup:
    at = [moment.at_s for moment in mine.moments]
    shown = figures.lines(
        f"sim-{key}".replace("_", "-"),
        at,
        {"share of frames that came": [moment.shown for moment in mine.moments]},
        "Second in which the frame was made",
        "Share",
        parts.NARROW * 1.5,
        f"{mine.title}: frames that came",
    )
    ages = [moment.age or 0.0 for moment in mine.moments]
    age = figures.lines(
        f"sim-{key}-age".replace("_", "-"),
        at,
        {"mean age": ages},
        "Second in which the frame was made",
        "ms",
        parts.NARROW * 1.5,
        f"{mine.title}: mean age",
        (0.0, 1.1 * max(*ages, 1.0)),
    )
    return parts.figure(
        Markup(f'<div class="scroll">{shown}</div><div class="scroll">{age}</div>'), f"{mine.title}: {', '.join(mine.failures)}."
    )


def _design(design: Design, results: Results) -> Markup:
    capacity = [
        (
            results.title(one.method),
            one.size,
            f"{one.frame_ms:.3g}",
            f"{one.bound:.4g}",
            f"more than {one.cameras}" if one.more else str(one.cameras),
        )
        for one in design.capacity
    ]
    crossings = [
        (
            results.title(one.method),
            one.size,
            f"{one.edge_ms:.3g}",
            f"{one.cloud_ms:.3g}",
            "edge" if one.edge_ms <= one.cloud_ms else "cloud",
            "at no rate" if one.rate is None else f"from {one.rate:.3g} Mbit/s",
        )
        for one in design.crossings
    ]
    settings = design.settings
    return Markup().join(
        [
            Markup("<h3>How many cameras a box carries</h3>"),
            parts.paragraph(
                f"One box, {settings['fps']:g} frames a second from each camera, {settings['duty']:.0%} of them dark; not more than one "
                "frame in a hundred may be late or lost. The bound is where the box is always at work: queues and dark periods that fall "
                "together cost the difference."
            ),
            parts.table("Cameras a box", ("Method", "Frame", "ms a frame", "Bound", "Simulated"), capacity, text=(1,)),
            Markup("<h3>Where the ring saturates</h3>"),
            parts.paragraph(
                f"Each camera sends {design.camera_mbit_per_s:.3g} Mbit/s through the ring, video and frames. A link of the whole ring of "
                f"{settings['switches']} switches is always busy with {design.ring_bound:.0f} cameras, of a cut ring with "
                f"{design.cut_bound:.0f}: to survive a cut, a ring must carry no more than that."
            ),
            _lines(
                "sim-ring",
                [one.cameras for one in design.ring],
                {"whole": [one.whole for one in design.ring], "one link cut": [one.cut for one in design.ring]},
                "Share of frames late or lost",
                "The ring with boxes that take no time",
            ),
            Markup("<h3>When the cloud wins</h3>"),
            parts.paragraph(
                "A box serves its own cameras only, so that their dark periods fall together; the cloud is shared by all. Age of 95 % of "
                "the enhanced frames in the control room:"
            ),
            _lines(
                "sim-crowd",
                [one.cameras for one in design.crowd],
                {
                    "edge": [(one.edge_p95 or 0.0) / 1000 for one in design.crowd],
                    "cloud": [(one.cloud_p95 or 0.0) / 1000 for one in design.crowd],
                },
                "95 % are younger than, s",
                f"Both places, with the settings of the mine “{design.scenario}”",
            ),
            parts.paragraph(
                f"In an idle mine, for one camera beside the control room and an uplink of {settings['uplink']:g} Mbit/s and "
                f"{settings['uplink_ms']:g} ms each way:"
            ),
            parts.table(
                "One frame, enhanced at the edge or in the cloud",
                ("Method", "Frame", "Edge, ms", "Cloud, ms", "Faster", "The cloud wins"),
                crossings,
                text=(1, 4, 5),
            ),
        ]
    )


def _lines(key: str, x: Sequence[float], series: dict[str, Sequence[float]], label: str, title: str) -> Markup:
    top = 1.05 * max(0.01, *(value for values in series.values() for value in values))

    def draw(name: str, width: float) -> str:
        return figures.lines(name, x, series, "Cameras", label, width, title, (0.0, top))

    return parts.figure(parts.both(draw, key), f"{title}.")


def _calculator(found: SimulationResult, design: Design, results: Results) -> Section:
    times = {method: {"title": results.title(method), "small": one.small, "large": one.large} for method, one in found.times.items()}
    html = fragment("simulation", settings=design.settings, times=times)
    return Section("sim-calculator", "Calculator", html, menu="Calculator", order=50, page=PAGE)
