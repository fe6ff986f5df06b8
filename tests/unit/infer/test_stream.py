"""Live streams: frames go through, old ones are dropped, and what fails is tried again."""

from __future__ import annotations

import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("av", reason="PyAV is not installed: pip install -e '.[video]'")

from clips import read_clip, write_clip

from lle.cli import main
from lle.errors import LleError
from lle.infer.stream import Camera, Newest
from lle.infer.stream_metrics import Lines, serve
from lle.infer.stream_run import run
from lle.infer.stream_target import StreamSettings
from lle.measure.synthetic_camera import Step, SyntheticCamera, Viewer, number_of, scene
from tests.waiting import wait

SIZE, OTHER = (128, 192), (160, 256)
QUICK = StreamSettings(stall=1.0, pauses=(0.1, 0.4))


def double(picture: np.ndarray, time: float) -> np.ndarray:
    return np.minimum(picture.astype(np.uint16) * 2, 255).astype(np.uint8)


@pytest.fixture
def filming() -> Iterator[Callable[..., SyntheticCamera]]:
    started: list[SyntheticCamera] = []

    def film(*steps: Step) -> SyntheticCamera:
        camera = SyntheticCamera(steps or (Step("runs", 60),), SIZE, OTHER)
        camera.start()
        started.append(camera)
        return camera

    yield film
    for camera in started:
        camera.stop()


def test_numbers_are_read_from_frames() -> None:
    assert [number_of(scene(number, SIZE)) for number in (0, 1, 37, 63)] == [0, 1, 37, 63]
    assert number_of(double(scene(42, SIZE), 0)) == 42


def test_the_queue_drops_the_oldest() -> None:
    queue: Newest = Newest(2)
    assert [queue.put((number, 0.0)) for number in range(4)] == [0, 0, 1, 1]  # type: ignore[arg-type]
    assert [entry[0] for entry in (queue.get(0), queue.get(0)) if entry] == [2, 3]
    assert queue.get(0.01) is None


def test_frames_arrive_enhanced_and_soon(filming: Callable[..., SyntheticCamera]) -> None:
    film = filming()
    viewer = Viewer(film.sent)
    camera = Camera("one", film.address, viewer.address, double, QUICK)
    camera.start()
    wait(lambda: len(viewer.ages) > 25)
    camera.stop()
    viewer.stop()
    assert viewer.sizes == {SIZE}
    assert 0 < float(np.median(viewer.ages)) < 1
    counters = camera.counters
    assert counters.sent + counters.dropped + counters.unsent <= counters.received
    assert counters.restarts == 0
    assert 0 < (counters.latency(0.5) or 0) < 1


def test_a_slow_method_drops_frames_and_does_not_fall_behind(filming: Callable[..., SyntheticCamera], tmp_path: Path) -> None:
    def slow(picture: np.ndarray, _: float) -> np.ndarray:
        time.sleep(0.2)
        return picture.copy()

    film = filming()
    camera = Camera("slow", film.address, str(tmp_path / "out.ts"), slow, QUICK)
    camera.start()
    wait(lambda: camera.counters.sent >= 8)
    camera.stop()
    assert camera.counters.dropped > 10
    # At most the queue, the frame at work and the new one.
    assert (camera.counters.latency(1.0) or 9) < 0.2 * 4


def test_stalls_new_sizes_corrupt_packets_and_lost_cameras_are_survived(filming: Callable[..., SyntheticCamera], tmp_path: Path) -> None:
    film = filming(Step("runs", 1.5), Step("stalls", 2.0), Step("resized", 1.5), Step("corrupt", 2.0), Step("gone", 1.0), Step("runs", 60))
    camera = Camera("troubled", film.address, str(tmp_path / "out.ts"), double, QUICK)
    camera.start()
    wait(lambda: film.step() == "gone")
    restarts = camera.counters.restarts
    assert restarts >= 1
    wait(lambda: film.step() == "runs")
    received = camera.counters.received
    wait(lambda: camera.counters.received > received + 25)
    camera.stop()
    assert camera.counters.restarts > restarts
    assert camera.counters.unsent == 0
    frames = read_clip(tmp_path / "out.ts")
    # What was opened with the first frame keeps its size; its times go on across all of it.
    assert {(frame.height, frame.width) for frame in frames} == {SIZE}
    times = [frame.pts for frame in frames]
    assert times == sorted(set(times))


def test_a_target_that_is_gone_is_tried_again(filming: Callable[..., SyntheticCamera]) -> None:
    film = filming()
    gone = Viewer(film.sent)
    gone.stop()
    camera = Camera("alone", film.address, gone.address, double, QUICK)
    camera.start()
    wait(lambda: camera.counters.unsent > 10)
    camera.stop()
    assert camera.counters.sent == 0


def test_a_reader_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    never = threading.Event()
    calls: list[int] = []

    def hang(self: Camera, generation: int) -> None:
        calls.append(generation)
        never.wait(30)

    monkeypatch.setattr(Camera, "_read_once", hang)
    camera = Camera("hung", "tcp://127.0.0.1:9", str(tmp_path / "out.ts"), double, StreamSettings(stall=0.1, pauses=(0.1, 0.1)))
    camera.start()
    camera.watch()
    assert calls == [1]
    camera._alive -= 10
    camera.watch()
    wait(lambda: calls == [1, 2])
    assert camera.counters.restarts == 1
    camera.stop()
    never.set()


@pytest.mark.parametrize("error", [LleError("no"), RuntimeError("a driver\nand its details")])
def test_a_frame_that_cannot_be_enhanced_is_counted(
    filming: Callable[..., SyntheticCamera], tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    ends = threading.Event()

    def fail(picture: np.ndarray, _: float) -> np.ndarray:
        if ends.is_set():
            return picture
        raise error

    film = filming()
    camera = Camera("failing", film.address, str(tmp_path / "out.ts"), fail, QUICK)
    camera.start()
    wait(lambda: camera.counters.unsent > 5)
    assert camera.counters.sent == 0
    ends.set()
    wait(lambda: camera.counters.sent > 5)
    camera.stop()
    assert len([line for line in caplog.messages if "a frame could not be enhanced" in line]) == 1


def test_a_reader_that_fails_in_an_unknown_way_is_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[int] = []

    def fail(self: Camera, generation: int) -> None:
        calls.append(generation)
        raise RuntimeError("a driver")

    monkeypatch.setattr(Camera, "_read_once", fail)
    camera = Camera("odd", "tcp://127.0.0.1:9", str(tmp_path / "out.ts"), double, StreamSettings(stall=0.1, pauses=(0.05, 0.05)))
    camera.start()
    wait(lambda: len(calls) > 2)
    camera.stop()
    assert camera.counters.restarts >= 2


def test_metrics_and_lines() -> None:
    pytest.importorskip("prometheus_client", reason="prometheus-client is not installed: pip install -e '.[video]'")
    camera = Camera("gate 3", "tcp://127.0.0.1:9", "x.ts", double)
    camera.counters.received, camera.counters.sent, camera.counters.lit, camera.counters.dropped = 50, 40, 7, 8
    camera.counters.latencies.extend([0.03] * 9 + [0.5])
    server = serve([camera], 0)
    try:
        text = urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=10).read().decode()
    finally:
        server.shutdown()
    found = dict(re.findall(r"^(lle_\S+\{.*\}) (\S+)$", text, re.MULTILINE))
    assert float(found['lle_stream_received_total{camera="gate 3"}']) == 50
    assert float(found['lle_stream_lit_total{camera="gate 3"}']) == 7
    assert float(found['lle_stream_latency_seconds{camera="gate 3",quantile="0.5"}']) == 0.03
    assert Lines(camera).line(2.0) == ("gate 3: 25.0 frames/s in, 20.0 out, 0 waiting, latency 30 ms, 95 % within 288 ms, 8 dropped, 7 lit")


def test_two_cameras_and_one_target_are_refused(tmp_path: Path) -> None:
    cameras = [Camera(name, "a.mp4", str(tmp_path / "x.ts"), double) for name in "ab"]
    with pytest.raises(LleError, match="two cameras cannot write to one target"):
        run(cameras, print)


def test_the_command_runs_a_file_at_its_own_speed_to_its_end(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", frames=30, size=SIZE, levels=[40] * 15 + [220] * 15)
    out = tmp_path / "b.mp4"
    begun = time.monotonic()
    words = ["stream", "gamma", str(tmp_path / "a.mp4"), str(out), "--only-dark", "--queue", "40"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert time.monotonic() - begun > 1.1
    frames = read_clip(out)
    assert len(frames) == 30
    assert 1.0 < float(frames[-1].pts * frames[-1].time_base) - float(frames[0].pts * frames[0].time_base) < 2.0
    assert "camera1: " in result.stderr
    again = CliRunner().invoke(main, words)
    assert (again.exit_code, "exists already" in again.output) == (2, True)
    assert CliRunner().invoke(main, ["stream", "gamma", "only"]).exit_code == 2


def test_files_that_cannot_be_end_the_command_and_are_not_tried_for_ever(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video" * 100)
    write_clip(tmp_path / "a.mp4", frames=2, size=SIZE)
    for source, target, message in (
        ("none.mp4", "b.mp4", "none.mp4 is no file"),
        ("bad.mp4", "b.mp4", "bad.mp4 cannot be opened as a video"),
        ("a.mp4", "b.xyz", "video cannot be written as that"),
    ):
        result = CliRunner().invoke(main, ["stream", "gamma", str(tmp_path / source), str(tmp_path / target), "--seconds", "20"])
        assert (result.exit_code, message in result.output) == (1, True), result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "bad.mp4"]
    # A folder that is not there is made, as for pictures.
    result = CliRunner().invoke(main, ["stream", "gamma", str(tmp_path / "a.mp4"), str(tmp_path / "new/b.mp4")])
    assert result.exit_code == 0, result.output
    assert len(read_clip(tmp_path / "new/b.mp4")) == 2
