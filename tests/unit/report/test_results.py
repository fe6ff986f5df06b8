"""Reading result files: what is malformed is named, nothing is read that is not tracked by git."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_files import DATASETS, METHODS, card, make_reports

from lle.errors import LleError
from lle.files import read_json, write_json
from lle.results.quality import INPUT
from lle.results.read import read_results


def edit(path: Path, **changes: object) -> None:
    write_json(path, {**read_json(path), **changes})


def test_reads_every_file(tmp_path: Path):
    results = read_results(make_reports(tmp_path), card)
    assert set(results.datasets) == set(DATASETS)
    assert set(results.methods) == set(METHODS)
    assert set(results.evaluations["demo"]) == {*METHODS, INPUT}
    assert results.per_image["demo"]["unet"].images == tuple(sorted(results.per_image["demo"]["unet"].images))
    assert len(results.per_image["demo"]["unet"].numbers("psnr")) == DATASETS["demo"]
    assert results.profiles["unet"].gmacs("400x600") == pytest.approx(31.2)
    assert results.profiles["clahe"].gmacs("400x600") is None
    assert results.title(INPUT) == "Input, untouched"


def test_methods_that_this_checkout_lacks_keep_their_results(tmp_path: Path):
    full = make_reports(tmp_path / "full")
    for method in ("gamma", "from_elsewhere"):
        path = tmp_path / "metrics" / "demo" / f"{method}.json"
        write_json(path, {**read_json(full / "metrics" / "demo" / "gamma.json"), "method": method})
    results = read_results(tmp_path)  # with the cards of the registry
    assert set(results.cards) == {"gamma"}
    assert results.without_card == ("from_elsewhere",)
    assert results.title("from_elsewhere") == "from_elsewhere"
    assert results.supervision("from_elsewhere") == "unknown"


def test_a_helper_that_enhances_nothing_is_no_method_of_the_tables(tmp_path: Path):
    make_reports(tmp_path)
    record = read_json(tmp_path / "training" / "unet.json")
    write_json(tmp_path / "training" / "net_t.json", {**record, "method": "net_t"})
    results = read_results(tmp_path)
    assert "net_t" in results.trainings
    assert "net_t" in results.cards
    assert "net_t" not in results.methods


def test_no_results_says_what_to_run(tmp_path: Path):
    with pytest.raises(LleError, match="dvc repro"):
        read_results(tmp_path)


def test_malformed_file_is_named_with_its_key(tmp_path: Path):
    make_reports(tmp_path)
    edit(tmp_path / "metrics" / "demo" / "sci.json", images="many")
    with pytest.raises(LleError, match=r"sci\.json: images: "):
        read_results(tmp_path, card)


def test_copied_file_is_refused(tmp_path: Path):
    make_reports(tmp_path)
    edit(tmp_path / "metrics" / "demo" / "sci.json", method="unet")
    with pytest.raises(LleError, match="results of unet on demo"):
        read_results(tmp_path, card)


def test_mean_that_contradicts_its_table_is_refused(tmp_path: Path):
    make_reports(tmp_path)
    path = tmp_path / "metrics" / "demo" / "sci.json"
    content = read_json(path)
    content["metrics"]["psnr"]["mean"] += 0.1
    write_json(path, content)
    with pytest.raises(LleError, match=r"sci\.json: psnr is .*lle evaluate sci demo"):
        read_results(tmp_path, card)


def test_bad_number_in_a_table_is_named(tmp_path: Path):
    make_reports(tmp_path)
    path = tmp_path / "metrics" / "demo" / "sci.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("img000,scene0,600,400,", "img000,scene0,600,400,x"), encoding="utf-8")
    with pytest.raises(LleError, match=r"sci\.csv"):
        read_results(tmp_path, card)


def test_column_with_an_empty_cell_gives_no_numbers(tmp_path: Path):
    make_reports(tmp_path)
    path = tmp_path / "metrics" / "demo" / "sci.csv"
    rows = path.read_text(encoding="utf-8").splitlines()
    cells = rows[1].split(",")
    cells[4] = ""
    path.write_text("\n".join([rows[0], ",".join(cells), *rows[2:]]) + "\n", encoding="utf-8")
    table = read_results(tmp_path, card).per_image["demo"]["sci"]
    assert table.values["psnr"][0] is None
    assert table.numbers("psnr") == ()
    assert len(table.numbers("ssim")) == DATASETS["demo"]


def test_json_of_the_fixture_is_plain(tmp_path: Path):
    make_reports(tmp_path)
    text = (tmp_path / "metrics" / "demo" / "unet.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
