"""Packs trained weights into the package, and measures those that are there."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file

from lle import zoo as shipped
from lle.config.schema import BaseParams
from lle.config.zoo import ZooConfig
from lle.data.images import read_rgb
from lle.data.pairs import Prepared, open_prepared
from lle.data.photos import listed
from lle.engine.model_io import DESCRIPTION, WEIGHTS
from lle.errors import DataError, LleError
from lle.files import digest, read_json, write_text
from lle.infer.enhancer import Enhancer
from lle.keys import made_by, stage_key
from lle.measure.cost import parameters
from lle.measure.quality import evaluate
from lle.measure.zoo_card import card_text
from lle.provenance import provenance
from lle.results.quality import Evaluation
from lle.results.zoo import HalfCheck, TrainingPart, ZooEvaluation, ZooModel

METRICS = ("psnr", "psnr_gt_mean", "ssim")
"""What is measured; more would cost the default pipeline minutes."""
VALIDATION = 24
"""Validation pictures, spread evenly over the split, on which 16-bit weights are tried."""
INSTALLED = "photographs that scikit-image, scikit-learn and matplotlib install, under the licences that these packages name"
RENDERED = "our own renderings, under the licence of this package"


def pack(name: str, entry: ZooConfig, params: BaseParams, models: Path, data: Path, reports: Path, zoo: Path) -> ZooModel:
    """Measures trained weights and puts them, with their card, into the package.

    Args:
        name: of the weights.
        entry: their section of `zoo`.
        params: all settings of their training.
        models: holds the trained model, in a folder of the method's id.
        data: prepared data sets.
        reports: receives the figures by picture.
        zoo: the folder of the package's weights.

    Raises:
        LleError: they are not trained, or not as the settings say; the first test set is missing; all together would be too large.
    """
    trained = models / entry.method
    record = _record(name, entry, params, trained)
    new = zoo / f".{name}-new"
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(trained, new, ignore=lambda _, files: set(files) - {WEIGHTS, DESCRIPTION})
    try:
        home = open_prepared(entry.data, data)
        check, halved = _store(trained, new, _validation(home))
        enhancer = Enhancer.load(new)
        metrics: dict[str, Any] = {}
        missing: dict[str, str] = {}
        for place, dataset in enumerate(entry.tests):
            try:
                prepared = open_prepared(dataset, data)
            except DataError as error:
                if place == 0:
                    raise
                missing[dataset] = str(error)
                continue
            found = _measured(name, enhancer, prepared, params, reports, record["trained_on"], params.command("zoo", "pack", name))
            metrics[dataset] = {metric: score.plain() for metric, score in found.metrics.items()}
        content = {
            "name": name,
            **entry.model_dump(mode="json", exclude={"tests"}),
            "parts": [part.plain() for part in training_parts(home)],
            "iterations": record["iterations"],
            "seconds": record["seconds"],
            "parameters": parameters(enhancer.method),
            "bytes": (new / WEIGHTS).stat().st_size,
            "precision": "half" if not check.changed else "mixed" if halved else "single",
            "halved": halved,
            "half": check.plain(),
            "metrics": metrics,
            "missing": missing,
            "provenance": record["provenance"],
        }
        result = ZooModel.written(content, new / shipped.RESULT)
        write_text(new / shipped.CARD, card_text(result))
        _fits(name, new, zoo)
        shutil.rmtree(zoo / name, ignore_errors=True)
        new.rename(zoo / name)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return result


def _record(name: str, entry: ZooConfig, params: BaseParams, trained: Path) -> dict[str, Any]:
    """Returns the record of a training that ended with these settings."""
    if not (trained / "train.json").is_file():
        raise LleError(f"there are no trained weights in {trained}. Train them first: lle zoo train {name}.")
    record: dict[str, Any] = read_json(trained / "train.json")
    if record["provenance"]["config_hash"] != stage_key(f"train/{entry.method}", params).config_hash:
        raise LleError(
            f"the weights in {trained} were trained with other settings than zoo.{name} has. Train them again: lle zoo train {name}."
        )
    return record


def _validation(home: Prepared) -> list[Path]:
    paths = [row.low for row in home.rows("val") if row.low is not None] if home.has_split("val") else []
    if not paths:
        raise LleError(f"{home.name} has no validation pictures on which 16-bit weights could be tried. Train on a set with a split val.")
    chosen = np.linspace(0, len(paths) - 1, min(VALIDATION, len(paths))).round().astype(int)
    return [paths[place] for place in dict.fromkeys(chosen.tolist())]


def _store(trained: Path, new: Path, pictures: Sequence[Path]) -> tuple[HalfCheck, list[str]]:
    """Stores weights with 16 bits where that changes no level of the enhanced pictures, and as they are otherwise.

    Returns:
        What 16 bits for all weights would change, and the modules that are stored with 16 bits.
    """
    exact = Enhancer.load(trained)
    state = load_file(trained / WEIGHTS)
    modules = sorted({_module(key) for key in state})

    def halved(chosen: Collection[str]) -> Enhancer:
        half = {key: value.half() if value.is_floating_point() and _module(key) in chosen else value for key, value in state.items()}
        save_file(half, new / WEIGHTS)
        return Enhancer.load(new)

    def changes(chosen: Collection[str]) -> bool:
        half = halved(chosen)
        return any(half_check(exact, half, [path]).changed for path in pictures)

    check = half_check(exact, halved(modules), pictures)
    if not check.changed:
        return check, modules
    # What only training needs, such as prompts, changes no picture.
    kept = [one for one in modules if not changes([one])]
    if changes(kept):
        kept = []
        halved(kept)
    return check, kept


def _module(key: str) -> str:
    """Returns the module of a tensor: the first two parts of its key."""
    return ".".join(key.split(".")[:2])


def half_check(exact: Enhancer, half: Enhancer, pictures: Iterable[Path]) -> HalfCheck:
    """Compares what two enhancers make of pictures, level by level."""
    found = []
    for path in pictures:
        low = read_rgb(path)
        found.append(np.abs(exact.enhance(low).astype(int) - half.enhance(low).astype(int)))
    return HalfCheck(
        pictures=len(found),
        changed=sum(int((one > 0).sum()) for one in found),
        values=sum(one.size for one in found),
        largest=max((int(one.max()) for one in found), default=0),
    )


def training_parts(home: Prepared) -> list[TrainingPart]:
    """Returns the parts of a data set with their training pictures and the licences of their rows, or of the photographs behind them."""
    rows = home.rows("train")
    photographs = {line["scene"]: line["licence"] for line in listed()}
    parts = list(dict.fromkeys(row.about.get("part") or home.name for row in rows))
    found = []
    for part in parts:
        own = [row for row in rows if (row.about.get("part") or home.name) == part]
        named = sorted(
            {licence for row in own if (licence := row.about.get("licence") or photographs.get(row.scene.removeprefix(f"{part}/")))}
        )
        found.append(TrainingPart(name=part, pictures=len(own), licences=named or [RENDERED if "mine" in part else INSTALLED]))
    return found


def _fits(name: str, new: Path, zoo: Path) -> None:
    """Refuses weights that would make the package too large."""
    others = sum(shipped.model(one, zoo).bytes for one in shipped.list_zoo(zoo=zoo) if one != name)
    size = (new / WEIGHTS).stat().st_size
    if others + size > shipped.LARGEST:
        raise LleError(
            f"{name} has {size / 1e6:.1f} MB and the other weights {others / 1e6:.1f} MB: "
            f"together more than {shipped.LARGEST / 1e6:.0f} MB. Make the network smaller, or remove other weights."
        )


def evaluate_all(params: BaseParams, reports: Path, data: Path, zoo: Path) -> list[ZooEvaluation]:
    """Measures all weights of the package on the rendered mine; figures of weights that are gone are removed.

    Args:
        params: all settings.
        reports: receives `zoo/metrics/<data set>/<name>.json` and `.csv`.
        data: prepared data sets.
        zoo: the folder of the package's weights.

    Returns:
        What was written, by name.
    """
    shutil.rmtree(reports / "zoo" / "metrics", ignore_errors=True)
    names = shipped.list_zoo(zoo=zoo)
    if not names:
        return []
    prepared = open_prepared(shipped.TEST, data)
    command = params.command("zoo", "evaluate")
    found = []
    for name in names:
        trained_on = shipped.model(name, zoo).data
        _measured(name, Enhancer.load(zoo / name), prepared, params, reports / "zoo", trained_on, command)
        found.append(ZooEvaluation.read(ZooEvaluation.path(reports, shipped.TEST, name)))
    return found


def _measured(
    name: str, enhancer: Enhancer, prepared: Prepared, params: BaseParams, out: Path, trained_on: str | None, command: str
) -> Evaluation:
    settings = params.evaluate
    origin = {
        "data_digest": prepared.digest,
        "config_hash": digest(enhancer.method.config.model_dump(mode="json")),
        "seed": params.seed,
        "command": command,
        "before": made_by([prepared.folder]),
    }
    return evaluate(
        name,
        enhancer.enhance,
        prepared=prepared,
        out=out,
        metrics=METRICS,
        samples=0,
        resamples=settings.resamples,
        confidence=settings.confidence,
        seed=params.seed,
        trained_on=trained_on,
        provenance=provenance(**origin),
    )
