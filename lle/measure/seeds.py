"""Trains and measures a method with another seed, to show how much of a result is luck of the draw."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lle.config.load import load_params
from lle.files import read_json, write_json
from lle.measure.trained import evaluate_one


def run_seed(
    name: str,
    seed: int,
    path: Path = Path("params.yaml"),
    overrides: Iterable[str] = (),
    reports: Path = Path("reports"),
    build: Path = Path("build/seeds"),
) -> list[Path]:
    """Trains a method with a seed and measures it on the data sets of the suite.

    Args:
        name: the method's id.
        seed: in place of `seed` in the settings.
        path: the settings file.
        overrides: in the grammar of `-S`.
        reports: receives `seeds/<name>/<seed>/<dataset>.json`.
        build: receives the model and what else an evaluation writes.

    Returns:
        The files written.

    Raises:
        LleError: data are missing, or the training failed.
    """
    from lle.engine.train import train

    params = load_params(path, [*overrides, f"seed={seed}", "evaluate.samples=0"])
    home = build / str(seed)
    train(name, params, models=home / "models", reports=None)
    written = []
    for dataset in params.suite.datasets:
        evaluate_one(name, dataset, params, models=home / "models", reports=home)
        result = read_json(home / "metrics" / dataset / f"{name}.json")
        result["provenance"]["command"] = f"lle seed {name} {seed}"
        written.append(reports / "seeds" / name / str(seed) / f"{dataset}.json")
        write_json(written[-1], result)
    return written
