"""A study trains its variants once, measures them alike, and says what came of its expectations."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lle import Project
from lle.errors import ConfigError
from lle.files import read_json
from lle.measure.study import index, plan, run_study, write_keys
from tests.conftest import ROOT

STUDY = {
    "title": "Two exponents",
    "datasets": ["demo"],
    "seeds": [0, 1],
    "variants": {
        "dark": {"method": "gamma", "set": ["methods.gamma.gamma=1.0"]},
        "bright": {"method": "gamma"},
        "short": {"method": "zero_dce", "set": ["methods.zero_dce.iterations=2", "methods.zero_dce.batch_size=1"]},
    },
    "contrasts": ["bright > dark", "dark > bright", "bright > bright"],
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with settings of a tiny suite and one study."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["suite"] = {"methods": ["gamma"], "datasets": ["demo"], "prepare": ["demo"]}
    params["train"] |= {"data": "demo", "threads": 1, "validate_images": 0}
    params["data"] = {"demo": {"kind": "demo", "lighting": "room", "train": 4, "val": 1, "test_full": 0, "test_crops": 2}}
    params["judges"] = {}
    params["studies"] = {"exponents": STUDY}
    folder = tmp_path_factory.mktemp("study")
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


@pytest.fixture(scope="module")
def result(project: Path) -> dict:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        return run_study("exponents")


def test_every_variant_is_measured_with_every_seed(result: dict, project: Path) -> None:
    assert result == read_json(project / "reports/studies/exponents.json")
    cell = result["variants"]["short"]["results"]["demo"]["psnr"]
    assert set(cell["by_seed"]) == {"0", "1"}
    assert cell["seed_sd"] > 0
    assert cell["low"] <= cell["mean"] <= cell["high"]
    assert cell["mean"] == pytest.approx(sum(cell["by_seed"].values()) / 2, abs=1e-4)
    assert result["variants"]["short"]["training"]["1"]["iterations"] == 2
    place = result["variants"]["dark"]["provenance"]["0"]["mlflow"]
    assert place == {"experiment": "studies", "run": f"{result['study']}/dark/0"}
    assert result["variants"]["dark"]["provenance"]["0"]["config_hash"] != result["variants"]["bright"]["provenance"]["0"]["config_hash"]
    lines = (project / "reports/studies/exponents.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 3 * 2 * 6


def test_the_index_notices_a_changed_result(result: dict, project: Path) -> None:
    reports = project / "reports"
    table = reports / "studies/exponents.csv"
    before = table.read_text(encoding="utf-8")
    written = read_json(reports / "studies.json")
    assert written == index(reports)
    assert set(written) == {"exponents"}
    table.write_text(before.replace("dark,0", "dark,9"), encoding="utf-8")
    assert index(reports) != written
    table.write_text(before, encoding="utf-8")


def test_a_contrast_is_reported_whichever_way_it_comes_out(result: dict) -> None:
    forth, back, same = result["contrasts"]
    assert (forth["verdict"], back["verdict"], same["verdict"]) == ("holds", "contradicted", "not shown")
    assert forth["difference"]["mean"] == -back["difference"]["mean"] > 0
    assert (forth["seeds_in_favour"], back["seeds_in_favour"]) == (2, 0)


def test_what_is_done_is_not_done_again_and_the_rest_is(result: dict, project: Path) -> None:
    kept = project / "build/studies/exponents/short/0/done.json"
    lost = project / "build/studies/exponents/short/1/done.json"
    before = kept.stat().st_mtime_ns
    lost.unlink()
    assert run_study("exponents")["variants"]["short"]["results"] == result["variants"]["short"]["results"]
    assert kept.stat().st_mtime_ns == before
    assert lost.is_file()


def test_the_key_of_a_run_follows_its_settings_and_its_data(result: dict, project: Path, tmp_path: Path) -> None:
    keys = {run.variant: run.key() for run in plan("exponents", Path("params.yaml"))[1]}
    changed = {run.variant: run.key() for run in plan("exponents", Path("params.yaml"), ["methods.zero_dce.lr=0.5"])[1]}
    assert {name for name in keys if keys[name] != changed[name]} == {"short"}
    write_keys(Path("params.yaml"), tmp_path)
    assert len(read_json(tmp_path / "exponents.json")["keys"]) == 6


def test_a_wrong_override_names_its_variant_before_anything_is_trained(project: Path, tmp_path: Path) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    params["studies"]["exponents"]["variants"]["short"]["set"] = ["methods.zero_dce.iteration=2"]
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"(?s)variants\.short: .*iteration: unknown key\. Did you mean 'iterations'"):
        Project(path).study("exponents")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contrasts": ["bright > dim"]}, "names dim"),
        ({"contrasts": ["bright beats dark"]}, "first > second"),
        ({"datasets": ["lol"]}, "no section under `data`"),
        ({"variants": {"dark": {"method": "gama"}}, "contrasts": []}, "there is no method 'gama'"),
        ({"seeds": [1, 1]}, "more than once"),
        ({"contrasts": ["bright > dark", "bright > dark"]}, "more than once"),
    ],
)
def test_a_study_that_cannot_run_is_refused_when_the_settings_are_read(project: Path, tmp_path: Path, change: dict, message: str) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    params["studies"]["exponents"] |= change
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        _ = Project(path).params


def test_an_unknown_study_is_answered_with_the_nearest_name(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"no section 'exponent'.*exponents"):
        Project().study("exponent")
