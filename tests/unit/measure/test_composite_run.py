"""The composite index over pictures: known terms, metrics and pictures that are missing, and its section of the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from report_files import make_reports

from lle import Project
from lle.config.load import load_params
from lle.data.images import write_png
from lle.errors import ConfigError
from lle.measure.composite import composite
from lle.report.sections.composite import section
from lle.results.composite import Against
from lle.results.read import read_results

PARAMS = """
suite: {methods: [gamma], datasets: [mine], prepare: [mine]}
train: {data: mine}
profile: {sizes: [[64, 64]]}
composite: {method: gamma, others: [clahe], datasets: [mine, absent]}
data:
  mine: {kind: folder, source: pictures, paired: false, split: test}
  absent: {kind: folder, source: nowhere, paired: false, split: test}
methods:
  gamma: {gamma: 1.0}
"""


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    generator = np.random.default_rng(0)
    for name in "ab":
        write_png(Path(f"pictures/{name}.png"), generator.integers(0, 60, (40, 48, 3), dtype=np.uint8))


def test_what_is_measured_and_what_is_missing_is_said() -> None:
    result = composite(load_params())
    assert set(result.terms) == {"brightness", "contrast", "entropy"}
    assert "niqe_modelparameters.mat" in result.missing_terms["niqe"]
    assert "data.absent.source" in str(result.datasets["absent"].missing)
    mine = result.datasets["mine"].plain()
    assert mine["images"] == 2
    # With an exponent of 1 the picture stays as dark and flat as it is: CLAHE has more of everything.
    assert (mine["methods"]["gamma"]["index"], mine["methods"]["clahe"]["index"]) == (0, 3)
    assert mine["against"]["clahe"] == {"difference": -3, "percent": -100}
    assert mine["methods"]["gamma"]["brightness"] < 30


def test_a_loser_in_everything_leaves_no_per_cent_and_the_report_shows_it() -> None:
    result = Project(overrides=["composite.method=clahe", "composite.others=[gamma]"]).composite()
    assert result.datasets["mine"].against["gamma"] == Against(difference=3, percent=None)
    reports = make_reports(Path("reports"))
    shown = section(reports, read_results(reports))
    assert shown is not None
    assert "+3.000" in shown.html
    assert "not on disk" in shown.html
    assert "Without NIQE" in shown.html


def test_no_measurement_no_section() -> None:
    reports = make_reports(Path("reports"))
    assert section(reports, read_results(reports)) is None


def test_unknown_names_are_named() -> None:
    with pytest.raises(ConfigError, match=r"(?s)composite\.datasets: 'mime' has no section.*mine"):
        composite(load_params(overrides=["composite.datasets=[mime]"]))
    with pytest.raises(ConfigError, match="composite: there is no method 'claeh'"):
        load_params(overrides=["composite.others=[claeh]"])
