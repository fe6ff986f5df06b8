"""The regression gate: are the results as good as those that were accepted?

`reports/baseline.json` holds what was accepted: the value of every metric on every test picture, and what each method costs.
Quality fails if the mean over the pictures is worse by more than a tolerance and the paired bootstrap excludes that it is
not worse at all. Parameters and multiply-accumulates must be equal. Latency is compared as a multiple of the yardstick
(`lle.measure.yardstick`) that was timed in the same run. A file that is not the one the pipeline wrote, as `dvc.lock` has it,
fails too: somebody changed it by hand. Segmentation in the dark is judged like quality, by what is recognised in each picture, and the
small CLIP by its shares of right answers.
"""

from __future__ import annotations

import csv
import hashlib
import math
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lle.errors import LleError
from lle.files import read_json, write_json, write_text
from lle.metrics.bootstrap import bootstrap_mean
from lle.metrics.registry import METRICS

BASELINE = "baseline.json"

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
"""How many times as long a method may take, measured in yardsticks."""
SEGMENTATION: Mapping[str, float] = {"iou": 0.01, "pixel_accuracy": 0.01}
"""Measures of a segmented picture, higher is better, and how much worse their mean may be."""
SHARES: Mapping[str, str] = {"clip/model.json": "retrieval_top1", "clip/darkness/*.json": "accuracy"}
"""Shares of right answers that the gate looks at, by the files that hold them."""
SHARE = 0.05
"""How much smaller such a share may be."""
AGREEMENT = 5e-5
"""Share by which the mean in a JSON file may differ from that of its table, whose values have six digits."""

JUDGED = ("evaluate", "profile", "segment", "clip")
"""Beginnings of the names of the stages whose files the gate judges."""

Outcome = Literal["pass", "better", "new", "unsure", "skipped", "fail"]
_SHOWN = ("fail", "unsure", "skipped", "new", "better")
_KEYS = ("image", "scene", "width", "height")


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        subject: `<data set>/<method>`, or the method alone for its cost.
        name: metric or cost.
        outcome: only `fail` closes the gate; `unsure` is a loss that may be chance.
        message: what was found, in a line.
        before: accepted value.
        after: present value.
    """

    subject: str
    name: str
    outcome: Outcome
    message: str
    before: float | None = None
    after: float | None = None


@dataclass(frozen=True)
class Verdict:
    """All comparisons.

    Attributes:
        checks: in the order of the files.
        reason: why the baseline was accepted.
    """

    checks: tuple[Check, ...]
    reason: str

    @property
    def passed(self) -> bool:
        """Nothing failed."""
        return not any(check.outcome == "fail" for check in self.checks)

    @property
    def exit_code(self) -> int:
        """0 if the gate is open, else 1."""
        return 0 if self.passed else 1

    @property
    def summary(self) -> str:
        """One line: open or closed, and how many checks came out how."""
        counts: Counter[str] = Counter(check.outcome for check in self.checks)
        parts = ", ".join(f"{counts[outcome]} {outcome}" for outcome in (*_SHOWN, "pass") if counts[outcome])
        return f"The gate {'is open' if self.passed else 'is CLOSED'}: {parts or 'nothing to compare'}."

    def of(self, outcome: Outcome) -> list[Check]:
        """Returns the checks with an outcome."""
        return [check for check in self.checks if check.outcome == outcome]

    def __str__(self) -> str:
        rows = [check for outcome in _SHOWN for check in self.checks if check.outcome == outcome]
        if not rows:
            return self.summary
        cells = [(check.outcome.upper(), check.subject, check.name, check.message) for check in rows]
        widths = [max(len(row[column]) for row in cells) for column in range(3)]
        lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in cells]
        return "\n".join([*lines, self.summary])

    def markdown(self) -> str:
        """Returns a summary for a pull request: what is remarkable first, all the rest folded away."""
        lines = [f"### {'✅' if self.passed else '❌'} {self.summary}", "", f"Baseline: {self.reason}", ""]
        remarkable = [check for outcome in _SHOWN for check in self.checks if check.outcome == outcome]
        if remarkable:
            lines += [*_markdown_table(remarkable), ""]
        rest = self.of("pass")
        if rest:
            lines += [f"<details><summary>{len(rest)} passed</summary>", "", *_markdown_table(rest), "", "</details>", ""]
        return "\n".join(lines)

    def write_markdown(self, path: Path) -> None:
        """Writes the summary for a pull request."""
        write_text(path, self.markdown())

    def write_junit(self, path: Path) -> None:
        """Writes the checks as JUnit XML, which CI systems show as tests."""
        counts: Counter[str] = Counter(check.outcome for check in self.checks)
        suite = ElementTree.Element(
            "testsuite",
            name="lle gate",
            tests=str(len(self.checks)),
            failures=str(counts["fail"]),
            skipped=str(counts["skipped"]),
            errors="0",
        )
        for check in self.checks:
            case = ElementTree.SubElement(suite, "testcase", classname=check.subject.replace("/", "."), name=check.name)
            if check.outcome in ("fail", "skipped"):
                child = ElementTree.SubElement(case, "failure" if check.outcome == "fail" else "skipped", message=check.message)
                child.text = check.message
            else:
                ElementTree.SubElement(case, "system-out").text = f"{check.outcome}: {check.message}"
        ElementTree.indent(suite)
        write_text(path, '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n")


def gate(
    reports: Path = Path("reports"),
    baseline: Path | None = None,
    tolerance: Mapping[str, float] | None = None,
    latency: float = LATENCY,
    methods: Collection[str] | None = None,
) -> Verdict:
    """Compares the results with the accepted ones.

    Args:
        reports: holds `metrics/` and `profile/`.
        baseline: accepted results; None takes `baseline.json` in `reports`.
        tolerance: by metric, replaces values of `TOLERANCES`, in the metric's own unit.
        latency: how many times as long a method may take.
        methods: compares these alone; None compares all.

    Raises:
        LleError: there is no baseline, or a file is damaged.
    """
    path = baseline or Path(reports) / BASELINE
    if not path.is_file():
        raise LleError(f"there is no baseline {path}. Look at the results, then accept them: lle gate --accept REASON.")
    accepted = read_json(path)
    present = _snapshot(Path(reports))
    tolerances = {**TOLERANCES, **SEGMENTATION, **(tolerance or {})}
    unknown = tolerances.keys() - METRICS.keys() - SEGMENTATION.keys()
    if unknown:
        raise LleError(f"tolerances name unknown metrics: {', '.join(sorted(unknown))}. Known: {', '.join(METRICS)}.")
    checks: list[Check] = []
    for subject, before, after in _pairs(accepted["quality"], present["quality"], methods, lambda subject: subject.rpartition("/")[2]):
        checks += _compare_quality(subject, before, after, tolerances)
    for subject, before, after in _pairs(accepted["cost"], present["cost"], methods, lambda subject: subject):
        checks += _compare_cost(subject, before, after, latency)
    for subject, before, after in _pairs(accepted.get("shares", {}), present["shares"], methods, lambda subject: subject):
        checks.append(_compare_share(subject, before, after))
    doubts = [*_disagreements(Path(reports)), *_changed(Path(reports))]
    checks += [check for check in doubts if methods is None or check.subject.rpartition("/")[2] in methods]
    return Verdict(tuple(checks), accepted["reason"])


def accept(
    reason: str, reports: Path = Path("reports"), baseline: Path | None = None, commit: str | None = None, portable: bool = False
) -> Path:
    """Makes the present results the accepted ones; the earlier reasons, and what changed each time, are kept.

    Args:
        reason: why they are good, for those who read the history.
        reports: holds `metrics/` and `profile/`.
        baseline: the file; None takes `baseline.json` in `reports`.
        commit: the code the results belong to.
        portable: leave the digests of the data out, for results that another machine makes from data of its own: made data
            differ in the last bit from one kind of processor to another.

    Raises:
        LleError: the reason is empty, there are no results, a summary disagrees with its table, or a file is not the one
            that the pipeline wrote.
    """
    if not reason.strip():
        raise LleError("accepting a baseline needs a reason, which is kept in it.")
    path = baseline or Path(reports) / BASELINE
    present = _snapshot(Path(reports))
    if not present["quality"] and not present["cost"]:
        raise LleError(f"there are no results in {reports}. Make them with `dvc repro`.")
    if portable:
        present["quality"] = {subject: {**entry, "data_digest": None} for subject, entry in present["quality"].items()}
    wrong = [*_disagreements(Path(reports)), *_changed(Path(reports))]
    if wrong:
        raise LleError("\n".join(f"{check.subject} {check.name}: {check.message}" for check in wrong))
    entry: dict[str, Any] = {"reason": reason.strip(), "git": commit, "changes": []}
    history: list[Any] = []
    if path.is_file():
        verdict = gate(reports, path)
        entry["changes"] = [f"{c.outcome}: {c.subject} {c.name}: {c.message}" for o in _SHOWN for c in verdict.checks if c.outcome == o]
        history = read_json(path)["history"]
    write_json(path, {"reason": reason.strip(), "history": [entry, *history], **present})
    return path


def _snapshot(reports: Path) -> dict[str, Any]:
    """Returns what a baseline keeps of the results."""
    quality = {}
    for path in sorted(reports.glob("metrics/*/*.json")):
        images, values = _table(path.with_suffix(".csv"))
        data_digest = read_json(path).get("provenance", {}).get("data_digest")
        quality[f"{path.parent.name}/{path.stem}"] = {"data_digest": data_digest, "images": images, "values": values}
    for path in sorted(reports.glob("segment/*/*.json")):
        images, values = _segmented(path.with_suffix(".csv"))
        data_digest = read_json(path)["provenance"]["data_digest"]
        quality[f"segment/{path.parent.name}/{path.stem}"] = {"data_digest": data_digest, "images": images, "values": values}
    cost = {}
    for path in sorted(reports.glob("profile/*.json")):
        record = read_json(path)
        times = {
            size: {"ms": timing["median"], "threads": timing["threads"], "yardstick_ms": record.get("yardstick_ms")}
            for size, timing in record["latency_ms"].items()
        }
        cost[path.stem] = {"parameters": record["parameters"], "macs": record["macs"], "latency": times}
    shares = {
        path.relative_to(reports).with_suffix("").as_posix(): {key: read_json(path)[key]}
        for pattern, key in SHARES.items()
        for path in sorted(reports.glob(pattern))
    }
    return {"quality": quality, "cost": cost, "shares": shares}


def _table(path: Path) -> tuple[list[str], dict[str, list[float | None]]]:
    """Reads a per-image table: the images' names, and by metric with a direction its values."""
    if not path.is_file():
        raise LleError(f"{path} is missing, the per-image table of {path.with_suffix('.json').name}. Run dvc repro.")
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    columns = [name for name in (rows[0] if rows else {}) if name not in _KEYS and name in METRICS and METRICS[name].direction != "none"]
    return [row["image"] for row in rows], {name: [_number(row[name]) for row in rows] for name in columns}


def _segmented(path: Path) -> tuple[list[str], dict[str, list[float | None]]]:
    """Reads the counts of right and wrong pixels by class: the images' names, and by measure the values of every picture."""
    if not path.is_file():
        raise LleError(f"{path} is missing, the counts behind {path.with_suffix('.json').name}. Run dvc repro.")
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    names = [name.removesuffix("_tp") for name in (rows[0] if rows else {}) if name.endswith("_tp")]
    values: dict[str, list[float | None]] = {name: [] for name in SEGMENTATION}
    for row in rows:
        counts = [[int(row[f"{name}_{kind}"]) for kind in ("tp", "fp", "fn")] for name in names]
        found = [tp / (tp + fp + fn) for tp, fp, fn in counts if tp + fp + fn]
        known = sum(tp + fn for tp, _, fn in counts)
        values["iou"].append(math.fsum(found) / len(found) if found else None)
        values["pixel_accuracy"].append(sum(tp for tp, _, _ in counts) / known if known else None)
    return [row["image"] for row in rows], values


def _number(cell: str) -> float | None:
    value = float(cell) if cell else math.nan
    return value if math.isfinite(value) else None


def _pairs(
    before: Mapping[str, Any], after: Mapping[str, Any], methods: Collection[str] | None, method: Any
) -> Iterator[tuple[str, Any, Any]]:
    for subject in sorted(before.keys() | after.keys()):
        if methods is None or method(subject) in methods:
            yield subject, before.get(subject), after.get(subject)


def _compare_quality(subject: str, before: Any, after: Any, tolerances: Mapping[str, float]) -> Iterator[Check]:
    if before is None:
        yield Check(subject, "quality", "new", "not in the baseline")
    elif after is None:
        yield Check(subject, "quality", "fail", "was accepted, and is gone")
    elif before["data_digest"] not in (None, after["data_digest"]):
        yield Check(subject, "data", "fail", "the data set changed, so the numbers cannot be compared; accept the new ones")
    elif before["images"] != after["images"]:
        yield Check(
            subject, "data", "fail", f"the pictures changed: {len(before['images'])} were accepted, there are {len(after['images'])}"
        )
    else:
        for name in dict.fromkeys([*before["values"], *after["values"]]):
            yield _compare_metric(subject, name, before["values"].get(name), after["values"].get(name), tolerances)


def _compare_metric(
    subject: str, name: str, before: list[float | None] | None, after: list[float | None] | None, tolerances: Mapping[str, float]
) -> Check:
    if before is None or after is None:
        return (
            Check(subject, name, "new", "not in the baseline")
            if before is None
            else Check(subject, name, "fail", "was measured, and is not")
        )
    if [value is None for value in before] != [value is None for value in after]:
        return Check(subject, name, "fail", "has no value on other pictures than before")
    old = [value for value in before if value is not None]
    new = [value for value in after if value is not None]
    if not old:
        return Check(subject, name, "skipped", "no picture has a value")
    sign = 1 if name in SEGMENTATION or METRICS[name].direction == "higher" else -1
    change = bootstrap_mean([sign * (b - a) for a, b in zip(old, new, strict=True)])
    first, second = math.fsum(old) / len(old), math.fsum(new) / len(new)
    allowed = tolerances.get(name, RELATIVE_TOLERANCE * abs(first))
    if change.low is None or change.high is None:
        found = f"{first:.4g} -> {second:.4g} ({second - first:+.3g}, one picture and so no interval, tolerance {allowed:.3g})"
        return Check(subject, name, "unsure" if change.mean < -allowed else "pass", found, first, second)
    low, high = sorted((sign * change.low, sign * change.high))
    found = f"{first:.4g} -> {second:.4g} ({second - first:+.3g}, 95 % {low:+.3g} … {high:+.3g}, tolerance {allowed:.3g})"
    outcome: Outcome = "pass"
    if change.mean < -allowed:
        outcome = "fail" if change.high < 0 else "unsure"
    elif change.mean > allowed and change.low > 0:
        outcome = "better"
    return Check(subject, name, outcome, found, first, second)


def _compare_share(subject: str, before: Any, after: Any) -> Check:
    if before is None or after is None:
        return (
            Check(subject, "share", "new", "not in the baseline")
            if before is None
            else Check(subject, "share", "fail", "was accepted, and is gone")
        )
    ((name, old),) = before.items()
    new = after[name]
    outcome: Outcome = "fail" if new < old - SHARE else "better" if new > old + SHARE else "pass"
    return Check(subject, name, outcome, f"{old:.4g} -> {new:.4g} (tolerance {SHARE:g})", old, new)


def _compare_cost(subject: str, before: Any, after: Any, most: float) -> Iterator[Check]:
    if before is None:
        yield Check(subject, "cost", "new", "not in the baseline")
        return
    if after is None:
        yield Check(subject, "cost", "fail", "was accepted, and is gone")
        return
    counts = [("parameters", before["parameters"], after["parameters"])]
    counts += [
        (f"MACs {size}", before["macs"].get(size), after["macs"].get(size)) for size in sorted(before["macs"].keys() | after["macs"].keys())
    ]
    for name, old, new in counts:
        yield Check(subject, name, "pass" if old == new else "fail", f"{old} -> {new}" if old != new else f"{new}", old, new)
    for size in sorted(before["latency"].keys() | after["latency"].keys()):
        yield _compare_latency(subject, f"latency {size}", before["latency"].get(size), after["latency"].get(size), most)


def _compare_latency(subject: str, name: str, before: Any, after: Any, most: float) -> Check:
    if before is None or after is None:
        return (
            Check(subject, name, "new", "not in the baseline")
            if before is None
            else Check(subject, name, "fail", "was measured, and is not")
        )
    if before["threads"] != after["threads"]:
        return Check(subject, name, "skipped", f"{before['threads']} threads were accepted, {after['threads']} measured")
    if not before["yardstick_ms"] or not after["yardstick_ms"]:
        return Check(subject, name, "skipped", "no yardstick was timed beside it")
    old, new = before["ms"] / before["yardstick_ms"], after["ms"] / after["yardstick_ms"]
    found = f"{old:.3g} -> {new:.3g} yardsticks ({new / old:.2f} times, at most {most:g})"
    outcome: Outcome = "fail" if new > most * old else "better" if old > most * new else "pass"
    return Check(subject, name, outcome, found, old, new)


def _disagreements(reports: Path) -> Iterator[Check]:
    """Yields a failure for every mean that is not that of its per-image table, as after a change by hand."""
    for path in sorted(reports.glob("metrics/*/*.json")):
        _, values = _table(path.with_suffix(".csv"))
        for name, cell in read_json(path)["metrics"].items():
            known = [value for value in values.get(name, ()) if value is not None]
            mean = math.fsum(known) / len(known) if known else None
            if name not in METRICS or METRICS[name].direction == "none" or (mean is None and cell["mean"] is None):
                continue
            largest = max((abs(value) for value in known), default=0.0)
            if mean is None or cell["mean"] is None or abs(mean - cell["mean"]) > AGREEMENT * largest:
                found = f"{path.name} says {cell['mean']}, its table {mean}: one of them was changed by hand"
                yield Check(f"{path.parent.name}/{path.stem}", f"{name} agrees", "fail", found, mean, cell["mean"])


def _changed(reports: Path) -> Iterator[Check]:
    """Yields a failure for every file of results that is not as `dvc.lock`, where there is one, says it was written."""
    import yaml

    lock = reports.parent / "dvc.lock"
    if not lock.is_file():
        return
    # The loader in C, where it was built, is ten times as fast.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for stage, entry in yaml.load(lock.read_text(encoding="utf-8"), loader).get("stages", {}).items():
        for out in entry.get("outs", ()):
            path = lock.parent / out["path"]
            # Folders of pictures have a digest of another kind; `dvc status` looks at them.
            if not path.is_relative_to(reports) or not path.is_file() or not stage.startswith(JUDGED):
                continue
            if hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != out["md5"]:
                parts = path.relative_to(reports).with_suffix("").parts[1:]
                found = f"is not what {stage} wrote, says dvc.lock. dvc repro {stage} makes it again; dvc commit {stage} takes it as it is"
                yield Check("/".join(parts), path.name, "fail", found)


def _markdown_table(checks: list[Check]) -> list[str]:
    rows = [f"| {check.outcome} | {check.subject} | {check.name} | {check.message.replace('|', '/')} |" for check in checks]
    return ["| | what | measure | found |", "|---|---|---|---|", *rows]
