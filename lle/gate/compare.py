"""The regression gate: are the results as good as the accepted ones?

Quality fails if the mean over the pictures is worse by more than what is allowed and the paired bootstrap excludes that it is not
worse at all. What is allowed is a tolerance, or more where the accepted results hold the study of the spread: there the suite was
trained with several seeds, as on several kinds of processor, and one more such run lies within the prediction interval of those
runs, a wider one on other hardware. Where the spread is not known, results of other hardware are shown and not judged.

Parameters and multiply-accumulates must be equal. Latency is compared in milliseconds and as a multiple of the yardstick
(`lle.measure.yardstick`) that was timed beside it, and fails where both are worse: on the hardware on which it was accepted, if other
programs left the cores alone both times. More is allowed where the accepted results hold the benchmark that times the same models again
and again (`lle benchmark latency`): two of its rounds seldom differ by as much.

A file that is not the one the pipeline wrote, as `dvc.lock` has it, fails too: somebody changed it by hand. Segmentation in the dark is
judged like quality, by what is recognised in each picture, and the small CLIP by its shares of right answers.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from scipy.stats import t as student

from lle.errors import LleError
from lle.gate.accepted import accepted_results
from lle.gate.consistency import inconsistencies
from lle.gate.snapshot import SEGMENTATION, Cost, Quality, Share, Timing, snapshot
from lle.gate.verdict import Check, Outcome, Verdict
from lle.measure.load import is_quiet
from lle.metrics.bootstrap import bootstrap_mean
from lle.metrics.registry import all_metrics

TOLERANCES: Mapping[str, float] = {
    "psnr": 0.2,
    "psnr_gt_mean": 0.2,
    "ssim": 0.005,
    "ssim_y": 0.005,
    "ssim_skimage": 0.005,
    "ssim_gt_mean": 0.005,
    "vif": 0.01,
}
"""How much worse the mean of a metric may be, in its own unit."""
RELATIVE_TOLERANCE = 0.02
"""The same for all other metrics, as a share of the accepted mean."""
LATENCY = 1.3
"""How many times as long a method may take at least; it fails where it takes longer in milliseconds and in yardsticks."""
SHARE = 0.05
"""How much smaller a share of right answers may be."""
COVERAGE = 0.975
"""One-sided coverage of the prediction interval in which one more run must lie."""
COVERAGE_ELSEWHERE = 0.999
"""The same on other hardware: there some three hundred values differ by chance at once, of which seven would lie outside of the other
interval, and what a method is trained with (the small CLIP, a teacher), which the study keeps, was trained anew as well."""
COVERAGE_LATENCY = 0.999
"""The same for latencies, of which some two dozen are compared at once."""
FEWEST_ROUNDS = 8
"""Timings of one model that tell how far it varies; fewer leave a spread that could be anything."""

T = TypeVar("T")


def gate(
    reports: Path = Path("reports"),
    against: str | Path | None = None,
    tolerance: Mapping[str, float] | None = None,
    latency: float = LATENCY,
    methods: Collection[str] | None = None,
) -> Verdict:
    """Compares the results with the accepted ones.

    Args:
        reports: holds `metrics/`, `profile/` and so on.
        against: a folder of results or a git revision; None takes the accepted one, see `lle.gate.accepted`.
        tolerance: by metric, replaces values of `TOLERANCES`, in the metric's own unit.
        latency: how many times as long a method may take, if the accepted results do not show that it varies by more.
        methods: compares these alone; None compares all.

    Raises:
        LleError: nothing was accepted, or a file is damaged.
    """
    reports = Path(reports)
    tolerances = {**TOLERANCES, **SEGMENTATION, **(tolerance or {})}
    unknown = tolerances.keys() - all_metrics().keys() - SEGMENTATION.keys()
    if unknown:
        raise LleError(f"tolerances name unknown metrics: {', '.join(sorted(unknown))}. Known: {', '.join(all_metrics())}.")
    with accepted_results(reports, against) as (folder, reason):
        accepted = snapshot(folder)
    present = snapshot(reports)
    checks: list[Check] = []
    for subject, old, new in _pairs(accepted.quality, present.quality, methods, lambda subject: subject.rpartition("/")[2]):
        checks += _compare_quality(subject, old, new, tolerances, accepted.spread.get(subject, {}))
    for subject, before, after in _pairs(accepted.cost, present.cost, methods, lambda subject: subject):
        checks += _compare_cost(subject, before, after, latency, accepted.rounds.get(subject, {}))
    for subject, share, now in _pairs(accepted.shares, present.shares, methods, lambda subject: subject):
        checks.append(_compare_share(subject, share, now))
    checks += [check for check in inconsistencies(reports) if methods is None or check.subject.rpartition("/")[2] in methods]
    return Verdict(tuple(checks), reason)


def _pairs(
    before: Mapping[str, T], after: Mapping[str, T], methods: Collection[str] | None, method: Callable[[str], str]
) -> Iterator[tuple[str, T | None, T | None]]:
    for subject in sorted(before.keys() | after.keys()):
        if methods is None or method(subject) in methods:
            yield subject, before.get(subject), after.get(subject)


def _compare_quality(
    subject: str, before: Quality | None, after: Quality | None, tolerances: Mapping[str, float], spread: Mapping[str, Sequence[float]]
) -> Iterator[Check]:
    if before is None or after is None:
        yield _one_sided(subject, "quality", before is None)
    elif before.data_digest != after.data_digest:
        yield Check(subject, "data", "fail", "the data set changed, so the numbers cannot be compared; accept the new ones")
    elif before.images != after.images:
        found = f"the pictures changed: {len(before.images)} were accepted, there are {len(after.images)}"
        yield Check(subject, "data", "fail", found)
    else:
        coverage = COVERAGE_ELSEWHERE if _hardware_changes(before.machine, after.machine) else COVERAGE
        for name in sorted(before.values.keys() | after.values.keys()):
            runs = spread.get(name, ())
            check = _compare_metric(subject, name, before.values.get(name), after.values.get(name), tolerances, runs, coverage)
            yield check if runs else _on_equal_hardware(check, before.machine, after.machine)


def _compare_metric(
    subject: str,
    name: str,
    before: Sequence[float | None] | None,
    after: Sequence[float | None] | None,
    tolerances: Mapping[str, float],
    runs: Sequence[float],
    coverage: float,
) -> Check:
    if before is None or after is None:
        return _one_sided(subject, name, before is None)
    if [value is None for value in before] != [value is None for value in after]:
        return Check(subject, name, "fail", "has no value on other pictures than before")
    old = [value for value in before if value is not None]
    new = [value for value in after if value is not None]
    if not old:
        return Check(subject, name, "skipped", "no picture has a value")
    sign = 1 if name in SEGMENTATION or all_metrics()[name].direction == "higher" else -1
    change = bootstrap_mean([sign * (b - a) for a, b in zip(old, new, strict=True)])
    second = math.fsum(new) / len(new)
    # With several accepted runs, one more of them is compared with their mean: the accepted one may have been lucky itself.
    first = statistics.fmean(runs) if len(runs) > 1 else math.fsum(old) / len(old)
    spread = prediction(runs, coverage)
    allowed = max(tolerances.get(name, RELATIVE_TOLERANCE * abs(first)), spread)
    if change.low is None or change.high is None:
        found = f"{first:.4g} -> {second:.4g} ({second - first:+.3g}, one picture and so no interval, tolerance {allowed:.3g})"
        return Check(subject, name, "unsure" if sign * (second - first) < -allowed else "pass", found, first, second)
    low, high = sorted((sign * change.low, sign * change.high))
    found = f"{first:.4g} -> {second:.4g} ({second - first:+.3g}, 95 % {low:+.3g} … {high:+.3g}, tolerance {allowed:.3g}"
    found += f", spread of {len(runs)} runs {spread:.3g})" if spread else ")"
    gain = sign * (second - first)
    outcome: Outcome = "pass"
    if gain < -allowed:
        outcome = "fail" if change.high < 0 else "unsure"
    elif gain > allowed and change.low > 0:
        outcome = "better"
    return Check(subject, name, outcome, found, first, second)


def prediction(runs: Sequence[float], coverage: float) -> float:
    """Returns half the prediction interval of one more run about the mean of several, for normal numbers; 0 for fewer than two."""
    if len(runs) < 2:
        return 0.0
    return float(student.ppf(coverage, len(runs) - 1)) * statistics.stdev(runs) * math.sqrt(1 + 1 / len(runs))


def _hardware_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Returns what differs, in words; empty where nothing does."""
    return ", ".join(f"{key} {before[key]} -> {after[key]}" for key in before if before[key] != after[key])


def _on_equal_hardware(check: Check, before: Mapping[str, Any], after: Mapping[str, Any]) -> Check:
    """Takes the judgement back where the hardware differs, for what depends on it to an unknown extent."""
    differ = _hardware_changes(before, after)
    if not differ or check.outcome in ("new", "skipped") or check.after is None:
        return check
    return replace(check, outcome="skipped", message=f"not judged on other hardware ({differ}): {check.message}")


def _compare_share(subject: str, before: Share | None, after: Share | None) -> Check:
    if before is None or after is None:
        return _one_sided(subject, "share", before is None)
    old, new = before.value, after.value
    outcome: Outcome = "fail" if new < old - SHARE else "better" if new > old + SHARE else "pass"
    check = Check(subject, before.name, outcome, f"{old:.4g} -> {new:.4g} (tolerance {SHARE:g})", old, new)
    return _on_equal_hardware(check, before.machine, after.machine)


def _compare_cost(
    subject: str, before: Cost | None, after: Cost | None, most: float, rounds: Mapping[str, Sequence[Timing]]
) -> Iterator[Check]:
    if before is None or after is None:
        yield _one_sided(subject, "cost", before is None)
        return
    counts: list[tuple[str, int | None, int | None]] = [("parameters", before.parameters, after.parameters)]
    counts += [(f"MACs {size}", before.macs.get(size), after.macs.get(size)) for size in sorted(before.macs.keys() | after.macs.keys())]
    for name, old, new in counts:
        yield Check(subject, name, "pass" if old == new else "fail", f"{old} -> {new}" if old != new else f"{new}", old, new)
    for size in sorted(before.latency.keys() | after.latency.keys()):
        yield _compare_latency(subject, f"latency {size}", before.latency.get(size), after.latency.get(size), most, rounds.get(size, ()))


def _compare_latency(subject: str, name: str, before: Timing | None, after: Timing | None, most: float, rounds: Sequence[Timing]) -> Check:
    if before is None or after is None:
        return _one_sided(subject, name, before is None)
    if before.threads != after.threads:
        return Check(subject, name, "skipped", f"{before.threads} threads were accepted, {after.threads} measured")
    if not before.yardstick_ms or not after.yardstick_ms:
        return Check(subject, name, "skipped", "no yardstick was timed beside it")
    for timing, which in ((before, "accepted"), (after, "new")):
        if not is_quiet(timing.others):
            took = "an unknown share" if timing.others is None else f"{timing.others:.0%}"
            return Check(subject, name, "skipped", f"other programs took {took} of the cores while the {which} one was timed")
    old, new = before.ms / before.yardstick_ms, after.ms / after.yardstick_ms
    ratios = (new / old, after.ms / before.ms)
    alike = [
        (timing.ms / timing.yardstick_ms, timing.ms)
        for timing in rounds
        if timing.yardstick_ms and is_quiet(timing.others) and timing.machine == before.machine and timing.threads == before.threads
    ]
    bars = [max(most, variation([times[unit] for times in alike])) for unit in (0, 1)]
    found = f"{old:.3g} -> {new:.3g} yardsticks ({ratios[0]:.2f} times, {ratios[1]:.2f} in milliseconds, "
    found += f"at most {bars[0]:.3g} and {bars[1]:.3g}" + (f" by {len(alike)} rounds)" if max(bars) > most else ")")
    # A shared processor is now quicker with the yardstick, now with the method: what took no longer is not slower.
    slower = all(ratio > bar for ratio, bar in zip(ratios, bars, strict=True))
    faster = all(ratio * bar < 1 for ratio, bar in zip(ratios, bars, strict=True))
    outcome: Outcome = "fail" if slower else "better" if faster else "pass"
    return _on_equal_hardware(Check(subject, name, outcome, found, old, new), before.machine, after.machine)


def variation(times: Sequence[float]) -> float:
    """Returns by what factor two timings of one model seldom differ, from several of them; 1 where they are too few."""
    if len(times) < FEWEST_ROUNDS:
        return 1.0
    spread = statistics.stdev(math.log(time) for time in times)
    return math.exp(float(student.ppf(COVERAGE_LATENCY, len(times) - 1)) * spread * math.sqrt(2))


def _one_sided(subject: str, name: str, new: bool) -> Check:
    """What stands on one side only: new results are welcome, lost ones are not."""
    return (
        Check(subject, name, "new", "not among the accepted results") if new else Check(subject, name, "fail", "was accepted, and is gone")
    )
