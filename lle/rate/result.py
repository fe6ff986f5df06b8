"""The result of a user study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lle.files import significant
from lle.provenance import provenance
from lle.rate.answers import Answer
from lle.rate.key import Key
from lle.rate.scores import protocol, rate
from lle.results.rating import Rating


def write_rating(answers: Sequence[Answer], key: Key, reports: Path, command: str | None = None) -> Rating:
    """Scores the methods and writes `reports/rate/<name>.json`.

    Args:
        answers: of all raters.
        key: of their form.
        reports: folder of the results.
        command: what is recorded as having made it.

    Raises:
        DataError: some methods were never compared with the others.
    """
    decided = [one for one in answers if one.answer != "same"]
    result = {
        "schema": Rating.SCHEMA,
        "name": key.name,
        "study": key.study,
        "dataset": key.dataset,
        "question": key.question,
        "methods": [one.plain() for one in rate(answers, key)],
        "raters": len({one.rater for one in answers}),
        "pictures": len({one.picture for one in answers}),
        "answers": len(answers),
        "same": significant(1 - len(decided) / len(answers)),
        "left": significant(sum(one.answer == "left" for one in decided) / len(decided)) if decided else None,
        "protocol": protocol(answers, key),
        "provenance": provenance(
            command=command, before=[key.provenance.command] if key.provenance.command else [], data_digest=key.provenance.data_digest
        ),
    }
    return Rating.written(result, Rating.path(reports, key.name))
