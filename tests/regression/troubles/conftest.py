"""A folder for commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.regression.troubles.command import SETTINGS, Command


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LLE_DATA_MIRROR", raising=False)
    (tmp_path / "params.yaml").write_text(SETTINGS, encoding="utf-8")
    for name in ("in", "own/low", "own/normal"):
        (tmp_path / name).mkdir(parents=True)
    return Command(tmp_path)
