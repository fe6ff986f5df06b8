"""The tables: order, marks, reasons for empty cells, Markdown."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from report_files import NO_WEIGHTS, UNPAIRED, card, make_reports

from lle.report.columns import COSTS, columns, metric
from lle.report.costs import cost_text, count
from lle.report.leaderboard import leaderboard, leaderboards, ranks
from lle.report.markdown import markdown
from lle.results.quality import INPUT
from lle.results.read import Results, read_results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return read_results(make_reports(tmp_path_factory.mktemp("reports")), card)


def test_rows_stand_best_first_and_the_input_last(results: Results):
    rows = leaderboard(results, "demo").rows
    values = [row.cells["psnr"].value for row in rows[:-1]]
    assert values == sorted(values, reverse=True)
    assert rows[-1].method == INPUT


def test_sets_of_few_scenes_stand_last_and_say_so(results: Results):
    many = {name: one.model_copy(update={"scenes": 12}) for name, one in results.evaluations["mine_rendered"].items()}
    tables = leaderboards(replace(results, evaluations={**results.evaluations, "mine_rendered": many}))
    assert next(iter(tables)) == "mine_rendered"
    assert tables["mine_rendered"].pictures == "26 test pictures of 12 scenes"
    assert tables["demo"].pictures == "24 test pictures of 3 scenes: a smoke test, with too few scenes to tell methods apart"


def test_the_input_takes_no_part_in_the_ranking(results: Results):
    table = leaderboard(results, "demo")
    cells = {row.method: row.cells["loe"] for row in table.rows}
    assert cells[INPUT].value == 0  # nothing has a lower LOE than the untouched input
    assert cells[INPUT].rank == 0
    best = min((cell.value, method) for method, cell in cells.items() if method != INPUT)[1]
    assert cells[best].rank == 1


def test_ranks_follow_the_direction_and_share_ties():
    psnr, loe = metric("psnr"), metric("loe")
    assert ranks({"a": 20.001, "b": 20.002, "c": 19.0, "d": None, "e": 18.0}, psnr) == {"a": 1, "b": 1, "c": 2, "d": 0, "e": 0}
    assert ranks({"a": 300.0, "b": 200.0}, loe) == {"a": 2, "b": 1}
    assert ranks({"a": 20.0, "b": None}, psnr) == {"a": 0, "b": 0}
    assert ranks({"a": 1.0, "b": 2.0}, metric("brightness")) == {"a": 0, "b": 0}


def test_unpaired_sets_are_not_ranked_by_a_metric_without_reference(results: Results):
    methods = [row.method for row in leaderboard(results, "dicm").rows]
    assert methods == [*sorted(methods[:-1]), INPUT]


def test_every_empty_cell_has_a_reason(results: Results):
    for dataset in results.datasets:
        table = leaderboard(results, dataset)
        for row in table.rows:
            for column in table.columns:
                cell = row.cells[column.key]
                assert (cell.value is None) == bool(cell.missing)
                if cell.value is None and row.method != INPUT:
                    assert cell.missing.partition(": ")[2] in table.notes[cell.note - 1]


def test_the_same_reason_is_one_footnote(results: Results):
    notes = leaderboard(results, "dicm").notes
    assert sum(UNPAIRED in note for note in notes) == 1
    note = next(note for note in notes if UNPAIRED in note)
    assert note.startswith("PSNR, SSIM, SSIM (Y), VIF, PSNR, GT mean, SSIM, GT mean: ")


def test_weights_that_did_not_train_here_are_named(results: Results):
    rows = {row.method: row for row in leaderboard(results, "demo").rows}
    assert rows["unet"].trained_on == "training"
    assert rows["clahe"].trained_on == "no training"
    assert rows["zero_dce_pp"].trained_on == "imported weights"
    assert rows["zero_dce_pp"].tags == ("weights: authors'",)


def test_gt_mean_stands_apart(results: Results):
    shown = leaderboard(results, "demo").columns
    groups = [column.group for column in shown]
    assert {column.key for column in shown if column.group == "gt"} == {"psnr_gt_mean", "ssim_gt_mean"}
    assert groups == sorted(groups, key=["full", "none", "other", "gt", "cost"].index)


def test_unknown_metric_is_shown_without_a_direction():
    assert [column.key for column in columns(["new_one", "psnr"])] == ["psnr", "new_one"]
    assert metric("new_one").better is None


def test_numbers_are_written_short_but_not_wrong():
    assert [count(v) for v in (0, 258, 9999, 79416, 1928131)] == ["0", "258", "9999", "79.4 k", "1.93 M"]
    assert [cost_text(COSTS[1], v) for v in (0.0579, 11.83, 208.42, 0)] == ["0.0579", "11.8", "208", "0"]
    assert metric("psnr").text(-1.5) == "−1.50"


def test_markdown_has_tables_marks_and_footnotes(results: Results):
    text = markdown(results)
    assert "## demo\n" in text
    assert "## mine_rendered\n" in text
    assert "## Cost\n" in text
    assert "bootstrap" in text
    assert NO_WEIGHTS in text
    used, defined = set(re.findall(r"\[\^([\w-]+)\](?!:)", text)), set(re.findall(r"^\[\^([\w-]+)\]:", text, re.MULTILINE))
    assert used == defined
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_a_name_with_a_bar_does_not_break_the_table(tmp_path: Path):
    def odd(method: str):
        return card(method).model_copy(update={"title": f"a|b {method}"})

    text = markdown(read_results(make_reports(tmp_path), odd))
    assert "a\\|b unet" in text
