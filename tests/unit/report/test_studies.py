"""Studies in the report: shown with intervals and verdicts, and beside the ablations of the papers."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_files import CLAIMS, card, make_reports, make_study

from lle.errors import LleError
from lle.files import read_json, write_json
from lle.report.build import build_report
from lle.report.claims import compare
from lle.report.claims_file import read_claims
from lle.results.read import read_results


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = make_reports(tmp_path)
    make_study(folder, "clip_isp_table_1", {"full": 18.0, "no_refinement": 17.2})
    return folder


def test_rows_of_an_ablation_take_ours_from_the_study_and_say_where(reports: Path):
    (item,) = [t for t in compare(read_claims(CLAIMS), read_results(reports, card))["clip_isp"] if t.table.table == "Table I"]
    cells = {row.name: line[0] for row, line in zip(item.table.rows, item.cells, strict=True)}
    full = cells["full"]
    assert [(one.where, one.text, one.difference) for one in full.ours] == [("demo", "18.00", "+1.65"), ("mine_rendered", "17.00", "+0.65")]
    assert full.ours[0].conditions == "Full: trained on training, 300 iterations, seeds 0, 1, backbone demo, 24 pictures of demo"
    assert full.ours[0].run == "study/clip_isp_table_1/full"
    assert "lle study clip_isp_table_1" in cells["labels with different exposures"].missing  # the study lacks this variant
    assert item.elsewhere == ("demo", "mine_rendered")


def test_an_ablation_without_its_study_says_what_to_run(tmp_path: Path):
    compared = compare(read_claims(CLAIMS), read_results(make_reports(tmp_path), card))
    for paper, table, study in [("clip_isp", "Table I", "clip_isp_table_1"), ("sllen", "Table I", "sllen_table_1")]:
        (item,) = [t for t in compared[paper] if t.table.table == table]
        assert item.reasons == (f"the study of this table is not run: lle study {study}",)


def test_the_page_shows_every_study_with_its_verdicts(reports: Path):
    build_report(reports, card)
    page = (reports / "studies.html").read_text(encoding="utf-8")
    assert '<h3 id="clip_isp_table_1">Ablation of CLIP-ISP</h3>' in page
    assert "not shown: the interval holds 0" in page
    assert 'data-run="study/clip_isp_table_1/full"' in page
    assert '"study/clip_isp_table_1/full": {"facts"' in page  # its provenance is in the page
    paper = (reports / "papers" / "clip_isp.html").read_text(encoding="utf-8")
    assert "measured on other pictures (demo, mine_rendered)" in paper


def test_the_page_says_what_the_study_would_make_anew(reports: Path):
    origin = read_json(reports / "studies/clip_isp_table_1.json")["variants"]["full"]["provenance"]["0"]
    same = {key: origin[key] for key in ("config_hash", "fingerprint")}
    runs = {f"{variant}/{seed}": dict(same) for variant in ("full", "no_refinement") for seed in (0, 1)}
    key = reports.parent / "build/keys/study/clip_isp_table_1.json"

    def told() -> str:
        write_json(key, {"runs": runs})
        build_report(reports, card)
        return (reports / "studies.html").read_text(encoding="utf-8")

    assert "gives other numbers now" not in told()
    runs["full/0"]["config_hash"] = runs["full/1"]["fingerprint"] = "another"
    del runs["no_refinement/0"]
    runs["full/2"] = same
    changes = "the settings of 1 of 4 trainings, the code of 1 of 4 trainings, 1 trainings are left out, 1 trainings are new"
    assert f"as far as they depend on what changed since: {changes}." in told()


def test_a_renamed_study_is_refused(reports: Path):
    write_json(reports / "studies" / "other.json", read_json(reports / "studies" / "clip_isp_table_1.json"))
    with pytest.raises(LleError, match="lle study other"):
        read_results(reports, card)
