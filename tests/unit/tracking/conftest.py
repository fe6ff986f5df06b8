"""A small tree of results, as the pipeline would leave it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from results_tree import PROVENANCE, write_metrics, write_profile, write_sample

from lle import registry
from lle.engine.model_io import save_model
from lle.files import write_json
from lle.tracking import store


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Results of an untrained method, of a trained one in two phases, and of the untouched input."""
    folder = tmp_path / "reports"
    for method, trained_on in (("gamma", None), ("zero_dce", "demo_mixed"), ("input", None)):
        write_metrics(folder, "demo", method, {"psnr": [10.0, 11, 12, 13], "ssim": [0.4, 0.5, 0.6, 0.7]}, trained_on)
        for image in ("a", "b"):
            write_sample(folder / f"samples/demo/{method}/{image}.webp", 100)
    for image in ("a", "b"):
        write_sample(folder / f"samples/demo/normal/{image}.webp", 200)
    write_metrics(folder, "demo_mine", "zero_dce", {"loe": [100.0, 110, 120]}, "demo_mixed", data_digest="e" * 64)
    write_profile(folder, "zero_dce")
    terms = [{"phase": "fit", "update": "fit", "term": "colour", "points": [[0, 1.0], [10, 0.5]]}]
    record = {
        "method": "zero_dce",
        "trained_on": "demo_mixed",
        "iterations": 20,
        "phases": ["fit"],
        "terms": terms,
        "provenance": PROVENANCE,
    }
    write_json(folder / "training/zero_dce.json", record)
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The models of the two methods."""
    folder = tmp_path / "models"
    for name in ("gamma", "zero_dce"):
        save_model(registry.create(name), name, folder / name)
    record = {"method": "zero_dce", "trained_on": "demo_mixed", "iterations": 20, "phases": ["warm", "fine"], "seconds": 2.5}
    write_json(folder / "zero_dce/train.json", {**record, "system": {"cpu_percent": 90.0}, "provenance": PROVENANCE})
    write_json(folder / "gamma/train.json", {"method": "gamma", "iterations": 0, "phases": []})
    rows = [(i, "warm" if i < 10 else "fine", "fit", term, 1 / (i + 1)) for i in range(20) for term in ("colour", "exposure")]
    rows += [(i, "warm" if i < 10 else "fine", "val", "psnr", 10 + i) for i in (9, 19)]
    with (folder / "zero_dce/losses.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("iteration", "phase", "update", "term", "value"), *rows])
    return folder


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database: MLflow takes seconds to make its tables, so that is done once."""
    path = tmp_path_factory.mktemp("store") / "empty.db"
    store.client(f"sqlite:///{path}").search_experiments()
    return path
