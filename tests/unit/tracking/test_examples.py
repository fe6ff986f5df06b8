"""The Python examples of the documentation run as they stand, on result files and on a store made from them."""

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
        scope: dict = {}
        assert examples(PAGE)
        for example in examples(PAGE):
            exec(example, scope)
        assert list(scope["runs"]["metrics.demo/psnr"]) == [11.5] * 3
        assert len(scope["history"]) == 1
        assert set(scope["variants"]["params.variant"]) == {"full", "no_colour"}
    finally:
        # Unset: an address that is set would be preferred to those that other tests name.
        mlflow.set_tracking_uri(None)
    assert "train@zero_dce" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["enhance", "read_results"])
def test_examples_on_files_run(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    if name == "read_results" and not (ROOT / ".git").exists():
        pytest.skip("dvc.api reads a git checkout")
    monkeypatch.chdir(ROOT)
    # What reads a store is tested in test_paper_table.py.
    on_files = [example for example in examples(PAGE.parent / f"{name}.md") if "import mlflow" not in example]
    assert on_files
    for example in on_files:
        exec(example, {})
    assert ("zero_dce" if name == "enhance" else "jcrnet & ") in capsys.readouterr().out


def test_pictures_are_there_and_small() -> None:
    pictures = [PAGE.parent / name for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", PAGE.read_text(encoding="utf-8"))]
    assert len(pictures) == 4
    assert sum(path.stat().st_size for path in pictures) < 1_000_000
