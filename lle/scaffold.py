"""A new method to start from: a small residual network trained on pairs, complete with settings, losses and card."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from lle import registry
from lle.errors import LleError
from lle.files import write_text

_CONFIG = '''"""Settings of {title}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """A key, its default and its meaning a line; `tiny` makes the method small for tests."""

    tiny: ClassVar[Mapping[str, Any]] = {{"width": 8}}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {{
        "recommended": {{"iterations": 500, "batch_size": 8, "crop": 96, "lr": 2e-3, "schedule": "cosine"}},
    }}

    width: int = Field(16, ge=1)
    """Channels of the hidden layers."""
'''

_NETWORK = '''"""The network of {title}: three convolutions around a skip."""

from __future__ import annotations

from torch import Tensor, nn


class Network(nn.Module):
    """Adds what three convolutions make of a picture to the picture.

    Args:
        width: channels of the hidden layers.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 3, 3, padding=1),
        )

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W, RGB in [0, 1]; not clamped."""
        enhanced: Tensor = low + self.body(low)
        return enhanced
'''

_METHOD = '''"""{title}: what the network learns, and from what."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method
from {package}.config import Config
from {package}.network import Network


class {title}(Method):
    """A residual network trained on pairs; `lle.engine.method` says what else a method can do."""

    stream = "paired"
    network: Network
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Network(config.width)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W, RGB in [0, 1]."""
        enhanced: Tensor = self.network(low)
        return enhanced

    def loss(self, batch: Batch) -> Losses:
        """Mean absolute error to the normal-light picture."""
        return {{"l1": F.l1_loss(self.network(batch["low"]), batch["normal"])}}
'''

_CARD = """---
title: {title}
paper: "none yet: name authors, title, venue and year here"
supervision: paired
parameters: 3203
gmacs: 0.7603
---
Say here what the method is, what it learns from, and where it comes from: the paper and, if there is one, the authors' code with
its commit. Say then how ours differs from both, and why. The two figures above are counted by `lle methods cards`, not written by
hand. Whoever compares methods reads this page beside the tables, so it is worth some sentences.
"""

FILES = {"__init__.py": "", "config.py": _CONFIG, "network.py": _NETWORK, "method.py": _METHOD, "card.md": _CARD}


def new_method(name: str, folder: Path = registry.METHODS) -> list[Path]:
    """Writes a working method: it trains, passes the tests that every method passes, and waits to be changed.

    Args:
        name: the method's id, lower case with underscores; it becomes the name of the method's folder.
        folder: a package of methods; by default the suite's own, where the registry finds the new one by itself. A plug-in
            names it in its entry points, group `lle.methods`.

    Returns:
        The files written.

    Raises:
        LleError: the id is no module name or is taken, or the folder is no package.
    """
    folder = Path(folder).resolve()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise LleError(f"'{name}' cannot be a method's id: use lower-case letters, digits and underscores, such as 'my_method'.")
    if name in registry.packages() or (folder / name).exists():
        raise LleError(f"there is a method '{name}' already. Choose another id, or remove {folder / name}.")
    if not (folder / "__init__.py").is_file():
        raise LleError(f"{folder} is no package of methods: it has no __init__.py. Make an empty one, or name another folder.")
    words = {"title": "".join(word.capitalize() for word in name.split("_") if word), "package": f"{_package(folder)}.{name}"}
    written = []
    for file, template in FILES.items():
        write_text(folder / name / file, template.format(**words))
        written.append(folder / name / file)
    registry.packages.cache_clear()
    return written


def _package(folder: Path) -> str:
    """Returns the import path of a folder: its name behind those of the packages around it."""
    parts = [folder.name]
    while ((folder := folder.parent) / "__init__.py").is_file():
        parts.insert(0, folder.name)
    return ".".join(parts)
