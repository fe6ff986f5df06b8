"""Which statistic of a frame tells dark from lit, at which threshold, and how often that errs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from lle.data.images import read_rgb
from lle.data.pairs import Prepared
from lle.errors import DataError
from lle.files import significant
from lle.infer.darkness import STATISTIC, STATISTICS, THRESHOLD, darkness
from lle.provenance import provenance
from lle.results.video import Darkness, Told, Tried

CHOSEN_ON = ("train", "val")
"""Splits on which statistic and threshold are chosen; those of validation alone are too few to tell statistics apart."""
Values = Mapping[str, tuple[list[float], list[float]]]
"""By statistic: values of dark pictures, values of lit ones."""


def measure(prepared: Prepared, reports: Path = Path("reports"), frames: Path | None = None) -> Darkness:
    """Chooses a statistic and its threshold on `CHOSEN_ON`, measures those in use, and writes `benchmarks/darkness.json`.

    The low pictures of the set are the dark ones, its normal pictures the lit ones.

    Args:
        prepared: a set of pairs.
        reports: receives the file.
        frames: folder of real frames, which are judged without being called dark or lit by anyone; None leaves them out.

    Returns:
        What was written.
    """
    values = {split: _values(prepared, split) for split in (*CHOSEN_ON, "test")}
    for split, judged in values.items():
        if not all(judged[STATISTIC]):
            raise DataError(
                f"the split '{split}' of '{prepared.name}' has no dark or no lit pictures. Name a set of pairs, such as mine_rendered."
            )
    tried, best = choose({name: _joined(values[split][name] for split in CHOSEN_ON) for name in STATISTICS})
    real = {path.stem: significant(darkness(read_rgb(path))) for path in sorted(frames.glob("*.jpg"))} if frames is not None else {}
    record = {
        "dataset": prepared.name,
        "chosen_on": list(CHOSEN_ON),
        "tried": {name: one.plain() for name, one in tried.items()},
        "statistic": best,
        "threshold": tried[best].threshold,
        "used": {"statistic": STATISTIC, "threshold": THRESHOLD},
        "splits": {split: _told(*found[STATISTIC]).plain() for split, found in values.items()},
        "frames": real,
        "frames_dark": sum(value < THRESHOLD for value in real.values()),
        "provenance": provenance(seed=None, data_digest=prepared.digest, command=f"lle benchmark darkness {prepared.name}"),
    }
    found = Darkness.of(record)
    found.write(Darkness.path(reports))
    return found


def _joined(parts: Iterable[tuple[list[float], list[float]]]) -> tuple[list[float], list[float]]:
    dark, lit = zip(*parts, strict=True)
    return list(itertools.chain(*dark)), list(itertools.chain(*lit))


def _values(prepared: Prepared, split: str) -> Values:
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in STATISTICS}
    for row in prepared.rows(split):
        for side, path in enumerate((row.low, row.normal)):
            if path is not None:
                picture = read_rgb(path)
                for name in STATISTICS:
                    found[name][side].append(darkness(picture, name))
    return found


def choose(values: Values) -> tuple[dict[str, Tried], str]:
    """Finds the best threshold of every statistic, and the best statistic.

    Args:
        values: of pictures that are known to be dark or lit.

    Returns:
        Threshold and error by statistic, and the name of the statistic with the smallest error; of equal ones, that whose thresholds
        with that error span the widest range, as a share of the threshold.
    """
    tried, gaps = {}, {}
    for name, (dark, lit) in values.items():
        low, high, error = best_range(dark, lit)
        tried[name] = Tried(threshold=significant((low + high) / 2), balanced_error=significant(error))
        gaps[name] = (high - low) / max(low + high, 1e-9)
    best = min(tried, key=lambda name: (tried[name].balanced_error, -gaps[name]))
    return tried, best


def best_range(dark: Sequence[float], lit: Sequence[float]) -> tuple[float, float, float]:
    """Returns the widest range of thresholds with the smallest balanced error, and that error.

    Args:
        dark: values of dark pictures; those below the threshold are judged rightly.
        lit: values of lit pictures.
    """
    edges = np.unique(np.concatenate([[0.0], dark, lit, [1.0]]))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.array([[np.mean(np.asarray(side) < middle) for side in (dark, lit)] for middle in middles])
    errors = ((1 - below[:, 0]) + below[:, 1]) / 2
    ties = np.flatnonzero(errors <= errors.min() + 1e-12)
    widest = ties[np.argmax((edges[1:] - edges[:-1])[ties])]
    return float(edges[widest]), float(edges[widest + 1]), float(errors[widest])


def _told(dark: Sequence[float], lit: Sequence[float]) -> Told:
    return Told(
        dark=len(dark),
        lit=len(lit),
        dark_missed=sum(value >= THRESHOLD for value in dark),
        lit_touched=sum(value < THRESHOLD for value in lit),
        darkest_lit=significant(min(lit)),
        brightest_dark=significant(max(dark)),
    )
