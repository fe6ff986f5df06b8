"""Video files: what is enhanced is the pictures, and all else stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("av", reason="PyAV is not installed: pip install -e '.[video]'")

from clips import pictures, read_clip, scene, sound, write_clip
from torch import Tensor

from lle.cli import main
from lle.config.base import MethodConfig
from lle.engine.method import Method
from lle.errors import DataError, LleError
from lle.infer.containers import Source, is_file
from lle.infer.darkness import Gate
from lle.infer.enhancer import Enhancer
from lle.infer.video import Progress, VideoOutput, enhance_video, enhance_videos, plan_videos
from lle.measure.mutation_cases import mutate


class Double(Method):
    def forward(self, low: Tensor) -> Tensor:
        return 2 * low


class Same(Method):
    def forward(self, low: Tensor) -> Tensor:
        return low


def double() -> Enhancer:
    return Enhancer(Double(MethodConfig()), "double")


BEST = VideoOutput(crf=1)


@pytest.mark.parametrize(
    ("address", "file"), [("/dev/shm/a.mp4", True), ("a.mp4", True), ("/dev/video0", False), ("rtsp://camera/1", False)]
)
def test_what_is_a_file(address: str, file: bool) -> None:
    assert is_file(address) is file


def test_pictures_are_enhanced_and_sound_and_times_and_rotation_are_kept(tmp_path: Path) -> None:
    times = [0, 40, 90, 130, 133, 200, 400, 440, 470, 520, 560, 1000]
    write_clip(tmp_path / "a.mp4", times=times, sound="aac", rotation=90)
    seen: list[Progress] = []
    done = enhance_video(double(), tmp_path / "a.mp4", tmp_path / "out/b.mp4", BEST, seen.append)
    frames = read_clip(done.target)
    assert [round(1000 * float(frame.pts * frame.time_base)) for frame in frames] == times
    assert {frame.rotation for frame in frames} == {90}
    assert sound(done.target) == sound(tmp_path / "a.mp4")
    expected = 2 * pictures(tmp_path / "a.mp4")
    assert np.abs(pictures(done.target) - expected).mean() < 1.5
    assert [one.frames for one in seen] == list(range(1, 13))
    assert seen[0].total == 12
    assert (done.frames, done.damaged, done.resized) == (12, 0, 0)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.mp4"]


@pytest.mark.parametrize("colours", [(1, 1), (1, 2), (5, 1), (9, 1)])
def test_colours_come_out_as_they_went_in(tmp_path: Path, colours: tuple[int, int]) -> None:
    write_clip(tmp_path / "a.mkv", frames=4, colours=colours)
    enhance_video(Enhancer(Same(MethodConfig())), tmp_path / "a.mkv", tmp_path / "b.mp4", BEST)
    frame = read_clip(tmp_path / "b.mp4")[0]
    assert (int(frame.colorspace), int(frame.color_range)) == colours
    change = pictures(tmp_path / "b.mp4") - pictures(tmp_path / "a.mkv")
    assert np.abs(change).mean() < 1
    assert abs(change.mean()) < 0.5


@pytest.mark.parametrize(
    ("codec", "pixels"), [("prores_ks", "yuv422p10le"), ("ffv1", "gray"), ("ffv1", "bgr0"), ("libx264", "yuv444p"), ("mpeg4", "yuv420p")]
)
def test_any_pixel_format_and_odd_sides(tmp_path: Path, codec: str, pixels: str) -> None:
    size = (63, 95) if codec == "ffv1" else (64, 96)
    write_clip(tmp_path / "a.mkv", frames=3, size=size, codec=codec, pixels=pixels)
    enhance_video(double(), tmp_path / "a.mkv", tmp_path / "b.mp4", BEST)
    result = pictures(tmp_path / "b.mp4")
    assert result.shape == (3, 64, 96, 3)
    assert np.abs(result[:, : size[0], : size[1]] - 2 * pictures(tmp_path / "a.mkv")).mean() < 4
    assert read_clip(tmp_path / "b.mp4")[0].format.name == "yuv420p"


def test_lit_frames_are_left_alone_and_the_gate_does_not_chatter(tmp_path: Path) -> None:
    limit = round(255 * Gate().threshold)
    levels = [30] * 3 + [limit - 3, limit + 3] * 2 + [180] * 5
    write_clip(tmp_path / "a.mp4", levels=levels)
    done = enhance_video(double(), tmp_path / "a.mp4", tmp_path / "b.mp4", VideoOutput(Gate(), crf=1))
    assert done.lit == 5
    before, after = pictures(tmp_path / "a.mp4"), pictures(tmp_path / "b.mp4")
    assert np.abs(after[-5:] - before[-5:]).mean() < 0.5
    assert np.abs(after[:-5] - 2 * before[:-5]).mean() < 2


def test_sound_that_the_format_cannot_hold_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_clip(tmp_path / "a.mkv", sound="flac")
    enhance_video(double(), tmp_path / "a.mkv", tmp_path / "b.mkv")
    assert sound(tmp_path / "b.mkv") == sound(tmp_path / "a.mkv")
    write_clip(tmp_path / "c.mov", sound="pcm_alaw")
    with caplog.at_level("WARNING"):
        enhance_video(double(), tmp_path / "c.mov", tmp_path / "d.mp4")
    assert ".mp4 cannot hold sound as pcm_alaw; write .mkv to keep it" in caplog.text
    assert len(read_clip(tmp_path / "d.mp4")) == 12


def test_the_readable_part_of_a_cut_file_is_kept_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_clip(tmp_path / "a.mkv", frames=100)
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    with caplog.at_level("WARNING"):
        done = enhance_video(double(), tmp_path / "cut.mkv", tmp_path / "b.mp4")
    assert 20 < done.frames < 80
    assert len(read_clip(done.target)) == done.frames
    assert "s; the" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mp4", b"", "cannot be opened as a video"),
        ("a.mp4", b"not a video" * 100, "cannot be opened as a video"),
        ("a.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n", "cannot be opened as a video"),
        ("a.ts", b"ffconcat version 1.0\nfile /etc/passwd\n", "cannot be opened as a video"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        enhance_video(double(), tmp_path / name, tmp_path / "b.mp4")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_cut_index_and_a_sound_file_are_refused(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", sound="aac")
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="cannot be opened"):
        enhance_video(double(), tmp_path / "cut.mp4", tmp_path / "b.mp4")
    import wave

    with wave.open(str(tmp_path / "s.wav"), "wb") as stream:
        stream.setparams((1, 2, 8000, 0, "NONE", ""))
        stream.writeframes(bytes(1600))
    (tmp_path / "s.wav").rename(tmp_path / "s.avi")
    with pytest.raises(DataError, match=r"s\.avi"):
        enhance_video(double(), tmp_path / "s.avi", tmp_path / "b.mp4")


def test_frames_that_are_too_small_are_refused(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mkv", size=(32, 24), frames=1)
    write_clip(tmp_path / "b.mkv", size=(32, 8), frames=1, codec="ffv1", pixels="gray")
    assert enhance_video(double(), tmp_path / "a.mkv", tmp_path / "out.mp4").frames == 1
    with pytest.raises(DataError, match="8x32 pixels; each side needs at least 16"):
        enhance_video(double(), tmp_path / "b.mkv", tmp_path / "no.mp4")


def test_an_interruption_leaves_the_old_file(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(b"old")

    def stop(progress: Progress) -> None:
        if progress.frames == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enhance_video(double(), tmp_path / "a.mp4", tmp_path / "b.mp4", on_progress=stop)
    assert (tmp_path / "b.mp4").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]


def test_one_failure_does_not_stop_the_others(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4")
    (tmp_path / "bad.mp4").write_bytes(b"no")
    write_clip(tmp_path / "c.mov")
    plan = plan_videos([tmp_path / "a.mp4", tmp_path / "bad.mp4", tmp_path / "c.mov"], tmp_path / "out")
    with pytest.raises(DataError, match=r"1 of 3 videos could not be enhanced. The other 2 are done.\n.*bad\.mp4 cannot be opened"):
        enhance_videos(double(), plan)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.mp4", "c.mp4"]


def test_whatever_is_raised_at_a_video_is_that_videos_failure(tmp_path: Path) -> None:
    class Odd(Same):
        def forward(self, low: Tensor) -> Tensor:
            if low.shape[-1] == 96:
                raise RuntimeError("Unsupported kernel\nand its details")
            return low

    write_clip(tmp_path / "a.mp4", frames=2)
    write_clip(tmp_path / "c.mp4", frames=2, size=(64, 80))
    plan = plan_videos([tmp_path / "a.mp4", tmp_path / "c.mp4"], tmp_path / "out")
    with pytest.raises(DataError, match=r"The other 1 are done.\n.*\(RuntimeError: Unsupported kernel\)"):
        enhance_videos(Enhancer(Odd(MethodConfig())), plan)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["c.mp4"]


def test_plans_lose_nothing(tmp_path: Path) -> None:
    a, b, c = (tmp_path / name for name in ("a.mp4", "a.mov", "c.mp4"))
    for path in (a, b, c):
        path.touch()
    with pytest.raises(DataError, match="would both become"):
        plan_videos([a, b], tmp_path / "out")
    with pytest.raises(DataError, match="replace the input"):
        plan_videos([a], a, force=True)
    with pytest.raises(DataError, match="--skip-existing"):
        plan_videos([a], c)
    with pytest.raises(DataError, match=r"cannot be written as \.avi"):
        plan_videos([a], tmp_path / "out.avi")
    with pytest.raises(DataError, match="names one video"):
        plan_videos([a, c], tmp_path / "out.mp4")
    assert plan_videos([a], c, skip_existing=True) == []
    assert plan_videos([a], c, force=True) == [(a, c)]


def test_ten_damaged_videos(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mkv", frames=8, sound="aac")
    write_clip(tmp_path / "a.mp4", frames=8, sound="aac")
    outcomes = []
    for case in range(10):
        source, target = tmp_path / f"damaged{('.mkv', '.mp4')[case % 2]}", tmp_path / f"{case}.mp4"
        source.write_bytes(mutate((tmp_path / source.name.replace("damaged", "a")).read_bytes(), np.random.default_rng(case)))
        message = ""
        try:
            done = enhance_video(double(), source, target)
        except LleError as error:
            message = str(error)
        assert (str(source) in message) != target.exists()
        assert message or len(read_clip(target)) == done.frames > 0
        outcomes.append(bool(message))
    assert 0 < sum(outcomes) < 10


def test_the_command(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", levels=[40] * 6 + [200] * 6)
    words = ["enhance", "gamma", str(tmp_path / "a.mp4"), "-o", str(tmp_path / "b.mp4"), "--only-dark", "--smooth", "0.5"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert result.output == f"{tmp_path / 'b.mp4'}: 12 frames, of which 6 are lit and as they were\n"
    assert CliRunner().invoke(main, words).exit_code == 1
    with Source(str(tmp_path / "b.mp4")) as source:
        assert (source.rate, round(source.duration or 0, 2)) == (25, 0.48)


def test_pictures_that_are_lit_are_left_alone(tmp_path: Path) -> None:
    from lle.data.images import read_rgb, write_png

    for level in (30, 200):
        write_png(tmp_path / f"in/{level}.png", scene(0, (64, 96), level))
    result = CliRunner().invoke(main, ["enhance", "gamma", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--only-dark"])
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(read_rgb(tmp_path / "out/200.png"), scene(0, (64, 96), 200))
    assert read_rgb(tmp_path / "out/30.png").mean() > 60
