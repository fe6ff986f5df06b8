"""The champion moves only through the gate."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from results_tree import write_metrics

from lle.engine.model_io import load_model, save_model
from lle.errors import LleError
from lle.infer.enhancer import Enhancer
from lle.tracking import store
from lle.tracking.model import copy_model
from lle.tracking.promote import promote


def test_promotion(reports: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> None:
    import mlflow

    monkeypatch.chdir(tmp_path)
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with pytest.raises(LleError, match="no results have been accepted"):
        promote("zero_dce", reports, models, uri)
    before = shutil.copytree(reports, tmp_path / "before")
    first = promote("zero_dce", reports, models, uri, before)
    assert (first.name, first.version, first.moved) == ("zero_dce-training", 1, True)
    assert str(promote("zero_dce", reports, models, uri, before)) == "models:/zero_dce-training@champion is still version 1"

    # A new model whose results are worse is kept out, and the champion stays.
    method = load_model(models / "zero_dce")
    for parameter in method.parameters():
        parameter.data.mul_(1.5)
    save_model(method, "zero_dce", models / "zero_dce")
    write_metrics(reports, "demo", "zero_dce", {"psnr": [9.0, 10, 11, 12], "ssim": [0.4, 0.5, 0.6, 0.7]}, "training")
    with pytest.raises(LleError, match=r"zero_dce is not promoted(?s:.*)FAIL +demo/zero_dce +psnr"):
        promote("zero_dce", reports, models, uri, before)
    client = store.client(uri)
    assert client.get_model_version_by_alias(first.name, "champion").version == 1

    # The same model with better results becomes it.
    write_metrics(reports, "demo", "zero_dce", {"psnr": [11.0, 12, 13, 14], "ssim": [0.4, 0.5, 0.6, 0.7]}, "training")
    second = promote("zero_dce", reports, models, uri, before)
    assert (second.version, second.moved) == (2, True)
    with store.fluent(uri):
        champion = mlflow.pyfunc.load_model(second.uri)
        copied = copy_model(second.uri, tmp_path / "copy")
    picture = np.random.default_rng(0).integers(0, 256, (1, 24, 40, 3), dtype=np.uint8)
    expected = Enhancer(method).enhance(picture[0])
    np.testing.assert_array_equal(champion.predict(picture)[0], expected)
    np.testing.assert_array_equal(Enhancer.load(copied).enhance(picture[0]), expected)


def test_what_is_missing_is_named(reports: Path, models: Path, tmp_path: Path) -> None:
    with pytest.raises(LleError, match="lle train unet"):
        promote("unet", reports, models, "sqlite:///none.db")
    before = shutil.copytree(reports, tmp_path / "before")
    save_model(load_model(models / "gamma"), "gamma", models / "clahe")
    with pytest.raises(LleError, match="no accepted results of 'clahe'"):
        promote("clahe", reports, models, "sqlite:///none.db", before)
    assert not Path("none.db").exists()
