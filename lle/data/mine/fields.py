"""Random fields that shape and colour rock: 1/f noise and fractured facets."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree


def noise_map(n: int, beta: float, rng: np.random.Generator, stretch: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    """Periodic noise with power spectrum 1/f^beta.

    Args:
        n: rows and columns.
        beta: exponent; 2 to 3 is smooth, below 1 is fine grain.
        rng: source of the draw.
        stretch: factors on the frequencies of rows and columns; above 1 makes the pattern longer in that direction.

    Returns:
        n x n array of mean 0 and deviation 1.
    """
    rows = np.fft.fftfreq(n)[:, None] * n * stretch[0]
    columns = np.fft.rfftfreq(n)[None] * n * stretch[1]
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = 1
    amplitude = frequency ** (-beta / 2)
    amplitude[0, 0] = 0
    phases = rng.normal(size=amplitude.shape) + 1j * rng.normal(size=amplitude.shape)
    field = np.fft.irfft2(amplitude * phases, s=(n, n))
    return (field - field.mean()) / field.std()


def sample(field: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Bilinear periodic lookup; u along columns and v along rows, in periods."""
    rows, columns = field.shape
    return map_coordinates(field, [np.asarray(v) * rows, np.asarray(u) * columns], order=1, mode="grid-wrap")


def facets(
    u: np.ndarray,
    v: np.ndarray,
    size: float,
    rng: np.random.Generator,
    u_range: tuple[float, float],
    v_range: tuple[float, float],
    tilt: float = 0.35,
) -> np.ndarray:
    """Displacement of a fractured surface: Voronoi cells with random offset and tilt, and cracks between them.

    Args:
        u: first coordinate, m.
        v: second coordinate, m; same shape.
        size: mean width of a cell, m.
        rng: source of the draw.
        u_range: first and last u that is covered.
        v_range: first and last v that is covered.
        tilt: slope of the cells, relative to their size.

    Returns:
        Displacement in units of one deviation, shape of u.
    """
    count = max(8, int((u_range[1] - u_range[0]) * (v_range[1] - v_range[0]) / size**2))
    sites = np.stack([rng.uniform(*u_range, count), rng.uniform(*v_range, count)], -1)
    height = rng.normal(size=count)
    slope = rng.normal(size=(count, 2)) * tilt / size
    points = np.stack([u.ravel(), v.ravel()], -1)
    distance, nearest = cKDTree(sites).query(points, k=2)
    first = nearest[:, 0]
    surface = height[first] + (slope[first] * (points - sites[first])).sum(1)
    crack = np.exp(-(((distance[:, 1] - distance[:, 0]) / (0.08 * size)) ** 2))
    return (surface - 0.8 * crack).reshape(u.shape)
