"""What a run holds follows from the files."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from results_tree import write_metrics

from lle.errors import LleError
from lle.files import read_json, write_json
from lle.results.quality import INPUT
from lle.tracking import curves, runs
from lle.tracking.runs import collect, dvc_stage
from lle.tracking.studies import StudyRun
from tests.conftest import ROOT


def test_one_record_a_method_in_the_experiment_of_its_training_set(reports: Path, models: Path) -> None:
    found = collect(reports, models)
    assert [(record.name, record.experiment) for record in found] == [
        ("train@gamma", "training"),
        ("evaluate@input", "training"),
        ("train@zero_dce", "training"),
    ]
    assert collect(reports, models, data="elsewhere")[0].experiment == "elsewhere"


def test_untrained_methods_alone_have_an_experiment(tmp_path: Path) -> None:
    write_metrics(tmp_path, "demo", "gamma", {"psnr": [10.0, 11.0]}, None)
    assert [record.experiment for record in collect(tmp_path, tmp_path / "none")] == [runs.UNTRAINED]


def test_no_results_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(LleError, match="dvc repro"):
        collect(tmp_path, tmp_path)


def test_parameters_are_flat_and_complete(reports: Path, models: Path) -> None:
    parameters = collect(reports, models)[2].parameters
    assert parameters["method"] == "zero_dce"
    assert parameters["data"] == "training"
    assert parameters["iterations"].isdigit()
    assert parameters["seed"] == "3"
    assert float(parameters["lr"]) > 0
    assert parameters["betas"] == "[0.9, 0.999]"
    assert runs.flatten({"a": {"b": {"c": 1}}, "d": [1]}) == {"a.b.c": 1, "d": [1]}


def test_tags_of_a_method_are_parameters_too(reports: Path, models: Path) -> None:
    path = reports / "metrics/demo/zero_dce.json"
    record = read_json(path)
    record["provenance"]["tags"] = {"clip_backbone": "demo", "lr": "a setting goes before a tag"}
    write_json(path, record)
    found = collect(reports, models)[2]
    assert found.parameters["clip_backbone"] == "demo"
    assert float(found.parameters["lr"]) > 0
    assert found.provenance.tags["clip_backbone"] == "demo"
    assert found.provenance.command == "lle train zero_dce"


def test_segmentation_in_the_dark_belongs_to_the_run(reports: Path, models: Path) -> None:
    before = collect(reports, models)[2]
    assert before.segmentation == {}
    cell = {"mean": 0.5, "low": 0.4, "high": 0.6}
    record = {
        "method": "zero_dce", "dataset": "demo_seg", "split": "test", "images": 3, "classes": ["brick", "sky"], "absent": ["sky"],
        "mean_iou": {"all": cell, "listed": cell}, "iou": {"brick": 0.7, "sky": None}, "pixel_accuracy": 0.8, "colours": {},
        "judge": {"encoder": "e", "sha256": "0"}, "darkening": {}, "provenance": {},
    }  # fmt: skip
    write_json(reports / "segment/demo_seg/zero_dce.json", record)
    after = collect(reports, models)[2]
    expected = {"mean_iou_all": 0.5, "mean_iou_listed": 0.5, "brick": 0.7, "pixel_accuracy": 0.8}
    assert after.segmentation == {f"segment/demo_seg/{key}": value for key, value in expected.items()}
    assert after.digest != before.digest


def test_curves_come_from_the_log_or_from_the_reports(reports: Path, models: Path, tmp_path: Path) -> None:
    full = collect(reports, models)[2]
    assert {(curve.phase, curve.update, curve.term, len(curve.points)) for curve in full.curves} == {
        (phase, *rest) for phase in ("warm", "fine") for rest in (("fit", "colour", 10), ("fit", "exposure", 10), ("val", "psnr", 1))
    }
    assert full.phases == ["warm", "fine"]
    clone = collect(reports, tmp_path / "none")[2]
    assert [(curve.term, curve.points) for curve in clone.curves] == [("colour", ((0, 1.0), (10, 0.5)))]
    assert clone.folder is None
    assert clone.digest == full.digest
    assert clone.model_digest == ""


def test_long_curves_are_thinned_and_keep_their_end(tmp_path: Path) -> None:
    rows = "".join(f"{i},fit,fit,loss,{i}\n" for i in range(2500))
    (tmp_path / "losses.csv").write_text("iteration,phase,update,term,value\n" + rows)
    (curve,) = curves.read_losses(tmp_path / "losses.csv")
    assert len(curve.points) <= curves.CURVE_POINTS
    assert curve.points[-1] == (2499, 2499.0)


def test_every_file_counts_in_the_digest(reports: Path, models: Path, tmp_path: Path) -> None:
    before = collect(reports, models)[2]
    assert len(before.files) == 2 + 2 + 1 + 1 + 6
    digests = {before.digest}
    for name in before.files:
        path = reports / name
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        digests.add(collect(reports, models)[2].digest)
        path.write_bytes(content)
    assert len(digests) == len(before.files) + 1
    assert collect(reports, models)[2].digest == before.digest


def test_runs_name_stages_that_the_pipelines_have() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert {dvc_stage(method) for method in (INPUT, "gamma", "zero_dce", "sllen")} <= stages.keys()
    for name in yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["studies"]:
        file, _, stage = StudyRun(Path(f"reports/studies/{name}.json")).dvc_stage.partition(":")
        assert stage in yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["stages"]
