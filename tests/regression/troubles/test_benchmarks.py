"""The benchmarks of robustness at a small budget; `lle benchmark` runs them at their real one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lle.measure import large, memory_growth, mutation_cases, mutations
from lle.results.benchmarks import Large, MemoryGrowth, Mutations

ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(900)
def test_two_hundred_damaged_inputs(tmp_path: Path) -> None:
    found = mutations.measure(tmp_path, cases=200, seed=7)
    assert Mutations.read(Mutations.path(tmp_path)) == found
    assert found.faults == []
    assert set(found.kinds) == set(mutation_cases.USUAL)
    # Damage must be damage, and must not be so heavy that nothing but the first check is ever reached.
    assert all(one.cases == 40 and one.refused > 5 for one in found.kinds.values())
    assert sum(one.refused for one in found.kinds.values()) < 195


@pytest.mark.timeout(600)
def test_ten_damaged_videos(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="PyAV is not installed: pip install -e '.[video]'")
    found = mutations.measure(tmp_path, cases=10, kinds=("video",))
    assert Mutations.read(tmp_path / "benchmarks/mutations_video.json") == found
    assert found.faults == []
    assert 0 < found.kinds["video"].refused < 10


def test_damage_follows_its_seed() -> None:
    data = bytes(range(256))
    made = [mutation_cases.mutate(data, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


class Planted(mutation_cases.Bench):
    """Goes wrong in one of the ways that must be found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, kind: str, case: int, seed: int) -> str:
        import os
        import time

        if case == 1:
            time.sleep(60)
        if case == 3:
            os._exit(9)
        return "read"


def work(folder: Path, connection, start: int, stop: int, seed: int, names: tuple[str, ...]) -> None:
    connection.send("started")
    bench = Planted(folder)
    for number in range(start, stop):
        connection.send(bench.run(names[0], number, seed))


def test_hangs_and_crashes_are_found_and_the_rest_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutations, "_work", work)
    monkeypatch.setattr(mutations, "PATIENCE", 6.0)
    monkeypatch.setattr(mutations, "_SLOW", 1)
    found = mutations.measure(tmp_path, cases=6, kinds=("picture",))
    assert [(one.case, one.fault) for one in found.faults] == [(1, "hang"), (3, "crash")]
    assert found.kinds["picture"].cases == 6


@pytest.mark.timeout(600)
def test_memory_over_a_few_pictures(tmp_path: Path) -> None:
    found = memory_growth.measure(tmp_path, pictures=60, sides=(48, 128))
    assert MemoryGrowth.read(MemoryGrowth.path(tmp_path)) == found
    assert set(found.commands) == {"enhance", "evaluate"}
    for one in found.commands.values():
        assert 50 < one.early_mb <= one.peak_mb
        # What a picture of 128 x 128 pixels takes in a network of 32 channels is 2 MB, and there were 60 of them.
        assert abs(one.growth_mb) < 20


def test_a_large_picture_has_its_memory_measured_or_a_reason(tmp_path: Path) -> None:
    found = large.measure(["gamma", "./none"], tmp_path / "models", tmp_path, (300, 500))
    assert Large.read(Large.path(tmp_path)) == found
    assert found.methods["gamma"].missing is None
    # Python and its imports are counted: they take their share of the 3 GB, too.
    assert 50 < (found.methods["gamma"].peak_mb or 0) < 3000
    refused = found.methods["none"]
    assert (refused.peak_mb, "none" in (refused.missing or "")) == (None, True)


def test_growth_is_that_of_the_medians() -> None:
    found = memory_growth.growth([float(value) for value in range(100)])
    assert (found.early_mb, found.late_mb, found.growth_mb, found.peak_mb) == (14.5, 94.5, 80.0, 99.0)
