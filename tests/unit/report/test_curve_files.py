"""Tables of the curves: sums by iteration, a table a method and kind."""

from __future__ import annotations

from pathlib import Path

from report_files import card, make_reports

from lle.report.build import build_report
from lle.report.curve_files import curve_files
from lle.results.training import Training


def training(*terms: tuple[str, str, str, list]) -> Training:
    listed = [{"phase": phase, "update": update, "term": term, "points": points} for phase, update, term, points in terms]
    return Training.model_validate({"method": "m", "iterations": 30, "terms": listed})


def test_terms_of_an_iteration_are_added_and_validation_stands_apart() -> None:
    made = curve_files(
        {
            "m": training(
                ("one", "fit", "l1", [[10, 0.5], [20, 0.25]]),
                ("one", "judge", "bce", [[10, 1.0], [20, 0.5]]),
                ("two", "fit", "l1", [[30, 0.125]]),
                ("one", "val", "psnr", [[20, 14.5]]),
                ("one", "val", "ssim", [[20, 0.5]]),
            )
        }
    )
    assert made == {"curves/loss/m.csv": "iteration,loss\n10,1.5\n20,0.75\n30,0.125\n", "curves/psnr/m.csv": "iteration,psnr\n20,14.5\n"}


def test_what_is_not_finite_or_not_there_has_no_line() -> None:
    assert curve_files({"m": training(("one", "fit", "l1", [[10, None], [20, 1.0]]), ("one", "fit", "tv", [[10, 1.0], [20, 1.0]]))}) == {
        "curves/loss/m.csv": "iteration,loss\n20,2\n"
    }
    assert curve_files({"gamma": training()}) == {}


def test_the_report_removes_curves_of_methods_that_are_gone(tmp_path: Path) -> None:
    reports = make_reports(tmp_path / "reports")
    gone = reports / "curves/loss/gone.csv"
    gone.parent.mkdir(parents=True)
    gone.write_text("iteration,loss\n1,1\n", encoding="utf-8")
    written = build_report(reports, card)
    assert not gone.exists()
    assert sorted(path for path in written if path.suffix == ".csv") == sorted(reports.glob("curves/*/*.csv"))
    assert (reports / "curves").is_dir()
