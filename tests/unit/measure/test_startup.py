"""Starting is measured against Python's own start."""

from __future__ import annotations

from pathlib import Path

from lle.measure.startup import COMMANDS, measure
from lle.results.cost import Startup


def test_every_command_gets_a_ratio(tmp_path: Path) -> None:
    record = measure(tmp_path, runs=1)
    assert Startup.read(Startup.path(tmp_path)) == record
    assert record.commands.keys() == COMMANDS.keys()
    assert all(found.seconds > 0 and found.ratio > 0 for found in record.commands.values())
