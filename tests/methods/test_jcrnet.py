"""JCRNet: the paper's size, the decomposition of its output, strips, losses."""

from __future__ import annotations

import pytest
import torch
from helpers import peak_bytes

from lle import registry
from lle.losses.charbonnier import charbonnier
from lle.methods.jcrnet.config import Config
from lle.methods.jcrnet.loss import edge_loss, laplacian
from lle.methods.jcrnet.method import JCRNetMethod
from lle.methods.jcrnet.network import Illumination, JCRNet
from lle.nn.strips import PIXELS, by_rows


def tiny(**settings: object) -> JCRNetMethod:
    torch.manual_seed(0)
    return JCRNetMethod(Config(**{"width": 0.1, **settings}))


def batch(seed: int = 0, count: int = 2, side: int = 32) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    normal = torch.rand(count, 3, side // 8, side // 8, generator=generator)
    normal = torch.nn.functional.interpolate(normal, size=(side, side), mode="bilinear")
    return {"low": normal**2.2 * 0.3, "normal": normal}


def test_default_settings_give_the_papers_size():
    method = JCRNetMethod(Config())
    assert sum(p.numel() for p in method.parameters()) == 1_551_201 == registry.card("jcrnet").parameters


def test_activations_are_shared_as_in_the_authors_code():
    network = JCRNet(0.1)
    steps = [network.step0.phi, network.step0.phi_t, network.step6.phi, network.step6.phi_t]
    assert len({id(step.body[1]) for step in steps}) == 1
    assert network.shallow1[1].body[1] is network.shallow7[1].body[1]
    assert network.step0.r.item() == network.step6.r.item() == 0.5


def test_output_is_input_plus_tail_plus_back_projection():
    network = tiny().network.eval()
    low = batch()["low"]
    tail = []
    network.tail.register_forward_hook(lambda module, inputs, output: tail.append(output))
    with torch.no_grad():
        out = network(low)
        torch.testing.assert_close(out, tail[0] + low + network.projection(low))


def test_corrected_picture_replaces_the_first_one():
    network = tiny().network.eval()
    seen = []
    network.illumination.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0], output)))
    network.step6.register_forward_hook(lambda module, inputs, output: seen.append(inputs))
    with torch.no_grad():
        _, first = network.stages(batch()["low"])
    (given, corrected), (point, _) = seen
    assert given.equal(first)
    assert point.equal(corrected)
    assert corrected.min() >= 0
    assert corrected.max() <= 1


@pytest.mark.parametrize("shape", [(1, 3, 37, 53), (2, 3, 16, 17)])
def test_odd_sizes(shape):
    low = torch.rand(shape)
    final, first = tiny().network.stages(low)
    assert final.shape == first.shape == low.shape


def test_strips_change_nothing():
    whole = tiny().network.eval()
    strips = JCRNet(0.1, pixels=20 * 8).eval()
    strips.load_state_dict(whole.state_dict())
    low = torch.rand(1, 3, 75, 20)
    with torch.no_grad():
        torch.testing.assert_close(strips(low), whole(low), atol=1e-5, rtol=1e-5)


def test_memory_is_counted_right():
    class Twice(torch.nn.Module):
        def forward(self, x):
            return (x + 1) * 2  # the sum lives until the product is there

    assert peak_bytes(Twice(), 10, 20) == 2 * 4 * 3 * 10 * 20


def test_full_hd_fits_into_four_gigabytes():
    whole, strips = (peak_bytes(JCRNet(pixels=pixels), 1080, 1920) for pixels in (1080 * 1920, PIXELS))
    assert strips < 3.3e9, "with the runtime and what the convolutions take for themselves, 4 GB"
    assert whole > 5e9, "what strips save"


def test_halo_of_the_illumination_net_is_its_reach():
    torch.manual_seed(0)
    network = Illumination(0.25).double().eval()
    picture = torch.rand(1, 3, 61, 18, dtype=torch.float64, requires_grad=True)
    network(picture)[..., 30, :].sum().backward()
    rows = picture.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert (rows.min().item(), rows.max().item()) == (30 - Illumination.HALO, 30 + Illumination.HALO)


def test_strips_need_no_gradient_and_a_large_picture():
    calls = []

    def identity(x):
        calls.append(x.shape[-2])
        return x

    x = torch.rand(1, 1, 10, 4)
    by_rows(identity, x, halo=2, pixels=16)
    with torch.no_grad():
        by_rows(identity, x, halo=2, pixels=40)
        assert by_rows(identity, x, halo=2, pixels=16).equal(x)
    assert calls == [10, 10, 6, 8, 4]


def test_laplacian_of_a_flat_picture_is_zero_inside():
    flat = torch.full((1, 3, 24, 24), 0.7)
    assert laplacian(flat)[..., 4:-4, 4:-4].abs().max() < 1e-6
    # Rows and columns of an impulse see the taps: 1 - 4 * sum over even offsets of (k * k)^2.
    impulse = torch.zeros(1, 1, 17, 17)
    impulse[0, 0, 8, 8] = 1
    assert laplacian(impulse)[0, 0, 8, 8].item() == pytest.approx(1 - 4 * (0.4**2 + 2 * 0.05**2) ** 2, abs=1e-6)


def test_edge_loss_ignores_shifts_of_brightness_inside_and_has_its_floor():
    x = torch.rand(1, 3, 24, 24)
    assert edge_loss(x, x).item() == pytest.approx(1e-3)
    assert edge_loss(x + 0.1, x) < charbonnier(x + 0.1, x)
    expected = charbonnier(laplacian(x), laplacian(x.flip(-1)))
    torch.testing.assert_close(edge_loss(x, x.flip(-1)), expected)


def test_both_outputs_are_compared_by_charbonnier_and_a_twentieth_of_the_edges():
    method, data = tiny(), batch()
    terms = method.loss(data)
    for name, output in zip(("final", "first"), method.network.stages(data["low"]), strict=True):
        torch.testing.assert_close(terms[f"charbonnier_{name}"], charbonnier(output, data["normal"]))
        torch.testing.assert_close(terms[f"edge_{name}"], 0.05 * edge_loss(output, data["normal"]))


def test_terms_follow_the_settings():
    assert set(tiny().loss(batch())) == {"charbonnier_final", "charbonnier_first", "edge_final", "edge_first"}
    assert set(tiny(supervise_first=False, w_edge=0).loss(batch())) == {"charbonnier_final"}
    half = tiny(w_charbonnier=0.5).loss(batch())["charbonnier_final"]
    torch.testing.assert_close(2 * half, tiny().loss(batch())["charbonnier_final"])


def test_every_parameter_gets_a_gradient():
    method = tiny(width=0.25)
    sum(method.loss(batch()).values()).backward()
    assert [name for name, p in method.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_learns_on_ten_images():
    method = tiny()
    data = batch(count=10, side=24)
    optimizer = torch.optim.Adam(method.parameters(), 3e-3)
    start = None
    for _ in range(25):
        loss = sum(method.loss(data).values())
        start = loss.item() if start is None else start
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.7 * start


def test_presets():
    paper, small = Config(preset="paper"), Config(preset="small")
    assert (paper.width, paper.crop, paper.iterations, paper.lr, paper.lr_min) == (1, 256, 24_250, 2e-4, 1e-6)
    assert small.width == 0.25
    assert sum(p.numel() for p in JCRNetMethod(small).parameters()) < 1_551_201 / 12
