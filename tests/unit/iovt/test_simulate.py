"""`lle simulate`: from settings and profiles to the result file, its answers and its page."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from lle.cli.commands import main
from lle.errors import LleError
from lle.files import write_json
from lle.iovt.design import idle_age
from lle.iovt.plan import plan
from lle.iovt.run import read_profiles
from lle.project import Project
from lle.report.build import build_report
from lle.report.sections import simulation, simulation_paper
from lle.results.simulation import SimulationResult
from tests.conftest import ROOT

PARAMS = """
suite: {methods: [gamma], datasets: [demo], prepare: [demo]}
train: {data: demo}
profile: {sizes: [[400, 600]]}
data: {demo: {kind: demo, lighting: room, seed: 1}}
iovt:
  capacity_methods: [zero_dce]
  capacity_sizes: [[720, 1280]]
  scenarios:
    small: {cameras: 8, seconds: 20, method: clip_isp}
    broken: {cameras: 8, seconds: 20, failures: [{at_s: 5, until_s: 10, link: 2}]}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("project")
    (root / "params.yaml").write_text(PARAMS, encoding="utf-8")
    for method, ms in {"clip_isp": 700.0, "zero_dce": 750.0, "gamma": 4.0}.items():
        write_json(root / "reports" / "profile" / f"{method}.json", {"method": method, "latency_ms": {"400x600": {"median": ms}}})
    return Project(root / "params.yaml", root=root)


@pytest.fixture(scope="module")
def result(project: Project) -> SimulationResult:
    return project.simulate()


def test_the_file_is_what_was_returned_and_the_same_again(project: Project, result: SimulationResult):
    path = SimulationResult.path(project.reports)
    before = path.read_bytes()
    assert SimulationResult.read(path).plain() == result.plain()
    project.simulate()
    assert path.read_bytes() == before
    assert str(result.provenance.command).startswith("lle simulate")
    assert list(result.mines) == ["small", "broken"]
    assert result.mines["broken"].failures == ["link 2 is down from 5 s to 10 s"]


def test_answers_agree_with_the_model(project: Project, result: SimulationResult):
    design = result.design
    assert design is not None
    (carried,) = design.capacity
    assert 0.4 * carried.bound < carried.cameras <= carried.bound
    assert design.ring[0].whole == 0 < design.ring[-1].whole
    assert design.cut_bound == pytest.approx(design.ring_bound * 4 / 7, rel=1e-3)
    assert all(one.cut >= one.whole for one in design.ring)
    config = project.params.iovt
    found = next(one for one in design.crossings if one.method == "zero_dce" and one.size == "720x1280")
    speeds = {name: float(speed) for name, speed in result.speeds.items()}
    scenario = config.scenarios["small"].model_copy(update={"method": "zero_dce"})
    mine = plan(config, scenario, read_profiles(project.reports), speeds)
    assert found.rate is not None
    assert idle_age(mine, "cloud", float(found.rate) * 1e6) == pytest.approx(idle_age(mine, "edge", 1.0), rel=1e-3)


def test_the_command_says_what_came_out(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(project.path.parent)
    done = CliRunner().invoke(main, ["simulate", "-S", "iovt.scenarios={}"])
    assert done.exit_code == 0, done.output
    assert "paper, edge fps: 15.1" in done.output
    assert "cameras a box" not in done.output
    refused = CliRunner().invoke(main, ["simulate", "-S", "iovt.scenarios.small.method=unet"])
    assert "'unet' is not profiled" in refused.output
    refused = CliRunner().invoke(main, ["simulate", "-S", "iovt.scenarios.small.codec=jepg"])
    assert "'jepg' is unknown; known: raw" in refused.output
    refused = CliRunner().invoke(main, ["simulate", "-S", "iovt.scenarios.broken.switches=2"])
    assert "there is no number 2 in a ring of 2 switches" in refused.output


def test_without_profiles_the_error_says_what_to_run(tmp_path: Path):
    with pytest.raises(LleError, match="lle profile"):
        read_profiles(tmp_path)


def test_the_page_shows_it_and_nothing_where_nothing_was_simulated(result: SimulationResult, tmp_path: Path):
    reports = tmp_path / "reports"
    shutil.copytree(ROOT / "reports", reports, ignore=shutil.ignore_patterns("samples", "studies", "*.html"))
    result.write(SimulationResult.path(reports))
    build_report(reports)
    page = (reports / "simulation.html").read_text(encoding="utf-8")
    for part in ("15.16", "248.4", "link 2 is down from 5 s to 10 s", 'id="sim-form"', "Cameras a box", "12.61"):
        assert part in page
    SimulationResult.path(reports).unlink()
    assert [*simulation.section(reports, None), *simulation_paper.section(reports, None)] == []  # type: ignore[arg-type]
