"""The query of docs/read_results.md gives the present results, the best first."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from lle.tracking import store
from tests.conftest import ROOT


def test_the_table_of_a_paper_is_read_from_a_store(
    empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import mlflow

    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"  # in full: MLflow keeps the stores that it has opened by their addresses
    client = store.client(uri)
    experiment = client.create_experiment("training")
    for method, psnr, current in (("sci", 14.5, "true"), ("unet", 17.25, "true"), ("pie", 30.0, "false")):
        run = client.create_run(experiment, tags={"lle.method": method, store.CURRENT: current}).info.run_id
        for name, value in (("psnr", psnr), ("ssim", 0.5), ("loe", 200.0)):
            client.log_metric(run, f"mine_rendered/{name}", value)
    page = (ROOT / "docs/read_results.md").read_text(encoding="utf-8")
    (block,) = [found for found in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "mlflow" in found]
    try:
        assert '"sqlite:///mlflow.db"' in block
        exec(compile(block.replace("sqlite:///mlflow.db", uri), "docs/read_results.md", "exec"), {})
    finally:
        # Unset: an address that is set would be preferred to those that other tests name.
        mlflow.set_tracking_uri(None)
    rows = [line.split(" & ") for line in capsys.readouterr().out.splitlines() if re.match(r"\w+ & \d", line)]
    assert [row[:2] for row in rows] == [["unet", "17.250"], ["sci", "14.500"]]
