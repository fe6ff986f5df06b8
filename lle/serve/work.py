"""The way of a picture through the service: read, enhanced on the one thread of the models, written; in the order of arrival."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from lle.errors import LleError
from lle.infer.adjust import Adjust
from lle.infer.engine import Picture
from lle.infer.memory import give_back
from lle.serve.metrics import Metrics
from lle.serve.models import Key, Model
from lle.serve.pictures import Scratch, refused
from lle.serve.settings import Batching

WORKERS = 2
"""Threads that read and write pictures while others are enhanced."""
GIVE_BACK = 10.0
"""Seconds between two times at which freed memory goes back to the system."""
T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """What is to be done with a picture; see `lle.infer.files.Output`."""

    model: str
    format: str = "png"
    quality: int = 95
    eight_bits: bool = False
    adjust: Adjust = field(default_factory=Adjust)


@dataclass(frozen=True, eq=False)
class _Waiting:
    model: Model
    key: Key | None
    picture: Picture
    result: asyncio.Future[Picture]


class Work:
    """Does the work of all requests. `start` and `stop` belong to one event loop.

    Args:
        models: by name.
        scratch: where pictures lie while they wait.
        batching: how pictures of several requests are joined.
        metrics: are told what was done.
    """

    def __init__(self, models: Mapping[str, Model], scratch: Scratch, batching: Batching, metrics: Metrics) -> None:
        self.models, self._scratch, self._batching, self._metrics = models, scratch, batching, metrics
        self._io = ThreadPoolExecutor(WORKERS, "pictures", initializer=_let_models_go_first)
        self._compute = ThreadPoolExecutor(1, "models")
        # Pictures that are decoded at once: one is enhanced, the next ones are ready, the last ones are encoded.
        self._decoded = asyncio.Semaphore(max(WORKERS + 2, 2 * batching.most))
        self._reading = 0
        self._given_back = 0.0
        self._waiting: deque[_Waiting] = deque()
        self._some = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to enhance."""
        self._task = asyncio.create_task(self._enhance_all())

    async def stop(self) -> None:
        """Ends; what is being enhanced is finished."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for pool in (self._compute, self._io):
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)

    @property
    def alive(self) -> bool:
        """Whether pictures are being enhanced as they come."""
        return self._task is not None and not self._task.done()

    async def store(self, data: bytes) -> tuple[Path, int]:
        """See `Scratch.store`. Where nobody waits for the file any more, it is removed as soon as it is written."""
        writing = self._io.submit(self._scratch.store, data)
        try:
            return await asyncio.wrap_future(writing)
        except asyncio.CancelledError:
            writing.add_done_callback(_remove)
            raise

    async def answer(self, path: Path, wanted: Wanted) -> bytes:
        """Enhances a stored picture and returns the bytes that `lle enhance` would have written; removes the stored picture.

        Raises:
            RefusedError: 422: the picture cannot be read, enhanced or written.
        """
        try:
            async with self._decoded:
                self._reading += 1
                try:
                    low = await self._by(self._io, lambda: self._scratch.read(path, not wanted.eight_bits))
                finally:
                    self._reading -= 1
                enhanced = await self._enhanced(self.models[wanted.model], low.colours)

                def write() -> bytes:
                    result = low.with_colours(wanted.adjust(low.colours, enhanced))
                    encoded = self._scratch.encode(result, wanted.format, wanted.quality)
                    self._give_back()
                    return encoded

                return await self._by(self._io, write)
        finally:
            path.unlink(missing_ok=True)

    async def _enhanced(self, model: Model, picture: Picture) -> Picture:
        one = _Waiting(model, model.key(picture), picture, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        self._some.set()
        return await one.result

    async def _enhance_all(self) -> None:
        while True:
            self._some.clear()
            group = self._group()
            if not group:
                await self._some.wait()
                continue
            if len(group) < self._batching.most and group[0].key is not None and self._reading:
                await asyncio.sleep(self._batching.window)
                self._waiting.extendleft(reversed(group))
                group = self._group()
            if group:
                await self._enhance(group)

    def _group(self) -> list[_Waiting]:
        """Takes the picture that came first, and those that may be enhanced with it; those whose client went away are dropped."""
        here = [one for one in self._waiting if not one.result.done()]
        first = here[:1]
        alike = [one for one in here[1:] if first[0].key is not None and one.key == first[0].key]
        group = first + alike[: self._batching.most - 1]
        self._waiting = deque(one for one in here if one not in group)
        return group

    async def _enhance(self, group: list[_Waiting]) -> None:
        model, begun = group[0].model, time.perf_counter()
        found = await self._by(self._compute, lambda: model.enhance([one.picture for one in group]))
        self._metrics.enhanced(model.name, len(group), time.perf_counter() - begun)
        for one, result in zip(group, found, strict=True):
            if one.result.done():
                continue
            if isinstance(result, LleError):
                one.result.set_exception(refused(result))
            else:
                one.result.set_result(result)

    def _give_back(self) -> None:
        """Gives freed memory back now and then: the model needs most of it again, and asking the system for it takes time."""
        if time.monotonic() - self._given_back > GIVE_BACK:
            self._given_back = time.monotonic()
            give_back()

    def _by(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(pool, work)


def _let_models_go_first() -> None:
    """Lowers the priority of the calling thread: where cores are few, the thread of the models keeps its own."""
    if sys.platform == "linux":  # elsewhere threads have no priority that a process may set
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _remove(writing: Future[tuple[Path, int]]) -> None:
    """Removes what `Scratch.store` has written, if it has."""
    if not writing.cancelled() and writing.exception() is None:
        writing.result()[0].unlink(missing_ok=True)
