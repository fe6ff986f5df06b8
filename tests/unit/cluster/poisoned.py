"""Workers that one picture ends, or that cannot begin; a module of its own, which Ray's processes can import."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence

from lle.cluster.manifest import Line
from lle.cluster.model import PackedModel
from lle.cluster.place import Place
from lle.cluster.worker import Task, Worker
from lle.errors import LleError
from lle.infer.files import Output


class Poisoned(Worker):
    """Ends its process at one picture, as a decoder may that writes where it must not."""

    def run(self, tasks: Sequence[Task]) -> Iterator[Line]:
        if any(task.source.endswith("/5.png") for task in tasks):
            os.kill(os.getpid(), signal.SIGKILL)
        yield from super().run(tasks)


class Unable(Worker):
    """Cannot load its model."""

    def __init__(self, model: PackedModel, output: Output, place: Place) -> None:
        raise LleError("openvino is not installed.")
