"""Backends are timed against each other, and the fastest one is used where it was measured."""

from __future__ import annotations

import gc
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from lle import registry
from lle.engine.model_io import save_model
from lle.errors import LleError
from lle.export import parity, run
from lle.export.run import Calibration
from lle.infer.engine import FileEngine, TorchEngine
from lle.infer.shipped import Enhancer
from lle.measure import backends, energy
from lle.measure.backends import WAYS, Runner, Way, measure, timed, tune
from lle.project import Project
from lle.results.backends import Backends, Tuned
from tests.conftest import ROOT

TORCH = tuple(way for way in WAYS if way.format in (None, "torchscript") and way.precision == "fp32")


@pytest.fixture(scope="module", autouse=True)
def _no_old_objects() -> None:
    """Measuring memory looks for garbage each time, and among all that the tests before have left that takes a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "SIZE", (40, 56))
    monkeypatch.setattr(backends, "WAYS", TORCH)
    monkeypatch.setattr(run, "SHAPES", ((1, 40, 56), (2, 33, 47), (1, 64, 41)))


def project(folder: Path) -> Project:
    return Project(ROOT / "params.yaml", root=folder)


def test_ratios_and_speed_ups_follow_from_the_times(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    def call(seconds: float) -> backends.Run:
        def work(pictures: np.ndarray) -> np.ndarray:
            clock[0] += seconds
            return pictures

        return work

    monkeypatch.setattr(backends.time, "perf_counter", lambda: clock[0])
    mine = [Runner(Way("torch"), call(8.0)), Runner(Way("openvino", format="openvino"), call(2.0)), Runner(Way("x"), None, missing="no x")]
    unit = [Runner(Way("torch"), call(4.0)), Runner(Way("openvino", format="openvino"), call(0.5))]
    eager, fast, missing = timed(mine, seconds=1.0, reference=unit)
    assert (eager.ms, eager.ratio_to_sci, eager.speed_up, eager.runs) == (8000, 2, 1, 3)
    assert (fast.ms, fast.ratio_to_sci, fast.speed_up) == (2000, 4, 4)
    assert (missing.ms, missing.missing) == (None, "no x")


def test_the_table_names_every_backend(tmp_path: Path) -> None:
    seen: list[str] = []
    params = project(tmp_path).params
    record = measure(params, ["gamma"], tmp_path / "reports", tmp_path / "models", 0.01, on_done=lambda name, _: seen.append(name))
    assert seen == ["sci", "gamma"], "SCI is the unit"
    assert Backends.read(Backends.path(tmp_path / "reports")) == record
    assert [row.trained for row in record.methods.values()] == [True, False], "SCI with the package's weights"
    assert all(time.two_streams_per_s > 0 for row in record.methods.values() for time in row.times)
    for row in record.methods.values():
        assert [time.backend for time in row.times] == [way.backend for way in TORCH]
        assert all(time.psnr >= 50 for time in row.times)
        assert row.fastest() in row.times
    assert all(time.ratio_to_sci == 1 for time in record.methods["sci"].times)


def test_what_an_interrupted_run_exported_is_not_exported_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exported: list[str] = []

    def count(method: object, name: str, *rest: object, **more: object) -> object:
        exported.append(name)
        return run.export(method, name, *rest, **more)

    monkeypatch.setattr(backends, "export", count)

    def again(calibration: Calibration | None = None) -> list[str]:
        exported.clear()
        record = measure(project(tmp_path).params, ["he"], tmp_path, tmp_path / "models", 0.01, calibration, keep=tmp_path / "kept")
        assert "numpy and OpenCV" in str(record.methods["he"].times[-1].missing)
        return exported

    assert again() == ["sci", "he"]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.*")}
    assert again() == []
    assert again(Calibration("none", [], [])) == ["sci"], "other pictures for int8, and SCI alone is trained"
    assert again() == [], "what was made without int8 is still there"
    save_model(registry.create("sci"), "sci", tmp_path / "models/sci")
    assert again() == ["sci"], "only its weights are others"
    left = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.*")}
    assert len(left) == len(before), "files of the weights before are gone"
    assert len(left.items() & before.items()) == 1, "the refusal of the other method stays"


def test_weights_of_the_package_are_measured(tmp_path: Path) -> None:
    trained, method = backends.method_of(project(tmp_path).params, "lampnet", tmp_path)
    assert trained
    assert backends.model_digest(method) == backends.model_digest(Enhancer.load("lampnet").method)


def test_a_preset_is_measured_beside_the_method(tmp_path: Path) -> None:
    record = measure(project(tmp_path).params, ["sci:paper"], tmp_path / "reports", tmp_path / "models", 0.01)
    assert list(record.methods) == ["sci", "sci:paper"]
    assert not record.methods["sci:paper"].trained
    with pytest.raises(LleError, match="'sci' has no preset 'nope'; it has paper, recommended"):
        measure(project(tmp_path).params, ["sci:nope"], tmp_path / "reports", tmp_path / "models", 0.01)


def test_classical_methods_say_why_they_are_not_exported(tmp_path: Path) -> None:
    method = registry.create("he")
    torch_way, *_, file_way = backends.runners_of(method, "he", 1, tmp_path)
    assert torch_way.run is not None
    assert (file_way.run, "numpy and OpenCV" in str(file_way.missing)) == (None, True)


def test_whatever_a_backend_raises_costs_its_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("\nno kernel\nlong trace")

    monkeypatch.setattr(backends, "export", fail)
    torch_way, *_, file_way = backends.runners_of(registry.create("gamma"), "gamma", 1, tmp_path)
    assert torch_way.run is not None
    assert (file_way.run, file_way.missing) == (None, "RuntimeError: no kernel")


def test_energy_is_the_difference_of_the_counters(tmp_path: Path) -> None:
    assert energy.read(tmp_path) is None
    for number, value in enumerate((1_000_000, 9_000_000)):
        zone = tmp_path / f"intel-rapl:{number}"
        zone.mkdir()
        (zone / "energy_uj").write_text(f"{value}\n")
        (zone / "max_energy_range_uj").write_text("10000000\n")
    before = energy.read(tmp_path)
    assert before == {"intel-rapl:0": 1_000_000, "intel-rapl:1": 9_000_000}
    # The second counter begins anew.
    assert energy.spent(before, {"intel-rapl:0": 3_000_000, "intel-rapl:1": 500_000}, tmp_path) == 2 + 1.5
    assert energy.spent(before, None, tmp_path) is None
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    assert energy.read(tmp_path) is None


def test_energy_is_a_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = [0]

    def work(pictures: np.ndarray) -> np.ndarray:
        counter[0] += 2_500_000
        return pictures

    monkeypatch.setattr(energy, "SECONDS", 0.0)
    monkeypatch.setattr(energy, "read", lambda: {"intel-rapl:0": counter[0]})
    assert energy.joules({7: work}, np.zeros((1, 16, 16, 3), np.uint8)) == {7: 2.5}


@pytest.mark.parametrize("wins", ["torch", "torch channels_last", "torchscript"])
def test_what_was_tuned_is_used_until_the_model_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wins: str) -> None:
    here = project(tmp_path)
    original = backends.timed

    def rigged(runners: list[Runner], seconds: float) -> list[object]:
        return [time.model_copy(update={"ms": 1.0 if time.backend == wins else 2.0}) for time in original(runners, seconds)]

    monkeypatch.setattr(backends, "timed", rigged)
    with pytest.raises(LleError, match="Run `lle tune gamma`"):
        here.enhancer("gamma", backend="auto")
    found = here.tune("gamma", seconds=0.01)
    assert Tuned.read(here.tuned / "gamma.json") == found
    assert found.backend == wins
    enhancer = here.enhancer("gamma", backend="auto")
    assert isinstance(enhancer.engine, FileEngine if wins == "torchscript" else TorchEngine)
    picture = parity.pictures((1, 40, 56))[0]
    np.testing.assert_allclose(enhancer.enhance(picture).astype(int), here.enhancer("gamma").enhance(picture), atol=1)
    other = registry.create("gamma", {"gamma": 0.9})
    tune(other, "gamma", here.tuned, 0.01)
    with pytest.raises(LleError, match="is of another model"):
        here.enhancer("gamma", backend="auto")


def test_int8_is_measured_where_there_are_pictures(tmp_path: Path) -> None:
    if not all(map(find_spec, ("nncf", "openvino", "onnx"))):
        pytest.skip("needs the extra `edge`: pip install -e '.[edge]'")
    from lle.export.quantise import Pair
    from lle.export.run import Calibration, export

    method = registry.create("zero_dce", registry.config_class("zero_dce").tiny).eval()
    pairs = [Pair(parity.pictures((1, 40, 56), seed), None) for seed in range(4)]
    about = export(method, "zero_dce", tmp_path / "z.xml", "openvino", "int8", calibration=Calibration("made", pairs, pairs[:2]))
    assert about.quantised is not None
    assert about.quantised.loss_db <= about.quantised.allowed_db
    assert about.quantised.reference == "fp32"
    assert "FakeQuantize" in (tmp_path / "z.xml").read_text(encoding="utf-8")
