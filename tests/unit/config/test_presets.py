"""Presets against written keys: what counts, what is told, and that every data set a preset names is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from lle import registry
from lle.config.data import settings_for
from lle.config.load import load_params
from lle.config.presets import departures
from lle.project import Project
from tests.conftest import ROOT

PARAMS = ROOT / "params.yaml"
HEAD = """
suite: {methods: [gamma], datasets: [d], prepare: [d]}
train: {data: d}
profile: {sizes: [[64, 64]]}
data: {d: {kind: folder, source: p}}
"""


@pytest.mark.parametrize("name", ["clip_isp", "distill", "sllen", "jcrnet", "net_t"])
def test_the_preset_paper_on_the_command_line_is_the_paper(name: str):
    """Keys that the file writes beside another preset do not leak into it."""
    override = f"methods.{name}.preset=paper"
    chosen = getattr(load_params(PARAMS, [override]).methods, name)  # type: ignore[attr-defined]
    assert chosen == registry.config_class(name)(preset="paper")
    assert [one for one in departures(PARAMS, [override]) if one.method == name] == []


def test_keys_beside_a_preset_win_and_are_told(tmp_path: Path):
    path = tmp_path / "params.yaml"
    path.write_text(HEAD + "methods: {clip_isp: {preset: paper, iterations: 60, rounds: 20}}\n", encoding="utf-8")
    assert load_params(path).methods.clip_isp.iterations == 60  # type: ignore[attr-defined]
    (found,) = departures(path)
    assert (found.method, found.preset, found.key, found.written, found.preset_value) == ("clip_isp", "paper", "iterations", 60, 2100)
    assert str(found) == "methods.clip_isp.iterations: 60 is written beside preset paper, which has 2100"
    further = departures(path, ["methods.clip_isp.lambda_look=10"])
    assert {one.key for one in further} == {"iterations", "lambda_look"}


def test_a_training_of_a_changed_paper_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "params.yaml"
    path.write_text(HEAD + "methods: {pie: {preset: paper, crop: 64}, sci: {iterations: 7}}\n", encoding="utf-8")
    for method in ("sci", "pie"):
        Project(path).warn_of_departures(method)
    (record,) = caplog.records
    assert "methods.pie.crop: 64 is written beside preset paper, which has 384" in record.getMessage()


@pytest.mark.parametrize("name", sorted(registry.packages()))
def test_every_data_set_that_a_preset_names_is_known(name: str):
    """By the name of a section of params.yaml or of the catalog, so that `-S methods.METHOD.preset=paper` finds it."""
    sections = load_params(PARAMS).data
    for preset in registry.config_class(name).presets:
        for one in registry.config_class(name)(preset=preset).inputs():
            if one.kind == "data":
                settings_for(one.name, sections)


def test_the_data_of_paper_presets_have_a_section_of_that_name():
    """One name for one set: what a preset calls voc2012 is not `voc` in params.yaml."""
    sections = load_params(PARAMS).data
    for section, settings in sections.items():
        entry = getattr(settings, "entry", None)
        assert entry is None or entry == section
