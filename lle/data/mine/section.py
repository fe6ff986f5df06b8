"""Cross-sections of roadways."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

Shape = Literal["arch", "rectangle", "trapezoid"]


class Section:
    """The outline of a roadway, from the left floor corner over the roof to the right one (x across, y up, m).

    Attributes:
        shape: outline.
        width: at the floor, m.
        height: at the crown, m.
        length: of the outline, m.
        outline: N x 2 points.
    """

    def __init__(self, shape: Shape, width: float, height: float, wall: float) -> None:
        self.shape, self.width, self.height = shape, width, height
        if shape == "arch":
            angle = np.linspace(np.pi, 0, 200)
            arc = np.stack([np.cos(angle) * width / 2, wall + np.sin(angle) * (height - wall)], -1)
            left = np.stack([np.full(40, -width / 2), np.linspace(-0.3, wall, 40, endpoint=False)], -1)
            right = np.stack([np.full(40, width / 2), np.linspace(wall, -0.3, 41)[1:]], -1)
            outline = np.concatenate([left, arc, right])
        else:
            lean = 0.35 if shape == "trapezoid" else 0.06
            corners = np.array([(-width / 2, -0.3), (-width / 2 + lean, height), (width / 2 - lean, height), (width / 2, -0.3)])
            outline = np.concatenate([np.linspace(corners[i], corners[i + 1], 160, endpoint=False) for i in range(3)] + [corners[3:]])
            kernel = np.exp(-0.5 * (np.arange(-14, 15) / 5.0) ** 2)
            kernel /= kernel.sum()
            outline = np.stack(
                [np.convolve(np.pad(outline[:, j], 14, mode="reflect", reflect_type="odd"), kernel, "valid") for j in range(2)], 1
            )
        self.outline = outline
        self._arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(outline, axis=0), axis=1))])
        self.length = float(self._arc[-1])
        along = np.gradient(outline, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        self._normals = np.stack([along[:, 1], -along[:, 0]], -1)

    def at(self, arc: Any, inset: Any = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Points `inset` metres inside the outline at arc length `arc`, and the normals into the roadway; both (..., 2)."""
        arc = np.asarray(arc, float)

        def interpolate(values: np.ndarray) -> np.ndarray:
            return np.stack([np.interp(arc, self._arc, values[:, j]) for j in range(2)], -1)

        normal = interpolate(self._normals)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        return interpolate(self.outline) + normal * np.asarray(inset)[..., None], normal

    def arc_at(self, height: float, side: int) -> float:
        """Arc length of the wall at a height; side -1 is the wall at negative x."""
        crown = int(np.argmax(self.outline[:, 1]))
        part = slice(0, crown + 1) if side < 0 else slice(crown, None)
        heights, arcs = self.outline[part, 1], self._arc[part]
        order = np.argsort(heights)
        return float(np.interp(height, heights[order], arcs[order]))
