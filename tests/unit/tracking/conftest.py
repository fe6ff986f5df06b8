"""A small tree of results, as the pipeline would leave it."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest
from filelock import FileLock
from results_tree import make_models, make_reports

from lle.tracking import store


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return make_reports(tmp_path / "reports")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return make_models(tmp_path / "models")


@pytest.fixture(scope="session")
def empty_store(pytestconfig: pytest.Config) -> Path:
    """An empty database: MLflow takes seconds to make its tables, so that is done once for every version of it."""
    path = pytestconfig.cache.mkdir("mlflow") / f"empty-{importlib.metadata.version('mlflow')}.db"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            made = path.with_suffix(".new")
            made.unlink(missing_ok=True)
            store.client(f"sqlite:///{made}").search_experiments()
            made.rename(path)
    return path
