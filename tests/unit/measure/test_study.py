"""A study trains its variants once, measures them alike, and says what came of its expectations."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from lle import Project
from lle.cli import main
from lle.config.load import load_params
from lle.data.pairs import closed_test_splits, open_prepared
from lle.errors import ConfigError, DataError
from lle.files import read_json
from lle.measure import study as module
from lle.measure.study import plan, run_study, study_keys
from lle.measure.study_results import verdict
from lle.results.study import Study
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
    params["data"] = {
        "demo": {"kind": "demo", "lighting": "room", "train": 4, "val": 1, "test_full": 0, "test_crops": 2, "crop": [128, 160]}
    }
    params["judges"] = {}
    params["zoo"] = {}
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
        return run_study("exponents").plain()


def test_every_variant_is_measured_with_every_seed(result: dict, project: Path) -> None:
    assert {"schema": 1, **result} == read_json(project / "reports/studies/exponents.json")
    cell = result["variants"]["short"]["results"]["demo"]["psnr"]
    assert [(run["seed"], run["processor"]) for run in cell["by_run"]] == [(0, "native"), (1, "native")]
    assert {str(run["seed"]): run["mean"] for run in cell["by_run"]} == cell["by_seed"]
    assert cell["seed_sd"] > 0
    assert cell["low"] <= cell["mean"] <= cell["high"]
    assert cell["mean"] == pytest.approx(sum(cell["by_seed"].values()) / 2, abs=1e-4)
    assert result["variants"]["short"]["training"]["1"]["iterations"] == 2
    place = result["variants"]["dark"]["provenance"]["0"]["mlflow"]
    assert place == {"experiment": "studies", "run": f"{result['study']}/dark/0"}
    assert result["variants"]["dark"]["provenance"]["0"]["config_hash"] != result["variants"]["bright"]["provenance"]["0"]["config_hash"]
    lines = (project / "reports/studies/exponents.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 3 * 2 * 6


def test_a_contrast_is_reported_whichever_way_it_comes_out(result: dict) -> None:
    forth, back, same = result["contrasts"]
    for contrast in (forth, back, same):
        assert contrast["verdict"] == verdict(contrast["difference"]["low"], contrast["difference"]["high"], contrast["p_value"])
        assert contrast["test"].startswith("Wilcoxon")
    assert forth["difference"]["mean"] == -back["difference"]["mean"] > 0
    assert (forth["seeds_in_favour"], back["seeds_in_favour"]) == (2, 0)


@pytest.mark.parametrize(
    ("low", "high", "p_value", "expected"),
    [
        (0.1, 0.5, 0.01, "holds"),
        (0.1, 0.5, 0.17, "not shown"),
        (-0.5, -0.1, 0.01, "contradicted"),
        (-0.5, -0.1, 0.05, "not shown"),
        (-0.1, 0.5, 0.01, "not shown"),
    ],
)
def test_a_verdict_follows_its_own_test(low: float, high: float, p_value: float, expected: str) -> None:
    assert verdict(low, high, p_value) == expected


def test_what_is_done_is_not_done_again_and_the_rest_is(result: dict, project: Path) -> None:
    kept = project / "build/studies/exponents/short/0/done.json"
    lost = project / "build/studies/exponents/short/1/done.json"
    before = kept.stat().st_mtime_ns
    lost.unlink()
    assert run_study("exponents").plain()["variants"]["short"]["results"] == result["variants"]["short"]["results"]
    assert kept.stat().st_mtime_ns == before
    assert lost.is_file()


def test_the_key_of_a_run_follows_its_settings_and_its_data(result: dict, project: Path) -> None:
    keys = {run.variant: run.key() for run in plan("exponents", Path("params.yaml"))[1]}
    changed = {run.variant: run.key() for run in plan("exponents", Path("params.yaml"), ["methods.zero_dce.lr=0.5"])[1]}
    assert {name for name in keys if keys[name] != changed[name]} == {"short"}
    values, folders = study_keys(Path("params.yaml"))
    assert len(values["exponents"]["runs"]) == 6
    assert folders["exponents"] == [Path("build/data/demo")]


def test_settings_are_chosen_on_validation_pictures_alone(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    params["studies"] = {"choice": {"title": "Which", "datasets": ["demo"], "selects": True, "variants": {"a": {"method": "gamma"}}}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = run_study("choice")
    assert found.split == "val"
    assert read_json(tmp_path / "build/studies/choice/a/0/metrics/demo/gamma.json")["images"] == 1
    prepared = open_prepared("demo", tmp_path / "build/data")
    with closed_test_splits():
        assert prepared.rows("val")
        with pytest.raises(DataError, match="while settings are chosen"):
            prepared.rows("test")
    assert prepared.rows("test")


def test_a_study_of_the_suite_has_every_method_as_it_is_set(project: Path, tmp_path: Path) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    params["suite"]["methods"] = ["gamma", "zero_dce"]
    params["studies"] = {"spread": {"title": "Spread", "datasets": ["demo"], "seeds": [0, 1, 2], "variants": "suite"}}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    runs = plan("spread", path)[1]
    assert [run.name for run in runs] == [f"{name}/{seed}" for name in ("gamma", "zero_dce") for seed in (0, 1, 2)]
    assert [run.params.seed for run in runs[:3]] == [0, 1, 2]
    params["studies"]["spread"]["contrasts"] = ["unet > gamma"]
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    with pytest.raises(ConfigError, match="unet"):
        load_params(path)


def test_a_run_on_another_processor_has_its_own_process_and_row(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    study = {"title": "Two processors", "datasets": ["demo"], "processors": ["native", "baseline"]}
    params["studies"]["machines"] = {**study, "variants": {"short": STUDY["variants"]["short"]}}
    path = project / "machines.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    seen: list[dict[str, str]] = []
    run = module.subprocess.run

    def noted(words: list[str], **options: object) -> object:
        seen.append(options["env"])  # type: ignore[arg-type]
        return run(words, **options)

    monkeypatch.setattr(module.subprocess, "run", noted)
    result = run_study("machines", path).plain()
    assert [{key: environment[key] for key in module.BASELINE} for environment in seen] == [module.BASELINE]
    cell = result["variants"]["short"]["results"]["demo"]["psnr"]
    assert [(one["seed"], one["processor"]) for one in cell["by_run"]] == [(0, "native"), (0, "baseline")]
    native, baseline = (one["mean"] for one in cell["by_run"])
    assert cell["mean"] == pytest.approx(native, rel=1e-5)
    assert cell["processor_gap"] == pytest.approx(abs(native - baseline), abs=1e-5)
    assert native == pytest.approx(baseline, abs=0.5)
    assert [one["processor"] for one in result["variants"]["short"]["other_runs"]] == ["baseline"]
    assert ",baseline,demo," in (project / "reports/studies/machines.csv").read_text(encoding="utf-8")
    assert (project / "build/studies/machines/short/0-baseline/done.json").is_file()


def test_some_seeds_can_be_repeated_on_other_processors(project: Path, tmp_path: Path) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    params["studies"]["exponents"] |= {"processors": ["native", "baseline"], "processor_seeds": [1]}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    names = [run.name for run in plan("exponents", path)[1]]
    assert names == [f"{row}/{run}" for row in ("bright", "dark", "short") for run in ("0", "1", "1-baseline")]


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
        ({"processors": ["native", "native"]}, "more than once"),
        ({"processors": ["native", "baseline"], "processor_seeds": [2]}, "none of the seeds, 0, 1"),
        ({"processors": ["native", "baseline"], "processor_seeds": [0, 0]}, "more than once"),
        ({"processor_seeds": [1]}, "one processor only"),
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


def test_the_command_says_how_far_the_runs_of_a_row_lie_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [
        {"seed": seed, "processor": name, "mean": mean}
        for seed, name, mean in ((0, "native", 16.0), (0, "baseline", 16.25), (1, "native", 15.9))
    ]
    cells = {"psnr": {"mean": 16.0, "by_run": runs}, "ssim": {"mean": 0.5}}
    row = {"title": "SCI", "method": "sci", "results": {"demo": cells}}
    found = Study.of({"study": "spread", "title": "Spread", "datasets": ["demo"], "seeds": [0, 1], "variants": {"sci": row}})
    monkeypatch.setattr(Project, "study", lambda *_: found)
    result = CliRunner().invoke(main, ["study", "spread"])
    assert result.output == "sci  demo  psnr 16  ssim 0.5  0.35 dB between 3 runs\n"
