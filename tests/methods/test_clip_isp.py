"""CLIP-ISP: filters against closed forms, the network's size and start, then the training phases."""

from __future__ import annotations

import math
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from helpers import batch_of, check_shapes, train
from scipy.ndimage import gaussian_filter

from lle import registry
from lle.clip import backbone
from lle.clip.backbone import Clip
from lle.clip.guided import look_of
from lle.clip.prompt_report import fall, look
from lle.data import degrade
from lle.engine.method import Stream
from lle.engine.model_io import save_model
from lle.engine.optim import optimizer_of
from lle.errors import LleError
from lle.export import formats, graph, parity
from lle.files import write_json
from lle.measure.cost import macs
from lle.methods.clip_isp import filters
from lle.methods.clip_isp.network import DetailNet, IspNet


@pytest.fixture
def image():
    return torch.rand(2, 3, 19, 23, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_white_balance_multiplies_each_channel(image):
    output = filters.white_balance(image, torch.tensor([[1.0, 2.0, 0.5], [1.5, 1.0, 1.0]], dtype=torch.float64))
    assert torch.equal(output[0, 1], 2 * image[0, 1])
    assert torch.equal(output[0, 2], image[0, 2] / 2)
    assert torch.equal(output[1, 0], 1.5 * image[1, 0])
    assert torch.equal(output[1, 1:], image[1, 1:])


def test_gamma_is_a_power_with_a_floor():
    image = torch.tensor([0.0, 0.25, 1.0]).reshape(1, 3, 1, 1)
    output = filters.gamma(image, torch.tensor([0.5])).flatten()
    assert output.tolist() == pytest.approx([0.01, 0.5, 1.0])


def test_contrast_at_half_luminance_changes_nothing():
    # EnL(0.5) = (1 - cos(pi/2)) / 2 = 0.5, so that En(I) = I for every amount.
    grey = torch.full((1, 3, 4, 4), 0.5)
    assert torch.allclose(filters.contrast(grey, torch.tensor([0.9])), grey, atol=2e-6)


@pytest.mark.parametrize("amount", [-0.5, 0.0, 0.7])
def test_contrast_of_a_colour(amount):
    red, green, blue = 0.2, 0.4, 0.6
    light = 0.27 * red + 0.67 * green + 0.06 * blue
    factor = amount * (1 - math.cos(math.pi * light)) / 2 / (light + 1e-6) + 1 - amount
    image = torch.tensor([red, green, blue], dtype=torch.float64).reshape(1, 3, 1, 1)
    output = filters.contrast(image, torch.tensor([amount], dtype=torch.float64)).flatten()
    assert output.tolist() == pytest.approx([red * factor, green * factor, blue * factor])


def test_blur_agrees_with_scipy(image):
    # scipy's "mirror" is torch's "reflect": the border pixel is not repeated.
    expected = gaussian_filter(image.numpy(), (0, 0, 5, 5), mode="mirror", radius=(0, 0, 12, 12))
    assert np.abs(filters.gaussian_blur(image).numpy() - expected).max() < 1e-12


def test_sharpen_adds_what_the_blur_took(image):
    blurred = filters.gaussian_blur(image)
    output = filters.sharpen(image, torch.tensor([0.0, 1.5], dtype=torch.float64))
    assert torch.equal(output[0], image[0])
    assert torch.allclose(output[1], image[1] + 1.5 * (image[1] - blurred[1]))
    flat = torch.full((1, 3, 16, 16), 0.3)
    assert torch.allclose(filters.sharpen(flat, torch.tensor([2.0])), flat, atol=1e-6)


def test_filters_carry_gradients_to_picture_and_parameters(image):
    image.requires_grad_()
    one = torch.full((2,), 0.4, dtype=torch.float64, requires_grad=True)
    for apply in (filters.gamma, filters.contrast, filters.sharpen):
        assert torch.autograd.gradcheck(apply, (image[:1, :, :13, :13] * 0.8 + 0.1, one[:1]))


def test_untrained_network_is_the_identity_but_for_its_light_sharpening():
    torch.manual_seed(0)
    network = IspNet().eval()
    low = torch.rand(2, 3, 37, 53) * 0.5 + 0.2
    with torch.no_grad():
        steps = network.steps(low)
        assert (steps.filtered[2] - low).abs().max() < 0.01
        sharpened = filters.sharpen(low, torch.full((2,), 0.1))
        assert (steps.enhanced - sharpened).abs().max() < 0.01
        assert torch.equal(steps.detail, torch.zeros_like(low))
        assert steps.parameters.sharpen.tolist() == pytest.approx([0.1, 0.1], abs=0.01)


def test_size_is_the_specified_one():
    assert sum(p.numel() for p in IspNet().parameters()) == 147_673


def test_multiply_accumulates_are_the_specified_ones():
    network = IspNet(view=None).to("meta").eval()
    counted = [macs(part, 400, 600, "meta") for part in (network.encoder, network.detail)]
    assert sum(counted) / 1e9 == pytest.approx(11.83, abs=0.005)
    # The whole network also blurs for its sharpening: 2 x 25 taps on three channels, over the padded rows of the first pass.
    blur = 25 * 3 * 600 * (424 + 400)
    assert macs(network, 400, 600, "meta") == sum(counted) + blur


def test_the_edge_preset_is_a_quarter_of_the_work_and_the_same_network_else():
    edge, full = (registry.create("clip_isp", {"preset": preset}).eval() for preset in ("edge", "recommended"))
    assert (edge.config.detail_scale, full.config.detail_scale) == (2, 1)
    differing = {key for key, value in edge.config.model_dump().items() if value != full.config.model_dump()[key]}
    assert differing == {"preset", "detail_scale"}
    small, large = (macs(method.network.detail.to("meta"), 400, 600, "meta") for method in (edge, full))
    assert small < 0.3 * large


@pytest.mark.parametrize("shape", [(36, 52), (37, 53), (17, 16)])
def test_blocks_of_pixels_keep_size_and_place(shape: tuple[int, int]):
    torch.manual_seed(0)
    net = DetailNet(1.0, scale=2).eval()
    torch.nn.init.normal_(net.tail.weight, std=0.1)
    low = torch.rand(1, 3, *shape)
    with torch.no_grad():
        whole = net(low)
        assert whole.shape == low.shape
        # Moving the picture by one block moves the map by one block, up to what the border reaches.
        moved = net(low[..., 2:, 2:])
    assert shape[0] < 36 or torch.allclose(whole[..., 18:-18, 18:-18], moved[..., 16:-18, 16:-18], atol=1e-6)
    with torch.no_grad():
        assert torch.equal(DetailNet(1.0, scale=2)(low), torch.zeros_like(low)), "it starts at zero"


@pytest.mark.skipif(not all(map(find_spec, ("onnx", "onnxruntime"))), reason="needs the extra `edge`: pip install -e '.[edge]'")
def test_the_edge_preset_exports_at_any_size():
    import onnxruntime

    torch.manual_seed(0)
    method = registry.create("clip_isp", {"preset": "edge", "view": 32}).eval()
    torch.nn.init.normal_(method.network.detail.tail.weight, std=0.1)
    reference = graph.prepared(method)
    session = onnxruntime.InferenceSession(
        formats.to_onnx(graph.trace(reference), None).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    sizes = ((1, 40, 56), (2, 33, 47), (1, 64, 41))
    parity.compare(lambda low: session.run(None, {"pictures": low})[0], reference, None, "fp32", sizes)


def test_parameters_of_the_whole_picture_serve_its_tiles():
    torch.manual_seed(1)
    network = IspNet().eval()
    low = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        parameters = network.estimate(low)
        whole = network.apply_filters(low, parameters)
        tile = network.apply_filters(low[..., :40, :40], parameters)
    assert torch.allclose(whole[2][..., :40, :40], tile[2])
    assert torch.allclose(whole[3][..., :20, :20], tile[3][..., :20, :20], atol=1e-6)


def test_parameters_do_not_depend_on_the_size_of_a_flat_picture():
    network = IspNet()
    small, large = (torch.full((1, 3, side, side), 0.2) for side in (32, 300))
    assert torch.allclose(network.estimate(small).exponent, network.estimate(large).exponent)


@pytest.fixture
def method(tiny_clip, monkeypatch):
    """Builds the method with a tiny CLIP in place of the demo one."""
    monkeypatch.setattr(backbone, "DEMO", tiny_clip)
    small = {"crop": 32, "prompt_crop": 32, "view": 32, "batch_size": 2, "prompt_batch_size": 2}
    return lambda **settings: registry.create("clip_isp", small | settings)


def test_phases_are_prompts_then_rounds(method):
    phases = method(rounds=2).phases()
    assert [phase.name for phase in phases] == ["prompts", "enhance_0", "refine_1", "enhance_1", "refine_2", "enhance_2"]
    assert [phase.name for phase in method(rounds=0).phases()] == ["prompts", "enhance_0"]


def test_one_round_reaches_every_trainable_parameter(method):
    torch.manual_seed(0)
    run = train(method(rounds=1), iterations=3, crop=32)
    assert run.untouched == set()


def test_each_phase_moves_its_own_part_alone(method):
    built = method(rounds=1)
    state = {}

    def changed():
        now = {name: value.clone() for name, value in built.state_dict().items()}
        moved = {name.split(".")[0] for name in now if name in state and not torch.equal(now[name], state[name])}
        state.update(now)
        return moved

    changed()
    for phase, parts in {"prompts": {"prompts", "first_prompts", "guides"}, "enhance_0": {"network"}, "enhance_1": {"network"}}.items():
        train(built, iterations=2, crop=32, only=phase)
        assert changed() == parts
    train(built, iterations=2, crop=32, only="refine_1")
    assert changed() >= {"snapshots", "filled", "guides"}
    assert all(
        torch.equal(a, b) for a, b in zip(built.snapshots[-1].state_dict().values(), built.network.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize(("optimizer", "kind"), [("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)])
def test_the_settings_choose_the_optimiser_of_every_phase(method, monkeypatch, optimizer, kind):
    built, used = method(rounds=0, optimizer=optimizer, detail_lr_factor=0.1), []
    for phase in built.phases():
        for update in phase.updates:
            used.append(optimizer_of(update, built))
    assert {type(made) for made in used} == {kind}
    rest, detail = used[-1].param_groups
    assert detail["lr"] == pytest.approx(0.1 * rest["lr"])
    assert {id(p) for p in detail["params"]} == {id(p) for p in built.network.detail.parameters()}
    steps, original = [], kind.step
    monkeypatch.setattr(kind, "step", lambda self, *rest, **options: steps.append(self) or original(self, *rest, **options))
    before = [p.clone() for p in built.network.encoder.parameters()]
    train(built, iterations=2, crop=32, only="enhance_0")
    assert len(steps) == 2
    assert not all(torch.equal(p, q) for p, q in zip(before, built.network.encoder.parameters(), strict=True))


def test_clip_is_in_no_checkpoint_and_gets_no_gradient(method):
    built = method(rounds=1)
    train(built, iterations=1, crop=32)
    assert {name.split(".")[0] for name in built.state_dict()} == {
        "network",
        "prompts",
        "first_prompts",
        "snapshots",
        "filled",
        "look_mean",
        "look_spread",
        "guides",
    }
    clip = built.clip()
    assert all(p.grad is None and not p.requires_grad for p in clip.parameters())


@pytest.mark.parametrize("colour_blind", [True, False])
def test_clip_sees_the_channels_in_any_order_while_it_guides(method, monkeypatch, colour_blind):
    built, seen = method(rounds=1, colour_blind=colour_blind), []
    original = Clip.image_features
    monkeypatch.setattr(Clip, "image_features", lambda self, pictures: seen.append(pictures.detach()) or original(self, pictures))
    batch = batch_of(built, Stream("unpaired"), crop=32)
    for loss in (built.pairing_loss, built.enhance_loss, built.refine_loss):
        seen.clear()
        for seed in range(12):
            torch.manual_seed(seed)
            loss(batch)
        orders = {
            tuple(int(torch.stack([(view[:, c] - seen[0][:, k]).abs().sum() for k in range(3)]).argmin()) for c in range(3))
            for view in seen
        }
        assert all(sorted(order) == [0, 1, 2] for order in orders)
        assert len(orders) > 3 if colour_blind else orders == {(0, 1, 2)}


def test_frozen_prompts_are_read_once_a_phase(method, monkeypatch):
    built = method(rounds=0)
    train(built, iterations=1, crop=32, only="prompts")
    reads = []
    original = Clip.prompt_features
    monkeypatch.setattr(Clip, "prompt_features", lambda *arguments: reads.append(1) or original(*arguments))
    train(built, iterations=4, crop=32, only="enhance_0")
    assert len(reads) == 1


def test_earlier_rounds_survive_a_checkpoint(method):
    built = method(rounds=3)
    for number in (1, 2):
        train(built, iterations=1, crop=32, only=f"refine_{number}")
        train(built, iterations=2, crop=32, only=f"enhance_{number}", lr=1e-2)
    low = torch.rand(1, 3, 32, 32)
    again = method(rounds=3)
    again.load_state_dict(built.state_dict())
    again.eval()
    built.eval()
    assert len(again.earlier()) == 2
    for ours, theirs in zip(built.between(low), again.between(low), strict=True):
        assert torch.equal(ours, theirs)
    assert not torch.equal(*built.between(low)[2:])


@pytest.mark.parametrize("source", ["rounds", "filters"])
@pytest.mark.parametrize("kept", [0, 1, 3])
def test_four_pictures_rank_between_input_and_result_from_the_first_refinement_on(method, source, kept):
    built = method(rounds=4, refine_source=source).eval()
    for network, exponent in zip(built.snapshots, (0.2, 0.4, 0.6, 0.8), strict=True):
        network.encoder.head.bias.data[3] = -exponent
    built.filled.fill_(kept)
    low = torch.rand(1, 3, 32, 32)
    found = built.between(low)
    assert len(found) == 4
    networks = built.earlier() if source == "rounds" else []
    for picture, network in zip(found[4 - len(networks) :], networks, strict=True):
        assert torch.equal(picture, network(low)), "results of rounds are the last ones, the latest at the end"
    oldest = networks[0] if networks else built.network
    for picture, filtered in zip(found[: 4 - len(networks)], oldest.steps(low).filtered, strict=False):
        assert torch.equal(picture, filtered), "what a missing round leaves is filled from the oldest network's filters"


def test_every_hinge_of_eq_5_is_a_term_of_its_own_from_the_first_refinement_on(method):
    run = train(method(rounds=1), iterations=1, crop=32)
    assert set(run.terms["refine_1", "refine"]) == {f"S{number}" for number in range(6)}


def test_hinges_compare_what_eq_5_says(method):
    r = torch.tensor
    # r of the input, I_en0 to I_en3, I_en and normal light.
    steps = [r([k]) for k in (0.05, 0.35, 0.45, 0.50, 0.80)]
    hinges = {name: value.item() for name, value in method().margins(r([0.1]), steps, r([0.9])).items()}
    expected = {"S0": 0.9 - 0.8, "S1": 0.2 - 0.1, "S2": 0.0, "S3": 0.3 - 0.05, "S4": 0.3 - 0.1, "S5": 0.0}
    assert hinges == pytest.approx(expected, abs=1e-6)


def test_the_prompts_that_guided_each_kept_network_are_kept(method):
    built = method(rounds=2)
    seen = []
    for phase in ("prompts", "enhance_0", "refine_1", "enhance_1", "refine_2", "enhance_2"):
        train(built, iterations=1, crop=32, only=phase, lr=1e-2)
        if phase.startswith("enhance"):
            seen.append((built.prompts.embedding.detach().clone(), built.network.encoder.head.bias.detach().clone()))
    assert len(built.rounds()) == 3
    for (guide, network), (prompts, bias) in zip(built.rounds(), seen, strict=True):
        assert torch.equal(guide, prompts)
        assert torch.equal(network.encoder.head.bias, bias)


def test_labels_of_other_exposures(method):
    (train_stream,) = method(label_stops=1.0).phases()[0].streams.values()
    grey = torch.full((3, 20, 24), 0.5)
    shots = [train_stream.transform({"low": grey, "normal": grey}, np.random.default_rng(seed)) for seed in range(40)]
    assert all(torch.equal(shot["low"], grey) for shot in shots)
    assert all(shot["normal"].shape == grey.shape for shot in shots)
    linear = [degrade.srgb_to_linear(float(shot["normal"][0, 0, 0])) for shot in shots]
    stops = np.log2(np.array(linear) / degrade.srgb_to_linear(0.5))
    assert -1 - 1e-6 < stops.min() < -0.6
    assert 0.6 < stops.max() < 1 + 1e-6
    assert {stream.kind for phase in method(labels="paired").phases() for stream in phase.streams.values()} == {"paired"}
    assert {stream.transform for phase in method().phases() for stream in phase.streams.values()} == {None}
    exposed = method(lambda_look=1.0, label_stops=2.0)
    exposed.prepare(Photographs())
    plain = method(lambda_look=1.0)
    plain.prepare(Photographs())
    assert (exposed.look_mean[0] - plain.look_mean[0]).abs() > 0.02, "the look that is asked for is that of the labels"


def test_margins_have_the_derived_floor(method):
    built = method()
    r = torch.tensor
    # All hinges of eq. 5 read with S1 corrected: no ranking does better than 0.4, and this one reaches it.
    low, steps, normal = r([0.0]), [r([k]) for k in (0.0, 0.2, 0.4, 0.6, 0.8)], r([1.0])
    assert _sum(built, low, steps, normal) == pytest.approx(0.4)
    random = torch.rand(7, 2000, generator=torch.Generator().manual_seed(0)).sort(0).values
    sums = [_sum(built, *ranks) for ranks in ((row[:1], [s[None] for s in row[1:6]], row[6:]) for row in random.T)]
    assert min(sums) >= 0.4 - 1e-6


def _sum(built, *ranks):
    return sum(built.margins(*ranks).values()).item()


def test_guidance_is_minus_log_of_the_softmax(method):
    built = method()
    built.prompts.start(built.clip(), "random")
    picture = torch.rand(3, 3, 32, 32)
    expected = -torch.log(built.normality(picture)).mean()
    assert built.guidance(built.clip().image_features(picture)).item() == pytest.approx(expected.item(), rel=1e-4)


def test_refinement_leaves_the_first_prompts_to_be_seen(method):
    built = method(rounds=1)
    train(built, iterations=2, crop=32, only="prompts")
    first = built.prompts.embedding.detach().clone()
    train(built, iterations=2, crop=32, only="refine_1")
    prompts, _ = built.unrefined()
    assert torch.equal(prompts.embedding, first)
    assert not torch.equal(built.prompts.embedding, first)


class Photographs:
    """Normal-light pictures of one grey value each."""

    def normals(self, limit=None):
        return iter(np.full((70, 40, 3), value, np.uint8) for value in (102, 153))


def test_results_are_held_near_the_look_of_normal_light_alone(method):
    built = method(lambda_look=2.0, look_tolerance=1.0, lambda_text=0.0, lambda_lit=0.0)
    batch = {"low": torch.full((2, 3, 32, 32), 0.5), "normal": torch.rand(2, 3, 32, 32)}
    assert built.enhance_loss(batch)["look"] == 0  # nothing is asked for before the photographs were looked at
    built.prepare(Photographs())
    mean, spread = built.look_mean, built.look_spread
    assert mean.tolist() == pytest.approx([0.5, 0, 0], abs=1e-6)
    assert spread[0].item() == pytest.approx(0.1 * math.sqrt(4 / 3), rel=1e-3)  # two crops of each photograph
    assert look_of(torch.full((1, 3, 4, 4), 0.25))[0].tolist() == pytest.approx([0.25, 0, 0])
    built.look_spread.fill_(0.1)
    shade = torch.full((1, 3, 32, 32), 0.5 + 3 * 0.1)
    built.enhanced = lambda low: (shade, {})
    assert built.enhance_loss(batch)["look"].item() == pytest.approx(2.0 * (3 - 1) ** 2 / 3, rel=1e-3)


def test_what_was_learned_is_measured_and_drawn(method, tmp_path):
    built = method(rounds=1)
    save_model(built, "clip_isp", tmp_path / "models/clip_isp")
    origin = dict.fromkeys(("config_hash", "fingerprint", "seed", "data_digest"))
    write_json(tmp_path / "models/clip_isp/train.json", {"provenance": origin})
    found = look("clip_isp", tmp_path / "models", tmp_path / "reports").plain()
    assert set(found["log_odds"]) == {"chelsea", "coffee", "motorcycle"}
    for scene, curves in found["log_odds"].items():
        for when, values in curves.items():
            assert len(values) == len(found["stops"])
            assert found["largest_fall"][scene][when] == fall(values)
            assert found["normality"][scene][when] == pytest.approx(torch.tensor(values).sigmoid().tolist(), abs=1e-4)
    assert found["monotone"]["after"] == all(fall(curves["after"]) == 0 for curves in found["log_odds"].values())
    assert found["clip_backbone"] == "demo"
    folder = tmp_path / "reports/clip/prompts"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {"clip_isp.json", *(f"clip_isp/{name}.webp" for name in found["map"]["files"])}
    # The untrained detail map is 0, which is drawn as mid-grey or black, never as NaN.
    assert found["map"]["mean_absolute"] == {"before": 0, "after": 0}


def test_a_method_without_prompts_is_refused(tmp_path):
    save_model(registry.create("zero_dce"), "zero_dce", tmp_path / "zero_dce")
    write_json(tmp_path / "zero_dce/train.json", {"provenance": {}})
    with pytest.raises(LleError, match="CLIP does not guide it"):
        look("zero_dce", tmp_path, tmp_path / "reports")


def test_results_are_tagged_with_the_backbone(method):
    assert method().tags() == {"clip_backbone": "demo"}
    named = {"model": "ViT-B-32", "pretrained": "openai", "text_width": 512, "context": 77}
    assert registry.create("clip_isp", {"backbone": named}).tags() == {"clip_backbone": "ViT-B-32/openai"}


def test_paper_preset_takes_the_papers_backbone_and_losses():
    config = registry.config_class("clip_isp")(preset="paper")
    assert (config.backbone.model, config.backbone.pretrained) == ("ViT-B-32", "openai")
    assert (config.lambda_map, config.content, config.lambda_lit, config.p2) == (0.0, "none", 0.0, 0.3)
    assert (config.lambda_look, config.lambda_text, config.lambda_filters) == (0.0, 0.0, 0.0)
    assert (config.gamma_range, config.gain_range, config.detail_range, config.schedule) == (5.0, 0.5, 1.0, "constant")


def test_first_text_is_wanted_and_the_others_are_not(method):
    built = method(texts=("a dark photo", "a hazy photo", "a noisy photo"))
    features = built.clip().text_features(["a dark photo"])
    wanted = built.text_loss(features)
    assert wanted < built.text_loss(built.clip().text_features(["a hazy photo"]))
    assert "text" not in method(lambda_text=0).enhance_loss(batch_of(built, Stream("unpaired"), crop=32))


def test_any_size_works(method):
    check_shapes(method())


@pytest.mark.parametrize("content", ["pixels", "features"])
def test_content_term_is_zero_for_an_unchanged_picture(method, content):
    built = method(content=content, lambda_id=2.0)
    low = torch.rand(2, 3, 32, 32)
    assert built.content(low, low, (1.0, 1.0)).item() == pytest.approx(0, abs=1e-10)
    assert built.content((low * 1.5).clamp(0, 1), low, (1.0, 1.0)).item() > 0
    batch = batch_of(built, built.phases()[1].streams["train"] if built.phases()[1].streams else Stream("unpaired"), crop=32)
    assert built.enhance_loss(batch)["content"] > 0
