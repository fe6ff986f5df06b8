"""Settings: what is in params.yaml, overrides, and errors that a person understands."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml

from lle import registry
from lle.config.edit import schema_text
from lle.config.format import HEAD, commented
from lle.config.load import load_params
from lle.config.schema import method_settings, params_model
from lle.errors import ConfigError, LleError

ROOT = Path(__file__).parents[3]
PARAMS = ROOT / "params.yaml"


def test_the_projects_settings_are_valid_and_commented_by_the_code():
    load_params(PARAMS)
    text = PARAMS.read_text(encoding="utf-8")
    assert text == HEAD + commented(params_model(), yaml.safe_load(text)), "run `lle config format`"


def test_every_kind_of_key_of_the_projects_settings_has_a_comment_where_it_first_stands():
    lines = PARAMS.read_text(encoding="utf-8").splitlines()
    explained = {"methods", "data"}
    for above, line in itertools.pairwise(lines):
        key = line.strip().partition(":")[0]
        if not line.strip() or line.strip().startswith(("#", "-")):
            continue
        # Names that a person chose: of data sets, studies and their variants.
        named = line.endswith(":") and not above.strip().startswith("#")
        if above.strip().startswith("#"):
            explained.add(key)
        assert key in explained or named, line


def test_the_schema_for_editors_is_up_to_date():
    assert (ROOT / "params.schema.json").read_text(encoding="utf-8") == schema_text(), "run `lle config schema > params.schema.json`"


def test_overrides_set_add_and_remove():
    params = load_params(
        PARAMS,
        [
            "methods.zero_dce.lr=1e-5",
            "+data.mine={kind: folder, source: x}",
            "~judges.voc2012",
            "suite.methods=[gamma]",
            "suite.attention=[]",
            "suite.mechanisms=[]",
            "suite.guided=[]",
        ],
    )
    assert method_settings(params, "zero_dce").lr == 1e-5
    assert params.data["mine"].source == Path("x")
    assert "voc2012" not in params.judges
    assert params.suite.methods == ["gamma"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("methods.zero_dce.lrr=1", r"methods\.zero_dce\.lrr: unknown key\. Did you mean 'lr'\?"),
        ("methods.zero_dc.lr=1", r"methods\.zero_dc: unknown key\. Did you mean 'zero_dce'\?"),
        ("data.demo.camera.photon=1", r"data\.demo\.camera\.photon: unknown key\. Did you mean 'photons'\?"),
        ("data.demo.kind=zip", r"data\.demo: .*'kind'"),
        ("seed=x", r"seed: Input should be a valid integer.*\(it is 'x'\)"),
        ("methods.zero_dce.preset=best", r"methods\.zero_dce: preset 'best' is unknown; known: paper, recommended"),
        ("suite.methods=[gama]", r"suite\.methods: there is no method 'gama'"),
        ("suite.guided=[ruas]", r"suite\.guided: 'ruas' must also be listed in suite\.methods"),
        ("train.data=sice", r"train\.data: 'sice' must also be listed in suite\.prepare"),
        ("suite.datasets=[nowhere]", r"suite\.datasets: 'nowhere' has no section under `data`"),
        ("seed", r"-S seed: write it as key=value"),
        ("seed.x=1", r"-S seed\.x=1: seed is a value, not a section"),
        ("~train.dta", r"there is no key train\.dta to remove\. Did you mean 'data'\?"),
        ("seed=[1", r"not valid YAML"),
    ],
)
def test_mistakes_are_explained(override, message):
    with pytest.raises(ConfigError, match=message):
        load_params(PARAMS, [override])


def test_missing_and_broken_files_are_explained(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        load_params(tmp_path / "none.yaml")
    (tmp_path / "broken.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_params(tmp_path / "broken.yaml")
    (tmp_path / "list.yaml").write_text("- a\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="must hold sections"):
        load_params(tmp_path / "list.yaml")


def test_an_explicit_key_wins_over_its_preset():
    settings = method_settings(load_params(PARAMS, ["methods.zero_dce={preset: paper, lr: 0.5}"]), "zero_dce")
    assert (settings.lr, settings.resize) == (0.5, 512)


def test_another_preset_leaves_behind_what_was_written_beside_the_old_one(tmp_path):
    values = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    values["methods"]["clip_isp"] = {"preset": "recommended", "iterations": 60, "rounds": 1, "crop": 64}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")

    def chosen(*overrides):
        return method_settings(load_params(tmp_path / "params.yaml", overrides), "clip_isp")

    paper = registry.config_class("clip_isp")(preset="paper")
    assert chosen("methods.clip_isp.preset=paper") == paper
    assert (paper.iterations, paper.rounds) == (2100, 20)
    for order in (1, -1):
        mixed = chosen(*["methods.clip_isp.preset=paper", "methods.clip_isp.rounds=2"][::order])
        assert (mixed.iterations, mixed.rounds) == (2100, 2)
    assert chosen("methods.clip_isp.preset=recommended").iterations == 60
    assert chosen().rounds == 1


def test_the_file_shows_only_what_differs_from_the_presets():
    for name, section in yaml.safe_load(PARAMS.read_text(encoding="utf-8"))["methods"].items():
        preset = registry.config_class(name)(preset=section["preset"])
        written = registry.config_class(name)(**section)
        same = [key for key in section if key != "preset" and getattr(preset, key) == getattr(written, key)]
        assert not same, f"methods.{name}: {', '.join(same)} repeats the preset"


def test_settings_of_unknown_methods_are_refused():
    with pytest.raises(LleError, match=r"no method 'zerodce'\. Did you mean 'zero_dce'\?"):
        method_settings(load_params(PARAMS), "zerodce")
