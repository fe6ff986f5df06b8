"""Rendering a whole set: resumable, a fresh process every few scenes (mitsuba's memory grows by some 100 MB a scene)."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lle.data.mine.plan import Planned, plan
from lle.data.mine.projection import visible_signs
from lle.data.mine.render import load_renderer, render_scene
from lle.data.mine.scene import make_scene
from lle.data.mine.store import finished, save_scene
from lle.errors import LleError
from lle.files import read_json, write_json

log = logging.getLogger("lle.data")

SIZE = (400, 600)
"""Height and width of the set."""
SAMPLES = 48
"""Camera rays a pixel: see docs/mine for what more of them would give."""
VERSION = 1
"""Of the scenes: raised when the code makes other scenes from the same seed."""
_A_PROCESS = 6


def render_set(scenes: int, seed: int, out: Path, size: tuple[int, int] = SIZE, samples: int = SAMPLES) -> list[str]:
    """Renders what is not finished yet, in processes of their own, and brings the manifest up to date after each.

    Args:
        scenes: how many of the plan the set has; a larger number later adds scenes and changes none.
        seed: of the set.
        out: its folder.
        size: height and width in pixels.
        samples: camera rays a pixel.

    Returns:
        Ids of the finished scenes.

    Raises:
        LleError: the renderer is missing, the folder holds another set, or scenes failed twice.
    """
    load_renderer()
    settings = {"version": VERSION, "seed": seed, "height": size[0], "width": size[1], "samples": samples}
    _claim(out, settings)
    done = set(finished(out))
    todo = [planned for planned in plan(scenes) if planned.id not in done]
    log.info("%d of %d scenes are finished in %s; %d to render", scenes - len(todo), scenes, out, len(todo))
    start, failed = time.monotonic(), []
    for first in range(0, len(todo), _A_PROCESS):
        batch = todo[first : first + _A_PROCESS]
        _spawn(batch, out)
        for planned in batch:
            # A crash takes its whole process along: each missing scene gets one more try, alone.
            if planned.id not in finished(out) and _spawn([planned], out):
                failed.append(planned.id)
        write_manifest(out)
        number = min(first + _A_PROCESS, len(todo))
        left = (time.monotonic() - start) / number * (len(todo) - number)
        log.info("%d of %d finished, about %.0f minutes left", len(finished(out)), scenes, left / 60)
    if failed:
        raise LleError(f"scenes {', '.join(failed)} failed twice; the messages above say why. Run the command again to retry them.")
    return finished(out)


def render_numbers(numbers: Sequence[int], out: Path) -> None:
    """Renders scenes of a set in this process; its settings are in the folder's `set.json`."""
    settings = read_json(out / "set.json")
    size = (settings["height"], settings["width"])
    planned = {scene.number: scene for scene in plan(max(numbers) + 1)}
    parent = os.getppid()
    for number in numbers:
        if os.getppid() != parent:  # the run was killed: leave the rest to the one that resumes it
            return
        clock = time.process_time()
        scene_bytes = _render_one(planned[number], settings["seed"], out, size, settings["samples"])
        scene, seconds = planned[number], time.process_time() - clock
        log.info("  %s %s %.0f kB, %.0f CPU-s", scene.id, scene.kind, scene_bytes / 1000, seconds)


def _render_one(planned: Planned, seed: int, out: Path, size: tuple[int, int], samples: int) -> int:
    scene = make_scene(seed, planned.number, planned.kind, planned.split, planned.uneven)
    picture = render_scene(scene, size, samples, planned.number)
    meta: dict[str, Any] = {
        "number": planned.number,
        "seed": seed,
        "version": VERSION,
        "split": planned.split,
        "kind": planned.kind,
        "pair": planned.pair,
        "section": scene.shape,
        "working_lamps": scene.mode,
        "texts": [text for text, _ in scene.signs],
        "signs": visible_signs(scene, scene.cameras[picture.camera], picture.mask),
        "haze_per_m": scene.haze,
        "field_of_view": round(scene.cameras[picture.camera].field, 2),
        "barrel": round(scene.cameras[picture.camera].barrel, 4),
        "camera": picture.camera,
        "triangles": scene.triangles,
        "samples": samples,
    }
    return save_scene(out, planned.id, picture.even, picture.working, picture.mask, picture.depth, meta)


def write_manifest(out: Path) -> None:
    """Writes `manifest.json`: one row a finished scene, which says its split, roadway type and kind of pair."""
    keys = ("split", "kind", "pair", "section", "working_lamps", "texts")
    rows = []
    for name in finished(out):
        meta = read_json(out / "meta" / f"{name}.json")
        rows.append({"id": name, **{key: meta[key] for key in keys}})
    write_json(out / "manifest.json", {"set": read_json(out / "set.json"), "scenes": rows})


def _claim(out: Path, settings: dict[str, int]) -> None:
    path = out / "set.json"
    if path.exists():
        found = read_json(path)
        if found != settings:
            changed = ", ".join(f"{key} {found.get(key)} -> {settings[key]}" for key in settings if found.get(key) != settings[key])
            raise LleError(f"{out} holds a set with other settings ({changed}). Choose another folder or the same settings.")
    else:
        write_json(path, settings)


def _spawn(batch: Sequence[Planned], out: Path) -> int:
    numbers = ",".join(str(planned.number) for planned in batch)
    command = [sys.executable, "-m", "lle.data.mine", "batch", "--numbers", numbers, "--out", str(out)]
    return subprocess.run(command, env=os.environ, check=False).returncode
