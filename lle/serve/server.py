"""Running the service until it is told to end; what it took by then is answered."""

from __future__ import annotations

import logging
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from lle.errors import LleError
from lle.infer.enhancer import Enhancer
from lle.serve.app import create_app
from lle.serve.log import FACTS, json_lines
from lle.serve.models import named
from lle.serve.settings import KEYS, Batching, Keys, Limits

LOG = logging.getLogger(__name__)

SWITCH = 5e-5
"""Seconds after which a thread lets another one run Python code. A network comes back to Python after each layer, and waits there for the
thread that reads requests: with the interpreter's 5 ms it can lose most of its speed."""


def serve(
    enhancers: Sequence[Enhancer],
    host: str = "127.0.0.1",
    port: int = 8080,
    limits: Limits | None = None,
    keys: Keys | None = None,
    batching: Batching | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM: then no request is taken any more, and those that were taken are answered.

    Args:
        enhancers: the models, the first one being that of requests that name none.
        host: address to listen at; others than this machine's own need keys to be safe.
        port: 0 takes a free one.
        limits: what is allowed.
        keys: who may use it; None lets everybody in.
        batching: how pictures of several requests are joined.
        on_ready: called with the service's address as soon as it listens.

    Raises:
        LleError: a model does not work, or the address cannot be used.
    """
    models = named(enhancers)
    with _listening(host, port) as listener, tempfile.TemporaryDirectory(prefix="lle-serve-") as folder, json_lines(), _fair_threads():
        app = create_app(models, Path(folder), limits, keys, batching)
        place = listener.getsockname()
        address = f"http://{f'[{place[0]}]' if ':' in place[0] else place[0]}:{place[1]}"
        if not keys and not ip_address(place[0]).is_loopback:
            LOG.warning("everybody who reaches %s may use this service: set %s or --keys-file", address, KEYS)
        LOG.info("listening", extra={FACTS: {"address": address, "models": list(models)}})
        if on_ready is not None:
            on_ready(address)
        # h11 is the stricter of uvicorn's two parsers. Access lines are the service's own.
        config = uvicorn.Config(app, http="h11", ws="none", log_config=None, access_log=False, server_header=False, proxy_headers=False)
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _fair_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise LleError(f"cannot listen at {host}:{port}: {error.strerror or error}. Choose another --port or --host.") from error
