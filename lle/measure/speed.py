"""How fast Zero-DCE trains on this machine, and how much faster its batches could be made."""

from __future__ import annotations

from pathlib import Path

import torch

from lle import registry
from lle.config.schema import BaseParams, method_settings
from lle.data.cache import Cache
from lle.data.pairs import open_prepared
from lle.data.streams import IterationSampler, StreamDataset, loader
from lle.engine.method import Method, Stream
from lle.measure.cost import throughput
from lle.provenance import provenance
from lle.results.cost import Throughput

METHOD = "zero_dce"
CROPS = (128, 64)
BATCH_SIZE = 8


def measure(
    params: BaseParams,
    reports: Path = Path("reports"),
    data: Path = Path("build/data"),
    cache: Path = Path("build/cache"),
    seconds: float | None = None,
) -> Throughput:
    """Measures training steps of Zero-DCE at batch 8, and the loader alone, and writes `throughput.json`.

    Args:
        params: all settings.
        reports: receives the file.
        data: prepared data sets; `train.data` is read.
        cache: decoded pictures.
        seconds: length of each measurement; None takes `profile.seconds`.

    Returns:
        What was written: images per second of training and of the loader, and their quotient, by crop size.
    """
    seconds = params.profile.seconds if seconds is None else seconds
    pictures = Cache(open_prepared(params.train.data, data), "train", cache)
    torch.set_num_threads(params.profile.threads)
    results = {}
    for crop in CROPS:
        dataset = StreamDataset(Stream("low"), pictures, crop, params.seed, "throughput")
        # More batches than any machine takes in the given time: the loader is asked for them one by one.
        batches = iter(loader(dataset, IterationSampler(BATCH_SIZE, 0, 1_000_000), params.train.workers))

        def load() -> int:
            return len(next(batches)["index"])  # noqa: B023 (called within this round only)

        load_speed = throughput(load, seconds=seconds / 2)["images_per_s"]
        torch.manual_seed(params.seed)
        method = registry.create(METHOD, method_settings(params, METHOD)).train()
        step_speed = throughput(_Step(method, next(batches)), seconds=seconds, warm_ups=1)["images_per_s"]
        results[f"{crop}x{crop}"] = {
            "training_images_per_s": step_speed,
            "loader_images_per_s": load_speed,
            "loader_per_training": round(load_speed / step_speed, 1),
        }
    record = {
        "schema": Throughput.SCHEMA,
        "method": METHOD,
        "batch_size": BATCH_SIZE,
        "crops": results,
        "workers": params.train.workers,
        "provenance": provenance(
            seed=params.seed, data_digest=open_prepared(params.train.data, data).digest, command=params.command("throughput")
        ),
    }
    return Throughput.written(record, Throughput.path(reports))


class _Step:
    """One training step on a given batch: loss, gradient, optimiser."""

    def __init__(self, method: Method, batch: dict[str, torch.Tensor]) -> None:
        self.method, self.batch = method, batch
        self.optimizer = torch.optim.Adam(method.parameters(), lr=1e-6)

    def __call__(self) -> int:
        self.optimizer.zero_grad()
        torch.stack(list(self.method.loss(self.batch).values())).sum().backward()
        self.optimizer.step()
        return len(self.batch["index"])
