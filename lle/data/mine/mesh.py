"""Triangle meshes out of boxes, tubes, grids and balls. Everything is built straight along z; the scene bends it at the end."""

from __future__ import annotations

from typing import Any

import numpy as np

Colour = tuple[float, float, float]
GREY: Colour = (0.5, 0.5, 0.5)


def turn_x(angle: float) -> np.ndarray:
    """Rotation about x, 3 x 3; the angle in radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def turn_y(angle: float) -> np.ndarray:
    """Rotation about y, 3 x 3; the angle in radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def turn_z(angle: float) -> np.ndarray:
    """Rotation about z, 3 x 3; the angle in radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


class Mesh:
    """Collects triangles with normals, texture coordinates and linear colours; one Mesh becomes one shape of one material."""

    def __init__(self) -> None:
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self._count = 0

    @property
    def triangles(self) -> int:
        """Number of triangles."""
        return sum(len(part[4]) for part in self._parts)

    def add(self, vertices: Any, faces: Any, colour: Any = GREY, uv: Any = None, smooth: bool = False) -> None:
        """Adds triangles.

        Args:
            vertices: N x 3 positions, m.
            faces: M x 3 vertex numbers, counter-clockwise seen from outside.
            colour: linear rgb in [0, 1], one or N of them.
            uv: N x 2 texture coordinates.
            smooth: shares normals between faces; otherwise every face is flat.
        """
        vertices, faces = np.asarray(vertices, float), np.asarray(faces, np.int64)
        colour = np.broadcast_to(np.asarray(colour, float), (len(vertices), 3))
        uv = np.zeros((len(vertices), 2)) if uv is None else uv
        corners = vertices[faces]
        face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        if smooth:
            normals = np.zeros_like(vertices)
            for k in range(3):
                np.add.at(normals, faces[:, k], face_normals)
        else:
            vertices, colour, uv = vertices[faces.ravel()], colour[faces.ravel()], uv[faces.ravel()]
            normals = np.repeat(face_normals, 3, 0)
            faces = np.arange(len(vertices)).reshape(-1, 3)
        normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        self._parts.append((vertices, normals, uv, colour, faces + self._count))
        self._count += len(vertices)

    def grid(self, points: np.ndarray, colour: Any = GREY, uv: Any = None, smooth: bool = True, wrap: bool = False) -> None:
        """Adds the quadrangles of a rows x columns x 3 grid; `wrap` joins the last column to the first."""
        rows, columns = points.shape[:2]
        index = np.arange(rows * columns).reshape(rows, columns)
        if wrap:
            index = np.concatenate([index, index[:, :1]], 1)
        quads = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], -1).reshape(-1, 4)
        faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
        colour = np.asarray(colour, float)
        colour = colour.reshape(-1, 3) if colour.ndim == 3 else colour
        self.add(points.reshape(-1, 3), faces, colour, None if uv is None else uv.reshape(-1, 2), smooth)

    def box(self, centre: Any, size: Any, colour: Any = GREY, turn: np.ndarray | None = None, taper: float = 1.0) -> None:
        """Adds a box; `taper` scales the x width of its top."""
        signs = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
        vertices = signs * np.asarray(size, float)
        vertices[signs[:, 1] > 0] *= [taper, 1, 1]
        if turn is not None:
            vertices = vertices @ np.asarray(turn).T
        quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        self.add(vertices + np.asarray(centre, float), [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], colour)

    def tube(
        self, path: Any, radius: Any, colour: Any = GREY, sides: int = 10, smooth: bool = True, up: Any = (0, 1, 0), cap: bool = True
    ) -> None:
        """Adds a round tube.

        Args:
            path: N x 3 centres, m.
            radius: one, N, or N x 2 (sideways and upwards), m.
            colour: one, or N of them.
            sides: corners of the cross-section.
            smooth: round instead of faceted.
            up: direction that the second radius follows, one or N.
            cap: closes both ends.
        """
        angle = np.arange(sides) * 2 * np.pi / sides
        profile = np.stack([np.cos(angle), np.sin(angle)], -1)
        path = np.asarray(path, float)
        radius = np.asarray(radius, float)
        radius = np.broadcast_to(radius.reshape(-1, 1) if radius.ndim < 2 else radius, (len(path), 2))
        self._sweep(path, profile, radius, colour, smooth, up, cap)

    def profile(self, path: Any, profile: Any, colour: Any = GREY, up: Any = (0, 1, 0)) -> None:
        """Adds a straight-edged bar: the closed `profile` (K x 2, sideways and upwards, m) swept along `path` (N x 3)."""
        path = np.asarray(path, float)
        self._sweep(path, np.asarray(profile, float), np.ones((len(path), 2)), colour, False, up, True)

    def _sweep(self, path: np.ndarray, profile: np.ndarray, radius: np.ndarray, colour: Any, smooth: bool, up: Any, cap: bool) -> None:
        along = np.gradient(path, axis=0)
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
        up = np.broadcast_to(np.asarray(up, float), along.shape).copy()
        parallel = np.abs((up * along).sum(1)) > 0.95
        if parallel.any():
            up[parallel] = (0, 0, 1) if abs(along[parallel, 2].mean()) < 0.9 else (1, 0, 0)
        side = np.cross(up, along)
        side /= np.linalg.norm(side, axis=1, keepdims=True)
        up = np.cross(along, side)
        points = (
            path[:, None]
            + side[:, None] * profile[None, :, :1] * radius[:, None, :1]
            + up[:, None] * profile[None, :, 1:] * radius[:, None, 1:]
        )
        if np.ndim(colour) == 2:
            colour = np.repeat(np.asarray(colour)[:, None], points.shape[1], 1)
        self.grid(points[:, ::-1], colour, None, smooth, wrap=True)
        if not cap:
            return
        corners = points.shape[1]
        for end, outwards in ((0, True), (-1, False)):
            faces = np.array([(i, (i + 1) % corners, corners) for i in range(corners)])
            shade = np.asarray(colour)[end, 0] if np.ndim(colour) == 3 else colour
            self.add(np.concatenate([points[end], path[end][None]]), faces[:, ::-1] if outwards else faces, shade)

    def cylinder(self, start: Any, end: Any, radius: float, colour: Any = GREY, sides: int = 12) -> None:
        """Adds a closed cylinder between two points."""
        self.tube(np.linspace(start, end, 2), radius, colour, sides)

    def ball(self, centre: Any, radius: Any, colour: Any = GREY, sides: int = 12, half: bool = False) -> None:
        """Adds a ball or an ellipsoid (`radius` of three), or its upper half."""
        polar = np.linspace(0, np.pi / 2 if half else np.pi, sides // 2 + 1)
        round_ = np.arange(sides) * 2 * np.pi / sides
        points = np.stack(
            [np.sin(polar)[:, None] * np.cos(round_), np.cos(polar)[:, None] * np.ones(sides), np.sin(polar)[:, None] * np.sin(round_)], -1
        )
        self.grid(points[:, ::-1] * np.asarray(radius) + np.asarray(centre), colour, None, True, wrap=True)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Vertices N x 3, normals N x 3, texture coordinates N x 2, colours N x 3 and faces M x 3 of everything added."""
        parts = self._parts
        return tuple(np.concatenate([part[k] for part in parts]) for k in range(5))  # type: ignore[return-value]
