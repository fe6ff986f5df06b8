"""Which metrics exist: what the modules beside this one declare, and what other packages register.

A module of `lle/metrics` with `METRICS`, a tuple of `Metric`, adds these to the tables; the other modules are helpers. Other
packages name such a module in an entry point of group `lle.metrics`. See `docs/add_a_metric.md`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType, ModuleType

import lle.metrics
from lle.errors import ConfigError, LleError, did_you_mean
from lle.metrics.metric import Metric


@functools.cache
def declared() -> Mapping[str, Sequence[Metric]]:
    """Returns the metrics of every module that declares some, by import path.

    Raises:
        LleError: a registered module is missing or declares none, or two metrics have one name.
    """
    found: dict[str, Sequence[Metric]] = {}
    for module in pkgutil.iter_modules(lle.metrics.__path__):
        path = f"lle.metrics.{module.name}"
        own = getattr(importlib.import_module(path), "METRICS", ())
        if own:
            found[path] = own
    for entry in importlib.metadata.entry_points(group="lle.metrics"):
        own = getattr(_registered(entry.value), "METRICS", ())
        if not own:
            raise LleError(f"the module '{entry.value}' is registered under lle.metrics, but has no METRICS. Add them, or uninstall it.")
        found[entry.value] = own
    names = [metric.name for own in found.values() for metric in own]
    for name in names:
        if names.count(name) > 1:
            homes = [path for path, own in found.items() if any(metric.name == name for metric in own)]
            raise LleError(f"the metric '{name}' is declared more than once, in {', '.join(homes)}. Rename or remove one.")
    return MappingProxyType(found)


def _registered(path: str) -> ModuleType:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        # Another name is a library that the module needs.
        if error.name is None or not f"{path}.".startswith(f"{error.name}."):
            raise
        raise LleError(
            f"the module '{path}' is registered under lle.metrics, but is not there. Install its package again, or uninstall it."
        ) from error


@functools.cache
def all_metrics() -> Mapping[str, Metric]:
    """Returns all metrics by name, in the order of the tables."""
    found = [metric for own in declared().values() for metric in own]
    return MappingProxyType({metric.name: metric for metric in sorted(found, key=lambda metric: (metric.order, metric.name))})


def select(names: Iterable[str] | None = None) -> Sequence[Metric]:
    """Returns the metrics of these names in the order of the tables; None gives all.

    Raises:
        ConfigError: a name is unknown; the message names the nearest one.
    """
    known = all_metrics()
    wanted = list(known if names is None else names)
    for name in wanted:
        if name not in known:
            raise ConfigError(f"there is no metric '{name}'.{did_you_mean(name, known)} Known: {', '.join(known)}.")
    return tuple(metric for metric in known.values() if metric.name in wanted)
