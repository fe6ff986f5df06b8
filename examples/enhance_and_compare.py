# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Enhance and compare your own pictures
#
# Several methods enhance the same dark pictures. You look at the results side by side, and, where there are references, compare the
# methods by numbers with intervals. No method is trained here.
#
# You need the package with its extra `suite` (`pip install 'lle-suite[suite]'`) and no clone. Everything that is written lies in the
# folder `WORK`, below the folder in which you started.

# %% tags=["parameters"]
PICTURES = ""  # your folder: low/ and normal/ with equal names, or dark pictures alone; empty takes stand-ins
METHODS = ["gamma", "clahe", "lime", "lampnet"]
STAND_INS = 6  # dark pictures that are made where you name no folder
RESAMPLES = 1000  # of the bootstrap, for the intervals
WORK = "lle_enhance"

# %%
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image

import lle
from lle.data.images import read_rgb
from lle.measure.quality import evaluate

work = Path(WORK)
work.mkdir(exist_ok=True)

# %% [markdown]
# ## The pictures
#
# A project is a folder with a `params.yaml` (JSON is YAML, too). Its section `data` names the set `own`: your folder, all of it for
# testing. The stand-ins are photographs that packages install, darkened by a model of light and sensor; their references are known.

# %%
test_crops = max(STAND_INS // 3, 1)  # there are three test photographs
stand_ins = {"kind": "demo", "lighting": "mixed", "train": 1, "val": 1, "test_full": 0, "test_crops": test_crops}
own = {"kind": "folder", "source": str(Path(PICTURES).resolve()), "split": "test"} if PICTURES else stand_ins
settings = {
    "suite": {"methods": METHODS, "datasets": ["own"], "prepare": ["own"]},
    "train": {"data": "own"},
    "evaluate": {"resamples": RESAMPLES},
    "profile": {"sizes": [[400, 600]]},
    "data": {"own": own},
}
(work / "params.yaml").write_text(json.dumps(settings, indent=2))
project = lle.Project(work / "params.yaml", root=work)
data = project.prepare("own")
rows = data.rows("test")
print(f"{len(rows)} pictures, the first is {rows[0].image}")

# %% [markdown]
# ## Look
#
# `Enhancer.load` takes a method's id; `lampnet` has weights that come with the package. An enhancer takes and returns H x W x 3,
# RGB, 8 or 16 bits. In each row: the picture as it is, then one result a method, in the order of `METHODS`.

# %%
enhancers = {name: lle.Enhancer.load(name) for name in METHODS}
strips = []
for row in rows[:3]:
    dark = read_rgb(row.low)
    results = [dark]
    for name, enhancer in enhancers.items():
        start = time.perf_counter()
        results.append(enhancer.enhance(dark))
        print(f"{row.image}  {name:10} mean {dark.mean():5.1f} -> {results[-1].mean():5.1f}  {time.perf_counter() - start:.2f} s")
    shown = [Image.fromarray(result) for result in results]
    for one in shown:
        one.thumbnail((260, 260))
    strips.append(np.hstack([np.asarray(one) for one in shown]))

# %%
width = max(strip.shape[1] for strip in strips)
sheet = Image.fromarray(np.vstack([np.pad(strip, ((0, 8), (0, width - strip.shape[1]), (0, 0))) for strip in strips]))
sheet.save(work / "side_by_side.png")
sheet

# %% [markdown]
# ## Measure
#
# With references, every metric is measured on the same pictures; means have 95 % intervals, and a difference to the first name is one
# between equal pictures. `input` is the untouched picture, which a method must beat. Without references only those metrics have a
# value that need none. With few pictures the intervals are wide: that is the honest answer.
#
# `evaluate` measures any function from picture to picture; `lle evaluate` does it for what was trained in the project.

# %%
for name, enhancer in enhancers.items():
    evaluate(name, enhancer.enhance, data, out=project.reports, resamples=RESAMPLES)
print(project.compare(["input", *METHODS], "own", run=True))

# %% [markdown]
# ## Keep
#
# The same in a shell, for a folder of pictures: `lle enhance lampnet FOLDER -o enhanced`. The numbers lie in `reports/metrics/own`,
# a JSON file a method, with settings and versions. The next notebook trains a method on pairs of your own.

# %%
print(*sorted(path.relative_to(work).as_posix() for path in work.glob("reports/metrics/own/*.json")), sep="\n")
