"""The model that `mlflow models serve` serves gives the bytes of `lle enhance`, as `lle serve` does."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import mlflow
import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from mlflow.pyfunc import scoring_server

from lle import registry
from lle.engine.model_io import save_model
from lle.infer.enhancer import Enhancer
from lle.infer.files import enhance_paths
from lle.infer.pictures import Photo, write_photo
from lle.tracking.model import log_model
from lle.tracking.store import fluent


def test_the_bytes_are_those_of_lle_enhance(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_model(registry.create("sci", None), "sci", tmp_path / "sci")
    shutil.copy(empty_store, "mlflow.db")
    low = np.random.default_rng(0).integers(0, 64, (40, 56, 3), dtype=np.uint8)
    with fluent("sqlite:///mlflow.db"):
        with mlflow.start_run():
            logged = log_model(tmp_path / "sci", {})
        with TestClient(scoring_server.init(mlflow.pyfunc.load_model(logged.model_uri))) as client:
            answer = client.post("/invocations", json={"inputs": low[None].tolist()})
    assert answer.status_code == 200, answer.text
    (levels,) = np.array(answer.json()["predictions"], np.uint8)
    write_photo(tmp_path / "served.png", Photo(levels))
    cv2.imwrite("low.png", low[..., ::-1])
    (written,) = enhance_paths(Enhancer.load(tmp_path / "sci"), ["low.png"], "out")
    assert written.read_bytes() == (tmp_path / "served.png").read_bytes()
