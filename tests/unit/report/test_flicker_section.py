"""The table of flicker: measured methods, dashes for the others, and the command that measures them."""

from __future__ import annotations

from pathlib import Path

from report_files import card, make_reports

from lle.report.sections.flicker import section
from lle.results.read import read_results
from lle.results.video import Flicker


def write(reports: Path, method: str, warping: float, smoothed: float | None = None) -> None:
    content = {
        "method": method, "dataset": "mine", "clips": 6, "frames": 25, "smooth_seconds": 0.5, "provenance": {},
        "alone": {"warping": warping, "mean_sd": 0.25}, "psnr_alone": 15.0,
        "smoothed": None if smoothed is None else {"warping": smoothed, "mean_sd": 0.125},
        "psnr_smoothed": None if smoothed is None else 14.9,
    }  # fmt: skip
    Flicker.of(content).write(Flicker.path(reports, method))


def test_methods_stand_by_their_warping_error(tmp_path: Path) -> None:
    make_reports(tmp_path)
    results = read_results(tmp_path, card)
    assert section(tmp_path, results) is None
    first, second = results.methods[:2]
    write(tmp_path, "input", 2.0)
    write(tmp_path, first, 9.0, 4.5)
    write(tmp_path, second, 7.0)
    shown = section(tmp_path, results)
    assert shown is not None
    places = [shown.html.index(text) for text in ("Input, untouched", "7.00", "9.00", "4.50")]
    assert places == sorted(places)
    assert "lle flicker METHOD mine" in shown.html or len(results.methods) == 2
