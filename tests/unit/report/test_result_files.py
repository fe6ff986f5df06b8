"""Every committed result file fits its model, and is written again with the same content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lle.errors import LleError
from lle.files import read_json, write_json
from lle.results.attention import Attention
from lle.results.base import ResultFile
from lle.results.clip import ClipCost, ClipDarkness, ClipModel, ClipPrompts
from lle.results.composite import Composite
from lle.results.cost import Costs, Profile, Throughput
from lle.results.gradients import GradientLevels
from lle.results.mechanism import Mechanism
from lle.results.provenance import Hardware
from lle.results.quality import Evaluation
from lle.results.rating import Rating
from lle.results.segmentation import Judge, Segmentation
from lle.results.simulation import SimulationResult
from lle.results.study import Study
from lle.results.training import Training
from lle.results.video import Flicker
from lle.results.zoo import ZooEvaluation
from lle.zoo import list_zoo
from tests.conftest import ROOT

KINDS: tuple[type[ResultFile], ...] = (
    Evaluation, Profile, Training, Study, Segmentation, Judge, Attention, ClipModel, ClipDarkness, ClipCost, ClipPrompts,
    Composite, Costs, Mechanism, Throughput, SimulationResult, GradientLevels, Rating, ZooEvaluation, Flicker,
)  # fmt: skip
BY_HAND = (GradientLevels, Rating, Flicker)
"""Kinds that no stage of a pipeline makes, so that there may be none; people's answers come from people."""
NOT_RESULTS = {"accepted.json"}
"""Which revision's results are accepted; read by `lle.gate.accepted`."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_committed_files_are_read_and_written_alike(kind: type[ResultFile], tmp_path: Path):
    files = sorted((ROOT / "reports").glob(kind.FILES))
    assert files or kind in BY_HAND or (kind is ZooEvaluation and not list_zoo())
    for path in files:
        kind.read(path).write(tmp_path / "again.json")
        again = (tmp_path / "again.json").read_text(encoding="utf-8")
        before = {**json.loads(path.read_text(encoding="utf-8")), "schema": 1}
        assert again == json.dumps(before, indent=2, sort_keys=True, ensure_ascii=False) + "\n", path
        # A file with its version is read too, and does not change any more.
        kind.read(tmp_path / "again.json").write(tmp_path / "more.json")
        assert (tmp_path / "more.json").read_text(encoding="utf-8") == again


def test_every_committed_json_file_has_a_model():
    home = ROOT / "reports"
    known = {path for kind in KINDS for path in home.glob(kind.FILES)} | set(home.glob("benchmarks/*.json"))
    others = {path.relative_to(home).as_posix() for path in home.rglob("*.json") if path not in known}
    assert others <= NOT_RESULTS


def test_paths_fit_the_patterns():
    names = ("demo", "unet")
    for kind in KINDS:
        needed = kind.FILES.count("*")
        path = kind.path(Path("reports"), *names[:needed])  # type: ignore[attr-defined]
        assert path.relative_to("reports").match(kind.FILES), kind


def test_another_version_is_refused(tmp_path: Path):
    write_json(tmp_path / "a.json", {**read_json(ROOT / "reports/costs.json"), "schema": 2})
    with pytest.raises(LleError, match="schema 2, and this code reads schema 1"):
        Costs.read(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": "many"}, "images: "),
        ({"images": 3.5}, "images: "),
        ({"surprise": 1}, "surprise: Extra"),
        ({"metrics": None}, "metrics: "),
    ],
)
def test_a_malformed_file_is_named_with_its_key(changes: dict[str, object], message: str, tmp_path: Path):
    path = tmp_path / "unet.json"
    write_json(path, {**read_json(ROOT / "reports/metrics/demo/unet.json"), **changes})
    with pytest.raises(LleError, match=rf"unet\.json: {message}.*git checkout"):
        Evaluation.read(path)


def test_hardware_in_words():
    assert str(Hardware(cpu="one", cores=2, threads=1)) == "one, 2 cores, 1 thread, no accelerator"
    assert str(Hardware(cpu="one", accelerator="H100")) == "one, H100"
