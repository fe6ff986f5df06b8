"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real photographs and the authors' outputs, beside the checkout or where LLE_SHARED says."""
    folder = Path(os.environ.get("LLE_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}; set LLE_SHARED to the folder that holds it")
    return folder
