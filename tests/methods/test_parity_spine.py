"""Our networks, filled with the authors' weights, give the authors' outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lle.engine.method import Method
from lle.errors import WeightsError
from lle.nn.dce import apply_curves
from lle.registry import card, create

TOLERANCE = 1e-5


def load(shared: Path, method: str, variant: str = "") -> tuple[Method, dict[str, Tensor]]:
    folder = shared / "parity" / method / variant
    ours = create(method)
    ours.import_weights({"model": load_file(folder / "model.safetensors")})
    with np.load(folder / "vectors.npz") as vectors:
        return ours.eval(), {name: torch.from_numpy(vectors[name]) for name in vectors.files}


def difference(ours: Tensor, theirs: Tensor) -> float:
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max())


Intermediates = dict[str, Callable[[nn.Module, Tensor], Tensor]]

CASES: list[tuple[str, str, Intermediates]] = [
    (
        "zero_dce",
        "",
        {"curve_r": lambda net, x: net.curves(x), "enhance_image_1": lambda net, x: apply_curves(x, net.curves(x)[:, :12])},
    ),
    ("zero_dce_pp", "", {"curve_r_upsampled": lambda net, x: net.curves(x), "x_down": lambda net, x: net.shrink(x)}),
    *(("sci", variant, {"illumination": lambda net, x: net.illumination(x)}) for variant in ("easy", "medium", "difficult")),
]


@pytest.mark.parametrize(("method", "variant", "intermediates"), CASES, ids=[f"{m}-{v}" if v else m for m, v, _ in CASES])
def test_outputs_and_intermediates_are_the_authors(shared: Path, method: str, variant: str, intermediates: Intermediates) -> None:
    ours, theirs = load(shared, method, variant)
    assert difference(ours.enhance(theirs["input"]), theirs["output"]) <= TOLERANCE
    with torch.inference_mode():
        for name, compute in intermediates.items():
            assert difference(compute(ours.get_submodule("network"), theirs["input"]), theirs[name]) <= TOLERANCE, name


@pytest.mark.parametrize("method", ["zero_dce", "zero_dce_pp", "sci"])
def test_the_test_time_network_has_the_known_number_of_parameters(method: str) -> None:
    network = create(method).get_submodule("network")
    assert sum(p.numel() for p in network.parameters()) == card(method).parameters


def test_sci_calibrator_is_no_part_of_the_network() -> None:
    ours = create("sci")
    assert sum(p.numel() for p in ours.get_submodule("calibrate").parameters()) == 5_619
    assert not any("calibrate" in name for name, _ in ours.get_submodule("network").named_parameters())


def test_sci_fills_the_calibrator_when_the_file_has_it_and_keeps_it_otherwise(shared: Path) -> None:
    state = load_file(shared / "parity" / "sci" / "easy" / "model.safetensors")
    ours = create("sci")
    ours.import_weights({"easy": state})
    key = "calibrate.convs.3.weight"
    assert torch.equal(ours.state_dict()[key], state[key])
    fresh = create("sci")
    before = fresh.state_dict()[key].clone()
    fresh.import_weights({"easy": {name: value for name, value in state.items() if name.startswith("enhance.")}})
    assert torch.equal(fresh.state_dict()[key], before)


@pytest.mark.parametrize("method", ["zero_dce", "zero_dce_pp", "sci"])
@pytest.mark.parametrize("files", [{"a": {"nothing.weight": torch.zeros(1)}}, {}, {"a": {}, "b": {}}], ids=["foreign", "none", "two"])
def test_weights_of_something_else_are_refused(method: str, files: dict[str, dict[str, Tensor]]) -> None:
    with pytest.raises(WeightsError):
        create(method).import_weights(files)


def test_zero_dce_pp_pads_what_the_authors_cut_off(shared: Path) -> None:
    ours, theirs = load(shared, "zero_dce_pp")
    odd = theirs["input"][..., :-5, :-7]
    assert ours.enhance(odd).shape == odd.shape
