"""Files that are exported give what torch gives, say what they are, and are run by every backend alike."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lle import registry
from lle.config.base import MethodConfig
from lle.engine.method import Method
from lle.errors import LleError, WeightsError
from lle.export import formats, parity, run
from lle.export.run import Origin, export
from lle.infer.backends import OpenVino, open_backend
from lle.infer.enhancer import Enhancer

EDGE = all(map(find_spec, ("onnx", "onnxruntime", "openvino")))
needs_edge = pytest.mark.skipif(not EDGE, reason="needs the extra `edge`: pip install -e '.[edge]'")
SMALL = ((1, 40, 56), (2, 33, 47), (1, 64, 41))
FORMATS = (pytest.param("onnx", marks=needs_edge), pytest.param("openvino", marks=needs_edge), "torchscript")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pictures to compare on: what is tested is that they are compared."""
    monkeypatch.setattr(run, "SHAPES", SMALL)


def sci() -> Method:
    torch.manual_seed(0)
    method = registry.create("sci").eval()
    nn.init.uniform_(method.network.get_parameter("out_conv.0.weight"), -0.5, 0.5)
    return method


def picture(height: int = 70, width: int = 90) -> np.ndarray:
    return parity.pictures((1, height, width))[0]


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_gives_what_torch_gives_and_says_what_it_is(tmp_path: Path, format_: str) -> None:
    method, path = sci(), tmp_path / f"sci{formats.ENDINGS[format_]}"
    origin = Origin("training", "training/train@sci", "f" * 64, "a" * 40, "CC0")
    about = export(method, "sci", path, format_, origin=origin)
    assert [found.shape for found in about.parity] == [list(shape) for shape in SMALL]
    assert max(found.largest for found in about.parity) <= 1
    loaded = Enhancer.load(path)
    assert loaded.name == "sci"
    assert loaded.engine.backend.description == about
    assert (about.trained_on, about.data_licence, about.scope, about.size) == ("training", "CC0", "local", "dynamic")
    whole = Enhancer(method, "sci").enhance(picture())
    assert np.abs(loaded.enhance(picture()).astype(int) - whole).max() <= 1
    # Local, so its tiles are exact: the file says how far it sees.
    assert about.halo == 32
    assert np.abs(Enhancer.load(path, tile=32).enhance(picture()).astype(int) - whole).max() <= 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["sci.bin", "sci.xml"] if format_ == "openvino" else [path.name]


@needs_edge
def test_onnx_runs_on_both_of_its_backends(tmp_path: Path) -> None:
    export(sci(), "sci", tmp_path / "sci.onnx")
    results = [open_backend(tmp_path / "sci.onnx", name, threads=1).run(picture()[None]).copy() for name in ("onnxruntime", "openvino")]
    assert np.abs(results[0].astype(int) - results[1]).max() <= 1
    with pytest.raises(LleError, match="is run by onnxruntime or openvino, not by 'torch'"):
        open_backend(tmp_path / "sci.onnx", "torch")


@needs_edge
def test_pictures_that_keep_their_size_give_what_single_ones_give(tmp_path: Path) -> None:
    """OpenVINO compiles a model for a size that comes again and again; then another one comes, and the first one again."""
    export(sci(), "sci", tmp_path / "sci.xml", "openvino")
    once = {side: open_backend(tmp_path / "sci.xml", threads=1).run(picture()[None, :side].copy()).copy() for side in (64, 48)}
    backend = open_backend(tmp_path / "sci.xml", threads=1)
    for side in (*[64] * (OpenVino.REPEATED + 2), 48, *[64] * OpenVino.REPEATED, *[48] * (OpenVino.REPEATED + 1)):
        found = backend.run(picture()[None, :side].copy())
        assert found.shape == once[side].shape
        assert np.abs(found.astype(int) - once[side].astype(int)).max() <= 1


@needs_edge
def test_rows_of_tiles_compile_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row ends with a narrower tile."""
    export(sci(), "sci", tmp_path / "sci.xml", "openvino")
    compiled, for_size = [], OpenVino._for_size
    monkeypatch.setattr(OpenVino, "_for_size", lambda self, shape: compiled.append(shape) or for_size(self, shape))
    backend = open_backend(tmp_path / "sci.xml", threads=1)
    for side in 3 * (*[64] * (OpenVino.REPEATED + 1), 48):
        backend.run(picture()[None, :side].copy())
    assert compiled == [(1, 64, 90, 3)]


def test_a_fixed_size_takes_no_other(tmp_path: Path) -> None:
    about = export(sci(), "sci", tmp_path / "sci.torchscript", "torchscript", size=(48, 64))
    assert (about.size, about.halo) == ("48x64", None)
    loaded = Enhancer.load(tmp_path / "sci.torchscript")
    assert loaded.enhance(picture(48, 64)).shape == (48, 64, 3)
    with pytest.raises(LleError, match="exported for 48x64 pictures"):
        loaded.enhance(picture(49, 64))


@pytest.mark.parametrize(("format_", "precision"), [("torchscript", "fp16"), ("torchscript", "bf16"), *(
    pytest.param(name, "fp16", marks=needs_edge) for name in ("onnx", "openvino")
)])  # fmt: skip
def test_less_precision_stays_near(tmp_path: Path, format_: str, precision: str) -> None:
    about = export(sci(), "sci", tmp_path / f"sci{formats.ENDINGS[format_]}", format_, precision)
    assert about.precision == precision
    assert min(found.psnr for found in about.parity) >= parity.PSNR[precision]


class Mean(Method):
    """Chooses what it does by the size, in Python: a trace keeps the choice of its example."""

    scope: ClassVar = "global"

    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.network = nn.Conv2d(3, 3, 1)

    def forward(self, low: Tensor) -> Tensor:
        return self.network(low) if low.shape[-2] > 50 else 1 - low


def test_no_file_where_torch_gives_something_else(tmp_path: Path) -> None:
    with pytest.raises(LleError, match=r"does not give what torch gives(?s:.*)at 40x56, where at most 1 level"):
        export(Mean(MethodConfig()), "mean", tmp_path / "mean.torchscript", "torchscript")
    assert not list(tmp_path.iterdir())
    about = export(Mean(MethodConfig()), "mean", tmp_path / "mean.torchscript", "torchscript", size=(64, 64))
    assert about.parity[0].largest <= 1


@pytest.mark.parametrize("value", [float("nan"), 1e38])
def test_a_method_whose_values_are_not_finite_is_not_exported(tmp_path: Path, value: float) -> None:
    # Finite weights that overflow, too: in bytes the picture would be black.
    method = Mean(MethodConfig())
    nn.init.constant_(method.network.weight, value)
    nn.init.constant_(method.network.bias, 3e38)
    with pytest.raises(WeightsError, match=r"NaN or infinite values, which a file of bytes would show as black"):
        export(method, "mean", tmp_path / "mean.torchscript", "torchscript", size=(64, 64))
    assert not list(tmp_path.iterdir())


class Large(Method):
    """Its sums fit half precision in the dark alone."""

    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.network = nn.Conv2d(3, 3, 1)

    def forward(self, low: Tensor) -> Tensor:
        return self.network(low * 60000 / 2.2) * 1e-5


def test_half_precision_that_overflows_on_lit_pictures_is_refused(tmp_path: Path) -> None:
    method = Large(MethodConfig())
    nn.init.constant_(method.network.weight, 1.0)
    with pytest.raises(LleError, match="does not give what torch gives"):
        export(method, "large", tmp_path / "large.torchscript", "torchscript", "fp16", size=(64, 64))
    assert export(method, "large", tmp_path / "large.torchscript", "torchscript", size=(64, 64)).parity[0].largest <= 1


@needs_edge
def test_what_cannot_be_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(LleError, match=r"int8 is made with NNCF for OpenVINO alone"):
        export(sci(), "sci", tmp_path / "sci.torchscript", "torchscript", "int8")
    with pytest.raises(LleError, match=r"must end in \.torchscript"):
        export(sci(), "sci", tmp_path / "sci.pt", "torchscript")
    with pytest.raises(LleError, match="no bfloat16 arithmetic"):
        formats.check_precision("openvino", "bf16", ["FP32", "INT8"])
    with pytest.raises(LleError, match="lle export METHOD"):
        Enhancer.load(tmp_path / "none.onnx")
    with pytest.raises(LleError, match="runs exported files"):
        Enhancer.load("gamma", backend="openvino")


@pytest.mark.parametrize("suffix", [pytest.param(".onnx", marks=needs_edge), pytest.param(".xml", marks=needs_edge), ".torchscript"])
def test_a_damaged_or_foreign_file_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"nonsense")
    with pytest.raises(LleError, match="cannot be loaded"):
        Enhancer.load(path)
    if suffix == ".torchscript":
        torch.jit.save(torch.jit.trace(nn.Identity(), torch.zeros(1)), path)
        with pytest.raises(LleError, match="was not written by `lle export`"):
            Enhancer.load(path)


def test_sixteen_bits_need_the_method_itself(tmp_path: Path) -> None:
    export(sci(), "sci", tmp_path / "sci.torchscript", "torchscript")
    with pytest.raises(LleError, match="eight-bits"):
        Enhancer.load(tmp_path / "sci.torchscript").enhance(picture().astype(np.uint16))
