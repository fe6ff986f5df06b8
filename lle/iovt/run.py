"""Runs what `iovt` in params.yaml describes, and writes `reports/simulation.json`."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lle.config.iovt import IovtConfig
from lle.config.schema import BaseParams
from lle.errors import LleError
from lle.files import digest
from lle.iovt.design import Designer, late_share
from lle.iovt.mine import BINS, Run, simulate
from lle.iovt.paper import paper_run
from lle.iovt.plan import Plan, plan
from lle.provenance import provenance
from lle.results.cost import Profile
from lle.results.simulation import Ages, MethodTime, Mine, Moment, PaperRun, SimulationResult


def read_profiles(reports: Path) -> dict[str, Profile]:
    """Returns the profiles that hold latencies, by method.

    Raises:
        LleError: there are none, or one is malformed.
    """
    found = {path.stem: Profile.read(path) for path in sorted((reports / "profile").glob("*.json"))}
    found = {method: profile for method, profile in found.items() if any((profile.latency_ms or {}).values())}
    if not found:
        raise LleError(f"there are no profiles under {reports / 'profile'}, from which times are drawn. Run dvc repro, or lle profile.")
    return found


def speeds_of(config: IovtConfig, paper: PaperRun) -> dict[str, float]:
    """Returns the speed of every computer, as multiples of the profiled machine; those that are not set are fitted."""
    fitted = {"edge": float(paper.fitted.edge_speed), "cloud": float(paper.fitted.cloud_speed)}
    return {name: fitted[name] if computer.speed is None else computer.speed for name, computer in config.computers.items()}


def summary(mine: Plan, run: Run) -> Mine:
    """Returns what a run came to, as the result file holds it."""
    scenario = mine.scenario
    ring = [load for name, load in run.lines.items() if name.startswith("ring")]
    boxes = [seconds for switch, seconds in run.work.items() if switch >= 0]
    moments = [
        Moment(
            at_s=_short((index + 0.5) * scenario.seconds / BINS),
            shown=_short(shown / made),
            age=_short(1000 * ages / shown) if shown else None,
        )
        for index, (made, shown, _, ages) in enumerate(run.bins)
        if made
    ]
    return Mine(
        title=scenario.title,
        place=scenario.place,
        method=scenario.method,
        cameras=scenario.cameras,
        switches=scenario.switches,
        seconds=scenario.seconds,
        made=run.made,
        shown=run.shown,
        enhanced=run.enhanced,
        late=_short(late_share(run, scenario.limit_ms / 1000)),
        lost=dict(sorted(run.lost.items())),
        dark=_ages(run.dark),
        lit=_ages(run.lit),
        ready=_ages(run.ready),
        box_load=_short(max(boxes) / scenario.seconds / mine.edge.places),
        cloud_load=_short(run.work[-1] / scenario.seconds / mine.cloud.places),
        ring_load=_short(max(ring)),
        uplink_load=_short(max(run.lines["uplink"], run.lines["downlink"])),
        failures=[
            f"{f'link {one.link}' if one.link is not None else f'box {one.box}'} is down from {one.at_s:g} s to {one.until_s:g} s"
            for one in scenario.failures
        ],
        moments=moments,
    )


def _ages(seconds: array[float]) -> Ages:
    if not len(seconds):
        return Ages(n=0)
    values = 1000 * np.asarray(seconds)
    p50, p95, p99 = (_short(float(value)) for value in np.quantile(values, [0.5, 0.95, 0.99]))
    return Ages(n=len(values), mean=_short(float(values.mean())), p50=p50, p95=p95, p99=p99)


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _time(profile: Profile) -> MethodTime:
    known = sorted(
        (int(height) * int(width), timing.median)
        for text, timing in (profile.latency_ms or {}).items()
        if timing is not None
        for height, width in [text.split("x")]
    )
    return MethodTime(small=known[0], large=known[-1])


def simulate_all(params: BaseParams, reports: Path = Path("reports")) -> SimulationResult:
    """Simulates every scenario, CLIP-ISP's figures and a designer's questions, and writes the result.

    Args:
        params: all settings.
        reports: where profiles lie, and where `simulation.json` is written.

    Raises:
        LleError: a method that is named was not profiled.
    """
    config = params.iovt
    profiles = read_profiles(reports)
    paper = paper_run(config, profiles, params.seed)
    speeds = speeds_of(config, paper)
    plans: Mapping[str, Plan] = {name: plan(config, scenario, profiles, speeds) for name, scenario in config.scenarios.items()}
    mines = {name: summary(one, simulate(one, params.seed)) for name, one in plans.items()}
    first = next(iter(config.scenarios.items()), None)
    result = SimulationResult.of(
        {
            "mines": {name: mine.plain() for name, mine in mines.items()},
            "paper": paper.plain(),
            "design": None if first is None else Designer(config, first[1], profiles, speeds, params.seed).answer(first[0]).plain(),
            "times": {method: _time(profile).plain() for method, profile in profiles.items()},
            "speeds": {name: _short(speed) for name, speed in speeds.items()},
            "provenance": provenance(
                config_hash=digest(config.model_dump(mode="json")),
                data_digest=None,
                fingerprint=None,
                seed=params.seed,
                command=params.command("simulate"),
                before=[f"lle profile {method}" for method in profiles],
            ),
        }
    )
    result.write(SimulationResult.path(reports))
    return result
