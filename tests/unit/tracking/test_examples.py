"""The Python examples of docs/mlflow.md and the README run as they stand, on a store made from result files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from results_tree import make_reports, write_study

from lle.tracking.sync import sync

ROOT = Path(__file__).parents[3]

PAGE = ROOT / "docs" / "mlflow.md"


def examples(path: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], empty_store: Path) -> None:
    import mlflow

    monkeypatch.chdir(tmp_path)
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
    reports = make_reports(tmp_path / "reports")
    write_study(reports)
    sync(reports, tmp_path / "none", "sqlite:///mlflow.db", "training")
    try:
        for path in (PAGE, ROOT / "README.md"):
            scope: dict = {}
            assert examples(path), f"{path} has no example"
            for example in examples(path):
                exec(example, scope)
            assert list(scope["runs"]["metrics.demo/psnr"]) == [11.5] * 3
            if path == PAGE:
                assert len(scope["history"]) == 1
                assert set(scope["variants"]["params.variant"]) == {"full", "no_colour"}
    finally:
        # Unset: an address that is set would be preferred to those that other tests name.
        mlflow.set_tracking_uri(None)
    assert "train@zero_dce" in capsys.readouterr().out


def test_pictures_are_there_and_small() -> None:
    pictures = [PAGE.parent / name for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", PAGE.read_text(encoding="utf-8"))]
    assert len(pictures) == 4
    assert sum(path.stat().st_size for path in pictures) < 1_000_000
