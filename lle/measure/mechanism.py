"""Measures whether the idea of a method acts in the model that was trained."""

from __future__ import annotations

import csv
from pathlib import Path

from lle import registry
from lle.config.schema import BaseParams
from lle.data.cache import Cache
from lle.data.pairs import open_prepared
from lle.data.streams import rows_with
from lle.engine.model_io import load_model
from lle.engine.probe import PAIRS, LogRow, Probe
from lle.errors import ConfigError, LleError
from lle.files import read_json, significant
from lle.keys import made_by
from lle.measure.method import method_tags
from lle.provenance import provenance
from lle.results.mechanism import Mechanism


def mechanism(
    name: str,
    params: BaseParams,
    models: Path = Path("build/models"),
    reports: Path = Path("reports"),
    data: Path = Path("build/data"),
    cache: Path = Path("build/cache"),
) -> Mechanism:
    """Computes the numbers that a method declares about its mechanism, on the validation split of the data it was trained on.

    Args:
        name: a method whose package has a module `mechanism`.
        params: all settings.
        models: trained models.
        reports: receives `mechanism/<name>.json`.
        data: prepared data sets.
        cache: decoded pictures.

    Returns:
        What was written.

    Raises:
        ConfigError: the method declares no such numbers.
        LleError: it was not trained here, or its training set has no validation split.
    """
    measure = registry.mechanism(name)
    if measure is None:
        raise ConfigError(
            f"{name} declares no numbers about its mechanism. Those that do: {', '.join(registry.with_mechanism())}; "
            f"`{registry.package(name)}.mechanism` would."
        )
    folder = models / name
    if not (folder / "losses.csv").is_file():
        raise LleError(f"there is no training in {folder} to look into. Train it first: lle train {name}")
    trained = read_json(folder / "train.json")
    home = trained["trained_on"]
    prepared = open_prepared(home, data)
    if not prepared.has_split("val"):
        raise LleError(f"{home} has no split val to measure on. Give it one (data.{home}.split or .val) and run `lle fetch {home}`.")
    opened: dict[str, Cache] = {}

    def pictures(of: str | None) -> Cache:
        of = of or home
        if of not in opened:
            opened[of] = Cache(prepared if of == home else open_prepared(of, data), "val", cache)
        return opened[of]

    method = load_model(folder).eval()
    found = list(measure(Probe(method, pictures, _log(folder / "losses.csv"), folder, params.seed)))
    origin = {key: trained["provenance"][key] for key in ("config_hash", "fingerprint", "seed")}
    result = {
        "schema": Mechanism.SCHEMA,
        "method": name,
        "dataset": home,
        "pictures": min(PAIRS, len(rows_with(pictures(None), "low", "normal"))),
        "preset": method.config.preset,
        "measures": [{key: value for key, value in vars(one).items() if value not in (None, "")} for one in found],
        **method_tags(method),
        "provenance": provenance(
            **origin,
            data_digest=prepared.digest,
            command=params.command("mechanism", name),
            before=made_by([folder, data / home]),
        ),
    }
    for one in result["measures"]:
        one["value"] = significant(one["value"])
    return Mechanism.written(result, Mechanism.path(reports, name))


def _log(path: Path) -> list[LogRow]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [(int(i), phase, update, term, float(value)) for i, phase, update, term, value in list(csv.reader(stream))[1:]]
