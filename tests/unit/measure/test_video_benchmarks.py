"""The benchmarks of video at a small budget; `lle benchmark` runs them at their real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor

pytest.importorskip("av", reason="PyAV is not installed: pip install -e '.[video]'")

from lle.config.base import MethodConfig
from lle.engine.method import Method
from lle.infer.enhancer import Enhancer
from lle.infer.stream_target import StreamSettings
from lle.measure import live, video_speed
from lle.measure.synthetic_camera import Step
from lle.results.video import Live, Videos


class Double(Method):
    def forward(self, low: Tensor) -> Tensor:
        return 2 * low


def double() -> Enhancer:
    return Enhancer(Double(MethodConfig()), "double")


def test_speed_and_delay(tmp_path: Path) -> None:
    found = video_speed.measure({"double": double}, tmp_path, frames=20, seconds=1, size=(128, 192))
    assert Videos.read(Videos.path(tmp_path)) == found
    one = found.methods["double"]
    assert one.frames_per_s > 5
    assert set(one.delays) == {"rtsp", "mpegts"}
    for delay in one.delays.values():
        assert 0 < delay.median_ms <= delay.p95_ms < 2000
        assert delay.frames > 10


def test_a_camera_with_every_trouble_for_seconds(tmp_path: Path) -> None:
    steps = (Step("runs", 2.0), Step("stalls", 1.6), Step("resized", 1.5), Step("corrupt", 1.5), Step("gone", 0.6))
    settings = StreamSettings(stall=1.0, pauses=(0.1, 0.4))
    lines: list[str] = []
    found = live.measure("double", double(), tmp_path, 0.25, steps, settings, (128, 192), lines.append)
    assert Live.read(Live.path(tmp_path)) == found
    assert found.counters["sent"] > 50
    assert found.counters["restarts"] >= 2
    assert found.filmed > found.counters["sent"] / 2
    assert found.memory.growth_mb < 100
    assert found.longest_gap_s < 5
    assert len(lines) >= 10
