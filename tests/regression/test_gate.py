"""The gate fails on planted regressions, passes on noise, and says which is which."""

from __future__ import annotations

import csv
import hashlib
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lle.errors import LleError
from lle.files import read_json, write_json
from lle.gate.accepted import accept
from lle.gate.compare import gate
from lle.gate.snapshot import snapshot
from lle.gate.verdict import Verdict
from lle.measure import yardstick
from lle.metrics.psnr import psnr
from lle.metrics.ssim import ssim

IMAGES = 24


HERE = {"cpu": "EPYC", "cores": 2, "instructions": "AVX2", "threads": 2, "accelerator": None}
ELSEWHERE = {**HERE, "instructions": "AVX512"}


def write_quality(
    reports: Path, values: dict[str, Any], subject: str = "demo/net", data_digest: str = "d", hardware: dict[str, Any] = HERE
) -> None:
    dataset, method = subject.split("/")
    path = reports / "metrics" / dataset / f"{method}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: np.asarray(column, dtype=float) for name, column in values.items()}
    count = len(next(iter(columns.values())))
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "scene", "width", "height", *columns])
        writer.writerows([f"i{row}", "s", 8, 8, *(f"{column[row]:.6g}" for column in columns.values())] for row in range(count))
    metrics = {name: {"mean": float(f"{column.mean():.6g}"), "low": 0.0, "high": 0.0, "n": count} for name, column in columns.items()}
    record = {"method": method, "dataset": dataset, "images": count, "metrics": metrics}
    record["provenance"] = {"data_digest": data_digest, "hardware": hardware}
    write_json(path.with_suffix(".json"), record)


def write_cost(
    reports: Path,
    ms: float = 20.0,
    yardstick_ms: float | None = 10.0,
    parameters: int = 1000,
    macs: int | None = 10**9,
    hardware: dict[str, Any] = HERE,
    others: float | None = 0.0,
) -> None:
    timing = {"400x600": {"median": ms, "runs": 9, "threads": 1, "others": others}}
    record = {"method": "net", "parameters": parameters, "macs": {"400x600": macs}, "latency_ms": timing, "yardstick_ms": yardstick_ms}
    write_json(reports / "profile/net.json", {**record, "provenance": {"hardware": hardware}})


def write_spread(reports: Path, means: list[float], metric: str = "psnr") -> None:
    runs = [{"seed": number % 3, "processor": "native" if number < 3 else "baseline", "mean": mean} for number, mean in enumerate(means)]
    write_json(reports / "studies/spread.json", {"variants": {"net": {"method": "net", "results": {"demo": {metric: {"by_run": runs}}}}}})


def quality(seed: int = 0) -> dict[str, np.ndarray]:
    """Pictures differ far more from each other than two runs do on one picture."""
    generator = np.random.default_rng(seed)
    return {
        "psnr": 18 + 4 * generator.standard_normal(IMAGES),
        "ssim": np.clip(0.6 + 0.15 * generator.standard_normal(IMAGES), 0, 1),
        "loe": 300 + 80 * generator.standard_normal(IMAGES),
        "entropy": 6 + generator.standard_normal(IMAGES),
    }


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def commit(reports: Path) -> str:
    git(reports, "add", "-A")
    git(reports, "commit", "-qm", "results", "--allow-empty")
    return git(reports, "rev-parse", "HEAD")


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Results in a repository, committed and accepted."""
    folder = tmp_path / "reports"
    write_quality(folder, quality())
    write_cost(folder)
    git(tmp_path, "init", "-q")
    commit(folder)
    accept("the first numbers", folder)
    return folder


def failed(verdict: Verdict) -> list[str]:
    assert verdict.exit_code == (0 if verdict.passed else 1)
    return [f"{check.subject} {check.name}" for check in verdict.of("fail")]


def test_equal_results_pass(reports: Path) -> None:
    verdict = gate(reports)
    assert verdict.passed
    assert {check.outcome for check in verdict.checks} == {"pass"}
    assert len(verdict.checks) == 3 + 3  # a description such as entropy is not judged
    assert str(verdict) == "The gate is open: 6 pass."


@pytest.mark.parametrize("seed", range(10))
def test_noise_passes(reports: Path, seed: int) -> None:
    generator = np.random.default_rng(100 + seed)
    noise = {"psnr": 0.3, "ssim": 0.01, "loe": 8.0, "entropy": 1.0}
    write_quality(reports, {name: value + noise[name] * generator.standard_normal(IMAGES) for name, value in quality().items()})
    write_cost(reports, ms=20 * generator.uniform(0.85, 1.15))
    assert gate(reports).passed


@pytest.mark.parametrize(("metric", "shift"), [("psnr", -0.3), ("ssim", -0.01), ("loe", 12.0)])
def test_a_shifted_metric_fails(reports: Path, metric: str, shift: float) -> None:
    values = quality()
    generator = np.random.default_rng(1)
    values[metric] = values[metric] + shift * (1 + 0.5 * generator.standard_normal(IMAGES))
    write_quality(reports, values)
    assert failed(gate(reports)) == [f"demo/net {metric}"]
    assert gate(reports, tolerance={metric: 10 * abs(shift)}).passed


def test_a_gain_is_no_failure(reports: Path) -> None:
    write_quality(reports, {**quality(), "psnr": quality()["psnr"] + 1, "loe": quality()["loe"] - 50})
    verdict = gate(reports)
    assert verdict.passed
    assert [check.name for check in verdict.of("better")] == ["loe", "psnr"]


def test_a_loss_that_may_be_chance_is_shown_and_passes(reports: Path) -> None:
    values = quality()
    values["psnr"] = values["psnr"].copy()
    values["psnr"][0] -= 9
    write_quality(reports, values)
    verdict = gate(reports)
    assert verdict.passed
    assert [check.name for check in verdict.of("unsure")] == ["psnr"]


@pytest.mark.parametrize("change", [{"parameters": 1001}, {"parameters": 999}, {"macs": 10**9 + 1}, {"macs": None}])
def test_changed_counts_fail(reports: Path, change: dict[str, Any]) -> None:
    write_cost(reports, **change)
    assert len(failed(gate(reports))) == 1


def test_latency_is_judged_by_the_yardstick(reports: Path) -> None:
    write_cost(reports, ms=60, yardstick_ms=30)  # a machine that is three times as slow
    assert gate(reports).passed
    write_cost(reports, ms=20, yardstick_ms=6)  # a machine that is quicker with the yardstick alone
    assert gate(reports).passed
    write_cost(reports, ms=30, yardstick_ms=10)
    assert failed(gate(reports)) == ["net latency 400x600"]
    assert gate(reports, latency=2).passed
    write_cost(reports, ms=30, yardstick_ms=None)
    assert [check.message for check in gate(reports).of("skipped")] == ["no yardstick was timed beside it"]


def test_latency_that_was_timed_beside_other_programs_is_not_judged(reports: Path) -> None:
    write_cost(reports, ms=90, others=0.4)
    told = "other programs took 40% of the cores while the new one was timed"
    assert [check.message for check in gate(reports).of("skipped")] == [told]
    write_cost(reports, ms=90, others=0.05)
    assert failed(gate(reports)) == ["net latency 400x600"]
    commit(reports)
    accept("slower, as timed on a machine that says nothing of its load", reports)
    write_cost(reports, ms=90, others=None)
    assert [check.message for check in gate(reports).of("skipped")] == [told.replace("40%", "an unknown share")]


def write_rounds(reports: Path, factors: list[float], hardware: dict[str, Any], others: float) -> None:
    """Rounds in which the method took `factors` times 20 ms, and the yardstick 10."""
    rounds = [
        {"latency_ms": {"400x600": {"median": 20 * factor, "runs": 9, "threads": 1, "others": others}}, "yardstick_ms": 10.0}
        for factor in factors
    ]
    record = {"rounds": len(rounds), "methods": {"net": rounds}, "provenance": {"hardware": hardware}}
    write_json(reports / "benchmarks/latency.json", record)


def test_latency_may_vary_as_much_as_it_did_in_accepted_rounds(reports: Path) -> None:
    def judged(factors: list[float], ms: float, hardware: dict[str, Any] = HERE, others: float = 0.0) -> list[str]:
        write_cost(reports)
        write_rounds(reports, factors, hardware, others)
        commit(reports)
        accept("with rounds", reports)
        write_cost(reports, ms=ms)
        return failed(gate(reports))

    unsteady = [0.8, 0.9, 1.0, 1.1, 1.2, 1.0, 0.9, 1.1]
    assert judged(unsteady, 36) == [], "1.8 times, where rounds of one model were 1.5 times apart"
    assert judged(unsteady, 60) == ["net latency 400x600"]
    assert judged([1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01], 27) == ["net latency 400x600"], "a steady machine"
    assert judged(unsteady[:7], 36) == ["net latency 400x600"], "seven rounds are too few"
    assert judged(unsteady, 36, ELSEWHERE) == ["net latency 400x600"], "another machine's rounds say nothing of this one"
    assert judged(unsteady, 36, others=0.4) == ["net latency 400x600"], "nor do rounds beside other programs"


def test_a_broken_loss_fails(tmp_path: Path) -> None:
    """Trained, not made up: a gain fitted to bright pictures, and the same with the sign of its loss lost."""
    reports = tmp_path / "reports"
    generator = torch.Generator().manual_seed(0)
    normal = torch.rand(8, 3, 24, 24, generator=generator)
    low = 0.25 * normal + 0.01 * torch.randn(normal.shape, generator=generator)

    def trained(loss: Callable[[Tensor], Tensor]) -> None:
        gain = nn.Parameter(torch.ones(()))
        for _ in range(200):
            (gradient,) = torch.autograd.grad(loss(low * gain - normal), gain)
            gain.data -= 2 * gradient
        outputs = [(low * gain).detach().clamp(0, 1)[i].permute(1, 2, 0).mul(255).round().byte().numpy() for i in range(8)]
        references = [normal[i].permute(1, 2, 0).mul(255).round().byte().numpy() for i in range(8)]
        pairs = list(zip(outputs, references, strict=True))
        write_quality(reports, {"psnr": [psnr(a, b) for a, b in pairs], "ssim": [ssim(a, b) for a, b in pairs]})

    trained(lambda error: error.square().mean())
    before = shutil.copytree(reports, tmp_path / "before")
    trained(lambda error: error.abs().mean())  # another sound loss is as good
    assert gate(reports, before).passed
    trained(lambda error: error.mean())
    assert failed(gate(reports, before)) == ["demo/net psnr", "demo/net ssim"]


def test_what_is_gone_or_no_longer_the_same_fails(reports: Path) -> None:
    path = reports / "metrics/demo/net.json"
    values = quality()
    write_quality(reports, {name: value for name, value in values.items() if name != "ssim"})
    assert failed(gate(reports)) == ["demo/net ssim"]
    write_quality(reports, {name: value[:-1] for name, value in values.items()})
    assert failed(gate(reports)) == ["demo/net data"]
    write_quality(reports, values, data_digest="other")
    assert failed(gate(reports)) == ["demo/net data"]
    path.unlink()
    path.with_suffix(".csv").unlink()
    (reports / "profile/net.json").unlink()
    assert failed(gate(reports)) == ["demo/net quality", "net cost"]


def test_a_number_changed_by_hand_is_noticed(reports: Path) -> None:
    path = reports / "metrics/demo/net.json"
    record = read_json(path)
    record["metrics"]["psnr"]["mean"] += 0.01
    write_json(path, record)
    assert failed(gate(reports)) == ["demo/net psnr agrees"]
    with pytest.raises(LleError, match="changed by hand"):
        accept("it looks better", reports)


def test_a_file_that_the_pipeline_did_not_write_is_noticed(reports: Path) -> None:
    """Also where a change by hand is consistent, and within every tolerance."""
    paths = [reports / name for name in ("metrics/demo/net.json", "metrics/demo/net.csv", "profile/net.json")]
    outs = [f"    - path: {path.relative_to(reports.parent)}\n      md5: {hashlib.md5(path.read_bytes()).hexdigest()}\n" for path in paths]
    outs += ["    - path: reports/samples/demo/net\n      md5: 0.dir\n", "    - path: build/models/net\n      md5: 0.dir\n"]
    lock = f"schema: '2.0'\nstages:\n  evaluate@net-demo:\n    outs:\n{''.join(outs)}  report:\n    outs: []\n"
    (reports.parent / "dvc.lock").write_text(lock)
    assert gate(reports).passed
    write_quality(reports, {**quality(), "psnr": quality()["psnr"] + 0.01})
    assert failed(gate(reports)) == ["demo/net net.json", "demo/net net.csv"]
    assert "dvc repro evaluate@net-demo" in str(gate(reports))
    assert not failed(gate(reports, methods=["other"]))
    with pytest.raises(LleError, match=r"is not what evaluate@net-demo wrote"):
        accept("a little better", reports)


def test_new_results_are_shown_and_pass(reports: Path) -> None:
    write_quality(reports, quality(3), "demo/other")
    write_quality(reports, {**quality(), "piqe": quality()["psnr"]})
    verdict = gate(reports)
    assert verdict.passed
    assert [(check.subject, check.name) for check in verdict.of("new")] == [("demo/net", "piqe"), ("demo/other", "quality")]
    assert not gate(reports, methods=["other"]).of("pass")


def test_accepting_keeps_revisions_reasons_and_changes(reports: Path) -> None:
    first = git(reports, "rev-parse", "HEAD")
    write_quality(reports, {**quality(), "psnr": quality()["psnr"] - 1})
    assert not gate(reports).passed
    with pytest.raises(LleError, match="needs a reason"):
        accept("  ", reports)
    with pytest.raises(LleError, match="not committed"):
        accept("the test set is harder now", reports)
    second = commit(reports)
    accept("the test set is harder now", reports)
    verdict = gate(reports)
    assert verdict.passed
    assert verdict.reason == "the test set is harder now"
    history = read_json(reports / "accepted.json")["history"]
    assert [entry["revision"] for entry in history] == [second, first]
    assert history[1]["reason"] == "the first numbers"
    assert len(history[0]["changes"]) == 1
    assert history[0]["changes"][0].startswith("fail: demo/net psnr: ")
    assert not gate(reports, first).passed, "an earlier revision can be compared with, too"


def test_a_revision_that_is_not_in_the_clone_is_named(reports: Path) -> None:
    with pytest.raises(LleError, match=r"revision nosuch is not in this clone.*--against"):
        gate(reports, "nosuch")


RUNS = [18.1, 18.0, 17.9, 18.05, 17.95, 18.0]


def shifted(value: float) -> dict[str, Any]:
    """Results whose mean PSNR is as asked."""
    values = quality()
    return {"psnr": values["psnr"] - values["psnr"].mean() + value}


def test_one_more_run_within_the_spread_passes_and_half_a_decibel_does_not(reports: Path) -> None:
    write_quality(reports, shifted(18.1))
    write_spread(reports, RUNS)
    commit(reports)
    accept("six runs", reports)
    write_quality(reports, shifted(17.85), hardware=ELSEWHERE)
    assert gate(reports).passed
    write_quality(reports, shifted(17.5), hardware=ELSEWHERE)
    assert failed(gate(reports)) == ["demo/net psnr"]
    assert "spread of 6 runs" in str(gate(reports))


def test_the_interval_is_wider_where_everything_differs_by_chance(reports: Path) -> None:
    write_quality(reports, shifted(18.1))
    write_spread(reports, RUNS)
    commit(reports)
    accept("six runs", reports)
    write_quality(reports, shifted(17.7))
    assert failed(gate(reports)) == ["demo/net psnr"]
    write_quality(reports, shifted(17.7), hardware=ELSEWHERE)
    assert gate(reports).passed


def test_an_unsteady_recipe_widens_what_is_allowed(reports: Path) -> None:
    write_quality(reports, shifted(18.1))
    write_spread(reports, [16.5, 18.0, 19.5, 17.0, 18.5, 18.1])
    commit(reports)
    accept("a recipe that depends on rounding", reports)
    write_quality(reports, shifted(16.5), hardware=ELSEWHERE)
    assert gate(reports).passed


def test_other_hardware_is_shown_and_not_judged_where_the_spread_is_unknown(reports: Path) -> None:
    write_quality(reports, {**shifted(10.0), "ssim": quality()["ssim"], "loe": quality()["loe"]}, hardware=ELSEWHERE)
    write_cost(reports, ms=200, hardware=ELSEWHERE)
    verdict = gate(reports)
    assert verdict.passed
    skipped = {check.name: check.message for check in verdict.of("skipped")}
    assert skipped.keys() == {"psnr", "ssim", "loe", "latency 400x600"}
    assert "other hardware (instructions AVX2 -> AVX512)" in skipped["psnr"]
    write_cost(reports, macs=10**9 + 1, hardware=ELSEWHERE)
    assert failed(gate(reports)) == ["net MACs 400x600"], "what can be counted is judged anywhere"


def test_the_verdict_can_be_read(reports: Path, tmp_path: Path) -> None:
    write_quality(reports, {**quality(), "psnr": quality()["psnr"] - 1})
    write_cost(reports, yardstick_ms=None)
    verdict = gate(reports)
    lines = str(verdict).splitlines()
    assert lines[0].startswith("FAIL     demo/net  psnr")
    assert "(-1, 95 % -1 … -1, tolerance 0.2)" in lines[0]
    assert lines[1].startswith("SKIPPED  net       latency 400x600")
    assert lines[2] == "The gate is CLOSED: 1 fail, 1 skipped, 4 pass."
    verdict.write_junit(tmp_path / "gate.xml")
    suite = ElementTree.parse(tmp_path / "gate.xml").getroot()
    assert suite.attrib == {"name": "lle gate", "tests": "6", "failures": "1", "skipped": "1", "errors": "0"}
    (case,) = (case for case in suite if case.find("failure") is not None)
    assert case.attrib == {"classname": "demo.net", "name": "psnr"}
    verdict.write_markdown(tmp_path / "gate.md")
    text = (tmp_path / "gate.md").read_text()
    assert text.startswith("### ❌ The gate is CLOSED")
    assert "| fail | demo/net | psnr |" in text
    assert "<summary>4 passed</summary>" in text


def test_segmentation_and_clip_are_judged_too(reports: Path) -> None:
    def write(right: int, share: float) -> None:
        path = reports / "segment/seg/net.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"i{row},s,{right + row},{5},{5},{40 - row},5,5,0,0,0" for row in range(IMAGES)]
        path.write_text("\n".join(["image,scene,brick_tp,brick_fp,brick_fn,grass_tp,grass_fp,grass_fn,sky_tp,sky_fp,sky_fn", *lines]))
        write_json(path.with_suffix(".json"), {"provenance": {"data_digest": "d"}})
        write_json(reports / "clip/model.json", {"retrieval_top1": share})

    write(60, 0.9)
    assert {check.subject for check in gate(reports).of("new")} == {"segment/seg/net", "clip/model"}
    commit(reports)
    accept("with segmentation", reports)
    first = snapshot(reports).quality["segment/seg/net"].values
    assert first["iou"][0] == pytest.approx((60 / 70 + 40 / 50) / 2)
    assert first["pixel_accuracy"][0] == pytest.approx(100 / 110)
    write(60, 0.87)
    assert gate(reports).passed
    write(40, 0.8)
    assert failed(gate(reports)) == ["segment/seg/net iou", "segment/seg/net pixel_accuracy", "clip/model retrieval_top1"]
    assert failed(gate(reports, tolerance={"iou": 0.1}, methods=["net"])) == ["segment/seg/net pixel_accuracy"]


def test_what_the_gate_needs_is_named(tmp_path: Path, reports: Path) -> None:
    with pytest.raises(LleError, match="lle gate --accept"):
        gate(tmp_path / "none")
    with pytest.raises(LleError, match="no results"):
        accept("nothing", tmp_path / "none")
    with pytest.raises(LleError, match="unknown metrics: pnsr"):
        gate(reports, tolerance={"pnsr": 1})
    (reports / "metrics/demo/net.csv").unlink()
    with pytest.raises(LleError, match="per-image table"):
        gate(reports)


def test_the_yardstick_is_steady_enough() -> None:
    # Other tests take the cores now and then, so that one of two neighbours can be off.
    times = [yardstick.measure(threads=1, runs=7) for _ in range(6)]
    assert min(times) > 0.5
    assert any(1 / 2 < first / second < 2 for first, second in pairwise(times))
