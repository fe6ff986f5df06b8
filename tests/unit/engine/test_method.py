"""What the base class promises, and what it says to a method that lacks something."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from lle import registry
from lle.config.base import MethodConfig
from lle.data.streams import StreamDataset
from lle.engine import phases
from lle.engine.method import Method, Phase, Stream, load_strict, register_kind
from lle.errors import LleError, TrainingError, WeightsError
from lle.export.graph import prepared
from tests.unit.engine.test_fit import CONFIG, Pictures, Plain


class Nameless(Method):
    def __init__(self, config):
        super().__init__(config)
        self.layer = nn.Conv2d(3, 3, 1)


class Brighten(Method):
    scope = "global"

    def forward(self, low):
        return self.enhance_with(low, self.estimate(low))

    def estimate(self, view):
        return 0.5 / view.mean((1, 2, 3))

    def enhance_with(self, low, parameters):
        return low * parameters[:, None, None, None]


def test_parameters_without_a_network_are_refused_with_what_to_write(monkeypatch):
    with pytest.raises(LleError, match=r"Nameless has parameters \(layer.weight, ...\) but no `network`: write `self.network = "):
        Nameless(MethodConfig()).check()
    monkeypatch.setattr(registry, "method_class", lambda _: Nameless)
    with pytest.raises(LleError, match="no `network`"):
        registry.create("unet")


def test_a_network_is_declared_and_none_where_there_are_no_parameters():
    plain, brighten = Plain(CONFIG), Brighten(MethodConfig())
    assert isinstance(plain.network, nn.Conv2d)
    assert brighten.network is None
    assert (plain.trained, brighten.trained) == (True, False)
    assert set(plain.state_dict()) == {"network.weight", "network.bias"}
    brighten.check()
    with pytest.raises(WeightsError, match="Brighten has no weights to import"):
        brighten.import_weights({"model": {}})


class Switched(Plain):
    """What it does cannot be traced, so it gives another module for that."""

    def exported(self):
        return nn.Sequential(self.network, nn.Sigmoid())


def test_exporters_trace_the_method_unless_it_gives_another_module():
    low = torch.randint(0, 256, (1, 16, 16, 3), dtype=torch.uint8)
    plain, switched = Plain(CONFIG), Switched(CONFIG)
    switched.load_state_dict(plain.state_dict())
    values = low.permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        torch.testing.assert_close(prepared(plain).values(low), plain(values))
        torch.testing.assert_close(prepared(switched).values(low), plain.network(values).sigmoid())


def test_a_global_method_may_estimate_once_and_work_on_parts():
    method, low = Brighten(MethodConfig()), torch.rand(2, 3, 32, 32)
    assert method.can_estimate
    parameters = method.estimate(low)
    assert torch.equal(method.enhance_with(low[..., :16], parameters), method(low)[..., :16])
    assert not Plain(CONFIG).can_estimate
    with pytest.raises(NotImplementedError, match="ask `can_estimate` first"):
        Plain(CONFIG).estimate(low)


def test_defaults_ask_for_nothing():
    method = Plain(CONFIG)
    assert (method.tags(), method.measurements(), method.reset_state()) == ({}, {}, None)
    assert method.streams(method.phases()[0]) == {"train": Stream("paired")}
    with pytest.raises(TrainingError, match="phase 'p' has no streams, and Brighten has no default `stream`"):
        Brighten(MethodConfig()).streams(Phase("p", ()))


def test_an_unknown_kind_of_stream_is_refused():
    with pytest.raises(TrainingError, match=r"no kind of stream 'pair'. Did you mean 'paired'\?"):
        Stream("pair")


@pytest.fixture
def kinds(monkeypatch):
    """Forgets the kinds that a test registers."""
    sides, aligned = dict(phases.SIDES), set(phases.ALIGNED)
    yield
    phases.SIDES.clear()
    phases.SIDES.update(sides)
    phases.ALIGNED.clear()
    phases.ALIGNED.update(aligned)


class Exposures(Pictures):
    """Pairs with a third exposure in between."""

    def __init__(self) -> None:
        super().__init__()
        for row in self.rows:
            row.middle = row.low

    def middle(self, index: int) -> np.ndarray:
        return self.pixels[index] // 2


def test_a_plug_in_adds_a_kind_of_its_own(kinds):
    register_kind("exposures", ("low", "middle", "normal"), aligned=True)
    register_kind("exposures", ("low", "middle", "normal"), aligned=True)
    with pytest.raises(TrainingError, match="another kind of stream 'exposures'"):
        register_kind("exposures", ("low", "normal"), aligned=True)
    sample = StreamDataset(Stream("exposures", augment=False), Exposures(), 16, 0, "train")[3]
    assert {name: tuple(value.shape) for name, value in sample.items()} == {
        "low": (3, 16, 16),
        "middle": (3, 16, 16),
        "normal": (3, 16, 16),
        "index": (),
    }
    assert (sample["low"] <= sample["middle"]).all()
    assert (sample["middle"] <= sample["normal"]).all()


def test_foreign_weights_must_fit():
    with pytest.raises(WeightsError, match="do not fit Conv2d"):
        load_strict(nn.Conv2d(3, 3, 1), {"module.weight": torch.zeros(1)})
