"""The darkness gate, smoothing over time, and how both are measured."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lle.config.base import MethodConfig
from lle.data.images import write_png
from lle.data.pairs import Prepared, Row, open_prepared, write_manifest
from lle.engine.method import Method
from lle.errors import DataError, LleError
from lle.infer.darkness import STATISTIC, STATISTICS, THRESHOLD, Gate, darkness
from lle.infer.enhancer import Enhancer
from lle.infer.frames import Frames
from lle.infer.smoothing import Smoother
from lle.measure import flicker
from lle.measure.darkness import best_range, choose
from lle.measure.darkness import measure as measure_darkness
from lle.project import Project
from lle.results.video import Darkness, Flicker

ROOT = Path(__file__).parents[3]


def flat(level: float, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.full((*size, 3), round(255 * level), np.uint8)


class Exposing(Method):
    """Brings the mean of the view to one half; flickers as its estimate does."""

    scope = "global"

    def estimate(self, view: Tensor) -> tuple[Tensor]:
        return (0.5 / view.mean(dim=(1, 2, 3)).clamp(min=0.01),)

    def enhance_with(self, low: Tensor, parameters: tuple[Tensor]) -> Tensor:
        return low * parameters[0][:, None, None, None]

    def forward(self, low: Tensor) -> Tensor:
        return self.enhance_with(low, self.estimate(low))


class Halving(Method):
    def forward(self, low: Tensor) -> Tensor:
        return low / 2


def test_darkness_of_known_pictures() -> None:
    assert darkness(flat(0.2)) == pytest.approx(0.2, abs=1e-3)
    assert darkness(flat(0.2).astype(np.uint16) * 257) == pytest.approx(0.2, abs=1e-3)
    # A lamp over a tenth of a dark frame does not make it a lit one.
    lamp = flat(0.1)
    lamp[:, :6] = 255
    assert Gate().dark_alone(lamp)
    assert not Gate().dark_alone(flat(0.6))
    ramp = np.linspace(0, 1, 1001, dtype=np.float32)
    found = {name: statistic(ramp) for name, statistic in STATISTICS.items()}
    assert found == pytest.approx(
        {"mean": 0.5, "quartile_1": 0.25, "median": 0.5, "quartile_3": 0.75, "root_mean": 4 / 9, "share_lit": 0.8}, abs=2e-3
    )


def test_the_gate_changes_its_mind_only_outside_of_the_margin() -> None:
    gate = Gate(0.5, 0.1)
    assert [gate.is_dark(flat(level)) for level in (0.48, 0.53, 0.56, 0.53, 0.48, 0.44, 0.48)] == [
        True,
        True,
        False,
        False,
        False,
        True,
        True,
    ]
    gate.reset()
    assert not gate.is_dark(flat(0.52))
    with pytest.raises(LleError, match="between 0 and 1"):
        Gate(1.5)


def test_the_best_threshold_is_in_the_widest_gap() -> None:
    assert best_range([0.1, 0.2], [0.4, 0.6]) == (0.2, 0.4, 0.0)
    # One dark picture of four lies among the lit ones.
    assert best_range([0.1, 0.2, 0.3, 0.7], [0.5, 0.6, 0.8, 0.9]) == pytest.approx((0.3, 0.5, 0.125))
    tried, best = choose({"narrow": ([0.1], [0.12]), "wide": ([0.1], [0.5]), "wrong": ([0.5], [0.1])})
    assert best == "wide"
    assert tried["wide"].threshold == pytest.approx(0.3)
    assert tried["wrong"].balanced_error == 0.5


@pytest.mark.parametrize(("model", "name"), [("lle/zoo/lampnet", "lampnet"), ("sci", "sci"), ("input", "input")])
def test_flicker_is_kept_by_name_wherever_the_model_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, name: str) -> None:
    seen: list[object] = []
    monkeypatch.setattr(flicker, "measure", lambda *given, **named: seen.extend((given[0], named["model"])))
    monkeypatch.setattr("lle.data.pairs.open_prepared", lambda *_: None)
    Project(ROOT / "params.yaml", root=tmp_path).flicker(model, "own")
    assert seen == [name, model]


def test_a_set_without_lit_pictures_is_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", flat(0.1))
    rows = tuple(Row(split, "s", tmp_path / "a.png") for split in ("train", "val", "test"))
    prepared = Prepared("dark", "folder", tmp_path, tmp_path, "0" * 64, rows)
    with pytest.raises(DataError, match="the split 'train' of 'dark' has no dark or no lit pictures"):
        measure_darkness(prepared, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_the_threshold_in_the_code_is_that_which_was_measured() -> None:
    found = Darkness.read(Darkness.path(ROOT / "reports"))
    assert "test" not in found.chosen_on
    assert (found.statistic, found.used) == (STATISTIC, {"statistic": STATISTIC, "threshold": THRESHOLD})
    assert found.threshold == pytest.approx(THRESHOLD, abs=5e-4)


def smoothed(values: list[float], seconds: float, step: float, picture: np.ndarray | None = None) -> list[float]:
    smoother = Smoother(seconds)
    found = []
    for number, value in enumerate(values):
        smoother.see(flat(0.2) if picture is None else picture, number * step)
        found.append(float(smoother((torch.tensor([value]),))[0]))
    return found


def test_the_average_is_exponential_and_independent_of_the_frame_rate() -> None:
    once = smoothed([0.0, 1.0], 0.5, 0.5)
    assert once == pytest.approx([0.0, 1 - math.exp(-1)], abs=1e-6)
    assert smoothed([0.0] + [1.0] * 50, 0.5, 0.01)[-1] == pytest.approx(once[-1], abs=1e-5)
    with pytest.raises(LleError, match="above 0"):
        Smoother(0)


def test_cuts_begin_anew_and_noise_does_not() -> None:
    rng = np.random.default_rng(0)

    def noisy(picture: np.ndarray) -> np.ndarray:
        return np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)

    left, right = flat(0.02), flat(0.02)
    left[:, :32], right[:, 32:] = 60, 60
    smoother = Smoother(10)
    seen = []
    for number, picture in enumerate([left, left, left, right, right]):
        smoother.see(noisy(picture), number / 25)
        seen.append(float(smoother((torch.tensor([float(number)]),))[0]))
    assert smoother.cuts == 1
    assert seen[2] < 0.1
    assert seen[3] == 3
    smoother.see(flat(0.1, (32, 32)), 1.0)
    assert float(smoother((torch.tensor([9.0]),))[0]) == 9  # another size
    smoother.see(flat(0.1, (32, 32)), 0.5)
    assert float(smoother((torch.tensor([2.0]),))[0]) == 2  # a step back in time


def test_smoothing_is_for_methods_that_estimate_and_changes_nothing_while_it_is_off() -> None:
    frames = [flat(level) for level in (0.2, 0.22, 0.2, 0.22)]
    off = Frames(Enhancer(Exposing(MethodConfig())))
    np.testing.assert_array_equal(
        [off(frame, n / 25) for n, frame in enumerate(frames)], [Enhancer(off.enhancer.method).enhance(f) for f in frames]
    )
    on = Frames(Enhancer(Exposing(MethodConfig())), smooth=10)
    assert on.smooths
    first = on(frames[0], 0.0)
    assert first.mean() == pytest.approx(127.5, abs=1)
    assert on(frames[1], 0.04).mean() > 135  # with the exposure of the frame before
    assert not Frames(Enhancer(Halving(MethodConfig())), smooth=10).smooths


def test_a_sequence_leaves_the_enhancer_as_it_is_and_the_gate_forgets_the_one_before() -> None:
    enhancer, gate = Enhancer(Exposing(MethodConfig())), Gate(0.5, 0.1)
    alone = enhancer.enhance(flat(0.3))
    Frames(enhancer, gate, smooth=10)(flat(0.2), 0.0)
    np.testing.assert_array_equal(enhancer.enhance(flat(0.3)), alone)
    again = Frames(enhancer, gate)
    between = flat(0.53)  # dark for a gate that has seen a dark frame
    assert again(between, 0.0) is between


def test_frames_that_are_lit_are_the_same_array() -> None:
    frames = Frames(Enhancer(Halving(MethodConfig())), Gate())
    lit = flat(0.8)
    assert frames(lit, 0) is lit
    assert frames(flat(0.1), 1).mean() == pytest.approx(flat(0.1).mean() / 2, abs=1)
    assert frames.lit == 1


def test_flicker_of_known_clips() -> None:
    picture = np.random.default_rng(0).integers(40, 200, (90, 150, 3), dtype=np.uint8)
    clip = flicker.pan(picture, frames=11)
    assert clip.shape == (11, 80, 120, 3)
    assert flicker.warping_error(clip) == 0
    assert flicker.mean_sd(clip) == 0
    pulsing = clip.copy()
    pulsing[::2] += 10
    assert flicker.warping_error(pulsing) == pytest.approx(10)
    assert flicker.mean_sd(pulsing) == pytest.approx(10 * math.sqrt(6 * 5) / 11)
    assert flicker.warping_error(clip, (0, 3)) > 30  # another motion than the clip's
    with pytest.raises(DataError, match="too small"):
        flicker.pan(picture, frames=60)


def test_smoothing_halves_the_flicker_of_a_method_that_estimates(tmp_path: Path) -> None:
    rows = []
    for number in range(2):
        rng = np.random.default_rng(number)
        # A stripe that comes into view makes the estimate jump.
        normal = rng.integers(100, 156, (96, 192, 3), dtype=np.uint8)
        normal[:, 140:150] = 255
        for side, picture in (("low", normal // 5), ("normal", normal)):
            write_png(tmp_path / f"data/own/{side}/{number}.png", picture)
        rows.append(Row("test", str(number), *(tmp_path / f"data/own/{side}/{number}.png" for side in ("low", "normal"))))
    write_manifest(tmp_path / "data/own", "own", "folder", rows)
    prepared = open_prepared("own", tmp_path / "data")
    found = flicker.measure("exposing", lambda: Enhancer(Exposing(MethodConfig())), prepared, tmp_path, clips=2, smooth=0.5)
    assert Flicker.read(Flicker.path(tmp_path, "exposing")) == found
    assert found.smoothed is not None
    assert found.smoothed.mean_sd < 0.6 * found.alone.mean_sd
    assert found.smoothed.warping > 5  # noise stays, and is brightened
    untouched = flicker.measure("input", None, prepared, tmp_path, clips=2)
    # Two frames with independent noise differ by sqrt(2) times as much.
    assert untouched.alone.warping == pytest.approx(flicker.NOISE * math.sqrt(2), rel=0.1)
    assert (untouched.clips, untouched.smoothed) == (2, None)
