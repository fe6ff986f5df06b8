"""What the command line does, as functions for scripts and notebooks.

Every function takes the names and paths a person would type, reads `params.yaml` where it needs settings, and imports
what it needs when it is called, so that importing this module costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lle.config.schema import BaseParams

PARAMS = Path("params.yaml")
MODELS = Path("build/models")
REPORTS = Path("reports")


def params(path: Path = PARAMS, overrides: Iterable[str] = ()) -> BaseParams:
    """Reads the settings; see `lle.config.load.load_params`."""
    from lle.config.load import load_params

    return load_params(path, overrides)


def methods() -> list[tuple[str, str, str]]:
    """Returns id, title and supervision of every method."""
    from lle import registry

    cards = {name: registry.card(name) for name in registry.packages()}
    return [(name, card.title, card.supervision) for name, card in cards.items()]


def prepare(name: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> Path:
    """Makes or fetches a data set that has a section under `data`, and returns its folder."""
    from lle.data.prepare import prepare as prepare_one
    from lle.errors import LleError, did_you_mean

    settings = params(path, overrides)
    if name not in settings.data:
        raise LleError(f"`data` in {path} has no section '{name}'.{did_you_mean(name, settings.data)} `lle datasets` lists them.")
    return prepare_one(name, settings.data[name]).folder


def train(name: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> Path:
    """Trains a method, or resumes its interrupted training, and returns its model folder."""
    from lle.engine.train import train as train_one

    return train_one(name, params(path, overrides))


def evaluate(name: str, dataset: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Measures a method, or `input`, on the test split of a prepared data set."""
    from lle.evaluate.run import evaluate_one

    return evaluate_one(name, dataset, params(path, overrides))


def profile(name: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Measures parameters, multiply-accumulates, latency and memory of a method."""
    from lle.evaluate.run import profile_one

    return profile_one(name, params(path, overrides))


def enhance(
    model: str,
    inputs: Sequence[Path],
    out: Path,
    path: Path = PARAMS,
    overrides: Iterable[str] = (),
    force: bool = False,
    tile: int | None = None,
) -> list[Path]:
    """Enhances files and folders of pictures into the folder `out` and returns the files written."""
    from lle.infer.enhancer import Enhancer, enhance_paths

    settings: Mapping[str, Any] | None = None
    if not Path(model).exists() and not (MODELS / model).exists() and path.exists():
        from lle import registry
        from lle.config.schema import method_settings

        registry.package(model)
        settings = method_settings(params(path, overrides), model).model_dump()
    enhancer = Enhancer.load(model, settings, tile=tile)
    return enhance_paths(enhancer, inputs, out, force=force)


def import_weights(name: str, files: Sequence[Path], path: Path = PARAMS, overrides: Iterable[str] = (), out: Path | None = None) -> Path:
    """Brings in weights in their authors' naming and returns the model folder."""
    from lle.engine.foreign import import_files

    return import_files(name, files, params(path, overrides), out or MODELS / name)


def report(reports: Path = REPORTS) -> list[Path]:
    """Builds the leaderboard and the HTML report from the results under `reports`."""
    from lle.report.build import build_report

    return build_report(reports)


def sync(reports: Path = REPORTS, models: Path = MODELS, uri: str | None = None) -> str:
    """Projects the results into the MLflow store and returns a line about it."""
    from lle.tracking.sync import sync as sync_all

    return str(sync_all(reports, models, uri))
