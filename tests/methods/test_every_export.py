"""Every method exports, or its card says what prevents it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import nn

from lle import registry
from lle.engine.method import Method
from lle.errors import LleError
from lle.export import formats, graph, parity

SMALL = ((1, 40, 56), (2, 33, 47), (1, 64, 41))


def stirred(name: str) -> Method:
    """A tiny method whose parameters are nowhere zero, so that no part of the graph is without effect."""
    torch.manual_seed(0)
    method = registry.create(name, registry.config_class(name).tiny)
    for parameter in method.parameters():
        if parameter.numel() and not parameter.any():
            nn.init.normal_(parameter, std=0.02)
    return method.eval()


@pytest.mark.parametrize("name", registry.list_methods(helpers=True))
def test_exports_or_says_why_not(name: str, tmp_path: Path) -> None:
    if not all(map(find_spec, ("onnx", "onnxruntime"))):
        pytest.skip("needs the extra `edge`: pip install -e '.[edge]'")
    method = stirred(name)
    if "It cannot be exported" in registry.card(name).text:
        with pytest.raises(LleError, match="numpy and OpenCV"):
            graph.prepared(method)
        return
    reference = graph.prepared(method)
    traced = graph.trace(reference)
    import onnxruntime

    model = formats.to_onnx(traced, None).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    parity.compare(lambda low: session.run(None, {"pictures": low})[0], reference, None, "fp32", SMALL)
