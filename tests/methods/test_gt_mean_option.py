"""The GT-mean loss as a setting: off it changes nothing, on it forgives what a factor of brightness explains."""

from __future__ import annotations

import pytest
import torch
from helpers import batch_of
from torch import Tensor

from lle import registry
from lle.config.supervised import SupervisedConfig

SUPERVISED = [name for name in registry.packages() if registry.card(name).supervision == "paired" and registry.card(name).enhances]


def terms_of(name: str, gt_mean: float | None) -> dict[str, Tensor]:
    """The terms of the last phase's first loss, where the result meets the reference, of an untrained method."""
    torch.manual_seed(0)
    method = registry.create(name, {**registry.config_class(name).tiny, "gt_mean": gt_mean}).eval()
    found: dict[str, Tensor] = {}
    for phase in method.phases():
        streams = {key: batch_of(method, stream, crop=32) for key, stream in method.streams(phase).items()}
        for update in phase.updates:
            torch.manual_seed(1)
            with torch.no_grad():
                found |= {f"{phase.name}/{update.name}/{key}": value for key, value in update.loss(update.batch(streams)).items()}
    return found


@pytest.mark.parametrize("name", SUPERVISED)
def test_it_is_heard(name: str, monkeypatch):
    # As if every result were about as bright as its reference: what is untrained need not be.
    monkeypatch.setattr("lle.losses.gt_mean.brightness_distance", lambda image, reference, sigma: torch.zeros(len(image)))
    off, on = terms_of(name, None), terms_of(name, 0.1)
    assert off.keys() == on.keys()
    assert any(not torch.isclose(off[key], on[key], rtol=1e-3) for key in off)
    assert all(value.isfinite() for value in on.values())


def test_every_supervised_method_has_it():
    assert {name for name in registry.packages() if issubclass(registry.config_class(name), SupervisedConfig)} == set(SUPERVISED)


def test_it_is_off_unless_it_is_asked_for():
    configs = {name: registry.config_class(name) for name in SUPERVISED}
    assert all(config().gt_mean is None for config in configs.values())
    asking = {(name, preset) for name, config in configs.items() for preset in config.presets if config(preset=preset).gt_mean is not None}
    assert asking == {("jcrnet", "small")}
