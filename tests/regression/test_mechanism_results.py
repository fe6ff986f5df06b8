"""What the committed results must show of mechanisms: each number that has a bound says that its part acts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lle.results.mechanism import Mechanism
from lle.results.study import Study

REPORTS = Path(__file__).parents[2] / "reports"
ACTING = ("clip_isp", "pie")
"""Methods whose recipe was chosen so that their mechanism acts."""
OPEN = {"clip_isp": {"clip_share", "order"}, "pie": set()}
"""What is not reached yet with the small CLIP: a fifth of the gradient at the end of every enhancement, and r in order throughout."""
CHANGE = 1.0
"""Least change of the pictures, in grey levels of 255, where the central part of a method is switched off."""


@pytest.mark.parametrize("method", ACTING)
def test_every_part_of_the_mechanism_acts(method: str):
    found = Mechanism.read(Mechanism.path(REPORTS, method))
    bounded = [one for one in found.measures if one.acts is not None]
    assert bounded
    idle = {one.key: f"{one.place}: {one.value} < {one.least}" for one in bounded if not one.acts}
    assert {key: text for key, text in idle.items() if key not in OPEN[method]} == {}


def test_clip_leads_in_some_enhancement():
    found = Mechanism.read(Mechanism.path(REPORTS, "clip_isp"))
    assert any(one.acts for one in found.measures if one.key == "clip_share")


@pytest.mark.parametrize("method", ACTING)
def test_pictures_change_where_the_central_part_is_off(method: str):
    path = Study.path(REPORTS, "mechanisms")
    if not path.is_file():
        pytest.skip("reports/studies/mechanisms.json is not there yet; make it with `lle study mechanisms`")
    changes = {one.worse: one.output_change for one in Study.read(path).contrasts if one.better == method}
    assert changes
    assert {worse: change for worse, change in changes.items() if change is None or change < CHANGE} == {}
