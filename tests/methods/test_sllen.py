"""SLLEN: who learns from what, in which order, and what it costs."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import batch_of, parameter_count
from pydantic import ValidationError
from torch import nn
from torch.nn import functional as F

from lle.config.schema import TrainConfig
from lle.data.demo_seg import SEGMENTATION
from lle.engine.method import Batch, Losses, Stream
from lle.engine.model_io import load_model, save_model
from lle.engine.trainer import fit
from lle.errors import ConfigError
from lle.measure.cost import macs, peak_memory
from lle.methods.sllen.loss import gradient_level, illumination, illumination_variation, knowledge_distillation, mean_gradient
from lle.methods.sllen.method import Sllen
from lle.methods.sllen.network import HighLevelAttention
from lle.registry import config_class, create

# The perceptual term has tests of its own, and reading its network takes longer than these trainings.
TINY = {"width": 8, "classes": 4, "w_perceptual": 0.0, "iterations": 4, "batch_size": 2, "segmentation_batch_size": 2, "crop": 32}
TRAIN = TrainConfig(data="x", accelerator="cpu", threads=1, log_every=1, checkpoint_every=1, validate_images=0)
FIRST = {"hsbab": False}
SECOND = {"rsaeb": False}
PLAIN = {"hsbab": False, "rsaeb": False}


class Pictures:
    """Small random pictures; those of the segmentation set have masks."""

    def __init__(self, count: int, labelled: bool, side: int = 40) -> None:
        rng = np.random.default_rng(count)
        self.pixels = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
        self.labels = rng.choice(np.array([0, 1, 2, 3, 255], np.uint8), (count, side, side))
        path = Path("picture")
        row = SimpleNamespace(low=None, normal=path, mask=path) if labelled else SimpleNamespace(low=path, normal=path, mask=None)
        self.rows = [row] * count

    def low(self, index: int) -> np.ndarray:
        return self.pixels[index] // 4

    def normal(self, index: int) -> np.ndarray:
        return self.pixels[index]

    def mask(self, index: int) -> np.ndarray:
        return self.labels[index]


def open_pictures(name: str | None) -> Pictures:
    """Seven pairs, and three labelled pictures under the name of the labelled set."""
    return {None: Pictures(7, False), "demo_seg": Pictures(3, True)}[name]


class Watched(Sllen):
    """Writes down which update ran on which rows, and what its parameters were."""

    folder: Path

    def segmentation_loss(self, batch: Batch) -> Losses:
        self.note("segment", batch)
        return super().segmentation_loss(batch)

    def enhancement_loss(self, batch: Batch) -> Losses:
        self.note("enhance", batch)
        return super().enhancement_loss(batch)

    def note(self, update: str, batch: Batch) -> None:
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        total = sum(p.double().sum().item() for p in self.parameters())
        with (self.folder / f"rank{rank}").open("a") as stream:
            stream.write(f"{update} {total!r} {' '.join(map(str, batch['index'].tolist()))}\n")

    def notes(self, rank: int = 0) -> list[list[str]]:
        return [line.split() for line in (self.folder / f"rank{rank}").read_text().splitlines()]


def trained(folder: Path, train: TrainConfig = TRAIN, cls: type[Sllen] = Sllen, **settings: object) -> Sllen:
    torch.manual_seed(0)
    method = cls(config_class("sllen")(**{**TINY, **settings}))
    data = SimpleNamespace(normals=lambda limit=None: iter(Pictures(7, False).pixels))
    fit(method, train, 0, open_pictures, (), folder, prepare=lambda: method.prepare(data))
    return method


def meta(**settings: object) -> Sllen:
    with torch.device("meta"):
        return create("sllen", {"preset": "paper", **settings})


def state(method: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in method.state_dict().items()}


def operations(**settings: object) -> float:
    return macs(meta(**settings).eval(), 400, 600, "meta") / 1e9


def test_size_and_cost_are_those_of_the_layer_tables_and_each_block_has_its_share():
    assert parameter_count(meta().network) == pytest.approx(14.3e6, rel=0.01)
    # The tables count 600 columns, the network pads them to 608.
    padding = 608 / 600
    whole = operations()
    assert whole == pytest.approx((98 + 4.5) * padding, rel=0.01)
    assert whole - operations(**SECOND) == pytest.approx(6.6 * padding, rel=0.03)
    assert operations(**PLAIN) == pytest.approx((12.4 + 21.6) * padding, rel=0.01)
    assert operations(alternate=False) - whole == pytest.approx(12.4 * padding, rel=0.01)
    # Without HSBAB the decoder of the segmentation above s4 is not needed either.
    assert operations(**PLAIN) < operations(**FIRST) < whole - (12.5 + 6.1 + 4.5) * padding


def test_the_ablations_lack_what_they_are_named_after():
    def parts(**settings: object) -> set[str]:
        return {name for name, module in create("sllen", {**TINY, **settings}).network.named_children() if module is not None}

    everything = parts()
    assert everything == {"encoder", "segmenter", "hseb", "hsbab", "rsaeb", "ffb", "coarse", "decoder", "out"}
    assert parts(**FIRST) == everything - {"hseb", "hsbab"}
    assert parts(**SECOND) == everything - {"rsaeb"}
    assert parts(**PLAIN) == {"encoder", "coarse", "decoder", "out"}
    assert parts(coarse=False) == everything - {"coarse"}
    assert parts(alternate=False) == everything | {"own_encoder"}
    plain = create("sllen", {**TINY, **PLAIN})
    assert plain.config.inputs() == ()
    assert [[update.name for update in phase.updates] for phase in plain.phases()] == [["enhance"]]
    assert [phase.name for phase in create("sllen", {**TINY, "alternate": False}).phases()] == ["segment", "enhance"]
    with pytest.raises(ValidationError, match="nothing to alternate with"):
        create("sllen", {**TINY, **PLAIN, "alternate": False})


def test_the_coarse_correction_is_made_of_the_fused_feature_alone():
    torch.manual_seed(0)
    method = create("sllen", {**TINY, "norm": "group", "coarse": True}).eval()
    assert sum(weight.numel() for weight in method.network.coarse.parameters()) == 64 * 9 * 3 + 3
    low = 0.3 * torch.rand(1, 3, 50, 70)
    with torch.no_grad():
        untrained = method.network(low)
        nn.init.normal_(method.network.coarse.weight, std=0.02)
        acting = method.network(low)
        with method.network.ffb.register_forward_hook(lambda _, __, output: torch.zeros_like(output)):
            cut = method.network(low)
    assert (acting - untrained).abs().mean() > 2 / 255
    torch.testing.assert_close(cut, untrained)  # the decoder's last layer starts at zero
    assert set(method.network.coarse.parameters()) <= {weight for block in method.network.enhancing() for weight in block.parameters()}
    with pytest.raises(ValidationError, match="a coarse correction is added to the brightened picture"):
        create("sllen", {**TINY, "coarse": True, "exponent": None})


def test_every_loss_is_a_named_term_that_its_weight_removes():
    batch = batch_of(create("sllen", TINY), Stream("paired"), crop=32)

    def terms(**settings: object) -> set[str]:
        return set(create("sllen", {**TINY, **settings}).enhancement_loss(batch))

    everything = {"smooth", "kd", "itv", "gradient", "ssim"}
    assert terms() == everything
    for term in ("kd", "itv", "ssim"):
        assert terms(**{f"w_{term}": 0.0}) == everything - {term}
    assert terms(w_grad=0.0) == everything - {"gradient"}
    assert terms(w_perceptual=0.1) == everything | {"perceptual"}
    tags = create("sllen", {**TINY, "w_perceptual": 0.1}).tags()
    assert tags == {"perceptual": "efficientnet_lite0", "segmentation": "demo_seg"}
    assert create("sllen", {**TINY, **PLAIN}).tags() == {}


def test_shared_levels_move_under_both_updates_and_all_others_under_their_own(tmp_path):
    method = create("sllen", TINY)
    streams = method.phases()[0].streams
    moved = {}
    for update in method.phases()[0].updates:
        before = state(method)
        optimizer = torch.optim.Adam([p for module in update.moves for p in module.parameters()], 1e-3)
        for iteration in range(8):
            batch = batch_of(method, streams[update.stream], iteration, crop=32)
            optimizer.zero_grad()
            torch.stack(list(update.loss(batch).values())).sum().backward()
            optimizer.step()
        moved[update.name] = {key for key, value in state(method).items() if not torch.equal(value, before[key])}
    names = {part: {f"network.{part}.{name}" for name, _ in module.named_parameters()} for part, module in method.network.named_children()}
    assert moved["segment"] == names["encoder"] | names["segmenter"]
    assert moved["enhance"] == set().union(*names.values()) - names["segmenter"]


def test_the_enhancement_teaches_the_segmentation_network_nothing():
    method = create("sllen", TINY)
    nn.init.ones_(method.network.hsbab.scale)
    nn.init.normal_(method.network.out.weight, std=0.1)
    nn.init.normal_(method.network.rsaeb.factor.weight, std=0.1)
    batch = batch_of(method, Stream("paired"), crop=32)
    method.enhancement_loss(batch)["smooth"].backward()
    assert all(p.grad is None for p in method.network.segmenter.parameters())
    for part in method.network.enhancing():
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters() if p is not method.network.out.bias)
    method.zero_grad()
    method.segmentation_loss(batch_of(method, Stream("segmentation"), crop=32))["cross_entropy"].backward()
    reached = {id(p) for part in method.network.segmenting() for p in part.parameters()}
    assert {id(p) for p in method.parameters() if p.grad is not None} == reached


def test_batches_alternate_one_to_one_whatever_the_sizes_of_the_data(tmp_path):
    Watched.folder = tmp_path
    method = trained(tmp_path / "scratch", cls=Watched, iterations=7)
    notes = method.notes()
    assert [update for update, *_ in notes] == ["segment", "enhance"] * 7
    for update, rows in (("segment", 3), ("enhance", 7)):
        seen = [int(row) for name, _, *batch in notes if name == update for row in batch]
        assert len(seen) == 14
        assert all(sorted(seen[k : k + rows]) == list(range(rows)) for k in range(0, 14 - rows + 1, rows))


class StoppedError(RuntimeError):
    pass


@pytest.mark.parametrize("stop", [3, 4])
def test_a_run_stopped_inside_a_round_or_between_two_ends_with_the_same_weights(tmp_path, monkeypatch, stop):
    whole = trained(tmp_path / "whole")
    calls = iter(range(100))
    original = torch.optim.Adam.step

    def step(self, *args, **kwargs):
        if next(calls) == stop:
            raise StoppedError
        return original(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    with pytest.raises(StoppedError):
        trained(tmp_path / "parts")
    monkeypatch.undo()
    resumed = trained(tmp_path / "parts")
    mine, theirs = state(whole), state(resumed)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert resumed.reference_gradient > 0


def test_two_processes_agree(tmp_path):
    Watched.folder = tmp_path
    train = TRAIN.model_copy(update={"devices": 2, "strategy": "ddp_fork"})
    method = trained(tmp_path / "scratch", train=train, cls=Watched, iterations=2)
    first, second = method.notes(0), method.notes(1)
    assert [note[:2] for note in first] == [note[:2] for note in second], "the same weights before every update"
    assert [update for update, *_ in first] == ["segment", "enhance"] * 2
    assert all(mine[2:] != theirs[2:] for mine, theirs in zip(first, second, strict=True))
    torch.manual_seed(0)
    start = create("sllen", TINY)
    assert not torch.equal(method.network.encoder.levels[0][0].weight, start.network.encoder.levels[0][0].weight)


def test_pixels_without_a_label_do_not_count_and_unknown_labels_are_named():
    method = create("sllen", TINY)
    batch = {"image": torch.rand(2, 3, 32, 32), "mask": torch.randint(0, 4, (2, 32, 32))}
    scores = method.network.segment(batch["image"])
    assert scores.shape == (2, 4, 32, 32)
    batch["mask"][:, :16] = 255
    expected = F.cross_entropy(scores[:, :, 16:], batch["mask"][:, 16:])
    torch.testing.assert_close(method.segmentation_loss(batch)["cross_entropy"], expected)
    batch["mask"][:] = 255
    assert method.segmentation_loss(batch)["cross_entropy"] == 0
    batch["mask"][0, 0, 0] = 5
    with pytest.raises(ConfigError, match=r"methods\.sllen\.classes is 4, but 'demo_seg' has a label 5"):
        method.segmentation_loss(batch)


def test_the_default_classes_are_those_of_the_default_data():
    assert create("sllen").config.classes == len(SEGMENTATION.classes)


def test_some_pictures_of_the_segmentation_are_darkened_by_the_published_formula():
    def transform(share: float):
        return create("sllen", {**TINY, "darken": share}).phases()[0].streams["masks"].transform

    assert transform(0.0) is None
    sample = {"image": torch.rand(3, 8, 8), "mask": torch.randint(0, 4, (8, 8))}
    always = pickle.loads(pickle.dumps(transform(1.0)))
    dark = always(sample, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    rng.random()
    alpha, beta, gamma = rng.uniform(0.9, 1), rng.uniform(0.5, 1), rng.uniform(1.5, 5)
    torch.testing.assert_close(dark["image"], beta * (alpha * sample["image"]) ** gamma)
    assert torch.equal(dark["mask"], sample["mask"])
    rng = np.random.default_rng(0)
    sometimes = transform(0.25)
    changed = [not torch.equal(sometimes(sample, rng)["image"], sample["image"]) for _ in range(200)]
    assert 0.15 < np.mean(changed) < 0.35


def test_losses_have_known_answers():
    flat = torch.full((1, 3, 8, 8), 0.4)
    torch.testing.assert_close(illumination(flat / 2, flat), torch.full_like(flat, 0.5))
    assert illumination_variation(flat / 2, flat) == 0
    assert illumination(torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)).unique().tolist() == [2.0]
    black = torch.zeros(1, 3, 8, 8, requires_grad=True)
    illumination_variation(torch.rand(1, 3, 8, 8), black).backward()
    assert black.grad.isfinite().all()
    # Seven of eight columns rise by 0.1, no row differs from the next.
    ramp = (0.1 * torch.arange(8.0)).expand(2, 3, 8, 8)
    torch.testing.assert_close(mean_gradient(ramp), torch.full((2,), 0.1 * 7 / 8 / 2))
    torch.testing.assert_close(gradient_level(torch.cat([ramp, flat]), torch.tensor(0.04375)), torch.tensor(0.04375 / 3))
    teachers = [torch.rand(1, 4, 8, 8, requires_grad=True), torch.rand(1, 8, 4, 4, requires_grad=True)]
    students = [teacher.detach().clone().requires_grad_() for teacher in teachers]
    assert knowledge_distillation(teachers, students) == 0
    distance = knowledge_distillation(teachers, [students[0] + 1, students[1]])
    torch.testing.assert_close(distance, torch.tensor(0.5))
    distance.backward()
    assert teachers[0].grad is None
    assert students[0].grad is not None


def test_the_wanted_gradient_is_measured_on_the_references_and_kept_with_the_model(tmp_path):
    method = create("sllen", TINY)
    pixels = Pictures(3, False).pixels
    method.prepare(SimpleNamespace(normals=lambda limit=None: iter(pixels)))
    values = pixels / 255
    across = np.abs(np.diff(values, axis=2)).sum(axis=(1, 2, 3))
    down = np.abs(np.diff(values, axis=1)).sum(axis=(1, 2, 3))
    expected = np.mean((across + down) / (2 * values[0].size))
    assert float(method.reference_gradient) == pytest.approx(expected, rel=1e-5)
    save_model(method, "sllen", tmp_path / "sllen")
    loaded = load_model(tmp_path / "sllen")
    assert torch.equal(loaded.reference_gradient, method.reference_gradient)


def test_attention_is_that_of_the_formula_and_pools_keys_above_its_size():
    torch.manual_seed(0)
    block = HighLevelAttention(8, 4096, "none")
    low, high = torch.rand(1, 64, 10, 12), torch.rand(1, 128, 10, 12)
    with torch.no_grad():
        query, key, value = (x.flatten(2)[0].T for x in (block.query(high), block.key(low), block.value(low)))
        found = ((query @ key.T / 16**0.5).softmax(-1) @ value).T.reshape(1, 64, 10, 12)
        torch.testing.assert_close(block(low, high), low + block.out(found), atol=1e-5, rtol=1e-4)
        whole = macs(lambda _: block(low, high), 16, 16)
        moved = HighLevelAttention(8, 4096, "group")
        moved.load_state_dict(block.state_dict())
        shifted = moved(low, high)
        nn.init.constant_(moved.query.bias, 7.0)
        torch.testing.assert_close(moved(low, high), shifted, atol=1e-5, rtol=1e-4)  # what is common to all places is taken out
        block.tokens = 30
        # 120 keys become 30: three quarters of both products are gone.
        assert whole - macs(lambda _: block(low, high), 16, 16) == 120 * 90 * (16 + 64)


def needed(run: Callable[[], object]) -> float:
    found = peak_memory(run)
    if found is None:
        pytest.skip("this system does not tell the peak of a process's memory")
    return found


def test_memory_of_the_attention_does_not_grow_with_the_square_of_the_pixels():
    block = HighLevelAttention(8, 256, "group")
    low, high = torch.rand(1, 64, 96, 96), torch.rand(1, 128, 96, 96)
    with torch.inference_mode():
        # From every one of the 9216 positions to all others it would take 340 MB.
        assert needed(lambda: block(low, high)) < 100


def test_memory_of_a_large_picture():
    # 1080p at base width 32 may take 4 GB; this is a sixteenth of its pixels.
    method = create("sllen", {"preset": "paper"})
    picture = torch.rand(1, 3, 270, 480)
    method.enhance(picture[..., :32, :32])
    assert needed(lambda: method.enhance(picture)) < 4000 / 16


def test_illumination_is_what_the_enhanced_picture_takes_away():
    method = create("sllen", TINY)
    low = 0.2 * torch.rand(1, 3, 37, 53)
    light = method.illumination(low)
    assert light.shape == low.shape
    torch.testing.assert_close(light, (low / method.enhance(low).clamp(min=0.01)).clamp(0, 2))
    assert 0 < float(light.mean()) < 1
