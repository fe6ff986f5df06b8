"""Saved models come back as they were, and what does not fit is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from lle import registry
from lle.config.base import MethodConfig
from lle.engine.method import Method
from lle.engine.model_io import load_model, save_model
from lle.errors import LleError, WeightsError


class Config(MethodConfig):
    width: int = 4


class Tiny(Method):
    stream: ClassVar = "paired"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = nn.Conv2d(3, config.width, 3)
        self.tied = self.network
        self.register_buffer("level", torch.tensor(0.25))

    def forward(self, low: Tensor) -> Tensor:
        return low * self.level


class Plain(Method):
    def forward(self, low: Tensor) -> Tensor:
        return low


@pytest.fixture(autouse=True)
def methods(monkeypatch: pytest.MonkeyPatch) -> None:
    classes = {"tiny": Tiny, "plain": Plain}

    def create(name: str, settings: dict | None = None) -> Method:
        if name not in classes:
            raise LleError(f"there is no method '{name}'.")
        return classes[name](Config(**(settings or {})))

    monkeypatch.setattr(registry, "create", create)


def test_round_trip_is_exact(tmp_path: Path) -> None:
    method = Tiny(Config(width=5, lr=3e-3))
    method.level.fill_(0.5)
    save_model(method, "tiny", tmp_path / "m", extra={"imported": True})
    again = load_model(tmp_path / "m")
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["method.json", "model.safetensors"]
    assert again.config == method.config
    assert not again.training
    for key, value in method.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key
    assert json.loads((tmp_path / "m/method.json").read_text())["imported"] is True


def test_same_weights_give_same_bytes(tmp_path: Path) -> None:
    method = Tiny(Config())
    save_model(method, "tiny", tmp_path / "a")
    save_model(method, "tiny", tmp_path / "b")
    assert (tmp_path / "a/model.safetensors").read_bytes() == (tmp_path / "b/model.safetensors").read_bytes()


def test_classical_method_has_no_weights(tmp_path: Path) -> None:
    save_model(Plain(Config()), "plain", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["method.json"]
    assert isinstance(load_model(tmp_path), Plain)


def test_settings_may_be_replaced_but_not_the_preset(tmp_path: Path) -> None:
    save_model(Tiny(Config()), "tiny", tmp_path)
    assert load_model(tmp_path, {"lr": 0.5}).config.lr == 0.5
    with pytest.raises(WeightsError, match="preset of a trained model is fixed"):
        load_model(tmp_path, {"preset": "recommended"})


def test_missing_folder_says_how_to_train(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"lle train zero_dce.*lle zoo"):
        load_model(tmp_path / "zero_dce")


def test_missing_weights_say_how_to_train(tmp_path: Path) -> None:
    save_model(Tiny(Config()), "tiny", tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"weights of 'tiny' are missing.*lle train tiny"):
        load_model(tmp_path)


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    save_model(Tiny(Config()), "tiny", tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(WeightsError, match=r"model\.safetensors is damaged"):
        load_model(tmp_path)


def test_wrong_shapes_and_keys_are_listed(tmp_path: Path) -> None:
    save_model(Tiny(Config()), "tiny", tmp_path)
    with pytest.raises(WeightsError, match=r"network.bias is \(4,\) instead of \(6,\)"):
        load_model(tmp_path, {"width": 6})
    other = Tiny(Config())
    other.extra = nn.Linear(2, 2)
    save_model(other, "tiny", tmp_path)
    with pytest.raises(WeightsError, match=r"unexpected: extra.bias, extra.weight"):
        load_model(tmp_path)


def test_settings_of_another_version_are_explained(tmp_path: Path) -> None:
    save_model(Tiny(Config()), "tiny", tmp_path, settings={"old_key": 1})
    with pytest.raises(WeightsError, match="old_key"):
        load_model(tmp_path)
