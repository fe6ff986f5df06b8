"""Scores from answers: the Bradley-Terry model, with intervals over raters and pictures.

The model (Bradley and Terry, Biometrika 39, 1952) says that i is preferred to j with probability 1 / (1 + exp(s_j - s_i)). It is a
logistic regression without intercept on the difference of two indicator vectors, so scikit-learn fits it. A weak normal prior of the
scores keeps them finite where a method won, or lost, every answer. An answer `same` is half a win for each of both.

Raters and pictures are drawn anew together (Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1, 2007): answers of one rater,
and answers about one picture, are no independent evidence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from lle.errors import DataError
from lle.files import significant
from lle.measure.quality import bootstrap_groups
from lle.metrics.bootstrap import LEVEL, draws
from lle.rate.answers import Answer, describe
from lle.rate.key import Key
from lle.results.rating import RatedMethod

PRIOR_SD = 5.0
"""Standard deviation of the prior of a score, log-odds: 5 apart, one of two is preferred 149 times in 150."""
RESAMPLES = 2000
CHUNK = 200
"""Resamples whose weights are held at a time."""


def bradley_terry(wins: NDArray[np.float64], prior_sd: float = PRIOR_SD) -> NDArray[np.float64]:
    """Returns the scores of methods, log-odds with mean 0.

    Args:
        wins: K x K; `wins[i, j]` answers, or halves of some, prefer i to j.
        prior_sd: standard deviation of the normal prior with mean 0.

    Raises:
        ValueError: there is no answer.
    """
    from sklearn import config_context
    from sklearn.linear_model import LogisticRegression

    count = len(wins)
    first, second = np.triu_indices(count, 1)
    difference = np.eye(count)[first] - np.eye(count)[second]
    weights = np.concatenate([wins[first, second], wins[second, first]])
    if weights.sum() <= 0:
        raise ValueError("no method was preferred to another one")
    model = LogisticRegression(C=prior_sd**2, fit_intercept=False, tol=1e-8, max_iter=1000, solver="newton-cholesky")
    # For thousands of small fits: checking what is passed takes longer than the fit.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        model.fit(np.concatenate([difference, difference]), np.repeat([1, 0], len(first)), weights)
    found = model.coef_[0]
    return found - found.mean()


def rate(answers: Sequence[Answer], key: Key, seed: int = 0, resamples: int = RESAMPLES) -> list[RatedMethod]:
    """Returns the methods with their scores, the best first.

    Args:
        answers: of all raters.
        key: of their form.
        seed: of the bootstrap.
        resamples: number of draws.

    Raises:
        DataError: some methods were never compared with the others, not even over a third one, so that no scale holds them all.
    """
    codes = list(key.methods)
    index = {code: number for number, code in enumerate(codes)}
    pairs = np.zeros((len(answers), len(codes) ** 2))
    for line, one in zip(pairs, answers, strict=True):
        left, right = index[one.left], index[one.right]
        share = {"left": 1.0, "right": 0.0, "same": 0.5}[one.answer]
        line[left * len(codes) + right], line[right * len(codes) + left] = share, 1 - share
    wins = pairs.sum(axis=0).reshape(len(codes), len(codes))
    _require_connected(wins, [key.methods[code] for code in codes])
    scores = bradley_terry(wins)
    drawn = _resampled(pairs, answers, key, seed, resamples)
    ends = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0) if len(drawn) else None
    found = [
        RatedMethod(
            method=key.methods[code],
            score=significant(float(scores[at])),
            low=None if ends is None else significant(float(ends[0, at])),
            high=None if ends is None else significant(float(ends[1, at])),
            won=significant(float(wins[at].sum() / (wins[at].sum() + wins[:, at].sum()))),
            answers=round(wins[at].sum() + wins[:, at].sum()),
        )
        for at, code in enumerate(codes)
    ]
    return sorted(found, key=lambda one: (-one.score, one.method))


def _require_connected(wins: NDArray[np.float64], names: Sequence[str]) -> None:
    count, part = connected_components(csr_matrix(wins + wins.T), directed=False)
    if count > 1:
        groups = [", ".join(name for name, at in zip(names, part, strict=True) if at == group) for group in range(count)]
        raise DataError(
            f"these methods were never compared with each other, not even over a third one: {' | '.join(groups)}. No scale holds them "
            "all: have more pairs answered, or make a form without those that lack answers."
        )


def _resampled(pairs: NDArray[np.float64], answers: Sequence[Answer], key: Key, seed: int, resamples: int) -> NDArray[np.float64]:
    """Returns the scores of every resample, R x K; none where one rater judged one picture."""
    raters, rater = np.unique([one.rater for one in answers], return_inverse=True)
    scenes = bootstrap_groups([key.pictures[one.picture].scene for one in answers])
    unit, at = np.unique([one.picture for one in answers] if scenes is None else scenes, return_inverse=True)
    if len(raters) == 1 and len(unit) == 1:
        return np.zeros((0, len(key.methods)))
    by_rater, by_unit = draws(len(raters), resamples, seed), draws(len(unit), resamples, seed + 1)
    found = []
    for begin in range(0, resamples, CHUNK):
        some = slice(begin, begin + CHUNK)
        counted = (by_rater[some][:, rater] * by_unit[some][:, at]) @ pairs
        # Few raters on few pictures: a draw may hold none of the answers.
        found += [bradley_terry(one.reshape(len(key.methods), -1)) for one in counted if one.sum() > 0]
    return np.array(found)


def protocol(answers: Sequence[Answer], key: Key, resamples: int = RESAMPLES) -> dict[str, str]:
    """Says how the scores were made."""
    scenes = bootstrap_groups([key.pictures[one.picture].scene for one in answers])
    return {
        "model": f"Bradley-Terry, log-odds with mean 0; normal prior of sd {PRIOR_SD:g}; an answer `same` is half a win for each",
        "interval": f"{LEVEL:.0%} percentile bootstrap, {resamples} draws of raters and of {'pictures' if scenes is None else 'scenes'}",
        "answers": describe(answers),
    }
