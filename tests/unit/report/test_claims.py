"""The papers' figures: complete, well-formed, and never taken for ours."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from report_files import CLAIMS, card, make_reports

from lle.errors import LleError
from lle.files import read_json, write_json
from lle.report.claims import ComparedTable, compare
from lle.report.claims_file import Claims, read_claims
from lle.results.read import read_results


@pytest.fixture(scope="module")
def claims() -> Claims:
    return read_claims(CLAIMS)


def table(claims: Claims, paper: str, name: str):
    found = next(p for p in claims.papers if p.id == paper)
    return next(t for t in found.tables if t.table == name)


def value(claims: Claims, paper: str, name: str, row: str, metric: str, dataset: str | None = None) -> Decimal:
    found = table(claims, paper, name)
    line = next(r for r in found.rows if r.name == row and r.dataset == dataset)
    return line.values[[c.metric for c in found.columns].index(metric)]


def test_all_five_papers_are_there(claims: Claims):
    assert [(paper.number, paper.id) for paper in claims.papers] == [
        (0, "clip_isp"),
        (1, "distill"),
        (2, "sllen"),
        (3, "pie"),
        (4, "jcrnet"),
    ]


def test_spot_checks_keep_the_printed_digits(claims: Claims):
    assert str(value(claims, "clip_isp", "Table II", "CLIP-ISP", "vif")) == "0.6770"
    assert str(value(claims, "clip_isp", "Table IV", "URetinex-Net", "gmacs")) == "208.42"
    assert str(value(claims, "clip_isp", "Table III", "IAT", "ssim")) == "0.796"
    assert str(value(claims, "sllen", "benchmark with references", "SLLEN", "psnr", "lol")) == "23.8"
    assert str(value(claims, "sllen", "Table VI", "ISSR", "seconds")) == "5.90612"
    assert str(value(claims, "jcrnet", "text", "JCRNet", "psnr_gain")) == "0.7"


@pytest.mark.parametrize(
    ("name", "sets"),
    [("benchmark with references", ("gladnet", "sllen_synthetic", "lol")), ("benchmark without references", ("dicm", "npe", "mef"))],
)
def test_averages_of_sllen_check_out(claims: Claims, name: str, sets: tuple[str, ...]):
    """The specification says that all averages check out: a slip in copying a figure shows here."""
    single, average = table(claims, "sllen", name), table(claims, "sllen", f"{name}, average")
    for row in average.rows:
        lines = [next(r for r in single.rows if r.name == row.name and r.dataset == d) for d in sets]
        for column, printed in enumerate(row.values):
            mean = sum(float(line.values[column]) for line in lines) / len(lines)
            step = 10.0 ** int(printed.as_tuple().exponent)
            assert abs(mean - float(printed)) <= step * 1.001, (row.name, column)


def test_misprints_are_marked(claims: Claims):
    notes = table(claims, "clip_isp", "Table IV").notes
    assert any(note.kind == "misprint" and note.rows == ["SCI"] and note.metrics == ["gmacs"] for note in notes)
    assert any(note.kind == "misprint" and note.metrics == ["vif"] for note in notes)


def cells(compared: tuple[ComparedTable, ...], name: str, row: str, dataset: str | None = None):
    found = next(item for item in compared if item.table.table == name)
    index = next(i for i, r in enumerate(found.table.rows) if r.name == row and r.dataset == dataset)
    return dict(zip([c.metric for c in found.table.columns], found.cells[index], strict=True))


def test_ours_stands_only_where_it_was_measured(claims: Claims, tmp_path: Path):
    results = read_results(make_reports(tmp_path), card)
    compared = compare(claims, results)
    sci = cells(compared["sllen"], "benchmark without references", "SCI", "dicm")["ceiq"]
    measured = results.evaluations["dicm"]["sci"].metrics["ceiq"].mean
    assert measured is not None
    (ours,) = sci.ours
    assert (sci.claimed, ours.text, ours.run, ours.where) == ("3.01", f"{measured:.3f}", "dicm/sci", "")
    assert ours.difference == f"{measured - 3.01:+.2f}".replace("-", "−")
    assert "6 pictures of dicm" in ours.conditions
    assert "trained on training, 2000 iterations, seed 1" in ours.conditions
    lime = cells(compared["sllen"], "benchmark without references", "LIME", "dicm")
    assert "lle evaluate lime dicm" in lime["loe"].missing
    assert "lle fetch lol && lle evaluate sci lol" in cells(compared["clip_isp"], "Table III", "SCI")["psnr"].missing
    assert "no command can fetch" in cells(compared["clip_isp"], "Table II", "SCI")["psnr"].missing
    for tables in compared.values():
        for item in tables:
            for line in item.cells:
                for cell in line:
                    assert bool(cell.ours) != bool(cell.missing)
                    assert all(one.text and one.run and one.difference and one.conditions for one in cell.ours)


def test_operations_are_ours_without_any_data_set(claims: Claims, tmp_path: Path):
    compared = compare(claims, read_results(make_reports(tmp_path), card))
    row = cells(compared["clip_isp"], "Table IV", "CLIP-ISP")
    (ours,) = row["gmacs"].ours
    assert (row["gmacs"].claimed, ours.text, ours.difference) == ("12.1", "11.8", "−0.3")
    assert row["psnr"].ours == ()


def test_a_metric_without_weights_says_so(claims: Claims, tmp_path: Path):
    make_reports(tmp_path)
    (tmp_path / "metrics" / "lol").mkdir()
    write_json(tmp_path / "metrics" / "lol" / "sci.json", {**read_json(tmp_path / "metrics" / "demo" / "sci.json"), "dataset": "lol"})
    row = cells(compare(claims, read_results(tmp_path, card))["clip_isp"], "Table III", "SCI")
    assert row["psnr"].ours
    assert "weights are not on disk" in row["musiq"].missing


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["rows"][0]["values"].pop(), "3 values for 4 columns"),
        (lambda t: t["rows"][0].update(unit="dB"), "unit"),
        (lambda t: t.update(dataset="nowhere"), "'nowhere' is not under `datasets`"),
        (lambda t: t["notes"].append({"kind": "misprint", "rows": ["Nobody"], "text": "x"}), "'Nobody', which is not in the table"),
        (lambda t: t["rows"].append(t["rows"][0]), "twice"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, change, message: str):
    content = yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))
    change(content["papers"][0]["tables"][1])
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(LleError, match=message):
        read_claims(tmp_path / "claims.yaml")


def test_a_missing_file_says_how_to_get_it_back(tmp_path: Path):
    with pytest.raises(LleError, match="git checkout"):
        read_claims(tmp_path / "claims.yaml")
