"""GT-mean loss: the authors' values and gradients, known answers, what it does for terms that are no means over pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lle.losses.gt_mean import brightness_distance, gt_mean
from lle.losses.ssim import ssim_loss


def l1(image, reference):
    return {"l1": F.l1_loss(image, reference)}


@pytest.mark.parametrize("sigma", [0.1, 0.05, 0.3])
def test_agrees_with_the_authors(shared: Path, sigma: float):
    folder = shared / "parity" / "gt_mean_loss"
    if not folder.is_dir():
        pytest.skip(f"no outputs of the authors' code at {folder}")
    with np.load(folder / "vectors.npz") as arrays:
        vectors = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    image, target = vectors["pred"].requires_grad_(), vectors["target"]
    weights = brightness_distance(image, target, sigma).detach()
    torch.testing.assert_close(weights, vectors[f"weight_unclipped_sigma{sigma}"], rtol=1e-5, atol=1e-6)
    loss = gt_mean(l1, image, target, sigma)["l1"]
    torch.testing.assert_close(loss.detach(), vectors[f"loss_sigma{sigma}"], rtol=0, atol=1e-6)
    loss.backward()
    torch.testing.assert_close(image.grad, vectors[f"grad_sigma{sigma}"], rtol=0, atol=1e-6)
    each = [gt_mean(l1, image[k : k + 1].detach(), target[k : k + 1], sigma)["l1"] for k in range(4)]
    torch.testing.assert_close(torch.stack(each), vectors[f"loss_each_sigma{sigma}"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("quotient", "sigma", "distance"),
    [(0.5, 0.1, 5.11), (0.7, 0.1, 1.541), (0.8, 0.1, 0.6221), (0.9, 0.1, 0.1409), (0.95, 0.1, 0.0335), (1, 0.1, 0), (0.7522, 0.1, 1)],
)
def test_distances_of_brightness(quotient: float, sigma: float, distance: float):
    reference = torch.full((1, 3, 4, 4), 0.6)
    assert float(brightness_distance(quotient * reference, reference, sigma)) == pytest.approx(distance, rel=1e-3, abs=1e-6)


def test_near_in_brightness_only_the_rest_counts():
    reference = 0.2 + 0.6 * torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert float(gt_mean(l1, 0.97 * reference, reference, 0.1)["l1"]) < 0.02 * float(l1(0.97 * reference, reference)["l1"])
    far = 0.4 * reference
    torch.testing.assert_close(gt_mean(l1, far, reference, 0.1)["l1"], l1(far, reference)["l1"])


def test_off_it_is_the_comparison_itself():
    image, reference = torch.rand(2, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert gt_mean(l1, image, reference, None)["l1"] == l1(image, reference)["l1"]


def test_each_picture_has_its_own_weight():
    reference = 0.2 + 0.6 * torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    image = reference * torch.tensor([0.4, 0.97])[:, None, None, None]

    def compare(a, b):
        return {"ssim": ssim_loss(a, b)}

    alone = [gt_mean(compare, image[k : k + 1], reference[k : k + 1], 0.1)["ssim"] for k in range(2)]
    torch.testing.assert_close(gt_mean(compare, image, reference, 0.1)["ssim"], torch.stack(alone).mean())
    assert alone[0] > 10 * alone[1]
