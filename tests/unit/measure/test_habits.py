"""Habits of other test scripts: known changes, and the choice of a checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import data as photographs

from lle import Project
from lle.data.images import write_png
from lle.data.pairs import Row, write_manifest
from lle.measure.habits import HABITS, chosen, effects
from lle.metrics.protocol import to_uint8
from lle.results.benchmarks import Habits


def pairs(count: int = 3) -> list[tuple[np.ndarray, np.ndarray]]:
    normals = [np.ascontiguousarray(photographs.coffee()[40 * number : 40 * number + 64, 100:180]) for number in range(count)]
    return [(to_uint8((normal / 255) ** 2 * 0.4), normal) for normal in normals]


def test_the_brightness_of_the_reference_helps_a_dark_output_and_a_perfect_one_needs_no_rounding() -> None:
    found = effects(lambda low: low / 255, pairs())
    assert set(found["habits"]) == {*HABITS, "pooled"}
    assert found["habits"]["gt_mean"]["psnr"] > 3
    assert found["habits"]["float"]["psnr"] == pytest.approx(0, abs=1e-9), "whole levels are what they were"
    assert found["habits"]["uniform_window"]["psnr"] == 0
    assert found["habits"]["pooled"]["psnr"] < 0, "the mean of PSNR values is above that of the mean error"
    for change in found["habits"].values():
        assert change["least"] <= change["psnr"] <= change["most"]


def test_cutting_levels_costs_and_rounding_hides_half_a_level() -> None:
    """Errors of a third of a level: rounding removes them, cutting makes whole ones of them."""
    flat = [(np.full((32, 32, 3), 100, np.uint8), np.full((32, 32, 3), 100, np.uint8))]
    found = effects(lambda low: (low - 1 / 3) / 255, flat)
    assert found["psnr"] == 100
    assert found["habits"]["float"]["psnr"] == pytest.approx(10 * np.log10(255**2 * 9) - 100, abs=0.01)
    assert found["habits"]["truncated"]["psnr"] == pytest.approx(10 * np.log10(255**2) - 100, abs=0.01)


def test_a_choice_on_test_pictures_is_never_worse_on_them() -> None:
    assert chosen([(1.0, 5.0), (3.0, 4.0), (2.0, 6.0), (0.0, 1.0)]) == {"by_validation": 4.0, "by_test": 6.0, "last": 1.0}


def test_the_benchmark_writes_what_it_measured(tmp_path: Path) -> None:
    home, rows = tmp_path / "build/data/tiny", []
    for number, (low, normal) in enumerate(pairs(6)):
        paths = {kind: home / kind / f"p{number}.png" for kind in ("low", "normal")}
        write_png(paths["low"], low)
        write_png(paths["normal"], normal)
        rows.append(Row(("train", "train", "val", "val", "test", "test")[number], f"scene{number}", paths["low"], paths["normal"]))
    write_manifest(home, "tiny", "demo", rows)
    (tmp_path / "params.yaml").write_text(
        "suite: {methods: [unet], datasets: [tiny], prepare: [tiny]}\ntrain: {data: tiny, accelerator: cpu, threads: 1}\n"
        "profile: {sizes: [[32, 32]]}\ndata: {tiny: {kind: demo, lighting: mixed}}\nmethods: {unet: {batch_size: 2, crop: 32, width: 4}}\n",
        encoding="utf-8",
    )
    found = Project(tmp_path / "params.yaml", root=tmp_path).benchmark_habits("tiny", ["unet"], iterations=21)
    assert Habits.read(Habits.path(tmp_path / "reports")) == found
    assert (found.images, set(found.weights)) == (2, {"unet"})
    assert [one.checkpoints for one in found.selection.trainings] == [2, 2, 2]
    assert all(one.by_test >= one.by_validation for one in found.selection.trainings)
    assert len({one.last for one in found.selection.trainings}) == 3, "each seed trains otherwise"
