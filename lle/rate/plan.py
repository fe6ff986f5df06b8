"""Which pairs each rater is shown, in which order and on which sides: all of it follows from the seed."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from lle.errors import ConfigError

Trial = tuple[int, int, int]
"""Number of the picture, of the method on the left and of the method on the right."""


def plan(pictures: int, methods: int, raters: int, pairs: int, seed: int) -> list[list[Trial]]:
    """Returns the trials of every rater.

    A rater meets the pairs of methods in rounds: a round has each of them once, in random order and spread evenly over the pictures, and
    the next one has the sides exchanged and other pictures. So whoever stops early has still compared nearly all methods, and no rater
    sees a pair of methods twice on a picture.

    Args:
        pictures: number of pictures.
        methods: number of methods, at least two.
        raters: number of raters, each with an order of their own.
        pairs: trials of a rater; fewer where there are not so many.
        seed: of order, sides and pictures.

    Raises:
        ConfigError: there is nothing to compare.
    """
    if methods < 2 or pictures < 1:
        raise ConfigError("a form compares at least two methods on at least one picture. Name more methods, or more folders.")
    both = list(combinations(range(methods), 2))
    plans = []
    for rater in range(raters):
        generator = np.random.default_rng([seed, rater])
        order, flips = generator.permutation(pictures), generator.integers(0, 2, len(both))
        trials: list[Trial] = []
        for lap in range(pictures):
            for index in generator.permutation(len(both)).tolist():
                left, right = both[index] if (flips[index] + lap) % 2 else both[index][::-1]
                trials.append((int(order[(lap + index) % pictures]), left, right))
        plans.append(trials[:pairs])
    return plans


def codes(count: int, letter: str, seed: int) -> list[str]:
    """Returns names that tell nothing: `count` of them, in random order.

    Args:
        count: of what is named.
        letter: the first of each name.
        seed: of the order.
    """
    return [f"{letter}{number + 1}" for number in np.random.default_rng([seed, count, ord(letter)]).permutation(count).tolist()]
