"""The composite index: known tables, directions, refusals."""

from __future__ import annotations

import pytest

from lle.errors import DataError
from lle.metrics.composite import composite_index, improvement

TABLE = {
    "clahe": {"niqe": 6.0, "brightness": 60.0, "contrast": 40.0, "entropy": 6.0},
    "lime": {"niqe": 5.0, "brightness": 120.0, "contrast": 60.0, "entropy": 7.0},
    "distill": {"niqe": 4.0, "brightness": 90.0, "contrast": 60.0, "entropy": 7.5},
}


def test_known_table():
    # clahe is worst in everything; lime: 1/2 + 1 + 1 + 2/3; distill: 1 + 1/2 + 1 + 1.
    index = composite_index(TABLE)
    assert index == pytest.approx({"clahe": 0.0, "lime": 0.5 + 1 + 1 + 1 / 1.5, "distill": 3.5})
    gains = improvement(index, "distill")
    assert gains["lime"] == pytest.approx((3.5 - 19 / 6) / (19 / 6) * 100)
    assert gains["clahe"] is None


def test_units_do_not_matter_and_lower_is_better_for_niqe():
    scaled = {name: {**row, "contrast": row["contrast"] / 255, "niqe": 10 * row["niqe"] + 3} for name, row in TABLE.items()}
    assert composite_index(scaled) == pytest.approx(composite_index(TABLE))
    assert composite_index(TABLE, {"niqe": False}) == {"clahe": 0.0, "lime": 0.5, "distill": 1.0}


def test_metric_that_is_equal_for_all_adds_nothing():
    equal = {name: {**row, "entropy": 7.0} for name, row in TABLE.items()}
    without = {"niqe": False, "brightness": True, "contrast": True}
    assert composite_index(equal) == pytest.approx(composite_index(TABLE, without))


def test_refuses_what_it_cannot_compare():
    with pytest.raises(DataError, match="Evaluate another"):
        composite_index({"lime": TABLE["lime"]})
    with pytest.raises(DataError, match="'lime' has no value for niqe"):
        composite_index({**TABLE, "lime": {**TABLE["lime"], "niqe": float("nan")}})
    with pytest.raises(DataError, match="not in the table"):
        improvement(composite_index(TABLE), "unet")
