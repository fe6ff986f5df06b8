"""The weights that come with the package: packed, found, preferred in the right order, measured and judged."""

from __future__ import annotations

import fnmatch
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

import lle
from lle import registry, zoo
from lle.cli.commands import main
from lle.config.load import load_params
from lle.data.images import write_png
from lle.data.pairs import open_prepared
from lle.engine.model_io import save_model
from lle.errors import ConfigError, LleError
from lle.files import read_json, write_json
from lle.gate.compare import gate
from lle.infer.shipped import Enhancer
from lle.keys import stage_key
from lle.measure.zoo import evaluate_all, pack
from lle.results.zoo import ZooModel
from tests.conftest import ROOT

TINY = [
    "zoo.sci.data=pairs",
    "zoo.sci.set=[]",
    "zoo.sci.tests=[mine_rendered,photos_varied]",
    "zoo.sci.default=true",
    "zoo.lampnet.default=false",
]


def picture(seed: int, scale: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, scale, (40, 48, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two prepared sets, a model of SCI as if trained, and the zoo into which it was packed."""
    from lle.config.data import FolderData
    from lle.data.prepare import prepare

    home = tmp_path_factory.mktemp("zoo")
    for split, first in {"train": 0, "val": 3, "test": 6}.items():
        for number in range(first, first + 3):
            write_png(home / "raw" / split / "low" / f"{number}.png", picture(number, 60))
            write_png(home / "raw" / split / "normal" / f"{number}.png", picture(number))
    for name in ("mine_rendered", "pairs"):
        prepare(name, FolderData(kind="folder", source=home / "raw"), home / "data")
    params = settings()
    torch.manual_seed(0)
    save_model(registry.create("sci"), "sci", home / "models/sci")
    record = {"trained_on": "pairs", "iterations": 7, "seconds": 1.5}
    record["provenance"] = {"config_hash": stage_key("train/sci", params).config_hash, "git": "abc", "seed": 0}
    write_json(home / "models/sci/train.json", record)
    pack("sci", params.zoo["sci"], params, home / "models", home / "data", home / "reports", home / "zoo")
    return home


def settings():
    project = lle.Project(ROOT / "params.yaml", ["+data.pairs.kind=folder", "+data.pairs.source=raw", *TINY])
    return project.zoo_project("sci").params


def test_a_packed_folder_is_a_model_with_a_card(home: Path):
    assert sorted(path.name for path in (home / "zoo/sci").iterdir()) == ["card.md", "method.json", "model.safetensors", "result.json"]
    found = ZooModel.read(home / "zoo/sci/result.json")
    assert (found.iterations, found.seconds, found.licence, found.default) == (7, 1.5, "free", True)
    assert found.bytes == (home / "zoo/sci/model.safetensors").stat().st_size
    score = found.metrics["mine_rendered"]["psnr"]
    assert score.low is not None
    assert score.low <= score.mean <= score.high
    assert set(found.missing) == {"photos_varied"}  # not on disk, and said so
    text = (home / "zoo/sci/card.md").read_text(encoding="utf-8")
    for words in ("Licences:", "7 iterations", "commit `abc`", "## Weak at", f"{score.mean:.4g}", "photos_varied: not measured"):
        assert words in text


def test_half_precision_is_kept_only_where_no_level_changes(home: Path):
    found = ZooModel.read(home / "zoo/sci/result.json")
    for key, value in load_file(home / "zoo/sci/model.safetensors").items():
        halved = ".".join(key.split(".")[:2]) in found.halved
        assert not value.is_floating_point() or value.dtype == (torch.float16 if halved else torch.float32)
    packed, exact = Enhancer.load(home / "zoo/sci"), Enhancer.load(home / "models/sci")
    for row in open_prepared("pairs", home / "data").rows("val"):
        low = lle.data.images.read_rgb(row.low)
        assert np.array_equal(packed.enhance(low), exact.enhance(low))
    assert (found.half.changed == 0) == (found.precision == "half")
    assert found.half.pictures == 3
    assert found.half.values == 3 * 40 * 48 * 3


def test_half_check_counts_changed_levels(home: Path):
    from lle.measure.zoo import half_check

    path = next(row.low for row in open_prepared("pairs", home / "data").rows("val"))
    same, other = Enhancer.load("gamma"), Enhancer.load("gamma", {"gamma": 0.5})
    assert half_check(same, same, [path]).changed == 0
    assert half_check(same, other, [path]).changed > 0


def test_weights_of_other_settings_and_too_large_ones_are_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    params = settings()
    entry = params.zoo["sci"]
    shutil.copytree(home / "models", tmp_path / "models")
    record = read_json(tmp_path / "models/sci/train.json")
    record["provenance"]["config_hash"] = "other"
    write_json(tmp_path / "models/sci/train.json", record)
    with pytest.raises(LleError, match="other settings"):
        pack("sci", entry, params, tmp_path / "models", home / "data", tmp_path, tmp_path / "zoo")
    monkeypatch.setattr(zoo, "LARGEST", 100)
    with pytest.raises(LleError, match="together more than"):
        pack("sci", entry, params, home / "models", home / "data", tmp_path, tmp_path / "zoo")
    assert not list((tmp_path / "zoo").iterdir())


def test_what_is_trained_here_goes_before_the_package(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zoo, "ZOO", home / "zoo")
    shipped = Enhancer.load("sci", models=tmp_path / "none")
    assert "come with the package" in shipped.source
    own = Enhancer.load("sci", models=home / "models")
    assert own.source == f"trained here: {home / 'models/sci'}"
    assert Enhancer.load(models=tmp_path / "none").name == "sci"  # the default
    assert Enhancer.load("gamma").source == ""
    assert lle.list_zoo("s*") == ["sci"]
    assert lle.list_zoo("x*") == []


def test_an_exported_file_has_the_origin_of_the_package_s_weights(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zoo, "ZOO", home / "zoo")
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    path, found = lle.Project(tmp_path / "params.yaml", root=tmp_path).export("sci", "torchscript", size=(40, 48))
    assert path.is_file()
    shipped = zoo.model("sci")
    assert (found.trained_on, found.git, found.data_licence) == (shipped.data, "abc", ", ".join(shipped.parts[0].licences))


def test_the_command_line_takes_the_default_and_says_so(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zoo, "ZOO", home / "zoo")
    monkeypatch.chdir(tmp_path)
    write_png(tmp_path / "dark.png", picture(1, 60))
    done = CliRunner().invoke(main, ["enhance", "dark.png", "-o", "out"])
    assert done.exit_code == 0, done.output
    assert "weights 'sci' that come with the package" in done.output
    listed = CliRunner().invoke(main, ["zoo"])
    assert "sci" in listed.output
    assert "free" in listed.output
    assert "default" in listed.output
    assert "Licences:" in CliRunner().invoke(main, ["zoo", "show", "sci"]).output
    monkeypatch.setattr(zoo, "ZOO", tmp_path / "empty")
    refused = CliRunner().invoke(main, ["enhance", "dark.png", "-o", "out2"])
    assert refused.exit_code == 1
    assert "clahe" in refused.output
    assert CliRunner().invoke(main, ["enhance", "sci", "-o", "out3"]).exit_code == 2


def test_worse_weights_close_the_gate(home: Path, tmp_path: Path):
    params = load_params(ROOT / "params.yaml")
    (first,) = evaluate_all(params, tmp_path / "before", home / "data", home / "zoo")
    assert first.dataset == "mine_rendered"
    assert first.method == "sci"
    shutil.copytree(tmp_path / "before", tmp_path / "same")
    assert gate(tmp_path / "same", tmp_path / "before").passed
    shutil.copytree(home / "zoo", tmp_path / "zoo")
    method = registry.create("sci")
    with torch.no_grad():
        for value in method.parameters():
            value.add_(1.0)  # the planted fault
    save_model(method, "sci", tmp_path / "zoo/sci")
    evaluate_all(params, tmp_path / "after", home / "data", tmp_path / "zoo")
    verdict = gate(tmp_path / "after", tmp_path / "before")
    assert not verdict.passed
    assert "zoo/mine_rendered/sci" in str(verdict)


def test_settings_of_the_zoo_are_checked():
    for override, words in {
        "zoo.unet.method=nosuch": "there is no method",
        "zoo.unet.data=nosuch": "has no section",
        "zoo.unet.method=sci": "id of another method",
    }.items():
        with pytest.raises(ConfigError, match=words):
            load_params(ROOT / "params.yaml", [override])
    with pytest.raises(ConfigError, match="both the default"):
        load_params(ROOT / "params.yaml", ["zoo.unet.default=true", "zoo.sci.default=true"])
    with pytest.raises(ConfigError, match="no section 'unit'"):
        lle.Project(ROOT / "params.yaml").zoo_project("unit")


def test_what_is_in_git_is_small_and_goes_into_the_wheel():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]["lle"]
    for file in ("model.safetensors", "method.json", "result.json", "card.md"):
        assert any(fnmatch.fnmatch(f"zoo/unet/{file}", pattern) for pattern in patterns), file
    sizes = [path.stat().st_size for path in zoo.ZOO.glob("*/model.safetensors")]
    assert sum(sizes) <= zoo.LARGEST
    for name in zoo.list_zoo():
        found = zoo.model(name)
        assert found.name == name
        assert found.bytes == (zoo.folder(name) / "model.safetensors").stat().st_size
        assert all(part.licences for part in found.parts)
        assert found.weak in zoo.card(name)


def test_the_card_names_the_licences_of_the_photographs_behind_made_pairs(home: Path, tmp_path: Path):
    """Pairs made from the set `photos` have its scenes, whose licences the list has."""
    from lle.config.data import FolderData, JoinData
    from lle.data.photos import listed
    from lle.data.prepare import prepare
    from lle.measure.zoo import training_parts

    line = next(line for line in listed() if line["split"] == "train")
    rows = "split,scene,low,normal\n"
    for number, split in enumerate(("train", "val")):
        for side in ("low", "normal"):
            write_png(tmp_path / "raw" / side / f"{number}.png", picture(number))
        rows += f"{split},{line['scene'] if split == 'train' else 'other'},low/{number}.png,normal/{number}.png\n"
    (tmp_path / "raw/pairs.csv").write_text(rows, encoding="utf-8")
    prepare("made", FolderData(kind="folder", source=tmp_path / "raw"), tmp_path / "data")
    prepare("joined", JoinData(kind="join", parts=["made"]), tmp_path / "data")
    for name in ("made", "joined"):
        (part,) = training_parts(open_prepared(name, tmp_path / "data"))
        assert (part.name, part.licences) == ("made", [line["licence"]])
