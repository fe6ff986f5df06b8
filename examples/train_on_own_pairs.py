# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Train a method on your own pairs and watch it in MLflow
#
# A network learns from pairs of dark and well lit pictures. Its losses, validation scores and pictures arrive in MLflow while it
# trains. Afterwards it is measured on scenes that it has not seen.
#
# You need the package with its extra `suite` (`pip install 'lle-suite[suite]'`) and no clone. With the values below it trains some
# minutes on two cores. Everything that is written lies in the folder `WORK`, below the folder in which you started.

# %% tags=["parameters"]
PAIRS = ""  # your folder with low/ and normal/, equal names; empty takes stand-ins
METHOD = "unet"
ITERATIONS = 500
BATCH_SIZE = 4
CROP = 96  # side in pixels of the training crops
STAND_INS = 120  # training pairs that are made where you name no folder
WORK = "lle_train"

# %%
import json
import os
from pathlib import Path

import matplotlib.pyplot as plt
import mlflow
import numpy as np
from PIL import Image

import lle
from lle.data.images import read_rgb

work = Path(WORK)
work.mkdir(exist_ok=True)
store = f"sqlite:///{(work / 'mlflow.db').resolve()}"
os.environ["MLFLOW_TRACKING_URI"] = store

# %% [markdown]
# ## The pairs
#
# `prepare` divides the scenes into training, validation and test, 70/15/15, and says what looks wrong. All pictures of one scene
# must be in one split: docs/own_data.md says how to name scenes. The stand-ins are photographs that packages install, darkened by a
# model of light and sensor.

# %%
stand_ins = {"kind": "demo", "lighting": "mixed", "train": STAND_INS, "val": 6, "test_full": 0, "test_crops": 2}
settings = {
    "suite": {"methods": [METHOD], "datasets": ["own"], "prepare": ["own"]},
    "train": {"data": "own", "log_every": max(ITERATIONS // 50, 1), "validate_every": max(ITERATIONS // 5, 1)},
    "profile": {"sizes": [[400, 600]]},
    "data": {"own": {"kind": "folder", "source": str(Path(PAIRS).resolve())} if PAIRS else stand_ins},
    "methods": {METHOD: {"iterations": ITERATIONS, "batch_size": BATCH_SIZE, "crop": CROP}},
}
(work / "params.yaml").write_text(json.dumps(settings, indent=2))
project = lle.Project(work / "params.yaml", root=work)
data = project.prepare("own")
print(data.counts)

# %% [markdown]
# ## Train, and watch
#
# Before you run the next cell, open the store in a terminal, in the folder in which you started, and look at
# `http://127.0.0.1:5000` while the training runs. The experiment is named `own`, the run `train@unet`.
#
# ```
# mlflow ui --backend-store-uri sqlite:///lle_train/mlflow.db
# ```
#
# If you stop the cell, run it again: the training goes on from its last checkpoint. If it has ended, it is not done again unless a
# setting, the data or the code have changed.

# %%
model = project.train(METHOD, live=True)
print(sorted(path.name for path in model.iterdir()))

# %% [markdown]
# ## The same curves in Python
#
# Whatever MLflow shows can be read from it: each `loss/...` is a term of the loss, each `val/...` a score on the validation split.

# %%
client = mlflow.MlflowClient(store)
(run,) = mlflow.search_runs(experiment_names=["own"], order_by=["start_time DESC"], max_results=1, output_format="list")
names = sorted(name for name in run.data.metrics if name.startswith(("loss/", "val/")))
figure, axes = plt.subplots(1, len(names), figsize=(3.2 * len(names), 2.6), squeeze=False)
for axis, name in zip(axes[0], names, strict=True):
    points = client.get_metric_history(run.info.run_id, name)
    axis.plot([point.step for point in points], [point.value for point in points])
    axis.set_title(name)
    axis.set_xlabel("iteration")
figure.tight_layout()
figure.savefig(work / "curves.png")

# %% [markdown]
# ## Did it learn?
#
# The test scenes were in no batch. `input` is the untouched picture; `gamma` learns nothing.

# %%
print(project.compare(["input", "gamma", METHOD], "own", metrics=["psnr", "ssim"], run=True))

# %%
enhancer = project.enhancer(METHOD)
row = data.rows("test")[0]
dark, normal = read_rgb(row.low), read_rgb(row.normal)
strip = Image.fromarray(np.hstack([dark, enhancer.enhance(dark), normal]))
strip.save(work / "dark_enhanced_reference.png")
strip

# %% [markdown]
# ## Keep
#
# `project.sync()` adds the measurements and the model to the run in MLflow. The model is a folder, here
# `lle_train/build/models/unet`: `lle enhance FOLDER photo.jpg -o out` takes it, on any machine with `lle`.
