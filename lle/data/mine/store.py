"""Rendered scenes on disk: radiance as WebP of a logarithmic curve, exact masks, coarse depth. Reading needs numpy and cv2 only.

A set is a folder with `even/`, `working/`, `mask/`, `depth/` and `meta/`, file names equal to the scene's id. `meta/<id>.json` is written
last, so a scene is finished exactly when it has one.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from lle.errors import DataError
from lle.files import atomic_path, read_json, write_json

FORMAT = 1
QUALITY = 82
"""WebP quality of the radiance."""
_CURVE = 30.0
_CEILING = {"even": 24.0, "working": 100.0}
_NEAREST = 0.1


@dataclass(frozen=True)
class SceneData:
    """One scene as read.

    Attributes:
        even: radiance under even light, H x W x 3 float32, linear rgb; even and working share one unit.
        working: radiance under the working lamps.
        mask: H x W uint8, see `lle.data.mine.materials.CLASSES`.
        depth: H x W float32, m along the camera's axis, enlarged from half the resolution and good to some per cent.
        meta: how the scene was made: kind, split, seed, texts and so on.
    """

    even: np.ndarray
    working: np.ndarray
    mask: np.ndarray
    depth: np.ndarray
    meta: dict[str, Any]


def encode_radiance(radiance: np.ndarray, state: str) -> tuple[bytes, dict[str, float]]:
    """Compresses radiance.

    The code value is log(1 + 30 x / m) / log(1 + 30 c), m being the mean: near-linear in the dark, logarithmic in the light, clipped at
    c means (24 for the even state, which leaves two stops above white at its usual exposure, 100 for the working one).

    Args:
        radiance: H x W x 3 float32, not negative.
        state: "even" or "working".

    Returns:
        A WebP file, and what `decode_radiance` needs.
    """
    scale = max(float(radiance.mean()), 1e-12)
    ceiling = _CEILING[state]
    code = np.log1p(_CURVE * np.minimum(radiance / scale, ceiling)) / np.log1p(_CURVE * ceiling)
    buffer = io.BytesIO()
    Image.fromarray(np.rint(code * 255).astype(np.uint8)).save(buffer, "webp", quality=QUALITY, method=6, use_sharp_yuv=True)
    return buffer.getvalue(), {"scale": scale, "ceiling": ceiling, "curve": _CURVE}


def decode_radiance(code: np.ndarray, curve: dict[str, float]) -> np.ndarray:
    """Code values (uint8, H x W x 3) back to radiance, float32."""
    table = np.expm1(np.arange(256) / 255 * np.log1p(curve["curve"] * curve["ceiling"])) * curve["scale"] / curve["curve"]
    return table.astype(np.float32)[code]


def save_scene(
    folder: Path, name: str, even: np.ndarray, working: np.ndarray, mask: np.ndarray, depth: np.ndarray, meta: dict[str, Any]
) -> int:
    """Writes one scene, the description last; returns its size in bytes."""
    encoded = {state: encode_radiance(radiance, state) for state, radiance in (("even", even), ("working", working))}
    height, width = mask.shape
    half = cv2.resize(depth, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    farthest = float(half.max())
    log_depth = np.log(np.maximum(half, _NEAREST) / _NEAREST) / np.log(farthest / _NEAREST)
    files = {
        "even": encoded["even"][0],
        "working": encoded["working"][0],
        "mask": _webp(mask, lossless=True),
        "depth": _webp(np.rint(log_depth * 255).astype(np.uint8), lossless=False),
    }
    for part, data in files.items():
        with atomic_path(folder / part / f"{name}.webp") as temporary:
            temporary.write_bytes(data)
    curves = {state: {key: float(f"{value:.7g}") for key, value in encoded[state][1].items()} for state in encoded}
    description = {**meta, "format": FORMAT, "height": height, "width": width, "curves": curves, "farthest_m": farthest}
    write_json(folder / "meta" / f"{name}.json", description)
    return sum(len(data) for data in files.values())


def load_scene(folder: Path, name: str) -> SceneData:
    """Reads one scene.

    Args:
        folder: of the set.
        name: id of the scene, for example "0007".

    Raises:
        DataError: a file is missing, damaged, of another size or of a newer format.
    """
    folder = Path(folder)
    if not (folder / "meta" / f"{name}.json").exists():
        raise DataError(f"{folder} holds no finished scene {name!r}. Its scenes are: {_some(finished(folder))}.")
    meta = read_json(folder / "meta" / f"{name}.json")
    if meta.get("format") != FORMAT:
        raise DataError(f"scene {name} in {folder} has format {meta.get('format')}, and this version reads {FORMAT}. Render it again.")
    height, width = meta["height"], meta["width"]
    parts = {part: _read(folder / part / f"{name}.webp") for part in ("even", "working", "mask", "depth")}
    for part in ("even", "working", "mask"):
        if parts[part].shape[:2] != (height, width):
            raise DataError(
                f"{folder / part / name}.webp is {parts[part].shape[:2]}, not {(height, width)}. Delete {name} and render it again."
            )
    log_depth = cv2.resize(parts["depth"][..., 0].astype(np.float32) / 255, (width, height), interpolation=cv2.INTER_LINEAR)
    return SceneData(
        even=decode_radiance(parts["even"], meta["curves"]["even"]),
        working=decode_radiance(parts["working"], meta["curves"]["working"]),
        mask=np.ascontiguousarray(parts["mask"][..., 0]),
        depth=(_NEAREST * np.exp(log_depth * np.log(meta["farthest_m"] / _NEAREST))).astype(np.float32),
        meta=meta,
    )


def finished(folder: Path) -> list[str]:
    """Ids of the finished scenes, sorted."""
    return sorted(path.stem for path in (Path(folder) / "meta").glob("[0-9]*.json"))


def _webp(grey: np.ndarray, lossless: bool) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.repeat(grey[..., None], 3, 2)).save(buffer, "webp", lossless=lossless, quality=80, method=4)
    return buffer.getvalue()


def _read(path: Path) -> np.ndarray:
    if not path.exists():
        raise DataError(f"{path} is missing although the scene is marked as finished. Delete its file in meta/ and render it again.")
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise DataError(f"{path} is not a readable WebP file. Delete the scene's file in meta/ and render it again.")
    return np.ascontiguousarray(picture[..., ::-1])


def _some(names: list[str]) -> str:
    return "none" if not names else ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
