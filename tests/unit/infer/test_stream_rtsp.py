"""RTSP: a camera in, a viewer out, and servers that do not answer."""

from __future__ import annotations

import socket
import threading
import time

import numpy as np
import pytest

pytest.importorskip("av", reason="PyAV is not installed: pip install -e '.[video]'")

from lle.infer.stream import Camera
from lle.infer.stream_target import StreamSettings, Target, muxer
from lle.measure.rtsp_camera import LISTEN, RtspCamera, RtspViewer, free_address
from lle.measure.synthetic_camera import Step, SyntheticCamera, Viewer, number_of, scene
from tests.waiting import wait

SIZE = (128, 192)


def test_frames_go_from_camera_to_viewer() -> None:
    numbers: list[int] = []

    def double(picture: np.ndarray, _: float) -> np.ndarray:
        numbers.append(number_of(picture))
        return np.minimum(picture.astype(np.uint16) * 2, 255).astype(np.uint8)

    film = RtspCamera(free_address(), SIZE)
    viewer = RtspViewer(film.sent)
    # The queue is long, so that it drops nothing of what came while the camera was looked at.
    camera = Camera("one", film.address, viewer.address, double, StreamSettings(stall=5.0, pauses=(0.1, 0.4), queue=50, options=LISTEN))
    camera.start()
    film.start()
    wait(lambda: len(viewer.ages) > 25)
    film.stop()
    camera.stop()
    viewer.stop()
    # The camera's second whole picture is the 25th: what came before it is not lost.
    assert numbers[:20] == list(range(20))
    assert viewer.sizes == {SIZE}
    assert 0 < float(np.median(viewer.ages)) < 10
    # Of the first frame of a connection it is not known whether it went out.
    assert camera.counters.unsent == 1
    assert camera.counters.restarts <= 1


@pytest.mark.parametrize("address", ["rtsp://127.0.0.1:{}/live", "rtmp://127.0.0.1:{}/live/one"])
def test_a_target_that_never_answers_holds_nobody_up_for_long(address: str, caplog: pytest.LogCaptureFixture) -> None:
    film = SyntheticCamera((Step("runs", 60),), SIZE, SIZE)
    film.start()
    gaps = [0.0]
    ends = threading.Event()

    def tick() -> None:
        before = time.monotonic()
        while not ends.wait(0.01):
            now = time.monotonic()
            gaps.append(now - before)
            before = now

    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel takes the connection, and that is all
        target = address.format(silent.getsockname()[1])
        camera = Camera("held", film.address, target, lambda picture, _: picture.copy(), StreamSettings(stall=1.5, pauses=(0.1, 60.0)))
        threading.Thread(target=tick, daemon=True).start()
        begun = time.monotonic()
        camera.start()
        wait(lambda: "It is tried again" in caplog.text)
        took = time.monotonic() - begun
        ends.set()
        camera.stop()
    film.stop()
    assert f"{target} did not answer within 1.5 s." in caplog.text
    assert 1.5 <= took < 30
    # Nothing else in this process waited for it: PyAV holds the interpreter's lock while it opens a connection by itself.
    assert max(gaps) < 1.2
    assert camera.counters.sent == 0
    assert camera.counters.restarts == 0


def test_a_frame_in_mpegts_is_seen_before_the_next_is_sent() -> None:
    import av

    picture = scene(0, SIZE)
    like = av.VideoFrame.from_ndarray(picture, format="rgb24")
    viewer = Viewer({})
    target = Target(viewer.address, StreamSettings(stall=5.0), "one")
    assert [target.write(picture, like, number / 25) for number in range(4)] == [False, True, True, True]
    try:
        wait(lambda: viewer.frames == 4, 5.0)
    finally:
        target.close()
        viewer.stop()


def test_what_is_not_known_to_stream_is_left_to_ffmpeg() -> None:
    assert muxer("https://server/live.m3u8", 5.0) == (None, {"flush_packets": "1"})
