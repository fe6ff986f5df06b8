"""A service with two models, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from lle import registry
from lle.infer.enhancer import Enhancer

pytest.importorskip("fastapi", reason="the service needs the extra serve")
pytest.importorskip("python_multipart", reason="the service needs the extra serve")
pytest.importorskip("prometheus_client", reason="the service needs the extra serve")

from fastapi.testclient import TestClient
from service_helpers import running

from lle.serve.app import create_app
from lle.serve.models import named
from lle.serve.settings import Batching, Keys, Limits

Make = Callable[..., TestClient]


@pytest.fixture(scope="session")
def enhancers() -> list[Enhancer]:
    """A classical method and a small network with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = registry.create("sci", None)
    return [Enhancer(registry.create("gamma", None), "gamma"), Enhancer(network, "sci")]


@pytest.fixture
def make(enhancers: list[Enhancer], tmp_path: Path) -> Iterator[Make]:
    """Makes a service and a client of it; what it leaves in its folder is a fault."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with ExitStack() as stack:

        def start(limits: Limits | None = None, keys: Keys | None = None, batching: Batching | None = None, models=None) -> TestClient:
            app = create_app(named(enhancers) if models is None else models, scratch, limits, keys, batching)
            return stack.enter_context(TestClient(app))

        yield start
    assert list(scratch.iterdir()) == []


@pytest.fixture(scope="module")
def address(enhancers: list[Enhancer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Where a service listens."""
    with running(create_app(named(enhancers), tmp_path_factory.mktemp("scratch"))) as (_, place):
        yield place
