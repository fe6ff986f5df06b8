"""Our implementations against pyiqa's, the only tests here that import it (several seconds, once)."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from lle.metrics.descriptors import entropy
from lle.metrics.loe import bicubic
from lle.metrics.piqe import piqe
from lle.metrics.protocol import luma, to_uint8
from lle.metrics.psnr import psnr
from lle.metrics.ssim import ssim
from lle.metrics.vif import vif

pyiqa = pytest.importorskip("pyiqa")
torch = pytest.importorskip("torch")


def _enhanced(photo: np.ndarray) -> np.ndarray:
    """A noisy dark version of a photograph, lifted again: what the metrics see in practice."""
    dark = to_uint8((photo / 255) ** 2.5 * 0.5 + np.random.default_rng(0).normal(0, 0.02, photo.shape))
    return to_uint8((dark / 255) ** 0.5)


# Odd sizes on purpose: none is a multiple of 3 or of 16.
PHOTOS = {"chelsea": data.chelsea()[20:165, 100:281], "coffee": data.coffee()[100:265, :137]}
CASES = [pytest.param(np.ascontiguousarray(photo), id=name) for name, photo in PHOTOS.items()]


def _tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].double() / 255


def _theirs(name: str, *images: np.ndarray) -> float:
    return float(pyiqa.create_metric(name, device=torch.device("cpu"))(*(_tensor(image).float() for image in images)))


@pytest.mark.parametrize("photo", CASES)
def test_psnr_ssim_entropy(photo: np.ndarray) -> None:
    output = _enhanced(photo)
    assert psnr(output, photo) == pytest.approx(_theirs("psnr", output, photo), abs=1e-4)
    assert ssim(output, photo, nonnegative=True) == pytest.approx(_theirs("ssimc", output, photo), abs=1e-5)
    assert ssim(luma(output), luma(photo), nonnegative=True) == pytest.approx(_theirs("ssim", output, photo), abs=1e-4)
    assert entropy(output) == pytest.approx(_theirs("entropy", output), abs=1e-4)


@pytest.mark.parametrize("photo", CASES)
def test_vif(photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    output = _enhanced(photo)
    # In single precision pyiqa loses up to 3e-4 in the covariance of the smooth bands; in double precision it agrees.
    assert vif(output, photo) == pytest.approx(_theirs("vif", output, photo), abs=5e-4)
    inputs = [_tensor(image) for image in (output, photo)]
    metric = pyiqa.create_metric("vif", device=torch.device("cpu")).net
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    assert vif(output, photo) == pytest.approx(float(metric(*inputs)), abs=1e-5)


@pytest.mark.parametrize("photo", CASES)
def test_piqe(photo: np.ndarray) -> None:
    metric = pyiqa.create_metric("piqe", device=torch.device("cpu")).net
    for image in (photo, _enhanced(photo)):
        # A block lies on one side of a threshold or on the other: single precision may move one of some hundreds.
        assert piqe(image) == pytest.approx(_theirs("piqe", image), abs=0.5)
        assert piqe(image) == pytest.approx(float(metric(_tensor(image))), abs=0.05)


def test_bicubic_resize_is_matlabs() -> None:
    from pyiqa.matlab_utils import imresize

    plane = data.coffee()[:210, :301].max(axis=2).astype(np.float64)
    scale = 50 / 210
    theirs = imresize(torch.from_numpy(plane)[None, None], sizes=(50, 72), antialiasing=True)[0, 0].numpy()
    ours = bicubic(210, 50, 50 / 210) @ plane @ bicubic(301, 72, 72 / 301).T
    assert np.abs(ours - theirs).max() < 1e-3
    assert scale == pytest.approx(72 / 301, rel=0.01)
