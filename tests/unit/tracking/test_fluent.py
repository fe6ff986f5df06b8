"""Pointing MLflow's functions at a store leaves no trace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lle.tracking import store


@pytest.mark.parametrize("before", [None, "http://example.invalid"])
def test_the_address_of_the_environment_comes_back(before: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if before:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", before)
    with store.fluent(f"sqlite:///{tmp_path}/a.db"):
        assert mlflow.get_tracking_uri() == f"sqlite:///{tmp_path}/a.db"
    assert os.environ.get("MLFLOW_TRACKING_URI") == before
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://other.invalid")
    assert mlflow.get_tracking_uri() == "http://other.invalid"
