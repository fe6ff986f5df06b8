"""Models for other programs to reach over HTTP."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lle.errors import LleError
from lle.project.models import Models

if TYPE_CHECKING:
    from lle.results.benchmarks import ServiceLoad
    from lle.serve.settings import Batching, Limits

_PACKAGES = ("fastapi", "uvicorn", "prometheus_client", "python_multipart")


class Serving(Models):
    """What a project serves."""

    def serve(
        self,
        models: Sequence[str | Path],
        host: str = "127.0.0.1",
        port: int = 8080,
        keys_file: Path | None = None,
        limits: Limits | None = None,
        batching: Batching | None = None,
        tile: int | None = None,
        device: str = "cpu",
        threads: int | None = None,
        on_ready: Callable[[str], None] | None = None,
    ) -> None:
        """Serves models over HTTP until the process is told to end; see `lle.serve.server.serve`.

        Args:
            models: methods' ids, model folders or exported files; the first one is that of requests that name none.
            host: address to listen at.
            port: 0 takes a free one.
            keys_file: API keys, one a line; None takes those of the environment variable LLE_SERVE_KEYS.
            limits: what a request, and all together, may take.
            batching: how pictures of several requests are joined.
            tile: see `Enhancer`.
            device: see `Enhancer`.
            threads: of the processor; None leaves them.
            on_ready: called with the service's address as soon as it listens.

        Raises:
            LleError: a package is missing, a model cannot be loaded, or the address cannot be used.
        """
        from importlib.util import find_spec

        if missing := [name for name in _PACKAGES if find_spec(name) is None]:
            raise LleError(f"{', '.join(missing)}: not installed: pip install 'lle-suite[serve]'")
        from lle.serve.server import serve
        from lle.serve.settings import load_keys

        keys = load_keys(keys_file, os.environ)
        enhancers = [self.enhancer(model, tile, device, None, threads) for model in models]
        serve(enhancers, host, port, limits, keys, batching, on_ready)

    def benchmark_serve(
        self, model: str | Path, seconds: float = 600.0, load: float = 2.0, threads: int = 1, batch: int = 1, seed: int = 0
    ) -> ServiceLoad:
        """Puts mixed load on the service of a model, and compares it with the model in a loop.

        Args:
            model: see `serve`.
            seconds: length of the load.
            load: good pictures that come, as a multiple of those that the model can do.
            threads: of the model.
            batch: pictures of several requests in one call of the model.
            seed: of sizes, contents and moments.
        """
        from lle.measure.service import measure

        return measure(model, self.models, self.reports, seconds, load, threads, batch, seed)
