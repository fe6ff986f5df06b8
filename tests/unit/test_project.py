"""The object over params.yaml, and the public names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lle
from lle.data.images import write_png
from lle.errors import ConfigError, DataError, LleError
from lle.project import Project

PARAMS = """
seed: 3
suite: {methods: [gamma], datasets: [mine], prepare: [mine]}
train: {data: mine, accelerator: cpu, threads: 1, validate_images: 0}
evaluate: {resamples: 100, samples: 1}
profile: {sizes: [[32, 32]], threads: 1, seconds: 0.1}
data:
  mine: {kind: folder, source: mine, paired: true, split: test}
  other: {kind: folder, source: mine, paired: true, split: test}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    generator = np.random.default_rng(0)
    for name in "abc":
        normal = generator.integers(0, 256, (32, 40, 3), dtype=np.uint8)
        write_png(Path(f"mine/normal/{name}.png"), normal)
        write_png(Path(f"mine/low/{name}.png"), normal // 4)
    return Project()


def test_public_names_are_there_and_no_others() -> None:
    assert dir(lle) == sorted(lle.__all__)
    for name in lle.__all__:
        assert getattr(lle, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Projekt'"):
        lle.Projekt  # noqa: B018
    assert lle.list_methods("*dce*") == ["zero_dce", "zero_dce_pp"]
    assert "net_t" not in lle.list_methods()
    assert "net_t" in lle.list_methods(helpers=True)
    assert isinstance(lle.create_method("gamma", {"gamma": 0.5}), lle.Method)


def test_from_pictures_to_a_comparison(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "lle")
    assert repr(project) == "Project('params.yaml')"
    assert [name for name, place, _ in project.datasets() if place == "params"] == ["mine", "other"]
    # A data set that is not listed in suite.prepare is prepared when it is needed, and a line says so.
    record = project.evaluate("gamma", "other")
    assert "other is not prepared yet: preparing it" in caplog.messages
    assert record.provenance.command == "lle evaluate gamma other"
    caplog.clear()
    with pytest.raises(LleError, match=r"not evaluated on other: input\. Evaluate with --run, or by hand: lle evaluate input other"):
        project.compare(["input", "gamma"], "other")
    compared = project.compare(["input", "gamma"], "other", ["psnr"], run=True)
    assert not caplog.messages
    assert (compared.images, compared.methods) == (3, ("input", "gamma"))
    first, second = compared.scores
    assert first.difference is None
    assert first.value is not None
    assert second.value is not None
    assert second.difference is not None
    assert second.difference.mean == pytest.approx(second.value.mean - first.value.mean, abs=1e-3)
    assert "psnr ↑  input" in str(compared)


def test_what_is_overridden_is_another_project(project: Project) -> None:
    project.models = Path("elsewhere")
    other = project.override("seed=5", "methods.gamma.gamma=0.5")
    assert (project.params.seed, other.params.seed, other.models) == (3, 5, Path("elsewhere"))
    picture = np.full((20, 20, 3), 64, np.uint8)
    assert other.enhancer("gamma").enhance(picture)[0, 0, 0] == round(255 * (64 / 255) ** 0.5)


def test_folders_lie_below_the_root(project: Project, tmp_path: Path) -> None:
    elsewhere = Project(root=tmp_path / "elsewhere")
    elsewhere.prepare("mine")
    assert elsewhere.is_prepared("mine")
    assert not project.is_prepared("mine")
    assert elsewhere.train("gamma") == tmp_path / "elsewhere/build/models/gamma"
    assert elsewhere.evaluate("gamma", "mine").images == 3
    assert (tmp_path / "elsewhere/reports/metrics/mine/gamma.json").is_file()


def test_mistakes_are_found_before_work_begins(project: Project) -> None:
    with pytest.raises(LleError, match=r"there is no method 'gama'\. Did you mean 'gamma'"):
        project.evaluate("gama", "mine")
    with pytest.raises(ConfigError, match=r"there is no data set 'mime'.*Did you mean 'mine'"):
        project.prepare("mime")
    with pytest.raises(LleError, match="lle train unet"):
        project.evaluate("unet", "mine")
    assert not project.is_prepared("mine")


def test_results_of_other_pictures_are_not_compared(project: Project) -> None:
    project.evaluate("input", "mine")
    Path("mine/low/c.png").unlink()
    Path("mine/normal/c.png").unlink()
    project.prepare("mine")
    project.evaluate("gamma", "mine")
    with pytest.raises(DataError, match="different pictures of mine"):
        project.compare(["input", "gamma"], "mine")
