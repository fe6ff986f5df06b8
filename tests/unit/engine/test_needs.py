"""What a method takes from other stages, and that its digest follows the content alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lle import registry
from lle.engine.needs import folder_digest, write_needs
from lle.errors import WeightsError
from lle.files import read_json, write_json


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _teacher(weights: str) -> None:
    folder = Path("build/models/net_t")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_text(weights)
    (folder / "train.json").write_text(f"seconds of {weights}")


def test_only_the_student_follows_its_teacher() -> None:
    settings = {name: registry.config_class(name)() for name in ("distill", "unet")}
    _teacher("first")
    write_needs(settings)
    before = {name: Path(f"build/needs/{name}.json").read_bytes() for name in settings}
    _teacher("second")
    write_needs(settings)
    after = {name: Path(f"build/needs/{name}.json").read_bytes() for name in settings}
    assert after["unet"] == before["unet"] == b"{}\n"
    assert after["distill"] != before["distill"]
    assert list(read_json(Path("build/needs/distill.json"))) == ["build/models/net_t"]


def test_how_long_a_folder_took_to_make_is_not_its_content() -> None:
    _teacher("same")
    before = folder_digest(Path("build/models/net_t"))
    Path("build/models/net_t/train.json").write_text("other seconds")
    assert folder_digest(Path("build/models/net_t")) == before


def test_a_model_is_told_also_by_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("build/models/teacher")
    write_json(folder / "method.json", {"method": "gamma", "settings": {}})
    before = folder_digest(folder)
    assert folder_digest(folder) == before
    monkeypatch.setattr("lle.engine.needs.method_fingerprint", lambda name, **_: f"other code of {name}")
    assert folder_digest(folder) != before
    write_json(folder / "method.json", {"method": "gamma", "settings": {"gone": 1}})
    with pytest.raises(WeightsError, match="lle train gamma"):
        folder_digest(folder)


def test_a_data_set_is_told_by_its_own_digest(tmp_path: Path) -> None:
    write_json(tmp_path / "set/dataset.json", {"digest": "abc"})
    assert folder_digest(tmp_path / "set") == "abc"


def test_what_is_missing_has_no_digest_and_methods_that_are_gone_no_file() -> None:
    write_json(Path("build/needs/gone.json"), {})
    write_needs({"clip_isp": registry.config_class("clip_isp")()})
    assert [path.name for path in Path("build/needs").iterdir()] == ["clip_isp.json"]
    assert read_json(Path("build/needs/clip_isp.json")) == {"build/clip": None}
