"""The process in which a synthetic camera and its viewer run, so that a stream does not share the interpreter's lock with them.

It imports no torch, so it starts in a second and takes little memory.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Literal

from lle.errors import LleError
from lle.measure.rtsp_camera import RtspCamera, RtspViewer, free_address
from lle.measure.synthetic_camera import Step, SyntheticCamera, Viewer

Shown = Literal["rtsp", "mpegts"]
VIEWERS: Mapping[Shown, type[Viewer]] = {"rtsp": RtspViewer, "mpegts": Viewer}
"""By what they take."""


@contextmanager
def camera_process(work: Callable[..., None], *args: object) -> Iterator[Connection]:
    """Runs `troubled` or `rtsp` in a process of its own and yields a connection to it.

    Args:
        work: called with the other end of the connection and the other arguments.
        args: plain data.

    Raises:
        LleError: the process has ended before it was told to.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_run, args=(work, there, *args), daemon=True)
    process.start()
    there.close()
    try:
        yield here
    except (EOFError, BrokenPipeError) as error:
        raise LleError("the process with the synthetic camera ended early. Run it again.") from error
    finally:
        here.close()
        process.join(10)
        process.kill()


def _run(work: Callable[..., None], connection: Connection, *args: object) -> None:
    with connection, suppress(EOFError, BrokenPipeError):  # who started it has failed, and said so
        work(connection, *args)


def troubled(connection: Connection, steps: tuple[Step, ...], size: tuple[int, int], other: tuple[int, int]) -> None:
    """Runs a camera with troubles and a viewer until told to stop.

    Sends the addresses of both; after the word to stop, how many frames were sent and the longest time without one at the viewer.
    """
    film = SyntheticCamera(steps, size, other)
    viewer = Viewer(film.sent)
    film.start()
    connection.send((film.address, viewer.address))
    longest, seen, since = 0.0, 0, time.monotonic()
    while not connection.poll(0.02):
        # While the camera is silent, and while the stream finds it again, a gap is no fault; what counts is how long it lasts.
        if viewer.frames != seen or film.step() in ("stalls", "gone") or not viewer.frames:
            seen, since = viewer.frames, time.monotonic()
        longest = max(longest, time.monotonic() - since)
    connection.send((film.frames, longest))


def rtsp(connection: Connection, size: tuple[int, int], seen: Shown) -> None:
    """Runs an RTSP camera and a viewer until told to stop.

    Sends the address at which the stream must wait for the camera, see `LISTEN`, and that of the viewer; after the word to stop, how old
    the frames were at the viewer, in seconds.
    """
    film = RtspCamera(free_address(), size)
    viewer = VIEWERS[seen](film.sent)
    film.start()
    connection.send((film.address, viewer.address))
    connection.recv()
    connection.send(list(viewer.ages))
