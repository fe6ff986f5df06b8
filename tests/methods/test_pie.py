"""PIE and SCL-LLE: the authors' outputs, the losses by hand, both modes of each quirk, ablations."""

from __future__ import annotations

import math

import pytest
import torch
from helpers import batch_of, train
from torch import nn

from lle import registry
from lle.config.base import Input
from lle.engine.method import Frozen, Method
from lle.losses.contrastive import brightness_distance, gram, gram_distances, info_nce, info_nce_official, margin_contrast
from lle.losses.regions import PendingRegions, region_darkness, region_variance
from lle.nn.dce import apply_curves

TERMS = {
    "pie": {"tv", "color", "perceptual", "regions", "contrast", "nce"},
    "scl_lle": {"tv", "color", "perceptual", "regions", "contrast", "gram"},
}


class Stub(nn.Module):
    """Four layers of features without weights from disk."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.layers = nn.ModuleList([nn.Conv2d(3, 6, 3), *(nn.Conv2d(6, 6, 3, stride=2) for _ in range(3))])

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        outputs = []
        for layer in self.layers:
            x = torch.relu(layer(x))
            outputs.append(x)
        return outputs


def method(name: str = "pie", **settings: object) -> Method:
    torch.manual_seed(0)
    result = registry.create(name, settings)
    result.features = Frozen(Stub)
    return result


def batch(made: Method, side: int = 32) -> dict[str, torch.Tensor]:
    (phase,) = made.phases()
    (update,) = phase.updates
    return dict(update.batch({name: batch_of(made, stream, crop=side) for name, stream in phase.streams.items()}))


@pytest.mark.parametrize("name", ["pie", "scl_lle"])
def test_outputs_are_the_authors(parity, name):
    vectors, weights = parity(name)
    ours = registry.create(name)
    ours.import_weights(weights)
    with torch.no_grad():
        curves = ours.network.curves(vectors["input"])
        first = apply_curves(vectors["input"], curves[:, :12])
    assert (ours(vectors["input"]) - vectors["output"]).abs().max() <= 1e-5
    assert (curves - vectors["curve_r"]).abs().max() <= 1e-5
    assert (first - vectors["enhance_image_1"]).abs().max() <= 1e-5


@pytest.mark.parametrize("name", ["pie", "scl_lle"])
def test_size(name):
    assert sum(p.numel() for p in registry.create(name).parameters()) == 79_416 == registry.card(name).parameters


@pytest.mark.parametrize("name", ["pie", "scl_lle"])
@pytest.mark.parametrize("mode", ["official", "clean"])
def test_trains_in_both_modes(name, mode):
    made = method(name, mode_target=mode, mode_pairs=mode, mode_nce=mode, mode_exp=mode)
    run = train(made, 1, crop=32)
    assert run.terms["fit", "fit"].keys() == TERMS[name]
    assert run.untouched == set()


@pytest.mark.parametrize("term", sorted(TERMS["pie"] | {"gram"}))
def test_every_term_can_be_switched_off_and_scaled(term):
    everything = {"w_gram": 5.0}
    made = method(**everything)
    data = batch(made)
    names = TERMS["pie"] | {"gram"}
    assert set(method(**{**everything, f"w_{term}": 0.0}).loss(data)) == names - {term}
    doubled = method(**{**everything, f"w_{term}": 2 * getattr(made.config, f"w_{term}")})
    torch.testing.assert_close(doubled.loss(data)[term], 2 * made.loss(data)[term])


def test_learns_on_ten_images():
    run = train(method(w_perceptual=0.0, w_nce=0.0), 25, batch_size=4, crop=32, lr=2e-3)
    assert run.fell("fit", "fit", 0.95)


def test_feature_network_is_tagged_and_not_saved():
    made = method()
    assert made.tags() == {"perceptual": "efficientnet_lite0"}
    made.loss(batch(made))
    assert set(made.state_dict()) == {f"network.{key}" for key in made.network.state_dict()}


def test_contrast_of_brightness_compares_the_result_with_both():
    made = method(w_nce=0.0, w_perceptual=0.0, w_regions=0.0, w_contrast=10.0, margin=10.0)
    data = batch(made)
    enhanced = made(data["low"])
    positive, negative = data["normal"], data["negative"]
    expected = (enhanced - positive).mean(1).abs().mean() - (enhanced - negative).mean(1).abs().mean() + 10
    torch.testing.assert_close(made.loss(data)["contrast"], 10 * expected)


@pytest.mark.parametrize("name", ["pie", "scl_lle"])
def test_inputs_positives_and_negatives_are_streams_of_their_own(name):
    made = method(name, squeeze=True, crop=48, positives="sunny", odds=(0, 0, 1))
    (phase,) = made.phases()
    (update,) = phase.updates
    assert update.streams == ("inputs", "positives", "negatives") == tuple(phase.streams)
    inputs, positives, negatives = phase.streams.values()
    assert (inputs.kind, inputs.resize, inputs.data) == ("low", None, None), "inputs are cropped, whatever the positives are"
    assert (
        (positives.kind, positives.resize, positives.data) == ("normal", 48, "sunny") == (negatives.kind, negatives.resize, negatives.data)
    )
    assert (positives.transform, negatives.transform.odds) == (None, (0, 0, 1))
    assert made.config.inputs() == (Input("data", "sunny"),)
    assert {stream.resize for stream in method(name).phases()[0].streams.values()} == {None}


def test_step_reports_how_long_it_waited_for_regions():
    made = method()
    made.loss(batch(made))
    waits = made.measurements()
    assert set(waits) == {"regions"}
    assert waits["regions"] >= 0
    assert made.measurements() == {}, "the waiting of one iteration is reported once"
    without = method(w_regions=0.0)
    without.loss(batch(without))
    assert without.measurements() == {}


def test_regions_are_found_while_the_step_goes_on(monkeypatch):
    """The labels are asked for after every other term is computed, and are on their way until then."""
    started, asked = [], []

    class Watched(PendingRegions):
        def __init__(self, images, *rest):
            started.append(images)
            super().__init__(images, *rest)

        def get(self):
            asked.append(len(seen))
            return super().get()

    monkeypatch.setattr("lle.methods.pie.method.PendingRegions", Watched)
    made = method()
    seen = []
    made.features.on(torch.device("cpu")).register_forward_hook(lambda *_: seen.append(len(started)))
    made.loss(batch(made))
    assert seen == [1, 1, 1, 1], "all four passes of the feature network come after the search has begun"
    assert asked == [4]
    assert not started[0].is_leaf, "the enhanced picture itself is handed over; the search detaches it"


def test_regions_are_those_of_the_library_and_carry_no_gradient():
    felzenszwalb = pytest.importorskip("skimage.segmentation").felzenszwalb
    images = torch.rand(3, 3, 24, 20, requires_grad=True)
    labels = PendingRegions(images, scale=50, sigma=0.5, min_size=20).get()
    assert labels.shape == (3, 24, 20)
    for image, found in zip(images, labels, strict=True):
        expected = felzenszwalb(image.detach().permute(1, 2, 0).numpy(), scale=50, sigma=0.5, min_size=20)
        assert found.equal(torch.from_numpy(expected))


def halves() -> torch.Tensor:
    labels = torch.zeros(1, 4, 4, dtype=torch.int64)
    labels[:, :, 2:] = 1
    return labels


def test_region_variance_is_zero_for_flat_regions_and_known_otherwise():
    labels = halves()
    flat = torch.where(labels == 1, 0.8, 0.2)[:, None].expand(1, 3, 4, 4)
    assert region_variance(flat, labels).item() == pytest.approx(0, abs=1e-12)
    # The left half has rows of 0 and 1 in turn: variance 1/4 on half of the area.
    image = flat.clone()
    image[..., :2] = torch.tensor([0.0, 1, 0, 1])[:, None]
    assert region_variance(image, labels).item() == pytest.approx(0.125)
    assert region_variance(image, labels.masked_fill(labels == 0, -1)).item() == pytest.approx(0, abs=1e-12)


def test_official_region_term_pulls_towards_brightness_times_area():
    labels = halves()
    flat = torch.where(labels == 1, 0.8, 0.2)[:, None].expand(1, 3, 4, 4)
    # Pulls are 0.1 and 0.4; each half is off by 0.1 and 0.4.
    assert region_darkness(flat, labels, every=False).item() == pytest.approx(0.5 * 0.1**2 + 0.5 * 0.4**2)
    assert region_darkness(flat, labels, every=False, most=1).item() == pytest.approx(0.5 * 0.1**2)


@pytest.mark.parametrize("term", [region_variance, region_darkness])
def test_pairs_quirk_changes_batches_of_two_and_not_of_one(term):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, 8, 8, generator=generator)
    labels = torch.randint(0, 4, (2, 8, 8), generator=generator)
    torch.testing.assert_close(term(image[:1], labels[:1], every=True), term(image[:1], labels[:1], every=False))
    assert not torch.isclose(term(image, labels, every=True), term(image, labels, every=False))


def test_official_region_term_equals_the_loop_it_stands_for():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, 6, 5, generator=generator)
    image[0, :, 0, 0] = 0
    labels = torch.randint(0, 5, (2, 6, 5), generator=generator)
    brightness = image.mean(1)
    total = 0.0
    for label in range(4):
        values = [[brightness[a] * (labels[b] == label) for b in range(2)] for a in range(2)]
        stacked = torch.stack([torch.stack(row) for row in values])
        pull = stacked.mean()
        filled = torch.where(stacked == 0, pull, stacked)
        total += ((filled - pull) ** 2).mean().item()
    assert region_darkness(image, labels, every=True, most=4).item() == pytest.approx(total, rel=1e-5)


def test_info_nce_is_minus_log_of_the_share_and_cannot_overflow():
    p, n = 1.3, 0.4
    share = math.exp(n) / (math.exp(n) + math.exp(p))
    for loss in (info_nce, info_nce_official):
        as_written = loss(torch.tensor([[p]]), torch.tensor([[n]]), exponentials=True)
        assert as_written.item() == pytest.approx(-math.log(share))
        assert not loss(torch.tensor([[500.0]]), torch.tensor([[0.0]]), exponentials=True).isfinite()
        assert loss(torch.tensor([[p]]), torch.tensor([[n]])).item() == pytest.approx(-math.log(share))
        assert loss(torch.tensor([[p]]), torch.tensor([[n]])).item() == pytest.approx(-nn.functional.logsigmoid(torch.tensor(n - p)).item())
        assert loss(torch.tensor([[500.0]]), torch.tensor([[0.0]])).item() == 500
        assert loss(torch.tensor([[0.0]]), torch.tensor([[500.0]])).item() == 0


def test_mean_over_channels_taken_twice_is_the_mean():
    """The fifth quirk of the authors' code: it has no setting, since both modes would give the same number."""
    image, other = torch.rand(2, 3, 5, 4), torch.rand(2, 3, 5, 4)
    twice = other.mean(1, keepdim=True).mean(1, keepdim=True)
    expected = (image.mean(1, keepdim=True) - twice).abs().mean()
    torch.testing.assert_close(brightness_distance(image, other), expected)


def test_official_info_nce_uses_every_second_picture_and_sums_over_the_batch():
    to_positive = torch.tensor([[1.0, 9.0], [0.5, 9.0]])
    to_negative = torch.tensor([[0.2, 9.0], [0.3, 9.0]])
    assert info_nce_official(to_positive, to_negative).item() == pytest.approx(math.log1p(math.exp(1.5 - 0.5)))
    # Four of each: two positives add up, and the mean divides by two positives times two negatives.
    four = torch.tensor([[1.0, 9.0, 2.0, 9.0]])
    expected = (math.log1p(math.exp(3 - 1)) + math.log1p(math.exp(3 - 2))) / 4
    assert info_nce_official(four, four).item() == pytest.approx(expected)
    clean = info_nce(to_positive, to_negative).item()
    expected = sum(math.log1p(math.exp(p - n)) for a in range(2) for p in to_positive[a].tolist() for n in to_negative[a].tolist()) / 8
    assert clean == pytest.approx(expected)


def test_gram_distances_by_hand():
    a, b = torch.zeros(1, 2, 1, 2), torch.zeros(1, 2, 1, 2)
    a[0, 0] = torch.tensor([[1.0, 1.0]])
    b[0, 1] = torch.tensor([[2.0, 0.0]])
    assert gram(a)[0].tolist() == [[0.5, 0], [0, 0]]
    assert gram_distances([a, a], [b, b]).item() == pytest.approx(2 * (0.5**2 + 1))
    assert gram_distances([torch.cat([a, b])], [b]).squeeze(1).tolist() == pytest.approx([1.25, 0])
    assert margin_contrast(torch.tensor(0.1), torch.tensor(0.5), 0.3).item() == 0
    assert margin_contrast(torch.tensor(0.4), torch.tensor(0.5), 0.3).item() == pytest.approx(0.2)


def test_gram_distances_are_scaled_before_the_contrast():
    far, near = method(w_nce=10.0, gram_scale=1e-9), method(w_nce=10.0, gram_scale=1e9)
    data = batch(far)
    assert near.loss(data)["nce"].item() == pytest.approx(10 * math.log(2), rel=1e-4)
    assert not math.isclose(far.loss(data)["nce"].item(), 10 * math.log(2), rel_tol=0.1)


def test_presets():
    paper = registry.config_class("pie")(preset="paper")
    assert (paper.iterations, paper.crop, paper.batch_size, paper.lr, paper.weight_decay, paper.clip) == (14_000, 384, 2, 1e-4, 1e-4, 0.1)
    assert {paper.mode_target, paper.mode_pairs, paper.mode_nce, paper.mode_exp} == {"official"}
    assert (paper.w_tv, paper.w_color, paper.w_regions, paper.w_contrast, paper.w_nce, paper.squeeze) == (200, 8, 1, 10, 10, True)
    assert (paper.features, paper.normalize_features, paper.w_perceptual, paper.gram_scale) == ("vgg16", False, 1, 1)
    older = registry.config_class("scl_lle")(preset="paper")
    assert (older.iterations, older.w_nce, older.w_gram, older.margin_gram) == (50_000, 0, 5, 0.04)
    with pytest.raises(ValueError, match="odds"):
        registry.config_class("pie")(odds=(0, 0, 0))


def test_masks_replace_regions_in_an_update_of_their_own():
    made = method("scl_lle", segmentation="night")
    (phase,) = made.phases()
    assert [update.name for update in phase.updates] == ["fit", "regions"]
    assert (phase.streams["masks"].kind, phase.streams["masks"].data) == ("segmentation", "night")
    run = train(made, 1, crop=32)
    assert run.terms["fit", "fit"].keys() == TERMS["scl_lle"] - {"regions"}
    assert run.terms["fit", "regions"].keys() == {"regions"}
    unlabelled = {"image": torch.rand(1, 3, 16, 16), "mask": torch.full((1, 16, 16), 255)}
    assert made.label_loss(unlabelled)["regions"].item() == 0
