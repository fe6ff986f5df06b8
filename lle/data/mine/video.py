"""Test clips of moving cameras, people, machines and lamps: 48 frames each at 25 a second, stored like scenes, a folder a clip."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lle.data.mine.lighting import Mode
from lle.data.mine.render import load_renderer, render_scene
from lle.data.mine.scene import make_scene
from lle.data.mine.site import Kind, Motion
from lle.data.mine.store import finished, save_scene
from lle.errors import LleError

log = logging.getLogger("lle.data")

FRAMES = 48
RATE = 25
"""Frames a second."""
SIZE = (200, 300)
SAMPLES = 32
_A_PROCESS = 12


@dataclass(frozen=True)
class Clip:
    """One clip.

    Attributes:
        number: of the scene; beyond those of the set, so that no clip shows one of its roadways.
        kind: roadway type.
        mode: which lamps work.
        motion: what has moved after so many seconds.
    """

    number: int
    kind: Kind
    mode: Mode
    motion: Callable[[float], Motion]


_STEPS = 2 * np.pi * 0.9  # radians of the gait a second; a stride of two steps takes 1.1 s
CLIPS: dict[str, Clip] = {
    "drive": Clip(100_001, "shotcrete", "led", lambda t: Motion(advance=2.0 * t, walk=0.6 * t, gait=_STEPS * t)),
    "walk": Clip(100_002, "arch", "lamps", lambda t: Motion(walk=1.1 * t, gait=_STEPS * t)),
    "machine": Clip(100_003, "bolted", "far", lambda t: Motion(approach=3.0 * t)),
    "swing": Clip(100_004, "drill", "lamps", lambda t: Motion(swing=0.18, swing_phase=2 * np.pi * 0.8 * t)),
}


def render_clips(seed: int, out: Path, size: tuple[int, int] = SIZE, samples: int = SAMPLES) -> None:
    """Renders the frames that are not finished yet, in processes of their own.

    Args:
        seed: of the scenes.
        out: receives a folder a clip, each readable with `load_scene` (frames are "0000" to "0047").
        size: height and width in pixels.
        samples: camera rays a pixel.

    Raises:
        LleError: the renderer is missing or a process failed.
    """
    load_renderer()
    for name in CLIPS:
        todo = [frame for frame in range(FRAMES) if f"{frame:04d}" not in set(finished(out / name))]
        for first in range(0, len(todo), _A_PROCESS):
            frames = ",".join(str(frame) for frame in todo[first : first + _A_PROCESS])
            command = [sys.executable, "-m", "lle.data.mine", "frames", "--clip", name, "--numbers", frames, "--out", str(out)]
            command += ["--seed", str(seed), "--height", str(size[0]), "--width", str(size[1]), "--samples", str(samples)]
            if subprocess.run(command, env=os.environ, check=False).returncode:
                raise LleError(f"clip {name}, frames {frames}: the process failed; its messages are above. Run the command again to go on.")
        log.info("clip %s: %d of %d frames finished", name, len(finished(out / name)), FRAMES)


def render_frames(name: str, frames: Sequence[int], seed: int, out: Path, size: tuple[int, int], samples: int) -> None:
    """Renders frames of one clip in this process. The tracer's noise is the same in all, so that still things do not flicker."""
    clip, parent = CLIPS[name], os.getppid()
    for frame in frames:
        if os.getppid() != parent:  # the run was killed: leave the rest to the one that resumes it
            return
        motion = clip.motion(frame / RATE)
        scene = make_scene(seed, clip.number, clip.kind, "test", False, clip.mode, motion)
        picture = render_scene(scene, size, samples, 0, camera_number=0)
        meta = {
            "clip": name,
            "frame": frame,
            "rate": RATE,
            "number": clip.number,
            "seed": seed,
            "split": "test",
            "kind": clip.kind,
            "pair": "relit",
        }
        save_scene(out / name, f"{frame:04d}", picture.even, picture.working, picture.mask, picture.depth, meta)
