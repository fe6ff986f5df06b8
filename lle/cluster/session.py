"""The connection to a Ray cluster: the one that `RAY_ADDRESS` names, one that runs on this machine, or one made for the occasion."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from lle.errors import LleError, first_line

STORE = 512 * 2**20
"""Bytes of the object store of a cluster that is made here: only names of pictures and the weights pass through it."""
_QUIET: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}


def require(package: str) -> None:
    """Refuses to go on without a package of the extra `ray`.

    Raises:
        LleError: it is not installed; the message says how to get it.
    """
    if find_spec(package) is None:
        raise LleError(f"{package} is not installed. It comes with the extra `ray`: pip install 'lle-suite[ray]'")


def _prepared() -> Any:
    """Imports Ray with what it must be told before."""
    require("ray")
    # It would send a report of its use over the network; and its C++ part warns of what Ray Data does itself.
    for name, value in {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}.items():
        os.environ.setdefault(name, value)
    import ray

    return ray


@contextmanager
def local(cores: int | None = None) -> Iterator[Any]:
    """Yields the module `ray` with a cluster of this machine alone, which ends with the block.

    Args:
        cores: that it believes to have; None counts them.

    Raises:
        LleError: ray is not installed.
    """
    ray = _prepared()
    ray.init(address="local", num_cpus=cores, include_dashboard=False, object_store_memory=STORE, **_QUIET)
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def session() -> Iterator[Any]:
    """Yields the module `ray`, connected; ends the connection if it was made here.

    Raises:
        LleError: ray is not installed, there is no cluster at the address, or the cluster failed.
    """
    ray = _prepared()
    own = not ray.is_initialized()
    try:
        if own:
            _connect(ray)
        yield ray
    except ray.exceptions.RayError as error:
        raise LleError(f"Ray ended the run: {_reason(error)}. What is finished is kept: the same command goes on.") from error
    finally:
        if own:
            ray.shutdown()


def _connect(ray: Any) -> None:
    try:
        ray.init(address="auto", **_QUIET)
    except ConnectionError as error:
        if address := os.environ.get("RAY_ADDRESS"):
            raise LleError(f"there is no Ray cluster at RAY_ADDRESS={address} ({first_line(error)}). Start it, or unset it.") from error
        ray.init(address="local", include_dashboard=False, object_store_memory=STORE, **_QUIET)


def _reason(error: Exception) -> str:
    """Returns why Ray ended a run: its first line, or where a process could not begin, for which Ray has a traceback, the last one."""
    lines = str(error).strip().splitlines()
    return lines[-1].rstrip(".") if lines and getattr(error, "actor_init_failed", False) else first_line(error).rstrip(".")
