"""The table of costs: every method, the papers' column beside ours, and the reason for every large difference."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_files import CLAIMS, make_reports
from report_files import card as invented

from lle import registry
from lle.files import write_json
from lle.report.claims import compare
from lle.report.claims_file import read_claims
from lle.report.sections.costs import LIMIT, section, why
from lle.results.read import read_results

CLAIMED = {
    "retinexnet": 73.93,
    "uretinex_net": 208.42,
    "enlightengan": 72.6,
    "clip_lit": 66.81,
    "sci": 41.2,
    "zero_dce": 19.2,
    "iat": 5.25,
    "clip_isp": 12.1,
}


def costs(folder: Path, **methods: dict[str, object]):
    make_reports(folder)
    write_json(folder / "costs.json", {"size": "400x600", "methods": methods})
    return read_results(folder, invented)


def test_cards_know_the_papers_column():
    assert {name: card.claimed_gflops for name in registry.packages() if (card := registry.card(name)).claimed_gflops} == CLAIMED


@pytest.mark.parametrize("name", CLAIMED)
def test_a_card_says_why_its_count_differs_by_more_than_a_tenth(name: str):
    card = registry.card(name)
    assert card.gmacs is not None
    if abs(card.gmacs / CLAIMED[name] - 1) > LIMIT:
        assert len(why(card)) > 80


def test_the_table_has_every_counted_method(tmp_path: Path):
    results = costs(
        tmp_path,
        gamma={"parameters": 0, "macs": None, "macs_missing": "no network", "paper": None},
        iat={"parameters": 1234, "macs": 1_000_000_000, "paper": {"parameters": 91154, "macs": 6_000_000_000}},
        sci={"parameters": 258, "macs": 58_320_000, "paper": {"parameters": 258, "macs": 58_320_000}},
        theirs={"parameters": 7, "macs": 1_000_000, "paper": None},
    )
    shown = section(tmp_path, results)
    assert shown is not None
    text = str(shown.html)
    for cell in ("Gamma", ">IAT<", ">theirs<", ">1234<", ">91.2 k<", ">6<", ">5.25<", ">+14.3 %<", ">0.05832<", ">41.2<", ">−99.9 %<"):
        assert cell in text, cell
    assert "No operations for Gamma: no network." in text
    assert "16x16 colour matrices" in text, "the reason stands in the card"
    assert text.count("<li>") == 2


def test_nothing_counted_nothing_shown(tmp_path: Path):
    assert section(tmp_path, read_results(make_reports(tmp_path), invented)) is None


def test_claimed_operations_have_ours_beside_them_before_anything_is_trained(tmp_path: Path):
    results = costs(tmp_path, uretinex_net={"parameters": 9, "macs": 9, "paper": {"parameters": 340105, "macs": 208_450_561_536}})
    assert "uretinex_net" not in results.profiles
    claims = read_claims(CLAIMS)
    table = next(item for item in compare(claims, results)["clip_isp"] if item.table.table == "Table IV")
    cell = table.cells[[row.name for row in table.table.rows].index("URetinex-Net")][-1]
    (ours,) = cell.ours
    assert (cell.claimed, ours.text, ours.difference, ours.run) == ("208.42", "208.5", "+0.03", "costs")


def test_a_method_without_a_public_definition_says_so(tmp_path: Path):
    claims = read_claims(CLAIMS)
    compared = compare(claims, read_results(make_reports(tmp_path), invented))
    cells = [
        cell
        for tables in compared.values()
        for item in tables
        for row, line in zip(item.table.rows, item.cells, strict=True)
        if row.name == "ISSR"
        for cell in line
    ]
    assert len(cells) >= 8
    assert all("no public definition" in cell.missing and not cell.ours for cell in cells)
    assert "12.4" in {cell.claimed for cell in cells}
