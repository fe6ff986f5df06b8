"""Statistics of rendered pictures beside those of real frames, and a sheet that shows both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from lle.data.mine.camera import make_pair
from lle.data.mine.materials import COLOURS
from lle.data.mine.plan import PAIR_KINDS
from lle.data.mine.store import finished, load_scene
from lle.errors import DataError
from lle.files import significant

DARK = 60.0
"""Real frames with a lower mean count as dark ones, the others as unevenly lit ones."""
_BINS = 32
_GROUPS = {"relit": "dark", "short_exposure": "dark", "uneven": "uneven"}


def statistics(picture: np.ndarray) -> dict[str, Any]:
    """Levels, sharpness, noise and colour of a picture, H x W x 3 uint8.

    Returns:
        `mean` and `median` of all values (0 to 255); `below_16` and `above_250`, shares of pixels whose mean is there; `gradient`, mean
        magnitude of the Sobel gradient of luma in levels a pixel; `noise`, Immerkær's estimate of the deviation (CVIU 64(2), 1996);
        `noise_smooth`, the same over the tenth of 16 x 16 blocks where it is least, which texture disturbs less; `saturation`, mean of
        (max - min) / max over pixels brighter than 16; `red_blue`, mean red minus mean blue over the mean; `histogram`, shares of 32 bins.
    """
    values = picture.astype(np.float32)
    grey = values.mean(-1)
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    gradient = np.hypot(cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)) / 8
    laplacian = np.abs(cv2.filter2D(luma, cv2.CV_32F, np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)))
    factor = float(np.sqrt(np.pi / 2) / 6)
    height, width = (size // 16 * 16 for size in luma.shape)
    blocks = laplacian[:height, :width].reshape(height // 16, 16, width // 16, 16).mean((1, 3)) * factor
    bright = values.max(-1) > 16
    chroma = (values.max(-1) - values.min(-1)) / np.maximum(values.max(-1), 1)
    mean = float(values.mean())
    result = {
        "mean": mean,
        "median": float(np.median(values)),
        "below_16": float((grey < 16).mean()),
        "above_250": float((grey > 250).mean()),
        "gradient": float(gradient.mean()),
        "noise": float(laplacian.mean() * factor),
        "noise_smooth": float(np.quantile(blocks, 0.1)),
        "saturation": float(chroma[bright].mean()) if bright.any() else 0.0,
        "red_blue": float((values[..., 0].mean() - values[..., 2].mean()) / max(mean, 1e-6)),
    }
    histogram = np.histogram(grey, _BINS, (0, 256))[0] / grey.size
    return {**{key: significant(value) for key, value in result.items()}, "histogram": [significant(float(share)) for share in histogram]}


def real_frame(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Reads a real frame, cut to the shape of `size` (height, width) about its centre and shrunk to it; uint8 rgb."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise DataError(f"{path} is not a readable picture.")
    height, width = picture.shape[:2]
    keep_w, keep_h = min(width, round(height * size[1] / size[0])), min(height, round(width * size[0] / size[1]))
    top, left = (height - keep_h) // 2, (width - keep_w) // 2
    cut = picture[top : top + keep_h, left : left + keep_w, ::-1]
    return cv2.resize(cut, (size[1], size[0]), interpolation=cv2.INTER_AREA)


def compare(folder: Path, frames: Path, seed: int = 0) -> dict[str, Any]:
    """Compares low pictures of every kind of pair with real frames of like brightness.

    Args:
        folder: a rendered set.
        frames: folder of real frames, JPEG.
        seed: of exposures and noise.

    Returns:
        `real` by frame, `rendered` by kind of pair (10th, 50th and 90th percentile of each statistic over its scenes), and `distance`:
        the earth mover's distance between mean histograms of rendered and real pictures, in levels.

    Raises:
        DataError: a folder holds nothing.
    """
    names, paths = finished(folder), sorted(Path(frames).glob("*.jpg"))
    if not names or not paths:
        raise DataError(f"{folder} holds {len(names)} finished scenes and {frames} {len(paths)} frames; both are needed.")
    first = load_scene(folder, names[0])
    real = {path.stem: statistics(real_frame(path, first.mask.shape)) for path in paths}
    groups: dict[str, list[np.ndarray]] = {"dark": [], "uneven": []}
    for values in real.values():
        groups["dark" if values["mean"] < DARK else "uneven"].append(np.array(values["histogram"]))
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in PAIR_KINDS}
    for name in names:
        scene = load_scene(folder, name)
        low, _, _ = make_pair(scene.even, scene.working, scene.meta["pair"], (seed, scene.meta["number"]))
        found[scene.meta["pair"]].append(statistics(low))
    rendered, distance = {}, {}
    for kind, rows in found.items():
        if rows:
            keys = [key for key in rows[0] if key != "histogram"]
            spread = {key: [significant(float(np.quantile([row[key] for row in rows], q))) for q in (0.1, 0.5, 0.9)] for key in keys}
            histogram = np.mean([row["histogram"] for row in rows], 0)
            rendered[kind] = {"scenes": len(rows), **spread, "histogram": [significant(float(share)) for share in histogram]}
            if groups[_GROUPS[kind]]:
                gap = np.cumsum(histogram - np.mean(groups[_GROUPS[kind]], 0))
                distance[kind] = significant(float(np.abs(gap).sum()) * 256 / _BINS)
    return {"real": real, "rendered": rendered, "distance": distance}


def sheet(folder: Path, frames: Path | None, names: Sequence[str], path: Path, height: int = 160, seed: int = 0) -> None:
    """Writes a WebP picture: a row a scene (its low picture, the reference, the mask), real frames on the right.

    Args:
        folder: a rendered set.
        frames: folder of real frames; None leaves them out.
        names: ids of the scenes.
        path: of the WebP file.
        height: of one picture on the sheet, pixels.
        seed: of exposures and noise.
    """
    if not names:
        raise DataError(f"{folder} holds no finished scene, or none was asked for.")
    rows = []
    real = sorted(Path(frames).glob("*.jpg")) if frames else []
    for k, name in enumerate(names):
        scene = load_scene(folder, name)
        size = (height, round(height * scene.mask.shape[1] / scene.mask.shape[0]))
        low, reference, _ = make_pair(scene.even, scene.working, scene.meta["pair"], (seed, scene.meta["number"]))
        colours = np.array(COLOURS, np.uint8)[scene.mask]
        tiles = [cv2.resize(tile, (size[1], size[0]), interpolation=cv2.INTER_AREA) for tile in (low, reference, colours)]
        if real:
            tiles.append(real_frame(real[k], size) if k < len(real) else np.zeros((*size, 3), np.uint8))
        rows.append(np.hstack(tiles))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.vstack(rows)).save(path, "webp", quality=82, method=6)
