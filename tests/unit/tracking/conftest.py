"""A small tree of results, as the pipeline would leave it."""

from __future__ import annotations

from pathlib import Path

import pytest
from results_tree import make_models, make_reports


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return make_reports(tmp_path / "reports")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return make_models(tmp_path / "models")
