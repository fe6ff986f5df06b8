"""What a pipeline spent is summed up by kind of command."""

from __future__ import annotations

import json

import pytest

from lle.errors import DataError
from lle.measure.pipeline_times import measure


def test_seconds_are_summed_by_kind(tmp_path):
    lines = [
        {"command": ["lle", "train", "sci"], "begun": 1.0, "seconds": 3.0, "cpu_seconds": 5.0, "exit_code": 0},
        {"command": ["lle", "evaluate", "sci", "demo"], "begun": 3.5, "seconds": 1.0, "cpu_seconds": 1.0, "exit_code": 0},
        {"command": ["lle", "train", "unet"], "begun": 5.0, "seconds": 4.0, "cpu_seconds": 7.0, "exit_code": 0},
        {"command": ["dvc", "repro"], "seconds": 10.0, "whole": True},
    ]
    times = tmp_path / "times.jsonl"
    times.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = measure(tmp_path, times)
    spent = {name: (one.seconds, one.cpu_seconds) for name, one in found.kinds.items()}
    assert spent == {"train": (7.0, 12.0), "evaluate": (1.0, 1.0)}
    assert (found.seconds, found.idle_seconds) == (10.0, 2.5)
    assert json.loads((tmp_path / "benchmarks/pipeline.json").read_text())["commands"][0]["command"] == "lle train sci"


def test_a_pipeline_that_did_not_end_is_none(tmp_path):
    with pytest.raises(DataError, match="make repro"):
        measure(tmp_path, tmp_path / "none.jsonl")
