"""Counting needs no training, leaves helpers out and says why what is no network has no operations."""

from __future__ import annotations

from pathlib import Path

import pytest

from lle import Project, registry
from lle.measure.counts import count
from lle.results.cost import Costs
from tests.conftest import ROOT


def test_counts_without_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    params = Project(ROOT / "params.yaml").params
    known = registry.packages()
    monkeypatch.setattr(registry, "packages", lambda: {name: known[name] for name in ("gamma", "net_t", "sci", "zero_dce")})
    record = count(params, tmp_path)
    assert Costs.read(tmp_path / "costs.json") == record
    assert record.size == "400x600"
    # net_t is a teacher: it enhances nothing.
    assert list(record.methods) == registry.list_methods() == ["gamma", "sci", "zero_dce"]
    dce, sci = {"parameters": 79_416, "macs": 79_200 * 400 * 600}, {"parameters": 258, "macs": 243 * 400 * 600}
    assert record.methods["zero_dce"].plain() == {**dce, "paper": dce}
    assert record.methods["sci"].plain() == {**sci, "paper": sci}
    assert record.methods["gamma"].paper is None
    assert record.methods["gamma"].macs is None
    assert "not a network" in str(record.methods["gamma"].macs_missing)
    before = (tmp_path / "costs.json").read_bytes()
    count(params, tmp_path)
    assert (tmp_path / "costs.json").read_bytes() == before
