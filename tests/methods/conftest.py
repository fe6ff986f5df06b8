"""The authors' outputs with the authors' weights, for the tests of methods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

pytest.register_assert_rewrite("tests.methods.zoo", "tests.methods.helpers", "helpers")


@pytest.fixture(scope="session")
def parity(shared: Path) -> Callable[..., tuple[dict[str, torch.Tensor], dict[str, dict[str, torch.Tensor]]]]:
    """Returns a reader of `parity/<method>[/<variant>]`: arrays by name, and weights by file stem."""

    def read(method: str, variant: str = "") -> tuple[dict[str, torch.Tensor], dict[str, dict[str, torch.Tensor]]]:
        folder = shared / "parity" / method / variant
        if not folder.is_dir():
            pytest.skip(f"no outputs of the authors' code at {folder}")
        with np.load(folder / "vectors.npz") as arrays:
            vectors = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        return vectors, {path.stem: load_file(path) for path in sorted(folder.glob("*.safetensors"))}

    return read
