"""A Ray cluster of two workers for the tests that need one; they skip where ray is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def ray() -> Iterator[Any]:
    pytest.importorskip("ray", reason="ray is not installed: pip install -e '.[ray]'")
    from lle.cluster.session import local

    with local(2) as module:
        yield module
