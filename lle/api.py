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


def enhancers() -> list[str]:
    """Returns the ids of all methods that enhance pictures: those of the full suite."""
    from lle import registry

    return [name for name in registry.packages() if registry.card(name).enhances]


def prepare(name: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> Path:
    """Makes or fetches a data set that has a section under `data`, and returns its folder."""
    from lle.data.prepare import prepare as prepare_one
    from lle.errors import LleError, did_you_mean

    settings = params(path, overrides)
    if name not in settings.data:
        raise LleError(f"`data` in {path} has no section '{name}'.{did_you_mean(name, settings.data)} `lle datasets` lists them.")
    return prepare_one(name, settings.data[name], command=settings.command("fetch", name)).folder


def datasets(path: Path = PARAMS, overrides: Iterable[str] = ()) -> list[tuple[str, str, str]]:
    """Returns name, where it stands (`params` or `catalog`) and title of every data set."""
    from lle.data.catalog import entries

    own = [(name, "params", f"{settings.kind}") for name, settings in params(path, overrides).data.items()]
    return own + [(name, "catalog", entry.title) for name, entry in entries().items()]


def fetch(name: str, source: Path | None = None, path: Path = PARAMS, overrides: Iterable[str] = ()) -> Path:
    """Makes, reads or downloads a data set and returns its folder.

    A section of `data` in `params.yaml` is prepared; a set of the catalog that has none is fetched into build/raw.
    """
    from lle.data.catalog import entries
    from lle.data.fetch import fetch as fetch_raw

    if source is not None or (name in entries() and name not in params(path, overrides).data):
        return fetch_raw(name, source)
    return prepare(name, path, overrides)


def check_dataset(name: str, data: Path = Path("build/data")) -> list[str]:
    """Returns what is suspicious about a prepared data set, a line each."""
    from lle.data.check import check
    from lle.data.pairs import open_prepared

    return [f"{finding.severity}: {finding.kind}: {finding.message}" for finding in check(open_prepared(name, data))]


def train_clip(path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Trains the small CLIP that needs no download into build/clip and returns its report."""
    from lle.clip.small_clip import train as train_demo
    from lle.keys import stage_key

    settings = params(path, overrides)
    return train_demo(settings.clip, fingerprint=stage_key("clip", settings).code, command=settings.command("clip"))


def clip_darkness(dataset: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any] | None:
    """Measures how well the CLIP of `methods.clip_isp` tells dark from lit pictures of a prepared data set; None without it."""
    from lle.clip.zero_shot import measure
    from lle.config.schema import method_settings

    return measure(dataset, method_settings(params(path, overrides), "clip_isp").backbone)  # type: ignore[attr-defined]


def clip_cost(name: str, reports: Path = REPORTS) -> dict[str, Any]:
    """Times an enhancement step of a method guided by CLIP against the CLIP image tower and the network alone."""
    from lle.clip.cost import measure

    return measure(name, reports)


def clip_prompts(name: str, models: Path = MODELS, reports: Path = REPORTS) -> dict[str, Any]:
    """Looks at what the prompts and the network of a trained method guided by CLIP have learned."""
    from lle.clip.prompt_report import look

    return look(name, models, reports)


def write_keys(path: Path = PARAMS, overrides: Iterable[str] = (), folder: Path = Path("build/keys")) -> list[Path]:
    """Writes what every stage depends on, a file each: the code it runs, its settings and what it takes from others."""
    from lle.keys import pipeline
    from lle.measure.study import study_keys

    settings = params(path, overrides)
    values, folders = study_keys(path, overrides)
    pipeline.check_pipelines(settings, folders)
    return pipeline.write_keys(settings, values, folder)


def write_pipeline(path: Path = PARAMS) -> list[Path]:
    """Brings `dvc.yaml` and the pipeline of the studies up to date with the settings, and returns the files that changed."""
    from lle.keys.pipeline import write_pipelines
    from lle.measure.study import study_keys

    return write_pipelines(params(path), study_keys(path)[1], path.parent)


def train(name: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> Path:
    """Trains a method, or resumes its interrupted training, and returns its model folder."""
    from lle.engine.train import train as train_one

    return train_one(name, params(path, overrides))


def evaluate(name: str, dataset: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Measures a method, or `input`, on the test split of a prepared data set."""
    from lle.measure.trained import evaluate_one

    return evaluate_one(name, dataset, params(path, overrides))


def studies(path: Path = PARAMS, overrides: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Returns name and title of every study."""
    return [(name, study.title) for name, study in params(path, overrides).studies.items()]


def study(name: str, path: Path = PARAMS, overrides: Iterable[str] = (), reports: Path = REPORTS) -> dict[str, Any]:
    """Trains and measures the variants of a study and writes `reports/studies/<name>.json` and `.csv`."""
    from lle.measure.study import run_study

    return run_study(name, path, overrides, reports)


def judge(name: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Trains the judge of a segmentation set on its clean pictures, or takes its given weights, and measures it."""
    from lle.segmentation.judge import train_judge

    return train_judge(name, params(path, overrides))


def segment(name: str, dataset: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Lets a judge segment darkened pictures that a method has enhanced; `dark` and `clean` are the pictures before and without."""
    from lle.segmentation.in_the_dark import segment_one

    return segment_one(name, dataset, params(path, overrides))


def segment_suite(dataset: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> None:
    """Does what `segment` does for `dark`, `clean` and every method of the suite."""
    from lle.segmentation.in_the_dark import CLEAN, DARK, segment_one

    settings = params(path, overrides)
    for name in (DARK, CLEAN, *settings.suite.methods):
        segment_one(name, dataset, settings)


def profile(name: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Measures parameters, multiply-accumulates, latency and memory of a method."""
    from lle.measure.trained import profile_one

    return profile_one(name, params(path, overrides))


def costs(path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Counts parameters and multiply-accumulates of every method, trained or not."""
    from lle.measure.counts import count

    return count(params(path, overrides))


def attention(name: str, dataset: str, path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Draws the attention maps by block of a trained student and its teacher on a picture of a prepared data set."""
    from lle.measure.attention import attention as draw

    return draw(name, dataset, params(path, overrides))


def composite(path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Measures the composite index of the distillation paper, as defined here, for the methods of the section `composite`."""
    from lle.measure.composite import composite as measure

    return measure(params(path, overrides))


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
    from lle import registry
    from lle.config.schema import method_settings
    from lle.errors import ConfigError
    from lle.infer.enhancer import Enhancer, enhance_paths

    settings: Mapping[str, Any] | None = None
    known = model in registry.packages()
    if overrides and not known:
        raise ConfigError(f"-S changes the settings of a method named by its id; {model} is not one, and keeps those it was trained with.")
    if known and (overrides or path.exists()):
        settings = method_settings(params(path, overrides), model).model_dump()
        if (MODELS / model).exists():
            # A trained model keeps its own settings; only what is overridden here changes.
            before = method_settings(params(path), model).model_dump()
            settings = {key: value for key, value in settings.items() if value != before[key]}
    return enhance_paths(Enhancer.load(model, settings, tile=tile), list(inputs), out, force=force)


def import_weights(name: str, files: Sequence[Path], path: Path = PARAMS, overrides: Iterable[str] = (), out: Path | None = None) -> Path:
    """Brings in weights in their authors' naming and returns the model folder."""
    from lle.engine.weights_import import import_files

    return import_files(name, files, params(path, overrides), out or MODELS / name)


def report(reports: Path = REPORTS) -> list[Path]:
    """Builds the leaderboard and the HTML report from the results under `reports`."""
    from lle.report.build import build_report

    return build_report(reports)


def sync(reports: Path = REPORTS, models: Path = MODELS, uri: str | None = None) -> str:
    """Projects the results into the MLflow store and returns a line about it."""
    from lle.tracking.sync import sync as sync_all

    data = params(PARAMS).train.data if PARAMS.is_file() else None
    return str(sync_all(reports, models, uri, data))


def mlflow_runs(uri: str | None = None) -> list[tuple[str, str, str]]:
    """Returns experiment, name and id of the current runs of a store: results name their run, and ids differ from store to store."""
    from lle.tracking.sync import current_runs

    return sorted((run.experiment, run.name, run.run_id) for run in current_runs(uri))


def throughput(path: Path = PARAMS, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Measures how fast Zero-DCE trains and how fast its batches could be made."""
    from lle.measure.speed import measure

    return measure(params(path, overrides))


def schema() -> str:
    """Returns the JSON schema of `params.yaml`."""
    import json

    from lle.config.schema import params_model

    return json.dumps(params_model().model_json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def format_params(path: Path = PARAMS) -> None:
    """Rewrites `params.yaml` with a comment on every key, taken from the code."""
    _write_params(path, _plain_params(path))


def full_suite(path: Path = PARAMS) -> None:
    """Puts all methods that enhance pictures into `suite.methods` of `params.yaml`, and gives those without a section their best preset.

    The pipeline gets their trainings.
    """
    values = _plain_params(path)
    names = enhancers()
    values["suite"]["methods"] = list(dict.fromkeys([*values["suite"]["methods"], *names]))
    sections = values.setdefault("methods", {})
    sections |= {name: {"preset": "recommended"} for name in names if name not in sections}
    _write_params(path, values)
    if (path.parent / "dvc.yaml").is_file():
        write_pipeline(path)


def _plain_params(path: Path) -> dict[str, Any]:
    """Reads the settings as they are written, once they are valid."""
    import yaml

    params(path)
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _write_params(path: Path, values: Mapping[str, Any]) -> None:
    from lle.config.format import HEAD, commented
    from lle.config.schema import params_model
    from lle.files import write_text

    write_text(path, HEAD + commented(params_model(), values))


def doctor(path: Path = PARAMS, overrides: Iterable[str] = ()) -> Iterable[str]:
    """Yields what is installed and on disk, what is missing, and how to get it."""
    from lle.doctor import report as findings

    return findings(params(path, overrides))


def gate(
    accept: str | None = None,
    junit: Path | None = None,
    markdown: Path | None = None,
    reports: Path = REPORTS,
    against: str | Path | None = None,
    tolerance: Mapping[str, float] | None = None,
    latency: float | None = None,
) -> tuple[str, int]:
    """Compares the results with the accepted ones, or accepts them.

    Args:
        accept: reason for making the committed results the accepted ones; None compares.
        junit: file for a JUnit XML report.
        markdown: file for a summary.
        reports: the results.
        against: a folder of results or a git revision; None takes the accepted one.
        tolerance: how much worse the mean of a metric may be, where it is not the usual.
        latency: how many times as long a method may take; None takes the usual.

    Returns:
        The verdict as text, and the exit code: 0 if nothing got worse.
    """
    from lle.gate.accepted import accept as accept_results
    from lle.gate.compare import LATENCY
    from lle.gate.compare import gate as compare

    if accept is not None:
        return f"accepted in {accept_results(accept, reports)}; commit it", 0
    verdict = compare(reports, against, tolerance, latency or LATENCY)
    if junit is not None:
        verdict.write_junit(junit)
    if markdown is not None:
        verdict.write_markdown(markdown)
    return str(verdict), verdict.exit_code


def promote(method: str, reports: Path = REPORTS, models: Path = MODELS, uri: str | None = None) -> str:
    """Makes the present model of a method its champion in the MLflow registry, if the gate lets it pass."""
    from lle.tracking.promote import promote as promote_one

    return str(promote_one(method, reports, models, uri))


def reproduce(metrics: Path, before: Sequence[str] = (), tolerance: float = 0.0) -> tuple[str, int]:
    """Runs the command behind a file of results again in a clean working tree; returns the comparison and the exit code."""
    from lle.tracking.reproduce import reproduce as reproduce_one

    result = reproduce_one(metrics, before=before, tolerance=tolerance)
    return str(result), result.exit_code
