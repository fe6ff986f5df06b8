"""The report's section about segmentation in the dark: its numbers and its verdict follow the result files."""

from __future__ import annotations

import re

import numpy as np
import pytest
from report_files import card, make_reports

from lle.files import csv_text, write_json, write_text
from lle.report.sections.segmentation import section
from lle.results.read import read_results
from lle.segmentation.in_the_dark import _cells, _write_samples
from lle.segmentation.judge import summary

NAMES = ["sky", "train", "road", "ghost"]
RIGHT = {"dark": 20, "gamma": 50, "unet": 40, "clean": 90}
"""Pixels of 100 that are right, in each picture and class but the ghost."""


def write(folder, method, right, unlisted=("train",)):
    counts = np.array([[[right + i - j, 5, 100 - right - i + j] for j in range(3)] + [[0, 3, 0]] for i in range(4)])
    listed = [index for index, name in enumerate(NAMES) if name not in unlisted]
    result = {
        "method": method,
        "dataset": folder.name,
        "split": "test",
        **summary(counts, NAMES, listed, resamples=100),
        "judge": {"encoder": "tf_efficientnet_lite0", "sha256": "0"},
        "colours": {name: [10 * index, 20, 30] for index, name in enumerate(NAMES)},
        "darkening": {},
        "provenance": {},
    }
    write_json(folder / f"{method}.json", result)
    write_text(folder / f"{method}.csv", csv_text([{"image": f"p{i}", **_cells(NAMES, picture)} for i, picture in enumerate(counts)]))
    picture = np.full((24, 32, 3), 90, np.uint8)
    _write_samples(folder / "samples" / method, {"p0": picture, "p0.mask": picture, **({"p0.truth": picture} if method == "clean" else {})})


@pytest.fixture
def reports(tmp_path):
    folder = make_reports(tmp_path / "reports")
    for method, right in RIGHT.items():
        write(folder / "segment/street", method, right)
    return folder


def shown(reports):
    return str(section(reports, read_results(reports, card)).html)


def test_nothing_is_shown_without_results(tmp_path):
    reports = make_reports(tmp_path / "reports")
    assert section(reports, read_results(reports, card)) is None


def test_rows_are_ordered_and_cells_are_the_files_numbers(reports):
    html = shown(reports)
    rows = re.findall(r'<tr><th scope="row">([^<]+)</th>(.*?)</tr>', html)
    assert [name for name, _ in rows] == ["Dark, untouched", "Gamma correction", "U-Net", "Clean, before darkening"]
    cells = {name: re.findall(r"<td[^>]*>([^<]*)</td>", row) for name, row in rows}
    # Gamma: 50, 51, 52, 53 right of 100 with 5 wrong ones a picture for the sky; one and two fewer for the others; no ghost.
    sky, train, road = (100 * right / 420 for right in (206, 202, 198))
    expected = [sky, train, road, (sky + road) / 2]
    assert cells["Gamma correction"][:4] == [f"{value:.1f}" for value in expected]
    assert cells["Gamma correction"][5] == f"{(sky + train + road) / 3:.1f}"
    assert cells["Dark, untouched"][-1] == "–"
    assert cells["Gamma correction"][-1].startswith(f"+{100 * 120 / 420:.1f} (")
    assert "ghost" not in re.findall(r'<th scope="col"[^>]*>([^<]+)</th>', html)


def test_the_verdict_follows_the_numbers(reports):
    assert "Between dark (19.5 %) and clean (86.2 %) lie: Gamma correction, U-Net." in shown(reports)
    write(reports / "segment/street", "unet", 10)
    write(reports / "segment/street", "gamma", 95)
    text = shown(reports)
    assert "lie: no method. Not below clean: Gamma correction." in text


def test_other_pictures_are_not_compared(reports):
    table = reports / "segment/street/unet.csv"
    write_text(table, table.read_text().replace("p3", "p9"))
    assert "other pictures" in shown(reports)


def test_the_figure_has_every_row_with_its_mask_and_the_truth(reports):
    html = shown(reports)
    assert html.count("<img ") == 2 * (len(RIGHT) + 1)
    assert re.findall(r"<figcaption>([^<]+)</figcaption>", html)[-1] == "Truth"
    assert html.count("data:image/webp;base64,") == html.count("<img ")


def test_the_judge_is_described_from_its_own_file(reports):
    assert "not on record here" in shown(reports)
    write_json(
        reports / "judges/street.json",
        {
            "judge": "street",
            "dataset": "street",
            "iterations": 300,
            "pictures_seen": 2400,
            "settings": {"encoder": "tf_efficientnet_lite0"},
            "images": 7,
            "split": "val",
            "iou": {"sky": 0.5678},
            "mean_iou": {"all": {"mean": 0.5678}, "listed": {"mean": 0.5678}},
            "pixel_accuracy": 0.9,
            "provenance": {},
        },
    )
    assert "trained for 300 steps; on 7 clean val pictures its mean IoU is 56.8 %" in shown(reports)
