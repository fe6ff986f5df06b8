"""What the settings of the renderer cost and lose: time and error by samples a pixel, and the loss of storage."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from lle.data.degrade import linear_to_srgb
from lle.data.mine.camera import shoulder, solve_exposure
from lle.data.mine.plan import plan
from lle.data.mine.render import render_scene
from lle.data.mine.scene import make_scene
from lle.data.mine.store import QUALITY, finished, load_scene, save_scene
from lle.files import significant

_MEANS = {"even": (110.0,), "working": (30.0, 90.0)}
"""Means of the stored pictures that are compared: the reference's, and those of dark and of unevenly lit pictures."""


def picture_psnr(radiance: np.ndarray, reference: np.ndarray, mean: float) -> float:
    """PSNR, dB, of two radiance maps as stored pictures (shoulder, sRGB, no noise), at the reference's exposure for a mean of 255."""
    exposure = solve_exposure(reference, mean)
    one, other = (linear_to_srgb(shoulder(light * exposure)) for light in (radiance, reference))
    return significant(-10 * float(np.log10(np.mean((one - other) ** 2))))


def noise_and_cost(
    numbers: tuple[int, ...], seed: int, size: tuple[int, int], samples: tuple[int, ...], reference: int
) -> list[dict[str, Any]]:
    """Renders scenes with few samples and with many and compares them; the many are denoised as well, which changes them little.

    Args:
        numbers: of the scenes.
        seed: of the set.
        size: height and width in pixels.
        samples: camera rays a pixel to try.
        reference: camera rays a pixel of the reference.

    Returns:
        A row a scene and number of samples: `cpu_s` (process time with all threads, denoising included), and PSNR in dB.
    """
    rows = []
    for number in numbers:
        planned = plan(number + 1)[number]
        scene = make_scene(seed, number, planned.kind, planned.split, planned.uneven)
        render_scene(scene, size, 4, 0)  # compiles the kernel
        best = render_scene(scene, size, reference, 1)
        for count in samples:
            clock = time.process_time()
            found = render_scene(scene, size, count, 2)
            row: dict[str, Any] = {"scene": planned.id, "kind": planned.kind, "samples": count, "reference_samples": reference}
            row["cpu_s"] = significant(time.process_time() - clock)
            for state, means in _MEANS.items():
                for mean in means:
                    row[f"{state}_{mean:.0f}_psnr_db"] = picture_psnr(getattr(found, state), getattr(best, state), mean)
            rows.append(row)
    return rows


def storage_loss(numbers: tuple[int, ...], seed: int, size: tuple[int, int], samples: int) -> list[dict[str, Any]]:
    """Renders scenes, stores and reads them; returns bytes by file and PSNR in dB against what was rendered."""
    rows = []
    for number in numbers:
        planned = plan(number + 1)[number]
        scene = make_scene(seed, number, planned.kind, planned.split, planned.uneven)
        made = render_scene(scene, size, samples, 1)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            save_scene(folder, planned.id, made.even, made.working, made.mask, made.depth, {})
            read = load_scene(folder, planned.id)
            sizes = {
                f"{part}_bytes": (folder / part / f"{planned.id}.webp").stat().st_size for part in ("even", "working", "mask", "depth")
            }
        row: dict[str, Any] = {"scene": planned.id, "kind": planned.kind, "webp_quality": QUALITY, **sizes}
        for state, means in _MEANS.items():
            for mean in means:
                row[f"{state}_{mean:.0f}_psnr_db"] = picture_psnr(getattr(read, state), getattr(made, state), mean)
        row["mask_equal"] = bool(np.array_equal(read.mask, made.mask))
        row["depth_median_error"] = significant(float(np.median(np.abs(read.depth / made.depth - 1))))
        rows.append(row)
    return rows


def set_sizes(folder: Path) -> dict[str, Any]:
    """Bytes of a stored set: of its parts together, and a scene."""
    names = finished(folder)
    parts = {part: sum((folder / part / f"{name}.webp").stat().st_size for name in names) for part in ("even", "working", "mask", "depth")}
    parts["meta"] = sum((folder / "meta" / f"{name}.json").stat().st_size for name in names)
    total = sum(parts.values())
    return {"scenes": len(names), "bytes": parts, "total_bytes": total, "bytes_a_scene": significant(total / max(len(names), 1))}
