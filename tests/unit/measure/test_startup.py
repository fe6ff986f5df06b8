"""Starting is measured against Python's own start."""

from __future__ import annotations

from pathlib import Path

from lle.files import read_json
from lle.measure.startup import COMMANDS, measure


def test_every_command_gets_a_ratio(tmp_path: Path) -> None:
    record = measure(tmp_path, runs=1)
    assert read_json(tmp_path / "benchmarks/startup.json") == record
    assert record["commands"].keys() == COMMANDS.keys()
    assert all(found["seconds"] > 0 and found["ratio"] > 0 for found in record["commands"].values())
