"""A set is rendered to its end whatever stops a run, and only with one set of settings."""

from __future__ import annotations

import importlib
import subprocess
import sys

import numpy as np
import pytest

from lle.data.mine import run, video
from lle.data.mine.plan import plan
from lle.data.mine.render import load_renderer
from lle.data.mine.store import finished, save_scene
from lle.errors import LleError
from lle.files import read_json


class Renderer:
    """Stands in for the processes that render: writes tiny scenes, and fails as it is told."""

    def __init__(self, stop_after=None, crash=()):
        self.rendered, self.stop_after, self.crash = [], stop_after, dict.fromkeys(crash, 1)

    def __call__(self, batch, out):
        for scene in batch:
            if self.stop_after is not None and len(self.rendered) == self.stop_after:
                raise KeyboardInterrupt
            if self.crash.get(scene.number, 0):
                self.crash[scene.number] -= 1
                return 134
            grey = np.full((32, 48, 3), 0.01, np.float32)
            meta = {"split": scene.split, "kind": scene.kind, "pair": scene.pair, "section": "arch", "working_lamps": "led", "texts": []}
            save_scene(out, scene.id, grey, grey, np.zeros((32, 48), np.uint8), np.ones((32, 48), np.float32), meta)
            self.rendered.append(scene.number)
        return 0


@pytest.fixture(autouse=True)
def _no_renderer_needed(monkeypatch):
    monkeypatch.setattr(run, "load_renderer", lambda: None)


def test_a_killed_run_resumes_where_it_stopped(tmp_path, monkeypatch):
    first = Renderer(stop_after=8)
    monkeypatch.setattr(run, "_spawn", first)
    with pytest.raises(KeyboardInterrupt):
        run.render_set(14, 5, tmp_path)
    second = Renderer()
    monkeypatch.setattr(run, "_spawn", second)
    assert run.render_set(14, 5, tmp_path) == [scene.id for scene in plan(14)]
    assert sorted(first.rendered + second.rendered) == list(range(14))
    manifest = read_json(tmp_path / "manifest.json")
    assert [row["id"] for row in manifest["scenes"]] == [scene.id for scene in plan(14)]
    assert {row["pair"] for row in manifest["scenes"]} == {"relit", "short_exposure", "uneven"}
    assert manifest["set"]["seed"] == 5


def test_after_a_crash_every_scene_gets_one_more_try_alone(tmp_path, monkeypatch):
    renderer = Renderer(crash=[2])
    monkeypatch.setattr(run, "_spawn", renderer)
    assert len(run.render_set(7, 5, tmp_path)) == 7
    assert sorted(renderer.rendered) == list(range(7))


def test_a_scene_that_fails_twice_is_named_and_the_others_are_finished(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_spawn", lambda batch, out: 1 if any(scene.number == 3 for scene in batch) else Renderer()(batch, out))
    with pytest.raises(LleError, match="scenes 0003 failed twice"):
        run.render_set(8, 5, tmp_path)
    assert len(finished(tmp_path)) == 7


def test_a_folder_holds_one_set(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_spawn", Renderer())
    run.render_set(2, 5, tmp_path)
    with pytest.raises(LleError, match="seed 5 -> 6"):
        run.render_set(2, 6, tmp_path)
    assert len(run.render_set(4, 5, tmp_path)) == 4


def test_a_missing_renderer_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    with pytest.raises(LleError, match=r"lle-suite\[render\].*libllvm19"):
        load_renderer()


def test_a_wrong_library_path_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib, "import_module", lambda name: object())
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", str(tmp_path / "none.so"))
    with pytest.raises(LleError, match=r"none\.so, which does not exist"):
        load_renderer()


def test_clips_are_resumed_frame_by_frame(tmp_path, monkeypatch):
    asked = []

    def process(command, **_):
        name, numbers = command[command.index("--clip") + 1], command[command.index("--numbers") + 1]
        asked.append((name, [int(number) for number in numbers.split(",")]))
        grey = np.full((16, 24, 3), 0.01, np.float32)
        for number in asked[-1][1]:
            save_scene(tmp_path / name, f"{number:04d}", grey, grey, np.zeros((16, 24), np.uint8), np.ones((16, 24), np.float32), {})
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(video, "load_renderer", lambda: None)
    monkeypatch.setattr(video.subprocess, "run", process)
    monkeypatch.setattr(video, "FRAMES", 14)
    video.render_clips(1, tmp_path)
    assert asked[:2] == [("drive", list(range(12))), ("drive", [12, 13])]
    (tmp_path / "swing" / "meta" / "0005.json").unlink()
    asked.clear()
    video.render_clips(1, tmp_path)
    assert asked == [("swing", [5])]
