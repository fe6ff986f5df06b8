"""Training batches as a pure function of seed, stream and iteration.

Nothing here keeps a state between batches: the samples of iteration t, their crops and flips follow from the seed, the
stream's name and t alone. An interrupted run resumes by asking for iteration t, the number of loader workers changes
nothing, and each of several processes takes its own slice of the same batch, so that no sample is seen twice in an epoch.
"""

from __future__ import annotations

import functools
import logging
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from lle.engine.method import ALIGNED, SIDES, Stream
from lle.errors import DataError, TrainingError

LOG = logging.getLogger(__name__)
SHARED_MEMORY = Path("/dev/shm")
"""Where Linux keeps shared memory."""


class Pictures(Protocol):
    """Decoded pictures of one split, as `lle.data.cache.Cache` holds them."""

    @property
    def rows(self) -> Sequence[Any]:
        """What the manifest says of each picture; `low` and `normal` are None where a row has no such one."""

    def low(self, index: int) -> np.ndarray:
        """Returns the low-light picture of a row, H x W x 3 uint8."""

    def normal(self, index: int) -> np.ndarray:
        """Returns the normal-light picture of a row, H x W x 3 uint8."""

    def mask(self, index: int) -> np.ndarray:
        """Returns the classes of a row's normal-light picture, H x W uint8, 255 for none."""


def rows_with(pictures: Pictures, *sides: str) -> list[int]:
    """Returns the rows that have a picture of every given side: `low`, `normal` or `mask`."""
    return [i for i, row in enumerate(pictures.rows) if all(getattr(row, side) is not None for side in sides)]


def _parts(pictures: Pictures, rows: Sequence[int], shares: Mapping[str, float]) -> list[tuple[list[int], int]]:
    """The rows of each part of a joined set, and how many of them an epoch has; an epoch is as long as without shares."""
    by_part = {part: [row for row in rows if pictures.rows[row].about.get("part") == part] for part in shares}
    by_part = {part: found for part, found in by_part.items() if found}
    whole = sum(shares[part] for part in by_part)
    bounds = np.rint(np.cumsum([shares[part] / whole for part in by_part]) * len(rows)).astype(int)
    counts = np.diff(bounds, prepend=0)
    return [(found, int(count)) for found, count in zip(by_part.values(), counts, strict=True)]


class StreamDataset(Dataset[dict[str, Tensor]]):
    """Samples of one stream by their position in the endless sequence of shuffled epochs.

    Args:
        stream: what to draw.
        pictures: where from.
        crop: side of the crops in pixels, unless the stream resizes.
        seed: the run's seed.
        name: the stream's name; streams of different names are shuffled independently.

    Raises:
        DataError: the data set has no picture of a kind that the stream needs.
    """

    def __init__(self, stream: Stream, pictures: Pictures, crop: int, seed: int, name: str) -> None:
        self.stream, self.pictures, self.crop = stream, pictures, crop
        self.seed = (seed, zlib.crc32(name.encode()))
        sides = SIDES[stream.kind]
        has = {side: rows_with(pictures, *(sides if stream.kind in ALIGNED else (side,))) for side in sides}
        for side, rows in has.items():
            if not rows:
                what = " and ".join(sides) if stream.kind in ALIGNED else side
                raise DataError(f"stream '{name}' needs {what} pictures, and the training split has none. Choose another `train.data`.")
        self.rows = has
        shares = getattr(pictures, "shares", None)
        self.shares = {side: _parts(pictures, rows, shares) for side, rows in has.items()} if shares else None

    def __len__(self) -> int:
        return max(len(rows) for rows in self.rows.values())

    @functools.lru_cache(maxsize=8)  # noqa: B019 (a dataset lives as long as its loader)
    def _order(self, side: int, epoch: int, count: int) -> np.ndarray:
        return np.random.default_rng((*self.seed, 1, side, epoch)).permutation(count)

    def _row(self, side: str, position: int) -> int:
        rows = self.rows[side]
        epoch, place = divmod(position, len(rows))
        # What belongs together shares one order; independent photographs must not.
        number = 0 if self.stream.kind in ALIGNED else list(self.rows).index(side)
        order = self._order(number, epoch, len(rows))
        return rows[order[place]] if self.shares is None else self._drawn(side, number, epoch)[order[place]]

    @functools.lru_cache(maxsize=8)  # noqa: B019
    def _drawn(self, side: str, number: int, epoch: int) -> list[int]:
        """The rows of one epoch: of each part as many as its share, from an endless sequence of shufflings of the part."""
        assert self.shares is not None
        found: list[int] = []
        for part, (rows, count) in enumerate(self.shares[side]):
            for position in range(epoch * count, (epoch + 1) * count):
                cycle, place = divmod(position, len(rows))
                found.append(rows[self._shuffled(number, part, cycle, len(rows))[place]])
        return found

    @functools.lru_cache(maxsize=8)  # noqa: B019
    def _shuffled(self, number: int, part: int, cycle: int, count: int) -> np.ndarray:
        return np.random.default_rng((*self.seed, 3, number, part, cycle)).permutation(count)

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        """Returns the sample at a position: keys as in `Batch` without B; `index` is the row of the first picture."""
        rng = np.random.default_rng((*self.seed, 2, position))
        indices = {side: self._row(side, position) for side in self.rows}
        pictures = {side: getattr(self.pictures, side)(index) for side, index in indices.items()}
        if self.stream.kind in ALIGNED:
            views = dict(zip(pictures, self._view(list(pictures.values()), rng), strict=True))
        else:
            views = {side: self._view([picture], rng)[0] for side, picture in pictures.items()}
        mask = views.pop("mask", None)
        sample = {side: torch.from_numpy(view).permute(2, 0, 1).to(torch.float32).div_(255) for side, view in views.items()}
        if mask is not None:
            sample = {"image": sample["normal"], "mask": torch.from_numpy(mask).long()}
        if self.stream.transform is not None:
            sample = self.stream.transform(sample, rng)
        sample["index"] = torch.tensor(next(iter(indices.values())))
        return sample

    def _view(self, pictures: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        """Cuts, flips and turns several aligned pictures in the same way."""
        if (size := self.stream.resize) is not None:
            # Classes have no values in between.
            views = [
                cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if picture.ndim == 3 else cv2.INTER_NEAREST_EXACT)
                for picture in pictures
            ]
        else:
            size = self.crop
            height, width = pictures[0].shape[:2]
            if height < size or width < size:
                bottom, right = max(0, size - height), max(0, size - width)
                if bottom >= height or right >= width:
                    raise DataError(f"a training picture of {width}x{height} is too small for crops of {size}: set a smaller `crop`.")
                pictures = [cv2.copyMakeBorder(picture, 0, bottom, 0, right, cv2.BORDER_REFLECT_101) for picture in pictures]
                height, width = pictures[0].shape[:2]
            top, left = int(rng.integers(height - size + 1)), int(rng.integers(width - size + 1))
            views = [picture[top : top + size, left : left + size] for picture in pictures]
        if self.stream.augment:
            turns, flip = int(rng.integers(4)), bool(rng.integers(2))
            views = [np.rot90(view[:, ::-1] if flip else view, turns) for view in views]
        # Copies, because torch does not take read-only memory.
        return [np.array(view, order="C") for view in views]


class IterationSampler(Sampler[list[int]]):
    """Positions of the samples of each iteration, from `start` to `stop`, for one of several processes.

    Args:
        batch_size: samples an iteration over all processes.
        start: first iteration.
        stop: iteration after the last one.
        rank: this process.
        world_size: number of processes.

    Raises:
        TrainingError: the batch cannot be shared out evenly.
    """

    def __init__(self, batch_size: int, start: int, stop: int, rank: int = 0, world_size: int = 1) -> None:
        if batch_size % world_size:
            raise TrainingError(
                f"a batch of {batch_size} cannot be shared out among {world_size} devices: choose a multiple of {world_size}."
            )
        self.batch_size, self.start, self.stop, self.rank, self.world_size = batch_size, start, stop, rank, world_size

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[list[int]]:
        share = self.batch_size // self.world_size
        for iteration in range(self.start, self.stop):
            first = iteration * self.batch_size + self.rank * share
            yield list(range(first, first + share))


def _shared_memory() -> int | None:
    """Bytes of shared memory that are free; None where this system has no such folder."""
    return shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else None


def loader(dataset: StreamDataset, sampler: IterationSampler, workers: int, pin_memory: bool = False) -> DataLoader[dict[str, Tensor]]:
    """Returns a loader of batches; `workers` processes prepare them, or the training process itself if 0.

    Processes hand batches over in shared memory. Where that is too small, as in containers with 64 KiB to 64 MiB of it, the training
    process prepares them, and a warning says so: a worker would be killed by a bus error.
    """
    if workers and len(sampler):
        need = 2 * workers * sum(part.nbytes for part in dataset[0].values()) * (sampler.batch_size // sampler.world_size)
        free = _shared_memory()
        if free is not None and free < need:
            LOG.warning(
                "train.workers=%d needs %.1f MB of shared memory, and %s has %.1f MB free: the training process prepares the batches "
                "itself. Give the container more, for example with `docker run --shm-size=1g`, or set train.workers to 0.",
                *(workers, need / 1e6, SHARED_MEMORY, free / 1e6),
            )
            workers = 0
    return DataLoader(dataset, batch_sampler=sampler, num_workers=workers, pin_memory=pin_memory, persistent_workers=False)
