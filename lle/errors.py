"""Errors that a person can act on: the command line prints their message alone, without a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LleError(Exception):
    """Something the user can put right. The message says what is wrong and what to do next.

    Attributes:
        exit_code: with which the command line ends; 128 and the signal's number where a signal stopped the work.
    """

    exit_code: int = 1


class ConfigError(LleError):
    """A setting is unknown, of the wrong type or contradicts another one."""


class DataError(LleError):
    """A data set, image or manifest cannot be used as it is."""


class WeightsError(LleError):
    """Weights are missing, unreadable or do not fit the network."""


class TrainingError(LleError):
    """Training cannot start or go on."""


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message that says something, or the name of its class."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns `" Did you mean 'x'?"` for the nearest known word, or an empty string when none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""
