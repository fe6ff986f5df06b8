"""Small videos made by the tests."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from lle.infer.containers import exact

MS = Fraction(1, 1000)


def scene(number: int, size: tuple[int, int], level: int = 40) -> np.ndarray:
    """A frame with a bright square that moves."""
    picture = np.full((*size, 3), level, np.uint8)
    picture[8:24, (2 * number) % (size[1] - 16) :][:, :16] = (90, 70, 50)
    return picture


def write_clip(
    path: Path | str,
    frames: int = 12,
    size: tuple[int, int] = (64, 96),
    times: Sequence[int] | None = None,
    levels: Sequence[int] | None = None,
    sound: str | None = None,
    pixels: str = "yuv420p",
    codec: str = "libx264",
    rotation: int = 0,
    colours: tuple[int, int] | None = None,
    **options: Any,
) -> None:
    """Writes a clip of 25 frames a second, or with the times in ms that are given."""
    with av.open(str(path), "w", **options) as container:
        video: Any = container.add_stream(codec, rate=25)
        video.height, video.width, video.pix_fmt = *size, pixels
        video.codec_context.time_base = MS
        if codec == "libx264":
            video.options = {"crf": "1", "preset": "ultrafast", "g": "12"}
        if rotation:
            video.set_display_rotation(rotation)
        space = {}
        if colours is not None:
            video.codec_context.colorspace, video.codec_context.color_range = colours
            space = {"dst_colorspace": colours[0], "dst_color_range": colours[1]}
        audio: Any = container.add_stream(sound, rate=16000, layout="mono") if sound else None
        for number in range(frames):
            picture = scene(number, size, levels[number] if levels else 40)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels, interpolation=exact(), **space)
            frame.pts, frame.time_base = times[number] if times else 40 * number, MS
            container.mux(video.encode(frame))
            if audio is not None:
                wave = (8000 * np.sin(np.arange(640) / 7 + number)).astype(np.int16)[None]
                samples = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
                samples.sample_rate, samples.pts, samples.time_base = 16000, 640 * number, Fraction(1, 16000)
                container.mux(audio.encode(samples))
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(None))


def read_clip(path: Path | str) -> list[Any]:
    """Returns the frames of a clip."""
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def pictures(path: Path | str) -> np.ndarray:
    """Returns the frames of a clip as arrays."""
    return np.stack([frame.to_ndarray(format="rgb24", interpolation=exact()) for frame in read_clip(path)]).astype(int)


def sound(path: Path | str) -> list[bytes]:
    """Returns the packets of a clip's sound track."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]
