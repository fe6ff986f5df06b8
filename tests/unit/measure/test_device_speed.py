"""The table of a device, here of the processor: precisions and batches against fp32, and a reason where a method does not run."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from lle.cli import main
from lle.errors import LleError
from lle.measure import device_speed
from lle.measure.device_speed import Way, measure
from lle.project import Project
from lle.results.backends import DeviceSpeeds
from tests.conftest import ROOT


def test_every_cell_has_a_time_or_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_speed, "SIZE", (40, 56))
    params = Project(ROOT / "params.yaml", root=tmp_path).params
    ways = (Way("fp32"), Way("bf16"))
    seen: list[str] = []
    found = measure(params, ["gamma", "clahe"], "cpu", tmp_path, tmp_path, (1, 3), ways, 0.01, lambda name, _: seen.append(name))
    assert DeviceSpeeds.read(tmp_path / "benchmarks/device_cpu.json") == found
    assert seen == ["sci"] * 4 + ["gamma"] * 4 + ["clahe"] * 4
    assert {(one.precision, one.batch) for one in found.methods["sci"]} == {("fp32", 1), ("fp32", 3), ("bf16", 1), ("bf16", 3)}
    assert all(one.ratio_to_sci == 1 for one in found.methods["sci"])
    for one in (*found.methods["sci"], *found.methods["gamma"]):
        assert one.ms is not None
        assert one.psnr == 100 if one.precision == "fp32" else one.psnr > 30
    assert all("numpy and OpenCV" in (one.missing or "") for one in found.methods["clahe"])


def test_whatever_is_raised_costs_its_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_speed, "SIZE", (40, 56))

    def fail(_: object) -> None:
        raise RuntimeError("no compiler\nlong trace")

    monkeypatch.setattr(device_speed.torch, "compile", fail)
    params = Project(ROOT / "params.yaml", root=tmp_path).params
    found = measure(params, [], "cpu", tmp_path, tmp_path, (1,), (Way("fp32"), Way("fp32", compiled=True)), 0.01)
    first, second = found.methods["sci"]
    assert first.ms is not None
    assert (second.ms, second.missing) == (None, "RuntimeError: no compiler")


def test_a_device_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = Project(ROOT / "params.yaml", root=tmp_path).params
    with pytest.raises(LleError, match="'toaster' cannot be used"):
        measure(params, [], "toaster", tmp_path, tmp_path)
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(main, ["benchmark", "device", "sci", "--device", "cuda:99"])
    assert (result.exit_code, "'cuda:99' cannot be used on this machine" in result.output) == (1, True)
    assert not list(tmp_path.iterdir())
