"""The papers' figures: complete, well-formed, and never taken for ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from report_files import CLAIMS, card, make_reports

from lle.config.data import catalog_names
from lle.config.load import load_params
from lle.errors import LleError
from lle.files import read_json, write_json
from lle.registry import packages
from lle.report.claims import Compared, ComparedTable, compare
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
    assert str(value(claims, "sllen", "Table III, PSNR and SSIM", "SLLEN", "psnr", "lol_v1")) == "23.8"
    assert str(value(claims, "sllen", "Table VI", "ISSR", "seconds")) == "5.90612"
    assert str(value(claims, "jcrnet", "text", "JCRNet", "psnr_gain")) == "0.7"


@pytest.mark.parametrize(
    ("name", "sets"),
    [("Table III, PSNR and SSIM", ("gladnet", "agllnet", "lol_v1")), ("Table III, LOE and CEIQ", ("dicm", "npe", "mef"))],
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


def test_gains_of_clip_isp_follow_from_its_tables_or_are_marked(claims: Claims):
    """The paper cuts percentages off; what cannot be had that way has a note that says so."""
    gains: dict[str, list[float]] = {"psnr": [], "ssim": [], "vif": []}
    for name in ("Table II", "Table III", "Table IV"):
        rows = table(claims, "clip_isp", name).rows
        for metric, found in gains.items():
            values = {row.name: float(value(claims, "clip_isp", name, row.name, metric)) for row in rows}
            ours = values.pop("CLIP-ISP")
            found.append(100 * (ours / max(values.values()) - 1))
    assert len(gains["vif"]) == 3
    said = table(claims, "clip_isp", "text")
    doubted = {row for note in said.notes for row in note.rows}
    for row in said.rows:
        if row.name in doubted:
            continue
        metric = next(one for one in gains if one.upper() in row.name)
        right = (min if "smallest" in row.name else max)(gains[metric])
        # The smallest gain in VIF is that of a table that the text misreads by a factor of ten, so the next one is meant.
        right = sorted(gains["vif"])[1] if row.name == "abstract, VIF, smallest" else right
        assert int(10 * right) / 10 == float(row.values[0]), row.name
    assert {"abstract, PSNR, smallest", "abstract, SSIM, smallest", "abstract, SSIM, largest", "abstract, VIF, smallest"} == {
        row.name for row in said.rows
    } - doubted


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
    sci = cells(compared["sllen"], "Table III, LOE and CEIQ", "SCI", "dicm")["ceiq"]
    measured = results.evaluations["dicm"]["sci"].metrics["ceiq"].mean
    assert measured is not None
    (ours,) = sci.ours
    assert (sci.claimed, ours.text, ours.run, ours.where) == ("3.01", f"{measured:.3f}", "dicm/sci", "")
    assert ours.difference == f"{measured - 3.01:+.2f}".replace("-", "−")
    assert "6 pictures of dicm" in ours.conditions
    assert "trained on training, 2000 iterations, seed 1" in ours.conditions
    lime = cells(compared["sllen"], "Table III, LOE and CEIQ", "LIME", "dicm")
    assert "lle evaluate lime dicm" in lime["loe"].missing
    assert "lle fetch lol_v1 && lle evaluate sci lol_v1" in cells(compared["clip_isp"], "Table III", "SCI")["psnr"].missing
    assert "no command can fetch" in cells(compared["clip_isp"], "Table II", "SCI")["psnr"].missing
    for cell in every_cell(compared):
        assert bool(cell.ours) != bool(cell.missing)
        assert all(one.text and one.run and one.difference and one.conditions for one in cell.ours)


def every_cell(compared: Mapping[str, tuple[ComparedTable, ...]]) -> list[Compared]:
    return [cell for tables in compared.values() for item in tables for line in item.cells for cell in line]


def test_every_command_names_what_there_is(claims: Claims, tmp_path: Path):
    params = load_params(CLAIMS.parent.parent / "params.yaml")
    known = {"study": set(params.studies), "fetch": set(catalog_names()), "train": set(packages()), "profile": set(packages())}
    commands = [
        re.sub(r"\.$", "", command).split()
        for cell in every_cell(compare(claims, read_results(make_reports(tmp_path), card)))
        for command in re.findall(r"lle (?:fetch|train|evaluate|study|profile)[^&,;:)]*", cell.missing)
    ]
    assert len(commands) > 100
    for _, verb, name, *rest in commands:
        if verb == "evaluate":
            assert name in packages()
            assert rest[0] in catalog_names()
        else:
            assert name in known[verb], (verb, name)


def test_an_untrained_method_is_trained_first(claims: Claims, tmp_path: Path):
    compared = compare(claims, read_results(make_reports(tmp_path), card))
    assert "lle fetch lol_v1 && lle train iat && lle evaluate iat lol_v1" in cells(compared["clip_isp"], "Table III", "IAT")["psnr"].missing


def test_a_note_is_about_its_data_set_alone(claims: Claims, tmp_path: Path):
    compared = compare(claims, read_results(make_reports(tmp_path), card))["sllen"]
    notes = table(claims, "sllen", "Table III, LOE and CEIQ").notes
    number = next(i for i, note in enumerate(notes, 1) if note.kind == "contradiction")
    assert number in cells(compared, "Table III, LOE and CEIQ", "UNIE", "dicm")["loe"].doubts
    assert number not in cells(compared, "Table III, LOE and CEIQ", "UNIE", "npe")["loe"].doubts


def test_operations_are_ours_without_any_data_set(claims: Claims, tmp_path: Path):
    compared = compare(claims, read_results(make_reports(tmp_path), card))
    row = cells(compared["clip_isp"], "Table IV", "CLIP-ISP")
    (ours,) = row["gmacs"].ours
    assert (row["gmacs"].claimed, ours.text, ours.difference) == ("12.1", "11.8", "−0.3")
    assert row["psnr"].ours == ()


def test_a_metric_without_weights_says_so(claims: Claims, tmp_path: Path):
    make_reports(tmp_path)
    (tmp_path / "metrics" / "lol_v1").mkdir()
    write_json(tmp_path / "metrics" / "lol_v1" / "sci.json", {**read_json(tmp_path / "metrics" / "demo" / "sci.json"), "dataset": "lol_v1"})
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
        (lambda t: t["notes"].append({"kind": "misprint", "datasets": ["dicm"], "text": "x"}), "'dicm', which is not in the table"),
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
