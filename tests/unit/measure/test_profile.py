from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.config.base import MethodConfig
from lle.engine.method import Method
from lle.measure.cost import latency, macs, parameters, peak_memory, profile, throughput
from lle.measure.load import Others
from lle.results.cost import Profile


class Curves(nn.Module):
    """The layers of Zero-DCE's network: 32 features, skips by concatenation, 24 curve maps."""

    def __init__(self) -> None:
        super().__init__()
        channels = ((3, 32), (32, 32), (32, 32), (32, 32), (64, 32), (64, 32), (64, 24))
        self.layers = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in channels)

    def forward(self, x: Tensor) -> Tensor:
        a, b, c, d, e, f, g = self.layers
        x1 = a(x)
        x2 = b(x1)
        x3 = c(x2)
        x4 = d(x3)
        x5 = e(torch.cat([x3, x4], 1))
        x6 = f(torch.cat([x2, x5], 1))
        return g(torch.cat([x1, x6], 1))[:, :3]


class Tiny(nn.Module):
    """The layers of SCI's test-time network: three 3x3 convolutions of three channels, one normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.third(torch.relu(self.norm(self.second(self.first(x)))))


class Learned(Method):
    def __init__(self) -> None:
        super().__init__(MethodConfig())
        self.network = nn.Conv2d(3, 3, 3, padding=1)
        self.helper = nn.Linear(7, 7)

    def forward(self, low: Tensor) -> Tensor:
        return self.network(low)


class LooksAtValues(Learned):
    def forward(self, low: Tensor) -> Tensor:
        return self.network(low) if float(low.mean()) < 0.5 else low


class Blur(Method):
    def __init__(self) -> None:
        super().__init__(MethodConfig())

    def forward(self, low: Tensor) -> Tensor:
        picture = np.ascontiguousarray(low[0].permute(1, 2, 0).numpy())
        return torch.from_numpy(cv2.blur(picture, (3, 3))).permute(2, 0, 1)[None]


def test_macs_and_parameters_of_dce_net_are_the_known_ones() -> None:
    network = Curves()
    assert sum(parameter.numel() for parameter in network.parameters()) == 79_416
    # A hundredth of 400 x 600 pixels, where 19.0 GMACs are known.
    assert macs(network, 40, 60) == pytest.approx(0.190e9, rel=1e-3)


def test_macs_and_parameters_of_sci_are_the_known_ones() -> None:
    network = Tiny()
    assert sum(parameter.numel() for parameter in network.parameters()) == 258
    assert macs(network, 400, 600) == pytest.approx(0.058e9, rel=0.01)


def test_functional_products_and_attention_are_counted() -> None:
    n, d = 30 * 20, 3

    def attend(x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        return F.scaled_dot_product_attention(tokens, tokens, tokens)

    assert macs(attend, 30, 20) == 2 * n * n * d
    assert macs(lambda x: torch.einsum("bchw,dc->bdhw", x, torch.ones(5, 3)), 30, 20) == 15 * 600
    assert macs(lambda x: F.linear(x.flatten(2).transpose(1, 2), torch.ones(8, 3)), 30, 20) == 24 * 600
    assert macs(lambda x: F.conv2d(x, torch.ones(3, 1, 5, 5), padding=2, groups=3), 30, 20) == 75 * 600


def test_only_the_network_of_the_test_counts() -> None:
    assert parameters(Learned()) == 84
    assert parameters(Blur()) == 0


def test_profile_writes_what_it_returns(tmp_path: Path) -> None:
    training = {"iterations": 5, "images_per_s": 12.5, "data_wait_share": 0.01, "losses": "elsewhere"}
    threads = torch.get_num_threads()
    result = profile(
        Learned(), "learned", sizes=[(16, 20), (32, 32)], threads=1, seconds=0.1, out=tmp_path, training=training, provenance={"git": "x"}
    )
    assert [path.name for path in tmp_path.rglob("*.json")] == ["learned.json"]
    assert result == Profile.read(tmp_path / "profile" / "learned.json")
    assert result.parameters == 84
    assert result.macs == {"16x20": 81 * 320, "32x32": 81 * 1024}
    assert result.latency_ms["16x20"].threads == 1
    assert result.latency_ms["16x20"].runs >= 3
    assert 0 <= result.latency_ms["16x20"].others <= 1
    assert result.train is not None
    assert result.train.plain() == {"iterations": 5, "images_per_s": 12.5, "data_wait_share": 0.01}
    assert torch.get_num_threads() == threads


def test_a_network_that_looks_at_values_is_counted_on_a_real_picture(tmp_path: Path) -> None:
    result = profile(LooksAtValues(), "looks", sizes=[(16, 16)], seconds=0.05, out=tmp_path)
    assert result.macs == {"16x16": 81 * 256}


def test_a_classical_method_has_no_macs_and_says_why(tmp_path: Path) -> None:
    result = profile(Blur(), "blur", sizes=[(16, 16)], seconds=0.05, out=tmp_path)
    assert result.macs == {"16x16": None}
    assert "numpy" in result.macs_missing
    assert result.train is None


def test_latency_is_capped_by_time() -> None:
    calls = []

    def slow() -> None:
        calls.append(0)
        time.sleep(0.02)

    median, runs = latency(slow, runs=1000, limit=0.2)
    assert 20 <= median < 200
    assert 3 <= runs <= 10
    assert len(calls) < 20


def test_peak_memory_sees_arrays_of_numpy_and_torch() -> None:
    def numpy_only() -> None:
        np.ones(5_000_000).sum()

    def torch_only() -> None:
        torch.ones(10_000_000).sum()

    for run in (numpy_only, torch_only):
        run()
        assert peak_memory(run) == pytest.approx(40, abs=6)


def test_peak_memory_of_a_small_call_after_a_large_one_is_small() -> None:
    torch.ones(30_000_000).sum()
    assert peak_memory(lambda: torch.ones(1000).sum()) < 5


def test_throughput_counts_images() -> None:
    def step() -> int:
        time.sleep(0.005)
        return 8

    result = throughput(step, seconds=0.2)
    assert result["images_per_s"] == pytest.approx(8 * result["steps"] / result["seconds"], rel=1e-2)
    assert 100 < result["images_per_s"] < 1601


def test_what_other_programs_take_is_told_apart_from_this_one() -> None:
    """Beside a program that keeps a core busy: the share is about that core's, not that of the block itself."""
    if (os.cpu_count() or 1) < 2:
        pytest.skip("needs two cores")

    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)
        with Others() as others:
            end = time.perf_counter() + 1.0
            while time.perf_counter() < end:
                pass
    finally:
        busy.kill()
        busy.wait()
    assert others.share is not None
    cores = os.cpu_count() or 1
    assert 0.5 / cores < others.share < 1
