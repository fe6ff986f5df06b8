"""What a folder holds, and the commands that made all a result rests on, with the options they were given."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path

import pytest

from lle import Project
from lle.config.load import load_params
from lle.errors import WeightsError
from lle.files import read_json, write_json
from lle.keys import content_digest, folder_digest, made_by
from lle.keys.source import digest_of

PARAMS = Path(__file__).parents[3] / "params.yaml"
SMALL = ["data.demo.train=1", "data.demo.val=1", "data.demo.test_full=0", "data.demo.test_crops=1"]


def test_commands_come_in_order_and_once(tmp_path: Path) -> None:
    write_json(tmp_path / "data/dataset.json", {"name": "demo", "command": "lle fetch demo"})
    write_json(tmp_path / "brought/dataset.json", {"name": "brought"})
    origin = {"command": "lle train net_t", "before": ["lle fetch demo"]}
    write_json(tmp_path / "teacher/train.json", {"provenance": origin})
    write_json(tmp_path / "clip/report.json", {"seconds": 1, "command": "lle clip"})
    folders = [tmp_path / name for name in ("brought", "teacher", "clip", "data", "none")]
    assert made_by(folders) == ["lle fetch demo", "lle train net_t", "lle clip"]


def test_a_command_repeats_the_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes(PARAMS.read_bytes())
    assert load_params().command("train", "sci") == "lle train sci"
    line = load_params(overrides=iter(["methods.sci.lr=0.5", "data.demo.crop=[256, 256]"])).command("train", "sci")
    assert line == "lle train sci -S methods.sci.lr=0.5 -S 'data.demo.crop=[256, 256]'"
    (tmp_path / "other.yaml").write_bytes(PARAMS.read_bytes())
    assert load_params(Path("other.yaml")).command("clip") == "lle clip --params other.yaml"


def test_a_measurement_names_all_that_went_before_and_where_it_stands_in_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Project(PARAMS, SMALL).fetch("demo")
    Project(PARAMS, ["methods.gamma.gamma=0.5"]).train("gamma")
    origin = Project(PARAMS, ["evaluate.samples=1", "evaluate.resamples=100"]).evaluate("gamma", "demo").provenance
    ours = shlex.join(["--params", PARAMS.as_posix()])
    fetch = f"lle fetch demo {ours} " + " ".join(f"-S {override}" for override in SMALL)
    assert origin.before == [f"lle train gamma {ours} -S methods.gamma.gamma=0.5", fetch]
    assert origin.command == f"lle evaluate gamma demo {ours} -S evaluate.samples=1 -S evaluate.resamples=100"
    assert origin.mlflow == {"experiment": "training", "run": "train@gamma"}
    needed = {"git", "data_digest", "config_hash", "fingerprint", "seed", "hardware", "versions", "command", "before", "mlflow"}
    assert needed <= read_json(tmp_path / "reports/metrics/demo/gamma.json")["provenance"].keys()
    assert Project(PARAMS, ["evaluate.resamples=100"]).evaluate("input", "demo").provenance.mlflow["run"] == "evaluate@input"


def test_how_long_a_folder_took_to_make_is_not_its_content(tmp_path: Path) -> None:
    model = tmp_path / "net_t"
    model.mkdir()
    (model / "model.safetensors").write_text("weights")
    (model / "train.json").write_text("seconds")
    before = content_digest(model)
    (model / "train.json").write_text("other seconds")
    assert content_digest(model) == before
    (model / "model.safetensors").write_text("other weights")
    assert content_digest(model) != before
    assert content_digest(tmp_path / "nowhere") is None
    assert content_digest(model / "model.safetensors") is not None
    write_json(tmp_path / "set/dataset.json", {"digest": "abc"})
    assert content_digest(tmp_path / "set") == "abc"


def test_a_model_is_told_also_by_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(tmp_path / "method.json", {"method": "gamma", "settings": {}})
    before = folder_digest(tmp_path)
    assert folder_digest(tmp_path) == before != content_digest(tmp_path)
    monkeypatch.setattr("lle.keys.code.method_code", lambda name, *_: f"other code of {name}")
    assert folder_digest(tmp_path) != before
    write_json(tmp_path / "method.json", {"method": "gamma", "settings": {"gone": 1}})
    with pytest.raises(WeightsError, match="lle train gamma"):
        folder_digest(tmp_path)


def test_every_python_gives_equal_digests() -> None:
    """Another Python does not train everything again: 3.12 gave definitions a field, and f-strings empty parts."""
    (tree,) = ast.parse("class A:\n    def f(self, x, form):\n        return f'[{x:{form}}, {x:{form}}]' 'b'\n").body
    assert digest_of(tree) == "6a12b0ddae8de4700b54097e15948cd9009c66985674b1ef2a161b7ff56cbed3"
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            node.values.append(ast.Constant(value=""))
    assert digest_of(tree) == "6a12b0ddae8de4700b54097e15948cd9009c66985674b1ef2a161b7ff56cbed3"
