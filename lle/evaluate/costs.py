"""What every method costs at test time as far as it can be counted: parameters and multiply-accumulates.

Neither depends on weights, so nothing has to be trained for it, and equal code gives equal bytes on any machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lle import registry
from lle.config.schema import BaseParams, method_settings
from lle.evaluate.profile import CLASSICAL, macs, parameters
from lle.files import write_json

SIZE = (400, 600)
"""Height and width of the picture, those of the papers' column of FLOPs."""


def count(params: BaseParams, reports: Path = Path("reports")) -> dict[str, Any]:
    """Counts every method that enhances pictures, with its settings, and writes `costs.json`.

    Args:
        params: all settings.
        reports: receives the file.

    Returns:
        What was written: the size, and by method `parameters` and `macs`, null with a reason for what is no network.
    """
    height, width = SIZE
    found: dict[str, Any] = {}
    for name in registry.packages():
        if not registry.card(name).enhances:
            continue
        method = registry.create(name, method_settings(params, name)).eval()
        learned = parameters(method)
        # On `meta` nothing is computed: 350 10^9 multiply-accumulates are counted in a second.
        counted = macs(method.to("meta"), height, width, torch.device("meta")) if learned else None
        found[name] = {"parameters": learned, "macs": counted, **({} if learned else {"macs_missing": CLASSICAL})}
    record = {"size": f"{height}x{width}", "methods": found}
    write_json(reports / "costs.json", record)
    return record
