"""Opens, evaluates and profiles one method as the settings say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from lle import registry
from lle.config.schema import BaseParams, method_settings
from lle.errors import LleError
from lle.files import read_json
from lle.keys import made_by, stage_key
from lle.measure.quality import INPUT
from lle.metrics.protocol import Image
from lle.provenance import provenance
from lle.results.cost import Profile
from lle.results.quality import Evaluation


def evaluate_method(
    name: str,
    dataset: str,
    params: BaseParams,
    models: Path = Path("build/models"),
    reports: Path = Path("reports"),
    data: Path = Path("build/data"),
    split: Literal["val", "test"] = "test",
) -> Evaluation:
    """Measures a method on a split of a prepared data set, and whether it leaves lit pictures of its validation split alone.

    Args:
        name: a method's id, or `input` for the pictures as they are.
        dataset: a prepared data set.
        params: all settings.
        models: trained models.
        reports: receives `metrics/<dataset>/<name>.json` and `.csv`, and `samples/<dataset>/<name>/`.
        data: prepared data sets.
        split: that is measured.

    Returns:
        What was written.

    Raises:
        LleError: the model or the data set is missing, or a picture cannot be read.
    """
    from lle.data.pairs import open_prepared
    from lle.measure.lit import lit_frames
    from lle.measure.quality import evaluate

    prepared = open_prepared(dataset, data)
    settings = params.evaluate
    origin: dict[str, Any] = {
        "data_digest": prepared.digest,
        "command": params.command("evaluate", name, dataset),
        "before": made_by([models / name, data / dataset]),
    }
    options: dict[str, Any] = {
        "prepared": prepared,
        "split": split,
        "out": reports,
        "samples": settings.samples,
        "resamples": settings.resamples,
        "confidence": settings.confidence,
        "seed": params.seed,
    }
    if name == INPUT:
        origin |= {"config_hash": None, "fingerprint": None, "seed": params.seed, "mlflow": mlflow_run(name, None, params)}
        return evaluate(name, lambda picture: picture, provenance=provenance(**origin), trained_on=None, **options)
    enhancer, trained = open_method(name, params, models)
    origin["mlflow"] = mlflow_run(name, trained["trained_on"], params)
    origin |= {key: trained["provenance"][key] for key in ("config_hash", "fingerprint", "seed")}
    return evaluate(
        name,
        enhancer.enhance,
        provenance=provenance(**origin, **method_tags(enhancer.method)),
        trained_on=trained["trained_on"],
        lit=lit_frames(name, enhancer.enhance, prepared, settings.lit),
        **options,
    )


def profile_method(name: str, params: BaseParams, models: Path = Path("build/models"), reports: Path = Path("reports")) -> Profile:
    """Measures what a method costs: parameters, multiply-accumulates, latency, memory.

    Args:
        name: a method's id.
        params: all settings.
        models: trained models.
        reports: receives `profile/<name>.json`.

    Returns:
        What was written.
    """
    from lle.measure.cost import profile

    enhancer, trained = open_method(name, params, models)
    origin = {key: trained["provenance"][key] for key in ("config_hash", "fingerprint", "seed", "data_digest")}
    return profile(
        enhancer.method,
        name,
        sizes=params.profile.sizes,
        threads=params.profile.threads,
        seconds=params.profile.seconds,
        out=reports,
        training=trained if trained["iterations"] else None,
        provenance=provenance(
            **origin,
            command=params.command("profile", name),
            before=made_by([models / name]),
            mlflow=mlflow_run(name, trained["trained_on"], params),
        ),
    )


def open_method(name: str, params: BaseParams, models: Path) -> tuple[Any, dict[str, Any]]:
    """Returns the enhancer of a method and the record of its training.

    Raises:
        LleError: the method is trained, and was not; or a later training has not ended.
    """
    from lle.engine.model_io import begun_since
    from lle.infer.enhancer import Enhancer

    registry.package(name)
    folder = models / name
    if (folder / "train.json").is_file():
        if (begun := begun_since(name, models)) is not None:
            raise LleError(
                f"the model in {folder} is older than a training of '{name}' that was begun after it and has not ended, so it is not "
                f"measured. Finish that one with the same `lle train {name}`, or give it up: rm -r {begun}."
            )
        return Enhancer.load(folder), read_json(folder / "train.json")
    settings = method_settings(params, name)
    method = registry.create(name, settings)
    if method.phases():
        raise LleError(f"there is no trained model in {folder}. Train it first: lle train {name}, or dvc repro train_{name}.")
    key = stage_key(f"train/{name}", params)
    origin = {
        "config_hash": key.config_hash,
        "fingerprint": key.code,
        "seed": params.seed,
        "data_digest": None,
    }
    return Enhancer(method, name), {"iterations": 0, "trained_on": None, "provenance": origin}


def opened(
    name: str, untouched: Sequence[str], params: BaseParams, models: Path
) -> tuple[Callable[[Image], NDArray], str | None, dict[str, Any]]:
    """Returns what makes the pictures of a row, what that was trained on, and its origin for the provenance.

    Args:
        name: a method's id, or one of `untouched`, whose pictures stay as they are.
        untouched: names of rows without a method.
        params: all settings.
        models: trained models.

    Raises:
        LleError: the method is trained, and was not.
    """
    origin: dict[str, Any] = {"config_hash": None, "fingerprint": None, "seed": params.seed}
    if name in untouched:
        return lambda picture: picture, None, origin
    enhancer, trained = open_method(name, params, models)
    return enhancer.enhance, trained["trained_on"], {key: trained["provenance"][key] for key in origin} | method_tags(enhancer.method)


def mlflow_run(name: str, trained_on: str | None, params: BaseParams) -> dict[str, str]:
    """Returns where the result stands in MLflow. Run ids are random and differ from store to store; these names do not."""
    return {"experiment": trained_on or params.train.data, "run": f"evaluate@{name}" if name == INPUT else f"train@{name}"}


def method_tags(method: Any) -> dict[str, Any]:
    """Returns what else a number depends on and a method names itself, such as its CLIP backbone."""
    return {"tags": method.tags()} if method.tags() else {}
