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
    """Enhances files and folders of pictures into the folder `out` and returns the files written.

    A method that is not trained, such as gamma correction, takes its settings from `params.yaml` where there is one.
    """
    from lle.infer.enhancer import Enhancer

    settings: Mapping[str, Any] | None = None
    if overrides or (path.exists() and not (MODELS / model).exists()):
        from lle import registry
        from lle.config.schema import method_settings

        if model in registry.packages():
            settings = method_settings(params(path, overrides), model).model_dump()
    return Enhancer.load(model, settings, tile=tile).enhance_paths(list(inputs), out, force=force)


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


def throughput(path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Measures how fast Zero-DCE trains and how fast its batches could be made."""
    from lle.evaluate.throughput import measure

    return measure(params(path, overrides))


def schema() -> str:
    """Returns the JSON schema of `params.yaml`."""
    import json

    from lle.config.schema import params_model

    return json.dumps(params_model().model_json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def format_params(path: Path = PARAMS) -> None:
    """Rewrites `params.yaml` with a comment on every key, taken from the code."""
    import yaml

    from lle.config.format import HEAD, commented
    from lle.config.schema import params_model
    from lle.files import write_text

    params(path)
    write_text(path, HEAD + commented(params_model(), yaml.safe_load(path.read_text(encoding="utf-8"))))


def doctor(path: Path = PARAMS, overrides: Iterable[str] = ()) -> Iterable[str]:
    """Yields what is installed and on disk, what is missing, and how to get it."""
    from lle.doctor import report as findings

    return findings(params(path, overrides))
