"""Batches follow from seed, stream and iteration alone; what belongs together is cut alike."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lle.data.streams import IterationSampler, StreamDataset, loader
from lle.engine.method import Stream
from lle.errors import DataError, TrainingError

HERE = Path("here")


class Pictures:
    """Pictures whose every pixel says where it is: red the row, green the line, blue the column."""

    def __init__(self, count: int = 10, height: int = 40, width: int = 50, **missing: set[int]) -> None:
        self.shape = (height, width)
        self.rows = [
            SimpleNamespace(**{side: None if index in missing.get(side, ()) else HERE for side in ("low", "normal", "mask")})
            for index in range(count)
        ]

    def normal(self, index: int) -> np.ndarray:
        lines, columns = np.mgrid[: self.shape[0], : self.shape[1]]
        return np.stack([np.full(self.shape, index), lines, columns], -1).astype(np.uint8)

    low = normal

    def mask(self, index: int) -> np.ndarray:
        return self.normal(index)[..., 1]


def dataset(kind: str, pictures: Pictures | None = None, crop: int = 16, seed: int = 0, name: str = "train", **options) -> StreamDataset:
    return StreamDataset(Stream(kind, **options), pictures or Pictures(), crop, seed, name)


def levels(tensor: torch.Tensor) -> torch.Tensor:
    return (tensor * 255).round().long()


def test_samples_depend_on_seed_name_and_position_alone():
    first, again = dataset("paired"), dataset("paired")
    for position in (0, 7, 123):
        assert torch.equal(first[position]["low"], again[position]["low"])
    others = [dataset("paired", seed=1), dataset("paired", name="other")]
    for other in others:
        assert any(not torch.equal(first[p]["low"], other[p]["low"]) for p in range(5))


def test_an_epoch_holds_every_row_once_and_the_next_has_another_order():
    stream = dataset("low")
    epochs = [[int(stream[epoch * 10 + place]["index"]) for place in range(10)] for epoch in range(2)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(10))] * 2
    assert epochs[0] != epochs[1]


def test_pairs_are_cut_flipped_and_turned_alike():
    for position in range(12):
        sample = dataset("paired")[position]
        assert torch.equal(sample["low"], sample["normal"])
        assert sample["low"].shape == (3, 16, 16)
        assert set(levels(sample["low"][0]).unique().tolist()) == {int(sample["index"])}


def test_masks_belong_to_their_pictures():
    for options in ({}, {"resize": 24}):
        sample = dataset("segmentation", **options)[3]
        assert sample["image"].shape[1:] == sample["mask"].shape
        assert sample["mask"].dtype == torch.int64
        off = (levels(sample["image"][1]) - sample["mask"]).abs()
        assert off.max() <= (1 if options else 0), "area and nearest sampling differ by less than a line"


def test_unpaired_photographs_are_drawn_independently():
    stream = dataset("unpaired")
    pairs = [(int(levels(s["low"])[0, 0, 0]), int(levels(s["normal"])[0, 0, 0])) for s in (stream[p] for p in range(10))]
    assert sorted(low for low, _ in pairs) == sorted(normal for _, normal in pairs) == list(range(10))
    assert any(low != normal for low, normal in pairs)


def test_rows_without_the_needed_picture_are_left_out():
    pictures = Pictures(count=4, normal={0, 1}, low={3})
    assert {int(dataset("paired", pictures)[p]["index"]) for p in range(4)} == {2}
    assert {int(dataset("normal", pictures)[p]["index"]) for p in range(4)} == {2, 3}
    with pytest.raises(DataError, match=r"stream 'train' needs normal and mask pictures, and the training split has none"):
        dataset("segmentation", Pictures(count=2, mask={0, 1}))


def test_small_pictures_are_mirrored_up_to_the_crop_and_too_small_ones_refused():
    sample = dataset("low", Pictures(height=12, width=50), augment=False)[0]
    lines = levels(sample["low"][1])[:, 0].tolist()
    assert lines == [*range(12), 10, 9, 8, 7]
    with pytest.raises(DataError, match="a training picture of 50x12 is too small for crops of 32: set a smaller `crop`"):
        dataset("low", Pictures(height=12, width=50), crop=32)[0]


def test_transforms_get_a_seeded_generator():
    def transform(sample, rng):
        return sample | {"noise": torch.tensor(rng.random())}

    values = [[float(dataset("low", transform=transform)[p]["noise"]) for p in range(3)] for _ in range(2)]
    assert values[0] == values[1]
    assert len(set(values[0])) == 3


@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_start_anywhere_and_share_out_batches(workers):
    stream = dataset("low")
    whole = [batch["index"].tolist() for batch in loader(stream, IterationSampler(4, 0, 5), workers)]
    assert [batch["index"].tolist() for batch in loader(stream, IterationSampler(4, 2, 5), workers)] == whole[2:]
    parts = [[batch["index"].tolist() for batch in loader(stream, IterationSampler(4, 0, 5, rank, 2), workers)] for rank in (0, 1)]
    assert [a + b for a, b in zip(*parts, strict=True)] == whole
    with pytest.raises(TrainingError, match="a batch of 4 cannot be shared out among 3 devices"):
        IterationSampler(4, 0, 5, 0, 3)
