# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Write a method in fifteen minutes
#
# A method is a folder of four short files. Here one is made, changed into a method that estimates an exponent for each colour
# channel of a picture, trained, and compared with a fixed gamma correction.
#
# You need the package with its extra `suite` (`pip install 'lle-suite[suite]'`) and no clone. Everything that is written lies in the
# folder `WORK`, below the folder in which you started. To begin again, restart the kernel and remove that folder.

# %% tags=["parameters"]
PAIRS = ""  # your folder with low/ and normal/, equal names; empty takes stand-ins
ITERATIONS = 300
BATCH_SIZE = 8
STAND_INS = 80  # training pairs that are made where you name no folder
WORK = "lle_method"

# %%
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import lle
from lle.data.images import read_rgb
from lle.scaffold import new_method

work = Path(WORK)
package = work / "my_methods"
package.mkdir(parents=True, exist_ok=True)
(package / "__init__.py").touch()

# %% [markdown]
# ## 1. Files that work
#
# `new_method` writes a small residual network that trains at once. In a clone, `lle methods new night_curve` does the same and the
# method is found by its folder. In a package of your own an entry point names it, which `pip install` reads from `pyproject.toml`:
#
# ```toml
# [project.entry-points."lle.methods"]
# night_curve = "my_methods.night_curve"
# ```
#
# The cell writes down what an installation would write, so that this notebook installs nothing.

# %%
registered = work / "my_methods-0.1.dist-info"
registered.mkdir(exist_ok=True)
(registered / "METADATA").write_text("Metadata-Version: 2.1\nName: my_methods\nVersion: 0.1\n")
sys.path.insert(0, str(work.resolve()))
home = package / "night_curve"
if not home.exists():
    new_method("night_curve", package)
(registered / "entry_points.txt").write_text("[lle.methods]\nnight_curve = my_methods.night_curve\n")
if not lle.list_methods("night_curve"):
    raise RuntimeError("The methods were listed before this one was registered: restart the kernel.")
print(*sorted(path.name for path in home.iterdir()))

# %% [markdown]
# ## 2. The network
#
# `network.py` knows torch only. Input and output are B x 3 x H x W in [0, 1]. This one looks at a reduced view of the picture,
# computes three exponents, and raises each channel to its own: below 1 brightens. It begins as gamma correction with 0.45.

# %%
network = '''"""The network of NightCurve: an exponent for each channel."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Network(nn.Module):
    """Estimates three exponents from a view of 32 x 32, and applies them.

    Args:
        width: hidden units.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.estimate = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(width, 3, 1),
        )
        last = self.estimate[-1]
        nn.init.zeros_(last.weight)
        nn.init.constant_(last.bias, math.log(0.45))

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W, RGB in [0, 1]."""
        view = F.interpolate(low, size=(32, 32), mode="area")
        exponents = torch.exp(self.estimate(view))
        return low.clamp(1e-4, 1) ** exponents
'''
(home / "network.py").write_text(network)

# %% [markdown]
# ## 3. The losses
#
# `method.py` says what is learned, from what. `stream` asks for pairs; `loss` returns named, weighted terms, which the engine adds
# up and logs under these names. The generated file has one term; a second one compares the mean colours.

# %%
method = home / "method.py"
text = method.read_text()
if '"colour"' not in text:
    head, _, _ = text.partition("    def loss")
    method.write_text(
        head
        + '''    def loss(self, batch: Batch) -> Losses:
        """Mean absolute error, and the error of each channel's mean."""
        output, normal = self.network(batch["low"]), batch["normal"]
        return {
            "l1": F.l1_loss(output, normal),
            "colour": 0.5 * F.l1_loss(output.mean((2, 3)), normal.mean((2, 3))),
        }
'''
    )
print(method.read_text())

# %% [markdown]
# `config.py` holds the settings: a line each, with a default and a docstring. They are keys of `methods.night_curve` in
# `params.yaml` from now on, and a mistake in one is refused with the nearest name. `lle.create_method` builds the method and checks
# what it must have.

# %%
built = lle.create_method("night_curve", {"width": 12})
print(sum(parameter.numel() for parameter in built.parameters()), "parameters")

# %% [markdown]
# ## 4. Train and compare
#
# As in the notebook on own pairs.

# %%
stand_ins = {"kind": "demo", "lighting": "mixed", "train": STAND_INS, "val": 4, "test_full": 0, "test_crops": 2}
settings = {
    "suite": {"methods": ["night_curve"], "datasets": ["own"], "prepare": ["own"]},
    "train": {"data": "own"},
    "profile": {"sizes": [[400, 600]]},
    "data": {"own": {"kind": "folder", "source": str(Path(PAIRS).resolve())} if PAIRS else stand_ins},
    "methods": {"night_curve": {"iterations": ITERATIONS, "batch_size": BATCH_SIZE, "width": 12}},
}
(work / "params.yaml").write_text(json.dumps(settings, indent=2))
project = lle.Project(work / "params.yaml", root=work)
project.train("night_curve")
print(project.compare(["gamma", "night_curve"], "own", metrics=["psnr", "ssim"], run=True))

# %%
data = project.prepare("own")
row = data.rows("test")[0]
dark = read_rgb(row.low)
results = [lle.Enhancer.load("gamma").enhance(dark), project.enhancer("night_curve").enhance(dark)]
strip = Image.fromarray(np.hstack([dark, *results]))
strip.save(work / "dark_gamma_night_curve.png")
strip

# %% [markdown]
# ## 5. What a finished method has besides
#
# - `card.md`: what it is, its paper, how it differs. `lle methods cards night_curve` counts parameters and operations into it.
# - Presets in `config.py`: `paper` as printed, `recommended` chosen on validation data.
# - In a clone, `pytest tests/methods/test_zoo.py -k night_curve` runs the tests that every method must pass.
# - A method of this kind sees the whole picture once. With `estimate` and `enhance_with` it also works on tiles and on videos.
#
# docs/add_a_method.md goes on: losses that take turns, several phases, teachers.
