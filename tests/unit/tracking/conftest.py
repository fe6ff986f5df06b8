"""A small tree of results, as the pipeline would leave it."""

from __future__ import annotations

from pathlib import Path

import pytest
from results_tree import make_models, make_reports

from lle.tracking import store


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return make_reports(tmp_path / "reports")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return make_models(tmp_path / "models")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database: MLflow takes seconds to make its tables, so that is done once."""
    path = tmp_path_factory.mktemp("store") / "empty.db"
    store.client(f"sqlite:///{path}").search_experiments()
    return path
