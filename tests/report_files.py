"""A reports tree as a run of the suite leaves it, with invented numbers: for the tests of the report."""

from __future__ import annotations

import csv
import functools
import io
import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lle.files import write_json
from lle.registry import Card

CLAIMS = Path(__file__).parent.parent / "reports" / "claims.yaml"
METHODS: dict[str, tuple[str, str, float, int, float | None, float]] = {
    # id: title, supervision, PSNR above the input, parameters, MACs at 400x600, latency in ms
    "clahe": ("CLAHE", "classical", 4.0, 0, None, 6.1),
    "gamma": ("Gamma correction", "classical", 5.1, 0, None, 2.4),
    "lime": ("LIME", "classical", 6.0, 0, None, 812.0),
    "zero_dce": ("Zero-DCE", "zero-reference", 7.1, 79416, 19.01e9, 512.0),
    "zero_dce_pp": ("Zero-DCE++", "zero-reference", 6.9, 10561, 2.42e9, 120.0),
    "sci": ("SCI", "zero-reference", 6.6, 258, 0.058e9, 21.0),
    "pie": ("PIE", "unpaired", 7.6, 79416, 19.01e9, 520.0),
    "clip_isp": ("CLIP-ISP", "unpaired", 8.9, 147673, 11.83e9, 236.0),
    "unet": ("U-Net", "paired", 10.4, 1928131, 31.2e9, 640.0),
    "net_s": ("Net-S (distilled student)", "paired", 10.1, 2403000, 37.0e9, 1490.0),
}
DATASETS = {"demo": 24, "mine_rendered": 26, "dicm": 6}
NO_WEIGHTS = "MUSIQ's weights are not on disk: run `lle fetch musiq` on a machine with network."
UNPAIRED = "dicm has no normal-light pictures."
BASES = {
    "psnr": (9.2, 1.6),
    "ssim": (0.31, 0.05),
    "ssim_y": (0.36, 0.05),
    "vif": (0.3, 0.05),
    "psnr_gt_mean": (14.0, 1.5),
    "ssim_gt_mean": (0.5, 0.05),
    "loe": (320.0, 60.0),
    "loe_100": (870.0, 150.0),
    "ceiq": (2.4, 0.2),
    "piqe": (48.0, 6.0),
}
SLOPES = {
    "psnr": 1.0,
    "ssim": 0.045,
    "ssim_y": 0.045,
    "vif": 0.03,
    "psnr_gt_mean": 0.7,
    "ssim_gt_mean": 0.03,
    "loe": -14.0,
    "loe_100": -40.0,
    "ceiq": 0.08,
    "piqe": -1.2,
}
PAIRED = {"psnr", "ssim", "ssim_y", "vif", "psnr_gt_mean", "ssim_gt_mean"}


def card(method: str) -> Card:
    """The card of an invented method."""
    title, supervision, _, parameters, macs, _ = METHODS[method]
    text = (
        f"# {title}\n\nWhat it is: **one paragraph** of `code`, a <b>tag that must stay text</b> and a list.\n\n- one\n- two\n\n"
        "| layer | out |\n|---|---|\n| conv | 32 |\n\n## Differences of ours\n\nNone."
    )
    return Card(
        title=title,
        paper=f"A. Author and B. Author, Lighting up with {title}, Journal of Dark Pictures, 2024",
        url="https://example.org/paper" if supervision != "classical" else None,
        source=None,
        supervision=supervision,  # type: ignore[arg-type]
        parameters=parameters or None,
        gmacs=None if macs is None else macs / 1e9,
        text=text,
    )


def _provenance(method: str, dataset: str, step: str) -> dict[str, object]:
    return {
        "git": "21022b8c0ffee0ddba11deadbeef00d15ea5e123",
        "data_digest": f"{dataset:x<20}"[:20].encode().hex(),
        "config_hash": f"{method:c<20}"[:20].encode().hex(),
        "fingerprint": f"{method:f<20}"[:20].encode().hex(),
        "seed": 1,
        "hardware": {"cpu": "AMD EPYC 7763", "cores": 2, "threads": 2, "accelerator": None},
        "versions": {"python": "3.11.9", "torch": "2.15.0", "lle": "0.1.0"},
        "command": f"lle {step} {method} {dataset}".strip(),
        "tags": {"weights": "authors'"} if method == "zero_dce_pp" else {},
    }


@functools.cache
def _picture(scene: int, brightness: float) -> bytes:
    """A lamp-lit street of simple shapes, drawn at a brightness; WebP."""
    image = Image.new("RGB", (300, 200), tuple(int(c * brightness) for c in (150, 170, 210)))
    draw = ImageDraw.Draw(image)
    for k in range(5):
        colour = tuple(
            int(c * brightness) for c in ((200, 120, 80), (90, 160, 110), (210, 190, 90), (120, 110, 190), (230, 230, 220))[(k + scene) % 5]
        )
        draw.rectangle([20 + 55 * k, 60 + 17 * ((k * 3 + scene) % 5), 62 + 55 * k, 190], fill=colour)
    draw.ellipse([230, 15, 265, 50], fill=tuple(int(c * min(1.0, brightness * 1.6)) for c in (255, 245, 200)))
    encoded = io.BytesIO()
    image.resize((150, 100)).save(encoded, "WEBP", quality=70)
    return encoded.getvalue()


def make_reports(folder: Path) -> Path:
    """Writes the tree into `folder` and returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(CLAIMS, folder / "claims.yaml")
    rng = np.random.default_rng(7)
    for dataset, n in DATASETS.items():
        for method in ["input", *METHODS]:
            if dataset == "dicm" and method in {"lime", "net_s"}:
                continue
            gain = 0.0 if method == "input" else METHODS[method][2]
            difficulty = np.random.default_rng(n).normal(size=n)
            table = {}
            for name, (base, spread) in BASES.items():
                if name in PAIRED and dataset == "dicm":
                    continue
                values = (
                    base
                    + SLOPES[name] * (gain - (0.6 if dataset == "mine_rendered" else 0))
                    + spread * (0.8 * difficulty + 0.5 * rng.normal(size=n))
                )
                table[name] = [round(float(v), 4) for v in (np.zeros(n) if method == "input" and name.startswith("loe") else values)]
            if method == "unet":
                table.pop("piqe")
            scores: dict[str, dict[str, object]] = {"musiq": {"mean": None, "missing": NO_WEIGHTS}}
            for name, values in table.items():
                half = 1.96 * float(np.std(values)) / n**0.5
                mean = float(np.mean(values))
                scores[name] = {"mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4), "n": n}
            if dataset == "dicm":
                scores |= {name: {"mean": None, "missing": UNPAIRED} for name in PAIRED}
            supervision = "classical" if method == "input" else METHODS[method][1]
            trained = None if supervision == "classical" or method == "zero_dce_pp" else "training"
            path = folder / "metrics" / dataset / f"{method}.json"
            write_json(path, {
                "method": method, "dataset": dataset, "split": "test", "images": n, "scenes": 3, "trained_on": trained,
                "protocol": {"rounding": "8-bit", "channels": "RGB", "size": "full", "ssim": "gaussian-11-1.5"},
                "metrics": scores, "provenance": _provenance(method, dataset, "evaluate"),
            })  # fmt: skip
            with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(["image", "scene", "width", "height", *table])
                writer.writerows([f"img{i:03d}", f"scene{i % 3}", 600, 400, *(values[i] for values in table.values())] for i in range(n))
            for scene in range(2):
                bright = 0.16 if method == "input" else 0.3 + gain / 18
                sample = folder / "samples" / dataset / method / f"img{scene:03d}.webp"
                sample.parent.mkdir(parents=True, exist_ok=True)
                sample.write_bytes(_picture(scene, bright))
                if dataset != "dicm":
                    normal = folder / "samples" / dataset / "normal" / f"img{scene:03d}.webp"
                    normal.parent.mkdir(parents=True, exist_ok=True)
                    normal.write_bytes(_picture(scene, 1.0))
    crops = {"256x256": {"training_images_per_s": 12.5, "loader_images_per_s": 880.0, "loader_per_training": 70.4}}
    write_json(folder / "throughput.json", {"method": "zero_dce", "batch_size": 8, "crops": crops, "provenance": {}})
    for method, (_, supervision, _, parameters, macs, latency) in METHODS.items():
        learned = supervision != "classical"
        if method != "net_s":
            write_json(folder / "profile" / f"{method}.json", {
                "method": method, "parameters": parameters,
                "macs": {"400x600": macs, "256x256": None if macs is None else macs * 65536 / 240000},
                "latency_ms": {"400x600": {"median": latency, "runs": 9, "threads": 2},
                "256x256": {"median": latency / 3.6, "runs": 9, "threads": 2}},
                "peak_memory_mb": {"400x600": 180.0 + latency / 4, "256x256": 120.0},
                "train": {"images_per_s": 31.4, "data_wait_share": 0.03} if learned else None,
                "provenance": _provenance(method, "", "profile"),
            })  # fmt: skip
        if learned and method != "zero_dce_pp":
            steps = range(0, 2000, 20)
            names = {"clip_isp": ["prompts/prompt/pairing", "enhance/enhance/clip", "enhance/enhance/identity", "enhance/refine/margin"]}
            curves = []
            for index, name in enumerate(names.get(method, ["fit/fit/exposure", "fit/fit/colour", "fit/fit/smoothness"])):
                phase, update, term = name.split("/")
                values = [0.4 * (index + 1) * (0.12 + np.exp(-step / 300)) * float(1 + 0.1 * rng.normal()) for step in steps]
                curves.append(
                    {
                        "phase": phase,
                        "update": update,
                        "term": term,
                        "points": [[s, round(v, 5)] for s, v in zip(steps, values, strict=True)],
                    }
                )
            curves.append(
                {
                    "phase": "fit",
                    "update": "val",
                    "term": "psnr",
                    "points": [[s, round(9 + 8 * (1 - np.exp(-s / 400)), 3)] for s in range(0, 2000, 400)],
                }
            )
            write_json(
                folder / "training" / f"{method}.json",
                {
                    "method": method,
                    "trained_on": "training",
                    "provenance": _provenance(method, "", "train"),
                    "iterations": 2000,
                    "terms": curves,
                },
            )
    return folder


def make_study(folder: Path, name: str, psnrs: dict[str, float]) -> None:
    """Writes the results of a study of two seeds on two data sets; `psnrs` are the means of its variants on the first."""

    def scores(mean: float) -> dict[str, object]:
        by_seed = {"0": mean - 0.2, "1": mean + 0.2}
        return {
            "psnr": {"mean": mean, "low": mean - 0.9, "high": mean + 0.9, "n": 24, "by_seed": by_seed, "seed_sd": 0.283},
            "ssim": {"mean": mean / 30, "low": mean / 30 - 0.02, "high": mean / 30 + 0.02, "n": 24, "by_seed": {}, "seed_sd": None},
            "musiq": {"mean": None, "missing": NO_WEIGHTS},
        }

    variants = {
        variant: {
            "title": variant.replace("_", " ").capitalize(),
            "method": "clip_isp",
            "set": [] if variant == "full" else ["methods.clip_isp.rounds=0"],
            "results": {"demo": scores(mean), "mine_rendered": scores(mean - 1)},
            "training": {seed: {"iterations": 300, "seconds": 12.0} for seed in ("0", "1")},
            "provenance": {seed: {**_provenance("clip_isp", "demo", "evaluate"), "tags": {"backbone": "demo"}} for seed in ("0", "1")},
        }
        for variant, mean in psnrs.items()
    }
    first, second = list(psnrs)[:2]
    contrasts = [
        {"better": first, "worse": second, "dataset": dataset, "metric": "psnr",
         "difference": {"mean": 0.8, "low": -0.1, "high": 1.7, "n": 24},
         "p_value": 0.04, "seeds_in_favour": 2, "seeds": 2, "verdict": "not shown"}
        for dataset in ("demo", "mine_rendered")
    ]  # fmt: skip
    write_json(folder / "studies" / f"{name}.json", {
        "study": name, "title": "Ablation of CLIP-ISP", "paper": "clip_isp", "datasets": ["demo", "mine_rendered"], "seeds": [0, 1],
        "train_data": "training", "variants": variants, "contrasts": contrasts,
    })  # fmt: skip
