from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lle.errors import ConfigError
from lle.metrics import pretrained
from lle.metrics.metric import Sample
from lle.metrics.registry import all_metrics, select


def test_all_metrics_of_the_tables_are_there() -> None:
    wanted = (
        "psnr ssim ssim_y ssim_skimage psnr_gt_mean ssim_gt_mean vif loe loe_100 ceiq piqe niqe brisque musiq entropy brightness contrast"
    )
    assert list(all_metrics()) == wanted.split()
    for metric in all_metrics().values():
        assert metric.label
        assert metric.definition
        assert metric.source


def test_every_metric_that_can_be_measured_gives_a_finite_number() -> None:
    rng = np.random.default_rng(0)
    output, low, reference = (rng.integers(0, 256, (97, 113, 3), dtype=np.uint8) for _ in range(3))
    sample = Sample(output, low, reference)
    for metric in all_metrics().values():
        if metric.missing() is None:
            assert np.isfinite(metric.measure(sample)), metric.name


def test_metrics_with_a_reference_refuse_a_picture_without_one() -> None:
    picture = np.zeros((96, 96, 3), np.uint8)
    for metric in all_metrics().values():
        if metric.needs_reference:
            with pytest.raises(ValueError, match="no reference"):
                metric.measure(Sample(picture, picture, None))


def test_select_keeps_the_order_of_the_tables_and_names_the_nearest() -> None:
    assert [metric.name for metric in select(["vif", "psnr"])] == ["psnr", "vif"]
    with pytest.raises(ConfigError, match="Did you mean 'ssim_y'"):
        select(["ssimy"])


def test_a_missing_weight_file_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    reason = all_metrics()["niqe"].missing()
    assert reason is not None
    assert "niqe_modelparameters.mat" in reason
    assert "create_metric('niqe')" in reason
    assert str(tmp_path) not in reason
    folder = tmp_path / "hub" / "pyiqa"
    folder.mkdir(parents=True)
    (folder / pretrained.WEIGHTS["niqe"]).touch()
    assert all_metrics()["niqe"].missing() is None
    assert all_metrics()["musiq"].missing() is not None


def test_importing_the_metrics_imports_no_torch_and_no_pyiqa() -> None:
    code = (
        "import sys, lle.metrics.registry, lle.metrics.bootstrap; print([m for m in ('torch', 'pyiqa', 'scipy.stats') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
