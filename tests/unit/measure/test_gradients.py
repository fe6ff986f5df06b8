"""The level E_g of SLLEN's loss: known answers, the value that a training takes, and the figure in the report."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from report_files import card, make_reports

from lle.data.images import write_png
from lle.errors import DataError
from lle.project import Project
from lle.report.build import build_report
from lle.report.figures import distribution

PARAMS = """
suite: {methods: [gamma], datasets: [], prepare: [own]}
train: {data: own}
profile: {sizes: [[32, 32]]}
data: {own: {kind: folder, source: pictures, split: train}, dark: {kind: folder, source: pictures/low, split: train}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS)
    ramp = np.broadcast_to(np.arange(16, 36, dtype=np.uint8)[None, :, None], (20, 20, 3))
    for name, steps in (("a", 1), ("b", 3)):
        write_png(Path(f"pictures/normal/{name}.png"), np.ascontiguousarray(ramp * steps))
        write_png(Path(f"pictures/low/{name}.png"), np.full((20, 20, 3), 10 * steps, np.uint8))
    return Project()


def test_a_ramp_has_the_gradient_of_its_steps_and_a_flat_picture_none(project: Project):
    found = project.gradients("own")
    one = 19 / 20 / 255 / 2  # a step of a level to the right in all columns but the last, none downwards
    assert sorted(found.normal) == pytest.approx([one, 3 * one], rel=1e-4)
    assert found.level == pytest.approx(2 * one, rel=1e-4)
    assert found.low == [0, 0]
    assert found.provenance.command == "lle gradients own"


def test_it_is_the_level_that_a_training_takes(project: Project):
    from lle import registry

    class Pictures:
        def normals(self):
            from lle.data.images import read_rgb

            yield from (read_rgb(path) for path in sorted(Path("pictures/normal").iterdir()))

    method = registry.create("sllen", {"width": 8, "w_perceptual": 0})
    method.prepare(Pictures())
    assert float(method.reference_gradient) == pytest.approx(project.gradients("own").level, rel=1e-5)


def test_a_set_without_references_is_refused(project: Project):
    with pytest.raises(DataError, match="no normal-light picture"):
        project.gradients("dark")


def test_the_report_draws_it_or_says_how(project: Project, tmp_path: Path):
    reports = make_reports(tmp_path / "shown")
    build_report(reports, card)
    page = reports / "papers" / "sllen.html"
    assert "lle gradients DATASET" in page.read_text(encoding="utf-8")
    project.reports = reports
    project.gradients("own")
    build_report(reports, card)
    html = page.read_text(encoding="utf-8")
    assert "Mean gradients of 2 pictures of own, split train" in html
    assert "E_g 0.0037" in html


def test_bars_of_the_figure_are_shares():
    drawn = distribution("k", {"one": [0.0, 0.0, 1.0, 1.0]}, ("m", 0.5), "x", 400, "t")
    assert re.findall(r">(\d+) %</text>", drawn) == ["0", "20", "40"], "half of the values in the highest bars"
    assert drawn.count(" 26L") + drawn.count(' 26"') >= 4, "both of which reach the top"
    assert "Means: one 0.5." in drawn
