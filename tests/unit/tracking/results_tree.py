"""Writes result files as the pipeline leaves them, in miniature."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from lle import registry
from lle.engine.model_io import save_model
from lle.files import write_json

PROVENANCE = {
    "git": "0" * 40,
    "data_digest": "d" * 64,
    "config_hash": "c" * 64,
    "fingerprint": "f" * 64,
    "seed": 3,
    "command": "lle train zero_dce",
    "hardware": {"cpu": "one", "cores": 2, "threads": 1, "accelerator": None},
    "versions": {"python": "3.11"},
}


def write_metrics(
    reports: Path, dataset: str, method: str, values: dict[str, list[float]], trained_on: str | None, **changes: object
) -> None:
    """Writes the table and the summary of one evaluation."""
    images = [f"image{index}" for index in range(len(next(iter(values.values()))))]
    path = reports / "metrics" / dataset / f"{method}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "scene", "width", "height", *values])
        for row, image in enumerate(images):
            writer.writerow([image, "s", 40, 30, *(repr(float(column[row])) for column in values.values())])
    metrics = {
        name: {"mean": float(np.mean(v)), "low": float(np.min(v)), "high": float(np.max(v)), "n": len(v)} for name, v in values.items()
    }
    metrics["musiq"] = {"mean": None, "missing": "weights are not on disk"}
    record = {"method": method, "dataset": dataset, "split": "test", "images": len(images), "trained_on": trained_on, "metrics": metrics}
    write_json(path.with_suffix(".json"), {**record, "provenance": {**PROVENANCE, **changes}})


def write_profile(reports: Path, method: str, latency: float = 20.0, parameters: int = 79416, macs: int = 19_000_000_000) -> None:
    """Writes what a method costs."""
    record = {
        "method": method,
        "parameters": parameters,
        "macs": {"400x600": macs, "256x256": macs // 4},
        "latency_ms": {"400x600": {"median": latency, "runs": 9, "threads": 2}},
        "peak_memory_mb": {"400x600": 100.0},
        "yardstick_ms": 10.0,
        "train": None,
        "provenance": PROVENANCE,
    }
    write_json(reports / "profile" / f"{method}.json", record)


def write_study(reports: Path, name: str = "no_loss", full: float = 20.0) -> Path:
    """Writes a study of two variants with two seeds each, in the form of `lle study`."""

    def row(title: str, overrides: list[str], psnr: float) -> dict[str, object]:
        cell = {"mean": psnr, "low": psnr - 1, "high": psnr + 1, "n": 4, "by_seed": {"0": psnr - 0.5, "1": psnr + 0.5}, "seed_sd": 0.7}
        return {
            "title": title,
            "method": "zero_dce",
            "set": overrides,
            "results": {"demo": {"psnr": cell, "musiq": {"mean": None, "missing": "weights are not on disk"}}},
            "training": {seed: {"iterations": 20, "seconds": 1.5} for seed in ("0", "1")},
            "provenance": {seed: {**PROVENANCE, "seed": int(seed), "tags": {"clip_backbone": "demo"}} for seed in ("0", "1")},
        }

    contrast = {"better": "full", "worse": "no_colour", "dataset": "demo", "metric": "psnr", "verdict": "holds"}
    difference = {"mean": full - 18, "low": 1.0, "high": 3.0, "n": 4}
    record = {
        "study": name,
        "title": "Ablation of the colour loss",
        "paper": None,
        "datasets": ["demo"],
        "seeds": [0, 1],
        "train_data": "training",
        "variants": {"full": row("all losses", [], full), "no_colour": row("no colour", ["methods.zero_dce.color_weight=0"], 18.0)},
        "contrasts": [{**contrast, "difference": difference}, {**contrast, "dataset": "dicm", "verdict": None, "missing": "no references"}],
    }
    path = reports / "studies" / f"{name}.json"
    write_json(path, record)
    lines = [f"{variant},{seed},demo,i{i},s,{i + 10}" for variant in ("full", "no_colour") for seed in (0, 1) for i in range(4)]
    path.with_suffix(".csv").write_text("\n".join(["variant,seed,dataset,image,scene,psnr", *lines]) + "\n")
    return path


def write_sample(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (level, level, level)).save(path, lossless=True)


def make_reports(folder: Path) -> Path:
    """Results of an untrained method, of a trained one in two phases, and of the untouched input."""
    for method, trained_on in (("gamma", None), ("zero_dce", "training"), ("input", None)):
        write_metrics(folder, "demo", method, {"psnr": [10.0, 11, 12, 13], "ssim": [0.4, 0.5, 0.6, 0.7]}, trained_on)
        for image in ("a", "b"):
            write_sample(folder / f"samples/demo/{method}/{image}.webp", 100)
    for image in ("a", "b"):
        write_sample(folder / f"samples/demo/normal/{image}.webp", 200)
    write_metrics(folder, "mine_rendered", "zero_dce", {"loe": [100.0, 110, 120]}, "training", data_digest="e" * 64)
    write_profile(folder, "zero_dce")
    terms = [{"phase": "fit", "update": "fit", "term": "colour", "points": [[0, 1.0], [10, 0.5]]}]
    record = {
        "method": "zero_dce",
        "trained_on": "training",
        "iterations": 20,
        "phases": ["fit"],
        "terms": terms,
        "provenance": PROVENANCE,
    }
    write_json(folder / "training/zero_dce.json", record)
    return folder


def make_models(folder: Path) -> Path:
    """The models of the two methods."""
    for name in ("gamma", "zero_dce"):
        save_model(registry.create(name), name, folder / name)
    record = {"method": "zero_dce", "trained_on": "training", "iterations": 20, "phases": ["warm", "fine"], "seconds": 2.5}
    write_json(folder / "zero_dce/train.json", {**record, "system": {"cpu_percent": 90.0}, "provenance": PROVENANCE})
    write_json(folder / "gamma/train.json", {"method": "gamma", "iterations": 0, "phases": []})
    rows = [(i, "warm" if i < 10 else "fine", "fit", term, 1 / (i + 1)) for i in range(20) for term in ("colour", "exposure")]
    rows += [(i, "warm" if i < 10 else "fine", "val", "psnr", 10 + i) for i in (9, 19)]
    with (folder / "zero_dce/losses.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("iteration", "phase", "update", "term", "value"), *rows])
    return folder
