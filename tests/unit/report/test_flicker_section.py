"""The table of flicker: measured methods, dashes for the others, and the command that measures them."""

from __future__ import annotations

from pathlib import Path

from report_files import card, make_reports

from lle.report.leaderboard import leaderboard
from lle.report.markdown import markdown
from lle.report.runs import runs
from lle.report.sections import tables
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
    assert "flicker" not in {column.key for column in leaderboard(results, "demo").columns}
    first, second = results.methods[:2]
    write(tmp_path, "input", 2.0)
    write(tmp_path, first, 9.0, 4.5)
    write(tmp_path, second, 7.0)
    results = read_results(tmp_path, card)
    shown = section(tmp_path, results)
    assert shown is not None
    places = [shown.html.index(text) for text in ("Input, untouched", "7.00", "9.00", "4.50")]
    assert places == sorted(places)
    assert "lle flicker METHOD mine" in shown.html or len(results.methods) == 2


def test_flicker_is_a_column_of_the_leaderboard(tmp_path: Path) -> None:
    first = read_results(make_reports(tmp_path), card).methods[0]
    write(tmp_path, "input", 2.0)
    write(tmp_path, first, 9.126, 4.5)
    results = read_results(tmp_path, card)
    for dataset in results.datasets:
        table = leaderboard(results, dataset)
        column = next(column for column in table.columns if column.key == "flicker")
        assert (column.group, column.better) == ("video", "lower")
        cells = {row.method: row.cells["flicker"] for row in table.rows}
        assert (cells["input"].text, cells[first].text) == ("2.00", "9.13")
        other = next(cell for method, cell in cells.items() if method not in ("input", first))
        assert (other.value, "run `lle flicker" in other.missing) == (None, True)
        assert other.missing.partition(": ")[2] in table.notes[other.note - 1]
    assert "| Flicker ↓ |" in markdown(results)
    page = tables.section(tmp_path, results)
    assert page is not None
    assert f'data-run="flicker/{first}" data-key="flicker"' in page.html
    assert (f"flicker/{first}", "flicker") in page.cells
    assert runs(results, tmp_path)[f"flicker/{first}"]["file"] == f"flicker/{first}.json"
