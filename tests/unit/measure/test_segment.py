"""Segmentation in the dark: a judge trained by the engine, and what it says of darkened, enhanced and clean pictures."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import lle.segmentation.in_the_dark
from lle.config.data import CatalogData, DemoSegData
from lle.config.judge import JudgeConfig, SegmentConfig
from lle.config.light import Published
from lle.config.schema import EvaluateConfig, ProfileConfig, SuiteConfig, TrainConfig, params_model
from lle.data.images import read_rgb, write_png
from lle.data.pairs import open_prepared, write_manifest
from lle.data.prepare import prepare
from lle.engine.optim import optimizer_of
from lle.errors import DataError, LleError, WeightsError
from lle.metrics import segmentation
from lle.segmentation.in_the_dark import CLEAN, DARK, choose_rows, darkened, segment_method
from lle.segmentation.judge import class_weights, load_judge, train_judge
from lle.segmentation.labels import class_names, rows_with_mask
from lle.segmentation.network import Judge, magnified_window

TINY = {"iterations": 2, "batch_size": 2, "crop": 48, "width": 16, "rates": (1, 2, 3)}


def make_params(judges=None, data=None, **segment):
    data = data or DemoSegData(kind="demo_seg", train=4, val=2, test=3, size=64)
    return params_model()(
        suite=SuiteConfig(methods=["gamma"], datasets=[], prepare=["seg"], segment=["seg"]),
        train=TrainConfig(data="seg", accelerator="cpu", threads=1, validate_images=0),
        evaluate=EvaluateConfig(resamples=100),
        profile=ProfileConfig(sizes=[(16, 16)]),
        segment=SegmentConfig(**{"samples": 2, **segment}),
        judges=judges or {"seg": JudgeConfig(**TINY)},
        data={"seg": data},
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A prepared set and a judge trained for two steps."""
    folder = tmp_path_factory.mktemp("segment")
    params = make_params()
    prepare("seg", params.data["seg"], folder / "data")
    train(folder, params)
    return folder


def train(folder, params, out=None):
    out = out or folder
    return train_judge("seg", params, out / "judges", out / "reports", folder / "data", cache=folder / "cache", scratch=folder / "scratch")


def segment(folder, name, params=None):
    return segment_method(
        name, "seg", params or make_params(), folder / "models", folder / "reports", folder / "data", judges=folder / "judges"
    )


def test_training_a_judge_writes_these_files(home):
    assert {path.name for path in (home / "judges/seg").iterdir()} == {"judge.json", "losses.csv", "model.safetensors", "train.json"}
    record = json.loads((home / "reports/judges/seg.json").read_text())
    assert (record["split"], record["images"], record["iterations"], record["pictures_seen"]) == ("val", 2, 2, 4)
    assert set(record["iou"]) == {"photograph", "brick", "grass", "gravel", "coins", "print", "tissue"}
    assert record["mean_iou"]["all"]["low"] <= record["mean_iou"]["all"]["mean"] <= record["mean_iou"]["all"]["high"]
    assert record["provenance"]["command"] == "lle judge seg"
    assert not list((home / "scratch").iterdir())


def test_training_is_repeatable_and_learns_from_clean_training_pictures_only(home, tmp_path, monkeypatch):
    seen = []
    loss = Judge.loss
    monkeypatch.setattr(Judge, "loss", lambda self, batch: (seen.append(batch), loss(self, batch))[1])
    train(home, make_params(judges={"seg": JudgeConfig(**TINY, zoom=(1, 1), augment="turn")}), tmp_path)
    clean = [read_rgb(row.normal) for row in open_prepared("seg", home / "data").rows("train")]
    for batch in seen:
        for row, image in zip(batch["index"], batch["image"], strict=True):
            levels = {tuple(pixel) for pixel in (image * 255).round().byte().flatten(1).T.tolist()}
            assert levels <= {tuple(pixel) for pixel in clean[int(row)].reshape(-1, 3).tolist()}
    again = tmp_path / "again"
    train(home, make_params(), again)
    assert (again / "judges/seg/model.safetensors").read_bytes() == (home / "judges/seg/model.safetensors").read_bytes()


def test_the_encoder_starts_from_imagenet_and_learns_at_its_own_rate():
    from lle.losses.perceptual import efficientnet_lite0

    judge = Judge(JudgeConfig(**TINY, lr=0.1, encoder_lr_factor=0.2), 3)
    theirs = efficientnet_lite0().state_dict()
    ours = judge.network.encoder.model.state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    groups = optimizer_of(judge.phases()[0].updates[0], judge).param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.1, 0.02])
    assert sum(len(group["params"]) for group in groups) == len(list(judge.network.parameters()))
    moves = judge.phases()[0].updates[0].moves
    assert moves == (judge.network,)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_logits_have_the_size_of_the_picture(scale):
    judge = Judge(JudgeConfig(**TINY, scale=scale), 3, pretrained=False).eval()
    with torch.no_grad():
        assert judge(torch.rand(2, 3, 50, 71)).shape == (2, 3, 50, 71)
    found = judge.segment(np.zeros((33, 40, 3), np.uint8))
    assert (found.shape, found.dtype) == ((33, 40), np.uint8)


def test_zooming_keeps_picture_and_mask_together():
    values = torch.arange(64 * 64).view(64, 64) % 200
    sample = {"image": (values / 255).expand(3, -1, -1), "mask": values}
    for seed in range(4):
        view = magnified_window(sample, np.random.default_rng(seed), (1.0, 1.0), mirror=True)
        assert torch.equal((view["image"][0] * 255).round().long(), view["mask"])
    steps = {"image": (torch.arange(64) // 8 / 10).expand(3, 64, -1), "mask": (torch.arange(64) // 8).expand(64, -1)}
    view = magnified_window(steps, np.random.default_rng(0), (1.6, 1.6), mirror=True)
    assert view["mask"].shape == (64, 64)
    assert ((view["image"][0] * 10 - view["mask"]).abs() < 0.6).all()
    assert len(view["mask"].unique()) <= 6


def test_rare_classes_weigh_more():
    class Pictures:
        rows = (SimpleNamespace(normal=1, mask=1),)

        def mask(self, index):
            return np.array([[0] * 16, [1] * 4 + [2] + [255] * 11], np.uint8)

    assert class_weights(Pictures(), 4, 1.0).tolist() == pytest.approx([0.25, 1, 4, 1])
    assert class_weights(Pictures(), 4, 0.5).tolist() == pytest.approx([0.5, 1, 2, 1])
    assert class_weights(Pictures(), 4, 0.0).tolist() == [1, 1, 1, 1]


def test_rows_frame_a_method(home):
    results = {name: segment(home, name) for name in ("dark", "gamma", "clean")}
    folder = home / "reports/segment/seg"
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    names = [row.image for row in open_prepared("seg", home / "data").rows("test")]
    samples = {f"samples/{who}/{name}{kind}.webp" for who in results for name in (names[0], names[2]) for kind in ("", ".mask")}
    samples |= {f"samples/clean/{name}.truth.webp" for name in (names[0], names[2])}
    assert written == samples | {f"{who}.{kind}" for who in results for kind in ("json", "csv")}
    for name, result in results.items():
        pictures, classes, counts = segmentation.read_counts(folder / f"{name}.csv")
        assert pictures == names
        assert list(result.iou) == classes
        assert result.mean_iou.all.mean == pytest.approx(float(segmentation.mean_iou(counts.sum(0))), rel=1e-5)
        assert result.judge == results["dark"].judge
        assert counts[..., [0, 2]].sum() == 3 * 64 * 64
    assert results["gamma"].provenance.fingerprint is not None
    assert results["clean"].provenance.command == "lle segment clean seg"


def test_every_row_sees_the_same_darkened_pictures(home, monkeypatch):
    seen: dict[str, list[np.ndarray]] = {}
    judge, _ = load_judge("seg", home / "judges")

    class Copies:
        def __init__(self, name):
            self.pictures = seen.setdefault(name, [])

        def segment(self, picture):
            self.pictures.append(picture)
            return judge.segment(picture)

    identity = load_judge("seg", home / "judges")[1]
    for name in ("dark", "clean"):
        monkeypatch.setattr(lle.segmentation.in_the_dark, "load_judge", lambda *_, name=name: (Copies(name), identity))
        segment(home, name)
    prepared, params = open_prepared("seg", home / "data"), make_params()
    for row, dark, clean in zip(prepared.rows("test"), seen["dark"], seen["clean"], strict=True):
        assert np.array_equal(clean, read_rgb(row.normal))
        assert np.array_equal(dark, darkened(clean, row, params)[0])
        light = darkened(clean, row, params)[1]
        expected = light["beta"] * (light["alpha"] * clean / 255) ** light["gamma"] * 255
        assert np.abs(dark - expected).max() < 0.51


def test_dark_pictures_of_the_set_itself_go_before_the_formula(home, tmp_path):
    """A copy of the set whose rows have a dark picture each: black, in which nothing can be seen."""
    data = tmp_path / "data/seg"
    shutil.copytree(home / "data/seg", data)
    prepared = open_prepared("seg", tmp_path / "data")
    rows = []
    for row in prepared.all_rows:
        low = data / "low" / f"{row.image}.png"
        write_png(low, np.zeros((64, 64, 3), np.uint8))
        rows.append(replace(row, low=low, digests={}))
    write_manifest(data, "seg", prepared.kind, rows, None, {"segmentation": prepared.facts["segmentation"]}, True)
    places = {"models": tmp_path, "reports": tmp_path / "r", "data": tmp_path / "data", "judges": home / "judges"}
    found = [segment_method(name, "seg", make_params(), **places) for name in (DARK, CLEAN)]
    assert [one.darkening for one in found] == [None, None]
    pictures = [read_rgb(next((tmp_path / "r/segment/seg/samples" / name).glob("*[0-9].webp"))) for name in (DARK, CLEAN)]
    assert pictures[0].max() < 10 < pictures[1].mean()
    assert "alpha" not in (tmp_path / "r/segment/seg/dark.csv").read_text().splitlines()[0]


def test_pictures_are_drawn_once_each_in_order(home):
    rows = rows_with_mask(open_prepared("seg", home / "data"), "train")
    some = choose_rows(rows, 3, seed=0)
    assert some == [row for row in rows if row in some]
    assert len(some) == 3
    assert choose_rows(rows, 3, seed=0) == some
    assert choose_rows(rows, 100, seed=0) == rows


def test_weights_that_are_given_are_used(home, tmp_path):
    judge = Judge(JudgeConfig(**TINY), 7, pretrained=False)
    torch.save(judge.network.state_dict(), tmp_path / "brought.pth")
    record = train(home, make_params(judges={"seg": JudgeConfig(**TINY, weights=tmp_path / "brought.pth")}), tmp_path)
    assert record.iterations == 0
    loaded, _ = load_judge("seg", tmp_path / "judges")
    assert all(torch.equal(value, loaded.network.state_dict()[key]) for key, value in judge.network.state_dict().items())
    with pytest.raises(WeightsError, match="does not fit"):
        train(home, make_params(judges={"seg": JudgeConfig(**{**TINY, "width": 24}, weights=tmp_path / "brought.pth")}), tmp_path)
    with pytest.raises(WeightsError, match=r"absent.pth does not exist. It must be"):
        train(home, make_params(judges={"seg": JudgeConfig(**TINY, weights=tmp_path / "absent.pth")}), tmp_path)


@pytest.mark.parametrize(
    ("judges", "error", "message"),
    [
        ({"seg": JudgeConfig(preset="brought")}, WeightsError, "set judges.seg.weights"),
        ({"seg": JudgeConfig(**TINY, encoder="resnet1", weights="x.pth")}, LleError, "no encoder 'resnet1'"),
    ],
)
def test_a_judge_that_cannot_be_made_says_why(home, tmp_path, judges, error, message):
    with pytest.raises(error, match=message):
        train(home, make_params(judges=judges), tmp_path)


def test_a_missing_judge_or_mask_says_what_to_do(home, tmp_path):
    with pytest.raises(WeightsError, match="lle judge seg"):
        segment_method("dark", "seg", make_params(), data=home / "data", reports=tmp_path, judges=tmp_path)
    (tmp_path / "photos").mkdir()
    write_png(tmp_path / "photos/a.png", np.zeros((32, 32, 3), np.uint8))
    plain = CatalogData(kind="catalog", entry="dicm", source=tmp_path / "photos")
    prepare("seg", plain, tmp_path / "data")
    with pytest.raises(DataError, match="has no masks"):
        segment_method("dark", "seg", make_params(), data=tmp_path / "data", reports=tmp_path, judges=home / "judges")


def test_voc_lists_twenty_classes_and_is_judged_on_its_validation_split(tmp_path):
    """VOC in its official layout, with two pictures; train is in the mean over all classes only."""
    home = tmp_path / "VOCdevkit/VOC2012"
    (home / "ImageSets/Segmentation").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for folder in ("JPEGImages", "SegmentationClass"):
        (home / folder).mkdir()
    for name, split in (("a", "train"), ("b", "val")):
        write_png(home / f"JPEGImages/{name}.png", rng.integers(0, 255, (48, 64, 3)).astype(np.uint8))
        (home / f"JPEGImages/{name}.png").rename(home / f"JPEGImages/{name}.jpg")
        mask = np.zeros((48, 64), np.uint8)
        mask[:20], mask[20:24], mask[24:30] = 15, 255, 19
        write_png(home / f"SegmentationClass/{name}.png", mask)
        (home / f"ImageSets/Segmentation/{split}.txt").write_text(f"{name}\n")
    data = CatalogData(kind="catalog", entry="voc2012", source=tmp_path)
    prepared = prepare("seg", data, tmp_path / "data")
    names, listed = class_names(prepared)
    assert (len(names), len(listed), names[19]) == (21, 20, "train")
    assert 19 not in listed
    params = make_params(data=data, darkening=Published())
    train(tmp_path, params)
    result = segment(tmp_path, "dark", params)
    assert (result.split, result.images, result.unlisted) == ("val", 1, ["train"])
    assert [name for name, value in result.iou.items() if value is not None] == ["background", "person", "train"]
    background, person, train_iou = (result.iou[name] for name in ("background", "person", "train"))
    assert background is not None
    assert person is not None
    assert train_iou is not None
    listed_mean = (background + person) / 2
    assert result.mean_iou.listed.mean == pytest.approx(listed_mean, rel=1e-5)
    assert result.mean_iou.all.mean == pytest.approx((2 * listed_mean + train_iou) / 3, rel=1e-5)
