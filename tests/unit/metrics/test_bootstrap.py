from __future__ import annotations

import numpy as np
import pytest

from lle.metrics.bootstrap import bootstrap_mean, paired_difference


def test_the_same_values_give_the_same_interval() -> None:
    values = np.random.default_rng(0).normal(20, 3, 24)
    first, second = bootstrap_mean(values), bootstrap_mean(list(values))
    assert first == second
    assert first.low < first.mean < first.high
    assert first.mean == pytest.approx(values.mean())
    assert first.n == 24
    assert bootstrap_mean(values, seed=1).low != first.low


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        interval = bootstrap_mean(rng.normal(5, 2, 30), resamples=1000)
        hits += interval.low <= 5 <= interval.high
    assert 0.89 <= hits / 300 <= 0.98


def test_the_width_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(2).normal(0, 1, 200)
    interval = bootstrap_mean(values)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(200), rel=0.05)


def test_pictures_of_a_scene_are_no_independent_evidence() -> None:
    scenes = np.repeat(np.random.default_rng(3).normal(0, 1, 20), 5)
    names = [f"scene{i // 5}" for i in range(100)]
    single, grouped = bootstrap_mean(scenes), bootstrap_mean(scenes, groups=names)
    assert grouped.mean == single.mean
    assert (grouped.high - grouped.low) / (single.high - single.low) == pytest.approx(np.sqrt(5), rel=0.1)


@pytest.mark.parametrize(("values", "groups"), [([3.5], None), ([3.0, 4.0], ["a", "a"])])
def test_one_picture_or_scene_has_no_interval(values: list[float], groups: list[str] | None) -> None:
    interval = bootstrap_mean(values, groups)
    assert (interval.low, interval.mean, interval.high, interval.n) == (None, 3.5, None, len(values))
    assert interval.reason is not None
    assert "one scene" in interval.reason
    assert bootstrap_mean([1.0, 2.0]).reason is None


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_no_interval_without_finite_values(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        bootstrap_mean(values)


def test_paired_difference_sees_a_small_gain_that_single_intervals_hide() -> None:
    rng = np.random.default_rng(4)
    hard = rng.normal(20, 4, 30)
    first, second = hard + rng.normal(0.5, 0.3, 30), hard
    result = paired_difference(first, second)
    assert result.difference.low > 0
    assert result.p_value < 1e-4
    assert bootstrap_mean(first).low < bootstrap_mean(second).high


def test_paired_difference_of_equal_lists_is_no_difference() -> None:
    result = paired_difference([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert result.difference.mean == 0
    assert result.p_value == 1


def test_paired_difference_needs_the_same_pictures() -> None:
    with pytest.raises(ValueError, match="same pictures"):
        paired_difference([1.0, 2.0], [1.0])
