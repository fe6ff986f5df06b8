"""Copies of the tests' process end whatever had run in it before."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from tests import warm


class Ring:
    """Garbage once nobody holds it; notes who frees it."""

    def __init__(self, freed: Path) -> None:
        self.freed, self.itself = freed, self

    def __del__(self) -> None:
        with self.freed.open("a") as file:
            file.write(f"{os.getpid()}\n")


def collect() -> None:
    print(gc.isenabled(), gc.collect() >= 0)


def test_a_copy_leaves_the_garbage_of_the_process_alone(tmp_path: Path) -> None:
    """Freeing an object that has threads waits for them, and a copy has not got them."""
    (tmp_path / "code").mkdir()
    warm.call(collect, tmp_path / "code")  # imports libraries, which would collect
    gc.disable()
    Ring(tmp_path / "freed")
    assert warm.call(collect, tmp_path / "code").split() == ["True", "True"]
    gc.collect()
    assert (tmp_path / "freed").read_text().split() == [str(os.getpid())]
