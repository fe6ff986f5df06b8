"""Fewer bootstrap resamples than the report takes: the tests look at verdicts and layout, not at the last digit of an interval."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lle.report import significance
from lle.report.sections import segmentation


@pytest.fixture(scope="session", autouse=True)
def few_resamples() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(significance, "RESAMPLES", 200)
        patch.setattr(segmentation, "RESAMPLES", 200)
        yield
