"""LIME's refinement of the illumination: one large sparse linear system, solved by multigrid.

The system is that of a grid of resistors whose conductances span four powers of ten. A direct solver needs seconds for
400x600; conjugate gradients, preconditioned by one multigrid cycle whose smoother solves whole rows and whole columns
exactly, need half a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import spttrf, spttrs
from scipy.ndimage import gaussian_filter

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Grid:
    """A symmetric, diagonally dominant operator on a grid: `(A t)_p = diagonal_p t_p - sum over neighbours q of w_pq t_q`.

    Attributes:
        diagonal: H x W.
        right: conductance to the right-hand neighbour, H x (W - 1).
        down: conductance to the lower neighbour, (H - 1) x W.
    """

    diagonal: Array
    right: Array
    down: Array

    def __matmul__(self, t: Array) -> Array:
        """Applies the operator to H x W values."""
        y = self.diagonal * t
        y[:, 1:] -= self.right * t[:, :-1]
        y[:, :-1] -= self.right * t[:, 1:]
        y[1:] -= self.down * t[:-1]
        y[:-1] -= self.down * t[1:]
        return y

    def from_columns(self, t: Array) -> Array:
        """Returns the part of `-(A t)` that comes through the links between columns."""
        y = np.empty_like(t)
        np.multiply(self.right, t[:, :-1], out=y[:, 1:])
        y[:, 0] = 0
        y[:, :-1] += self.right * t[:, 1:]
        return y

    def from_rows(self, t: Array) -> Array:
        """Returns the part of `-(A t)` that comes through the links between rows."""
        y = np.empty_like(t)
        np.multiply(self.down, t[:-1], out=y[1:])
        y[0] = 0
        y[:-1] += self.down * t[1:]
        return y


def _degree(right: Array, down: Array) -> Array:
    """Sum of the conductances at every node."""
    total = np.zeros((right.shape[0], down.shape[1]), right.dtype)
    total[:, 1:] += right
    total[:, :-1] += right
    total[1:] += down
    total[:-1] += down
    return total


def system(initial: Array, smoothness: float, sigma: float, epsilon: float) -> Grid:
    """Builds `I + smoothness (Dx' Wx Dx + Dy' Wy Dy)`.

    Source: Guo, Li, Ling, LIME: Low-Light Image Enhancement via Illumination Map Estimation, IEEE TIP 2017, equations 16 to 20,
    weighting strategy III.

    Args:
        initial: first estimate of the illumination, H x W.
        smoothness: weight of the smoothness.
        sigma: standard deviation of the window, in pixels.
        epsilon: smallest gradient.
    """

    def conductance(axis: int) -> Array:
        gradient = np.diff(initial, axis=axis)
        window = np.abs(gaussian_filter(gradient, sigma)) + epsilon
        result: Array = smoothness / (window * (np.abs(gradient) + epsilon))
        return result

    right, down = conductance(1), conductance(0)
    return Grid(1 + _degree(right, down), right, down)


def _blocks(values: Array) -> Array:
    """Sums 2 x 2 blocks; at odd sides the last ones are smaller."""
    return _sum_pairs(_sum_pairs(values.T).T)


def _sum_pairs(values: Array) -> Array:
    """Sums neighbouring rows; an odd last one stays alone."""
    result: Array = values[::2].copy()
    result[: values.shape[0] // 2] += values[1::2]
    return result


class _Multigrid:
    """One symmetric V-cycle: solves rows, then columns, corrects on a grid of 2x2 blocks, solves columns, then rows."""

    # Piecewise constant corrections are too stiff by a factor of two: a step between blocks is one link wide, where the true
    # correction would fall over two (Braess, Towards algebraic multigrid for elliptic problems of second order, 1995).
    _stiffness = 2.0

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        height, width = grid.diagonal.shape
        row_links = np.zeros((height, width), np.float32)
        row_links[:, :-1] = -grid.right
        column_links = np.zeros((width, height), np.float32)
        column_links[:, :-1] = -grid.down.T
        self._rows = spttrf(grid.diagonal.ravel(), row_links.ravel()[:-1])[:2]
        self._columns = spttrf(grid.diagonal.T.ravel(), column_links.ravel()[:-1])[:2]
        self._coarse: _Multigrid | None = None
        if min(height, width) > 2:
            mass = _blocks(grid.diagonal - _degree(grid.right, grid.down))
            right = _sum_pairs(grid.right[:, 1::2]) / self._stiffness
            down = _sum_pairs(grid.down[1::2].T).T / self._stiffness
            self._coarse = _Multigrid(Grid(mass + _degree(right, down), right, down))

    def _solve_rows(self, values: Array) -> Array:
        solved: Array = spttrs(*self._rows, values.ravel())[0]
        return solved.reshape(values.shape)

    def _solve_columns(self, values: Array) -> Array:
        solved: Array = spttrs(*self._columns, values.T.ravel())[0]
        return solved.reshape(values.shape[::-1]).T

    def __call__(self, values: Array) -> Array:
        """Solves the grid's system for the right-hand side `values`, H x W, roughly."""
        grid = self.grid
        t = self._solve_rows(values)
        # What an exact solution of all rows leaves is what comes through the links between rows, and likewise for columns.
        change = self._solve_columns(grid.from_rows(t))
        t += change
        rest = grid.from_columns(change)
        if self._coarse is not None:
            height, width = values.shape
            change = self._coarse(_blocks(rest)).repeat(2, 0)[:height].repeat(2, 1)[:, :width]
            t += change
            rest -= grid @ change
        change = self._solve_columns(rest)
        t += change
        t += self._solve_rows(grid.from_columns(change))
        return t


def _dot(a: Array, b: Array) -> float:
    """Scalar product; that of BLAS wakes a thread for each core, which then waits busily."""
    return float(np.einsum("ij,ij->", a, b))


def solve(grid: Grid, values: Array, tolerance: float) -> Array:
    """Solves `grid @ t = values` by conjugate gradients.

    Args:
        grid: the operator; its eigenvalues are 1 or more, so the error is no larger than the residual.
        values: right-hand side, H x W; also the first guess.
        tolerance: largest norm of the residual, relative to that of `values`.

    Raises:
        ArithmeticError: no solution after 500 steps; values or weights are not finite, or the tolerance is below rounding.
    """
    # Single precision is enough for what only chooses the directions of search, and it is faster.
    precondition = _Multigrid(Grid(*(part.astype(np.float32) for part in (grid.diagonal, grid.right, grid.down))))
    t = values.copy()
    residual = values - grid @ t
    limit = tolerance**2 * _dot(values, values)
    direction, previous = np.zeros_like(values), 1.0
    for _ in range(500):
        if _dot(residual, residual) <= limit:
            return t
        z = precondition(residual.astype(np.float32)).astype(np.float64)
        product = _dot(residual, z)
        direction = z + (product / previous) * direction
        image = grid @ direction
        step = product / _dot(direction, image)
        t += step * direction
        residual -= step * image
        previous = product
    raise ArithmeticError(f"the illumination did not converge to {tolerance} in 500 steps: raise `tolerance`, or check the picture for NaN")


def illumination(image: Array, smoothness: float, sigma: float, epsilon: float, tolerance: float) -> Array:
    """Estimates the illumination of a picture.

    Args:
        image: H x W x 3 in [0, 1].
        smoothness: weight of the smoothness.
        sigma: standard deviation of the window, in pixels.
        epsilon: smallest gradient.
        tolerance: of the solver.

    Returns:
        H x W in [0, 1]: a weighted mean of the largest channel around each pixel.
    """
    initial = image.max(axis=2)
    return solve(system(initial, smoothness, sigma, epsilon), initial, tolerance)
