"""A composite index over several no-reference metrics, for tables in the style of the distillation paper.

The paper ("comprehensive performance index", C. Kang 2021) defines none; this one is ours: every metric is brought to [0, 1]
over the methods compared, turned so that more is better, and the values are added. It is relative: adding a method to the
table changes everyone's index, so it ranks within one table and is no property of a method.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lle.errors import DataError

HIGHER_IS_BETTER: Mapping[str, bool] = {"niqe": False, "brightness": True, "contrast": True, "entropy": True}
"""The metrics of the index, by name, and their direction."""


def composite_index(table: Mapping[str, Mapping[str, float]], higher: Mapping[str, bool] = HIGHER_IS_BETTER) -> dict[str, float]:
    """Adds up the metrics of each method, each normalised over the methods.

    Args:
        table: by method, the mean of each metric over one data set.
        higher: the metrics to use, and whether more is better.

    Returns:
        By method, a value in [0, number of metrics]. A metric that is equal for all methods adds 0 to each.

    Raises:
        DataError: fewer than two methods, or a value is missing or not finite.
    """
    if len(table) < 2:
        raise DataError(f"a composite index compares methods; the table holds {len(table)}. Evaluate another one.")
    for name, row in table.items():
        missing = [metric for metric in higher if metric not in row or not np.isfinite(row[metric])]
        if missing:
            raise DataError(f"method '{name}' has no value for {', '.join(missing)}. Evaluate it, or leave the method out of the index.")
    index = dict.fromkeys(table, 0.0)
    for metric, more in higher.items():
        values = np.array([row[metric] for row in table.values()], dtype=np.float64)
        span = values.max() - values.min()
        if span == 0:
            continue
        scores = (values - values.min()) / span
        for name, score in zip(table, scores if more else 1 - scores, strict=True):
            index[name] += float(score)
    return index


def improvement(index: Mapping[str, float], method: str) -> dict[str, float | None]:
    """By how many percent a method's index lies above each other one's; None where the other's is 0.

    Raises:
        DataError: the method is not in the table.
    """
    if method not in index:
        raise DataError(f"method '{method}' is not in the table: {', '.join(index)}.")
    own = index[method]
    return {name: 100 * (own - value) / value if value else None for name, value in index.items() if name != method}
