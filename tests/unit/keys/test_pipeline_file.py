"""The pipelines have every edge that a setting asks for, and keys are the same bytes for the same project."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from lle import Project
from lle.config.base import Input
from lle.config.load import load_params
from lle.errors import LleError
from lle.keys import Keys, stage_key
from lle.keys.pipeline import write_keys
from lle.measure.study import study_keys
from tests.conftest import ROOT

PARAMS = ROOT / "params.yaml"
ONLY_SCL_LLE = {"suite__methods": ["gamma", "scl_lle"], "suite__guided": [], "suite__attention": [], "suite__mechanisms": []}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the pipelines and settings of the checkout, without the studies that take long to plan."""
    values = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    values["studies"] = {"pie_vs_zero_dce": values["studies"]["pie_vs_zero_dce"]}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    Project().write_pipelines()
    return tmp_path


def deps(project: Path, stage: str) -> list[str]:
    return yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]["deps"]


def change(project: Path, **settings: object) -> None:
    path = project / "params.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in settings.items():
        *sections, last = key.split("__")
        section = values
        for name in sections:
            section = section.setdefault(name, {})
        section[last] = value
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def test_the_pipelines_in_git_fit_the_settings():
    from lle.keys.pipeline import check_pipelines

    check_pipelines(load_params(PARAMS), study_keys(PARAMS)[1], Project(PARAMS).zoo_keys()[1], ROOT)


@pytest.mark.parametrize(
    ("settings", "stage", "dependency"),
    [
        ({}, "train_distill", "build/models/net_t"),
        ({}, "train_clip_isp", "build/clip"),
        ({}, "train_sllen", "build/data/demo_seg"),
        ({"methods__distill__teacher": "build/models/unet"}, "train_distill", "build/models/unet"),
        ({"methods__distill__teacher_path": "build/models/other"}, "train_distill", "build/models/other"),
        ({"methods__pie__positives": "demo"}, "train_pie", "build/data/demo"),
        ({**ONLY_SCL_LLE, "methods__scl_lle__segmentation": "demo_seg"}, "train_scl_lle", "build/data/demo_seg"),
        ({"methods__clip_lit__backbone": {"weights": "build/other_clip"}}, "train_clip_lit", "build/other_clip"),
        ({"train__data": "demo"}, "train_unet", "build/data/demo"),
    ],
)  # fmt: skip
def test_a_setting_that_names_an_input_is_an_edge(project: Path, settings: dict[str, object], stage: str, dependency: str):
    change(project, **settings)
    if settings:
        with pytest.raises(LleError, match="lle pipeline write"):
            Project().write_keys()
        Project().write_pipelines()
    assert dependency in deps(project, stage)


def test_a_teacher_outside_the_suite_is_trained_too(project: Path):
    change(project, methods__distill__teacher="build/models/iat")
    Project().write_pipelines()
    stages = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert "train_iat" in stages
    assert "train_net_t" not in stages
    assert list(stages).index("train_iat") < list(stages).index("train_distill")


def test_a_data_set_that_no_stage_makes_is_refused(project: Path):
    change(project, methods__pie__positives="sice")
    with pytest.raises(LleError, match=r"methods\.pie takes the data set 'sice'.*suite\.prepare"):
        Project().write_pipelines()


def test_equal_projects_give_equal_bytes_and_stages_that_are_gone_no_file(project: Path):
    (project / "build/keys/train").mkdir(parents=True)
    (project / "build/keys/train/gone.json").write_text("{}")
    params = load_params()
    write_keys(params, {}, {})
    first = {path: path.read_bytes() for path in sorted((project / "build/keys").rglob("*.json"))}
    write_keys(params, {}, {})
    assert {path: path.read_bytes() for path in sorted((project / "build/keys").rglob("*.json"))} == first
    assert project / "build/keys/train/gone.json" not in first
    assert project / "build/keys/train/sci.json" in first


def test_settings_count_with_defaults_filled_in_and_only_where_they_are_used():
    def changed(*overrides: str) -> set[str]:
        before, after = Keys(load_params(PARAMS)), Keys(load_params(PARAMS, overrides))
        return {name for name in before.names() if before.key(name).value != after.key(name).value}

    assert changed("methods.unet.lr=2e-3") == set(), "the preset's own value, written out"
    assert changed("methods.unet.lr=0.1") == {"train/unet", "costs"}
    assert changed("profile.seconds=3") == {name for name in Keys(load_params(PARAMS)).names() if name.startswith("profile/")} | {
        "throughput"
    }
    assert changed("data.demo.train=161") == {"fetch/demo"}
    assert changed("judges.camvid.scale=0.25") == {"judge/camvid"}


def test_a_method_beside_touches_no_other():
    def keys(*overrides: str) -> dict[str, str]:
        found = Keys(load_params(PARAMS, [*overrides, "suite.guided=[]", "suite.attention=[]", "suite.mechanisms=[]"]))
        return {name: found.key(name).value for name in found.names() if name.split("/")[0] in {"train", "evaluate", "profile", "fetch"}}

    few, more = keys("suite.methods=[sci, unet]"), keys("suite.methods=[unet, he, sci]")
    assert few.items() < more.items()
    assert {name for name in more if name not in few} == {"train/he", "evaluate/he", "profile/he"}


def test_a_full_key_follows_the_content_of_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    key = stage_key("train/distill", load_params(PARAMS))
    assert key.inputs == (Input("data", "training"), Input("model", "build/models/net_t"))
    before = key.full()
    assert set(key.content().values()) == {None}
    (tmp_path / "build/models/net_t").mkdir(parents=True)
    (tmp_path / "build/models/net_t/model.safetensors").write_text("weights")
    assert key.full() != before
    assert stage_key("train/distill", load_params(PARAMS)).value == key.value


def test_another_method_inside_counts_with_its_code_and_settings():
    chosen = ["methods.distill.student=zero_dce", "methods.distill.teacher=none"]
    narrow = "methods.distill.student_settings={width: 8}"
    plain, small = (stage_key("train/distill", load_params(PARAMS, given)) for given in (chosen, [*chosen, narrow]))
    assert plain.code == small.code != stage_key("train/distill", load_params(PARAMS, chosen[1:])).code
    assert plain.settings["methods.distill trains zero_dce"]["width"] == 32
    assert small.settings["methods.distill trains zero_dce"]["width"] == 8


def test_what_only_the_card_says_makes_no_training_of_the_zoo_stale():
    before = Project(PARAMS).zoo_keys()[0]["jcrnet"]
    card = ["zoo.jcrnet.weak=Another sentence.", "zoo.jcrnet.title=JC", "zoo.jcrnet.tests=[mine_rendered]"]
    assert Project(PARAMS, card).zoo_keys()[0]["jcrnet"] == before
    assert Project(PARAMS, ["zoo.jcrnet.set=[methods.jcrnet.iterations=9]"]).zoo_keys()[0]["jcrnet"] != before
    assert Project(PARAMS, ["zoo.jcrnet.data=demo"]).zoo_keys()[0]["jcrnet"] != before
    written = yaml.safe_load((ROOT / "pipelines/zoo/dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert written["pack_jcrnet"]["params"] == ["zoo.jcrnet"]
    assert "params" not in written["train_jcrnet"]


def test_weights_of_the_package_are_artifacts_and_learned_methods_have_plots(project: Path):
    assert "artifacts" not in yaml.safe_load((project / "pipelines/zoo/dvc.yaml").read_text(encoding="utf-8")), "none are here"
    for name in ("zero_dce", "lampnet"):
        (project / f"lle/zoo/{name}").mkdir(parents=True)
        (project / f"lle/zoo/{name}/model.safetensors").write_bytes(b"weights")
    Project().write_pipelines()
    listed = yaml.safe_load((project / "pipelines/zoo/dvc.yaml").read_text(encoding="utf-8"))["artifacts"]
    assert {name: entry["path"] for name, entry in listed.items()} == {
        "lampnet": "../../lle/zoo/lampnet/model.safetensors",
        "zero-dce": "../../lle/zoo/zero_dce/model.safetensors",
    }
    assert listed["lampnet"]["labels"] == ["lampnet", "data-zoo_free", "licence-free", "default"]
    change(project, suite__methods=["gamma", "unet"], suite__guided=[], suite__attention=[], suite__mechanisms=[])
    Project().write_pipelines()
    plots = yaml.safe_load((project / "pipelines/plots/dvc.yaml").read_text(encoding="utf-8"))["plots"]
    assert [name for plot in plots for name in plot] == ["validation", "loss_unet"]
    assert plots[0]["validation"]["y"] == {"../../reports/curves/psnr/unet.csv": "psnr"}
