"""Which differences are established: known answers, symmetry, and what is too little evidence."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_files import card, make_reports

from lle.report.leaderboard import leaderboard
from lle.report.significance import ALPHA, critical_difference, holm, ranks
from lle.report.significance import tests as run_tests
from lle.results.quality import INPUT
from lle.results.read import Results, read_results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return read_results(make_reports(tmp_path_factory.mktemp("reports")), card)


def test_holm_on_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_nemenyi_critical_difference_of_demsar():
    """Demsar 2006, section 3.2.2: four classifiers on 14 data sets, q 2.569, critical difference 1.25."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def test_all_pairs_both_ways_round(results: Results):
    tested = run_tests(results, leaderboard(results, "demo"), "psnr")
    assert tested is not None
    assert tested.count == len(tested.pairs) // 2
    for (a, b), pair in tested.pairs.items():
        other = tested.pairs[b, a]
        assert pair.difference.difference.mean == -other.difference.difference.mean
        assert pair.difference.difference.low == -other.difference.difference.high
        assert {pair.verdict, other.verdict} in ({"open"}, {"better", "worse"})
    assert tested.pairs["unet", INPUT].verdict == "better"
    assert tested.pairs["pie", "zero_dce"].verdict == "open"


def test_lower_is_better_turns_the_verdict(results: Results):
    tested = run_tests(results, leaderboard(results, "demo"), "loe")
    assert tested is not None
    assert tested.pairs["unet", "clahe"].difference.difference.mean < 0
    assert tested.pairs["unet", "clahe"].verdict == "better"


def test_metric_without_values_is_not_tested(results: Results):
    assert run_tests(results, leaderboard(results, "dicm"), "psnr") is None
    assert run_tests(results, leaderboard(results, "demo"), "musiq") is None


def test_six_pictures_cannot_establish_anything(results: Results):
    tested = run_tests(results, leaderboard(results, "dicm"), "ceiq")
    assert tested is not None
    assert tested.smallest >= ALPHA
    assert all(pair.verdict == "open" for pair in tested.pairs.values())


def test_methods_on_other_pictures_are_left_out(tmp_path: Path):
    make_reports(tmp_path)
    path = tmp_path / "metrics" / "demo" / "sci.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("img003", "img999"), encoding="utf-8")
    read = read_results(tmp_path, card)
    tested = run_tests(read, leaderboard(read, "demo"), "psnr")
    assert tested is not None
    assert tested.left_out == ("SCI",)
    assert "sci" not in tested.methods


def test_ranks_over_data_sets(results: Results):
    ranked = ranks(results, "psnr")
    assert ranked is not None
    assert ranked.datasets == ("demo", "mine_rendered")
    assert next(iter(ranked.mean)) == "unet"
    assert INPUT not in ranked.mean
    n = len(ranked.mean)
    assert sum(ranked.mean.values()) == pytest.approx(n * (n + 1) / 2)
    assert ranks(results, "musiq") is None
