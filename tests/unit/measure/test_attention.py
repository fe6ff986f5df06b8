"""Attention maps by block: what is written, that it is drawn into the report, and what has no blocks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from report_files import make_reports

from lle import registry
from lle.config.load import load_params
from lle.data.images import write_png
from lle.data.prepare import prepare
from lle.engine.model_io import save_model
from lle.errors import ConfigError
from lle.files import write_json
from lle.measure.attention import attention
from lle.report.sections.attention import section
from lle.results.read import read_results

PARAMS = """
suite: {methods: [gamma], datasets: [mine], prepare: [mine]}
train: {data: mine}
profile: {sizes: [[64, 64]]}
data:
  mine: {kind: folder, source: pictures, paired: true, split: test}
"""


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    normal = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    write_png(Path("pictures/normal/a.png"), normal)
    write_png(Path("pictures/low/a.png"), normal // 8)
    prepare("mine", load_params().data["mine"])
    torch.manual_seed(0)
    student = registry.create("distill", {"channels": 8, "teacher_channels": 8, "teacher": "random", "blocks": 6})
    save_model(student, "distill", Path("build/models/distill"))
    origin = {"config_hash": "c", "fingerprint": "f", "seed": 0}
    write_json(Path("build/models/distill/train.json"), {"iterations": 1, "trained_on": "mine", "provenance": origin})


def test_every_block_of_student_and_teacher_is_drawn_and_shown() -> None:
    result = attention("distill", "mine", load_params())
    assert (result.image, result.student_blocks, result.teacher_blocks) == ("a", 6, 6)
    folder = Path("reports/attention/mine/distill")
    names = {"low", "normal", "output", *(f"{who}-{block}" for who in ("student", "teacher") for block in range(1, 7))}
    assert {path.stem for path in folder.iterdir()} == names
    assert cv2.imread(str(folder / "student-3.webp")).shape == (10, 12, 3)
    reports = make_reports(Path("reports"))
    shown = section(reports, read_results(reports))
    assert shown is not None
    assert shown.html.count("<img") == len(names)
    assert "teacher, block 6" in shown.html


def test_no_maps_no_section() -> None:
    reports = make_reports(Path("reports"))
    assert section(reports, read_results(reports)) is None


def test_a_method_without_blocks_is_refused() -> None:
    with pytest.raises(ConfigError, match="no blocks"):
        attention("gamma", "mine", load_params())
