"""The benchmark of latency's spread: rounds are added to each other."""

from __future__ import annotations

from pathlib import Path

from lle.config.load import load_params
from lle.files import read_json, write_json
from lle.measure.latency_rounds import measure
from lle.results.cost import LatencyRounds


def timed(tmp_path: Path, rounds: int, *methods: str) -> LatencyRounds:
    params = load_params(overrides=["profile.sizes=[[32,48]]", "profile.seconds=0.01"])
    return measure(methods or ("gamma", "clahe"), params, tmp_path / "models", tmp_path / "reports", rounds, 0)


def test_rounds_are_added_on_the_same_hardware(tmp_path: Path) -> None:
    assert timed(tmp_path, 2).rounds == 2
    found = timed(tmp_path, 1)
    assert found == LatencyRounds.read(tmp_path / "reports/benchmarks/latency.json")
    assert {name: len(entries) for name, entries in found.methods.items()} == {"gamma": 3, "clahe": 3}
    assert all(entry.latency_ms["32x48"].median > 0 and entry.yardstick_ms > 0 for entry in found.methods["clahe"])
    one = timed(tmp_path, 1, "gamma")
    assert {name: len(entries) for name, entries in one.methods.items()} == {"gamma": 4, "clahe": 3}, "other methods' timings stay"
    assert one.rounds == 3
    path = LatencyRounds.path(tmp_path / "reports")
    record = read_json(path)
    record["methods"]["gamma"][0]["parameters"] = 7
    write_json(path, record)
    again = timed(tmp_path, 1, "gamma")
    assert len(again.methods["gamma"]) == 4, "a round of a network of another size is left out"
    record["provenance"]["hardware"]["cpu"] = "another one"
    write_json(path, record)
    assert timed(tmp_path, 1).rounds == 1, "of other hardware nothing is kept"
