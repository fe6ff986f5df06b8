"""How many frames a second go from file to file, and how old a frame is when a viewer sees it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from lle.errors import LleError
from lle.files import significant
from lle.infer.containers import CLOCK
from lle.infer.enhancer import Enhancer
from lle.infer.frames import Frames
from lle.infer.sink import Sink
from lle.infer.stream import Camera
from lle.infer.stream_run import run
from lle.infer.stream_target import StreamSettings
from lle.infer.video import enhance_video
from lle.measure.camera_process import VIEWERS, Shown, camera_process, rtsp
from lle.measure.rtsp_camera import LISTEN
from lle.measure.synthetic_camera import LOOP, RATE, scene
from lle.provenance import provenance
from lle.results.video import Delay, Videos, VideoSpeed

SIZE = (360, 640)


def measure(
    methods: Mapping[str, Callable[[], Enhancer]],
    reports: Path = Path("reports"),
    frames: int = 150,
    seconds: float = 15.0,
    size: tuple[int, int] = SIZE,
) -> Videos:
    """Measures methods on a synthetic clip and a synthetic camera, and writes `benchmarks/video.json`.

    Args:
        methods: what makes the enhancer, by name.
        reports: receives the file.
        frames: of the clip.
        seconds: for which a camera is watched by each kind of viewer; 0 leaves that out.
        size: height and width, from 128 up.
    """
    found = {}
    with tempfile.TemporaryDirectory(prefix="lle-video-") as folder:
        clip = Path(folder) / "clip.mp4"
        write(clip, frames, size)
        for name, load in methods.items():
            speed = significant(frames_per_second(load(), clip))
            delays: dict[str, Delay] = {shown: delay(load(), seconds, size, shown) for shown in VIEWERS} if seconds else {}
            found[name] = VideoSpeed(frames_per_s=speed, delays=delays)
    record = {
        "size": f"{size[0]}x{size[1]}",
        "frames": frames,
        "threads": torch.get_num_threads(),
        "methods": {name: one.plain() for name, one in found.items()},
        "provenance": provenance(seed=0, data_digest=None, command=f"lle benchmark video {' '.join(methods)}"),
    }
    result = Videos.of(record)
    result.write(Videos.path(reports))
    return result


def write(path: Path, frames: int, size: tuple[int, int]) -> None:
    """Writes a clip of the synthetic camera."""
    pictures = [scene(number, size) for number in range(min(frames, LOOP))]
    sink = Sink(str(path), size, Fraction(RATE), CLOCK, encoder={"preset": "veryfast", "crf": "20"})
    for number in range(frames):
        sink.write(pictures[number % LOOP], number * round(1 / (RATE * CLOCK)))
    sink.finish()


def frames_per_second(enhancer: Enhancer, clip: Path) -> float:
    """Enhances a clip, after a few frames that do not count, and returns frames a second from file to file."""
    for _ in range(3):
        enhancer.enhance(scene(0, SIZE))
    begun = time.perf_counter()
    done = enhance_video(enhancer, clip, clip.with_name("out.mp4"))
    return done.frames / (time.perf_counter() - begun)


def delay(enhancer: Enhancer, seconds: float, size: tuple[int, int] = SIZE, shown: Shown = "rtsp") -> Delay:
    """Watches an RTSP camera through an enhancer and returns how old frames are when a viewer has decoded them again.

    Camera and viewer run in a process of their own; all three are on this machine.

    Args:
        enhancer: does the work.
        seconds: for how long; the first two do not count.
        size: of the camera's frames, height and width.
        shown: what the viewer takes.

    Raises:
        LleError: nothing came through.
    """
    with camera_process(rtsp, size, shown) as here:
        source, target = here.recv()
        camera = Camera("benchmark", source, target, Frames(enhancer, smooth=0.5), StreamSettings(options=LISTEN))
        run([camera], lambda _: None, seconds=seconds + 2)
        here.send("stop")
        seen = here.recv()
    ages = seen[2 * RATE :] or seen
    if not ages:
        raise LleError("no frame came through in that time. Give it more seconds.")
    return Delay(
        median_ms=significant(1000 * float(np.median(ages))),
        p95_ms=significant(1000 * float(np.quantile(ages, 0.95))),
        frames=len(ages),
        dropped=camera.counters.dropped,
    )
