"""The answers of raters: CSV files that the form has written."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from lle.errors import DataError
from lle.rate.key import NAME, Key

Preferred = Literal["left", "right", "same"]
COLUMNS = ("study", "rater", "trial", "picture", "left", "right", "answer", "seconds", "input")


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        rater: number of the rater.
        trial: number of the pair in the rater's order, from 1.
        picture: code of the picture.
        left: code of the method on the left.
        right: code of the method on the right.
        answer: which was preferred.
        seconds: from seeing the pair to the answer.
        saw_input: whether the dark picture was looked at.
    """

    rater: int
    trial: int
    picture: str
    left: str
    right: str
    answer: Preferred
    seconds: float
    saw_input: bool


def study_of(paths: Sequence[Path]) -> str:
    """Returns the study that the files are of.

    Raises:
        DataError: there is no answer in them, or they are of several studies.
    """
    found = {row["study"]: path for path in paths for row in _rows(path)}
    if len(found) != 1:
        listed = ", ".join(f"{study} ({path})" for study, path in sorted(found.items()))
        raise DataError(f"the files hold answers of {len(found)} forms: {listed or 'none at all'}. Score one form at a time.")
    return next(iter(found))


def find_key(study: str, folder: Path) -> Path:
    """Returns the key of a study among the forms below a folder.

    Raises:
        DataError: it is not there.
    """
    for path in sorted(Path(folder).glob(f"*/{NAME}")):
        if Key.read(path).study == study:
            return path
    raise DataError(f"no form under {folder} has the key of study {study}. Name its key.json: --key FILE.")


def read_answers(paths: Sequence[Path], key: Key) -> list[Answer]:
    """Reads the answers of a form, each once: a file that was downloaded earlier may repeat those of a later one.

    Args:
        paths: CSV files of the form.
        key: of the form.

    Raises:
        DataError: a file is no such CSV or of another form, or two files have different answers of a rater to a pair.
    """
    found: dict[tuple[int, int], tuple[Answer, Path]] = {}
    for path in paths:
        for number, row in enumerate(_rows(path), 2):
            one = _answer(row, key, f"{path}, line {number}")
            before, other = found.setdefault((one.rater, one.trial), (one, path))
            if (before.picture, before.left, before.right, before.answer) != (one.picture, one.left, one.right, one.answer):
                raise DataError(
                    f"rater {one.rater} answered pair {one.trial} in {other} and otherwise in {path}. Leave out the older file; if two "
                    "people had one number, give one of them another number in the column `rater`."
                )
    if not found:
        raise DataError("there is no answer in the files. Download them from the form once some pairs are answered.")
    return [found[place][0] for place in sorted(found)]


def describe(answers: Sequence[Answer]) -> str:
    """Says in a line how long the answers took, and how often the dark picture was looked at."""
    seconds = sorted(one.seconds for one in answers)
    looked = sum(one.saw_input for one in answers) / len(answers)
    return f"median {seconds[len(seconds) // 2]:.1f} s a pair; the dark picture was looked at in {looked:.0%} of them"


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if set(COLUMNS) - set(reader.fieldnames or ()):
                raise DataError(f"{path} is no file of answers: it needs the columns {', '.join(COLUMNS)}, separated by commas.")
            return [{name: row[name] or "" for name in COLUMNS} for row in reader]
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist. Name files of answers that the form has written.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no file of answers: {error}.") from error


def _answer(row: dict[str, str], key: Key, place: str) -> Answer:
    if row["study"] != key.study:
        raise DataError(f"{place}: an answer of form {row['study']}, and the key is that of {key.study}. Score one form at a time.")
    for column, known in (("picture", key.pictures), ("left", key.methods), ("right", key.methods), ("answer", get_args(Preferred))):
        if row[column] not in known:
            raise DataError(f"{place}: the {column} '{row[column]}' is not of this form. Restore the file as it was downloaded.")
    try:
        rater, trial, seconds = int(row["rater"]), int(row["trial"]), float(row["seconds"])
    except ValueError as error:
        raise DataError(f"{place}: {error}. Restore the file as it was downloaded.") from error
    if row["left"] == row["right"]:
        raise DataError(f"{place}: a method is compared with itself. Restore the file as it was downloaded.")
    answer = cast(Preferred, row["answer"])
    return Answer(rater, trial, row["picture"], row["left"], row["right"], answer, seconds, row["input"] == "1")
