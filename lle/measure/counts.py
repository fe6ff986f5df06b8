"""What every method costs at test time as far as it can be counted: parameters and multiply-accumulates.

Neither depends on weights, so nothing has to be trained for it, and equal code gives equal bytes on any machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lle import registry
from lle.config.base import MethodConfig
from lle.config.schema import BaseParams, method_settings
from lle.measure.cost import CLASSICAL, macs, parameters
from lle.results.cost import Costs

SIZE = (400, 600)
"""Height and width of the picture, those of the papers' column of FLOPs."""


def count(params: BaseParams, reports: Path = Path("reports")) -> Costs:
    """Counts every method that enhances pictures and writes `costs.json`.

    Args:
        params: all settings.
        reports: receives the file.

    Returns:
        What was written: the size, and by method `parameters` and `macs`, null with a reason for what is no network; with the
        settings, and in `paper` with the preset of that name, null for a method without one.
    """
    found: dict[str, Any] = {}
    for name in registry.packages():
        if registry.card(name).enhances:
            presets = registry.config_class(name).presets
            printed = _count(name, {"preset": "paper"}) if "paper" in presets else None
            found[name] = {**_count(name, method_settings(params, name)), "paper": printed}
    record = {"schema": Costs.SCHEMA, "size": "x".join(map(str, SIZE)), "methods": found}
    return Costs.written(record, Costs.path(reports))


def _count(name: str, settings: Mapping[str, Any] | MethodConfig) -> dict[str, Any]:
    # On `meta` nothing is computed, and no weight is drawn: 350 10^9 multiply-accumulates are counted in a second.
    meta = torch.device("meta")
    with meta:
        method = registry.create(name, settings)
    learned = parameters(method)
    if not learned:
        return {"parameters": 0, "macs": None, "macs_missing": CLASSICAL}
    return {"parameters": learned, "macs": macs(method.eval().to(meta), *SIZE, meta)}
