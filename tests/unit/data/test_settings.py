"""Every set of the catalog is known by its name alone, and no default leads out of the project."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lle.config.data import CatalogData, FolderData, catalog_names, settings_for
from lle.config.load import load_params
from lle.data import catalog
from lle.data.prepare import absent, prepare
from lle.errors import ConfigError, LleError

PARAMS = Path(__file__).parents[3] / "params.yaml"


def test_a_section_goes_before_the_catalog():
    own = FolderData(kind="folder", source=Path("x"))
    assert settings_for("sice", {"sice": own}) is own
    assert settings_for("sice", {}) == CatalogData(kind="catalog")
    assert tuple(catalog.entries()) == catalog_names()
    with pytest.raises(ConfigError, match=r"no data set 'dicn': no section under `data`, and nothing in the catalog\. Did you mean 'dicm'"):
        settings_for("dicn", {})


def test_params_yaml_has_no_section_that_says_what_the_catalog_says():
    text = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    assert [name for name, section in text["data"].items() if name in catalog_names() and section == {"kind": "catalog"}] == []
    assert ".." not in str([section.get("source") for section in text["data"].values()])


@pytest.mark.parametrize("key", ["suite.datasets=[demo,lol_v1]", "train.data=lol_v1"])
def test_settings_may_name_sets_that_have_no_section(key):
    settings = load_params(PARAMS, [key, "suite.prepare=[mine_rendered,demo,demo_varied,training,demo_seg,lol_v1]"])
    assert "lol_v1" not in settings.data


@pytest.mark.parametrize("name", ["sice", "coal_mine_frames", "cityscapes"])
def test_a_set_that_no_program_can_download_says_how_it_is_got(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LLE_DATA_MIRROR", raising=False)
    settings = settings_for(name, {})
    assert f"lle fetch {name}" in str(absent(name, settings))
    with pytest.raises(LleError, match=rf"cannot be downloaded by a program.*build/raw/{name}.*LLE_DATA_MIRROR"):
        prepare(name, settings)
    assert not (tmp_path / "build/data" / name).exists()


def test_absent_sources_are_told(tmp_path, monkeypatch):
    monkeypatch.delenv("LLE_DATA_MIRROR", raising=False)
    assert absent("mine", FolderData(kind="folder", source=tmp_path)) is None
    assert "data.mine.source" in str(absent("mine", FolderData(kind="folder", source=tmp_path / "none")))
    monkeypatch.setenv("LLE_DATA_MIRROR", str(tmp_path))
    (tmp_path / "dicm").mkdir()
    assert absent("dicm", CatalogData(kind="catalog")) is None
