"""Where things of a scene stand in its picture."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from lle.data.mine.materials import CLASSES
from lle.data.mine.scene import Camera, Scene

SMALLEST = 24
"""Height and width of a sign, in pixels, below which nobody reads it: its letters are a fifth as high."""
_SEEN = 0.7
"""Share of a sign that must be in view."""


def project(camera: Camera, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns where points are seen.

    Args:
        camera: with barrel distortion, see `lle.data.mine.scene.Camera`.
        points: N x 3, m.
        size: height and width of the picture.

    Returns:
        N x 2 rows and columns in pixels, the first pixel reaching from 0 to 1; NaN for what is behind the camera.
    """
    right = np.cross(camera.forwards, camera.up)
    right = right / np.linalg.norm(right)
    down = np.cross(camera.forwards, right)
    offset = points - camera.place
    depth = offset @ camera.forwards
    depth = np.where(depth > 1e-6, depth, np.nan)
    ray = np.stack([offset @ right, offset @ down], -1) / depth[:, None] / np.tan(np.radians(camera.field / 2))
    # The picture's radius r obeys r (1 + barrel r^2) = that of the ray: Newton's method, from the radius without distortion.
    length = np.linalg.norm(ray, axis=-1)
    radius = length.copy()
    for _ in range(12):
        radius -= (radius * (1 + camera.barrel * radius**2) - length) / (1 + 3 * camera.barrel * radius**2)
    x, y = (ray * (radius / np.maximum(length, 1e-12))[:, None]).T
    return np.stack([(y * size[1] + size[0]) / 2, (x + 1) / 2 * size[1]], -1)


def visible_signs(scene: Scene, camera: Camera, mask: np.ndarray) -> list[dict[str, Any]]:
    """Lists the signs that can be read in a good picture of a scene.

    A sign counts when it faces the camera, is at least 24 pixels high and wide, and at least 70 % of it is in view.

    Args:
        scene: the scene.
        camera: that took the picture.
        mask: H x W classes of the picture, which tell what hides a sign.

    Returns:
        `text` and `box` (top, left, bottom, right in pixels, the last two exclusive) of each, fit for JSON.
    """
    height, width = mask.shape
    found = []
    for text, corners in scene.signs:
        seen = project(camera, corners, (height, width))
        upper_left, lower_left, lower_right, _ = seen
        turned = np.cross([*(lower_left - upper_left), 0], [*(lower_right - lower_left), 0])[2]
        if not np.isfinite(seen).all() or turned <= 0:
            continue
        area = np.zeros(mask.shape, np.uint8)
        inside = np.clip(seen[:, ::-1], -1e4, 1e4).round().astype(np.int32)
        cv2.fillPoly(area, [inside], 1)
        (top, left), (bottom, end) = np.floor(seen.min(0)).astype(int), np.ceil(seen.max(0)).astype(int)
        whole = cv2.contourArea(inside.astype(np.float32))
        shown = float((mask[area > 0] == CLASSES.index("sign")).sum())
        if min(bottom - top, end - left) >= SMALLEST and shown >= _SEEN * whole:
            box = [max(0, top), max(0, left), min(height, bottom), min(width, end)]
            found.append({"text": text, "box": [int(value) for value in box]})
    return found
