"""Pictures through Ray: the bytes of one process, whatever is killed, and nothing done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from lle.cli import main
from lle.cluster import enhance as module
from lle.cluster.enhance import Done, enhance
from lle.cluster.manifest import Line, read_lines
from lle.cluster.model import PackedModel
from lle.cluster.place import Place
from lle.errors import DataError, LleError
from lle.infer.files import Output, enhance_paths
from lle.infer.shipped import Enhancer
from tests.conftest import ROOT
from tests.unit.cluster.poisoned import Poisoned, Unable

COUNT = 32
GAMMA = PackedModel("gamma")


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures in two folders, one of which is damaged."""
    folder = tmp_path_factory.mktemp("frames") / "in"
    for number in range(COUNT):
        path = folder / ("left", "right")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        light = np.random.default_rng(number).integers(0, 60, (400, 600, 3), dtype=np.uint8)
        Image.fromarray(light).save(path, compress_level=1)
    (folder / "left/damaged.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def expected(frames: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process makes."""
    out = tmp_path_factory.mktemp("expected")
    with pytest.raises(DataError, match=r"damaged\.png"):
        enhance_paths(Enhancer.load("gamma", threads=1), [frames], out)
    return contents(out)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}


def files(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*.png") if not path.name.startswith(".")}


@pytest.fixture(scope="module")
def killed(ray: object, frames: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done, list[Line], str, dict]:
    """A run whose first worker is killed in the middle."""
    out = tmp_path_factory.mktemp("killed")
    lines: list[Line] = []
    victim, before = [], {}

    def on_line(number: int, total: int, line: Line) -> None:
        lines.append(line)
        if number == 5:
            victim.append(line.worker)
            before.update(files(out))
            os.kill(int(str(line.worker).partition(":")[2]), signal.SIGKILL)

    done = enhance(GAMMA, [str(frames)], Place(str(out)), Output(), 2, on_line=on_line)
    return out, done, lines, victim[0], before


def test_a_killed_worker_costs_no_picture_and_repeats_no_finished_one(killed: tuple, expected: dict[str, bytes]):
    out, done, lines, victim, before = killed
    assert (done.written + done.found, done.failed) == (COUNT, 1)
    assert contents(out) == expected
    assert len(before) < COUNT, "the worker was killed after the end"
    after = files(out)
    assert {path: after[path] for path in before} == before
    assert len({line.worker for line in lines if line.worker}) >= 2
    assert victim in {line.worker for line in lines}
    assert sorted(line.target for line in lines) == sorted({*expected, "left/damaged.png"})


def test_the_manifest_says_what_became_of_each(killed: tuple, frames: Path, expected: dict[str, bytes]):
    import hashlib

    found = read_lines(Place(str(killed[0])))
    assert set(found) == {*expected, "left/damaged.png"}
    assert found["left/damaged.png"].status == "failed"
    assert str(frames / "left/damaged.png") in str(found["left/damaged.png"].error)
    for name, line in found.items():
        assert line.source == str(frames / name)
        if line.status == "written":
            assert (line.bytes, line.sha256) == (len(expected[name]), hashlib.sha256(expected[name]).hexdigest())


def test_the_same_command_goes_on(ray: object, killed: tuple, frames: Path, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch):
    out = killed[0]
    monkeypatch.chdir(out)
    lost = ["left/0.png", "right/1.png"]
    for name in lost:
        (out / name).unlink()
    before = files(out)
    words = ["enhance", "gamma", f"file://{frames}", "-o", f"file://{out}", "--engine", "ray", "--workers", "2"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1, result.output
    assert f"{len(lost)} pictures written, {COUNT - len(lost)} were there, 1 failed" in result.output
    assert "damaged.png cannot be read as a picture" in result.output
    assert contents(out) == expected
    after = files(out)
    assert {path: after[path] for path in before} == before
    other = CliRunner().invoke(main, [*words, "--strength", "0.5"])
    assert other.exit_code == 1
    assert "made with another output" in other.output
    assert files(out) == after


# Processes start seven times, each of which imports torch.
@pytest.mark.timeout(280)
def test_a_picture_that_ends_its_process_each_time_is_a_failure_of_its_own(
    ray: object, frames: Path, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "Worker", Poisoned)
    done = enhance(GAMMA, [str(frames / "right")], Place(str(tmp_path)), Output(), 1)
    assert (done.written + done.found, done.failed) == (COUNT // 2 - 1, 1)
    assert "right/5.png: the process that took it ended each of 4 times" in done.failures[0]
    assert set(contents(tmp_path)) == {name.removeprefix("right/") for name in expected if name.startswith("right/")} - {"5.png"}
    monkeypatch.setattr(module, "Worker", Unable)
    with pytest.raises(LleError, match=r"Ray ended the run: .*openvino is not installed\. What is finished is kept"):
        enhance(GAMMA, [str(frames / "left")], Place(str(tmp_path / "left")), Output(), 1)


def test_the_cluster_must_have_room(ray: object, frames: Path, tmp_path: Path):
    with pytest.raises(LleError, match="the cluster has 2 CPU, 0 GPU, which is too little for 3 processes of 1 CPU"):
        enhance(GAMMA, [str(frames)], Place(str(tmp_path)), Output(), 3)


def test_results_of_others_are_not_touched(frames: Path, tmp_path: Path):
    (tmp_path / "left").mkdir()
    (tmp_path / "left/0.png").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"left/0\.png exist already"):
        enhance(GAMMA, [str(frames)], Place(str(tmp_path)), Output(), 2)
    with pytest.raises(DataError, match="would replace the input"):
        enhance(GAMMA, [str(frames)], Place(str(frames)), Output(), 2)
    with pytest.raises(DataError, match="would both become"):
        enhance(GAMMA, [str(frames / "left/0.png"), str(tmp_path / "left/0.png")], Place(str(tmp_path / "out")), Output(), 2)


def test_one_process_knows_nothing_of_ray(frames: Path, tmp_path: Path):
    code = (
        "import sys; from lle.cli import main; "
        f"main(['enhance', 'gamma', {str(frames / 'left/0.png')!r}, '-o', 'out'], standalone_mode=False); "
        "print([name for name in sys.modules if name.split('.')[0] in ('ray', 'submitit', 'pyarrow')])"
    )
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    refused = CliRunner().invoke(main, ["enhance", "gamma", "s3://mine/frames", "-o", str(tmp_path)])
    assert refused.exit_code == 1
    assert "s3://mine/frames is an address, which only --engine ray reads" in refused.output
