"""The report's section about CLIP: verdicts follow the numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest
from report_files import card, make_reports

from lle.data.images import write_webp
from lle.files import read_json, write_json
from lle.report.build import build_report
from lle.report.sections.clip import section
from lle.results.read import read_results

STOPS = [-2.0, -1.0, 0.0]


@pytest.fixture
def reports(tmp_path):
    folder = make_reports(tmp_path / "reports")
    curves = {"before": [0.6, 0.2, 0.9], "after": [0.1, 0.4, 0.8]}
    write_json(
        folder / "clip/prompts/clip_isp.json",
        {
            "method": "clip_isp",
            "clip_backbone": "demo",
            "rounds": 1,
            "stops": STOPS,
            "normality": {"chelsea": curves},
            "log_odds": {"chelsea": {when: [8 * value - 4 for value in values] for when, values in curves.items()}},
            "largest_fall": {"chelsea": {"before": 0.4, "after": 0.0}},
            "monotone": {"before": False, "after": True},
            "map": {"scene": "chelsea", "scale": 0.02, "signed": True, "mean_absolute": {"before": 0.01, "after": 0.005}, "files": ["low"]},
        },
    )
    write_webp(folder / "clip/prompts/clip_isp/low.webp", np.full((24, 32, 3), 90, np.uint8), 320, 80)
    return folder


def test_verdicts_are_printed_as_computed(reports):
    shown = section(reports, read_results(reports, card)).html
    assert "before refinement r is not monotone in exposure over all 1 scenes" in shown
    assert "after refinement r is monotone" in shown
    assert "log-odds fall by 0.4 at most" in shown
    assert "<script" not in shown


def test_curves_lie_where_their_values_are(reports):
    shown = section(reports, read_results(reports, card)).html
    paths = re.findall(r'<path class="series s1" d="M([^"]+)"', shown)
    heights = [float(point.split()[1]) for point in paths[0].split("L")]
    assert heights == sorted(heights, reverse=True)  # it rises, and y grows downwards
    assert len(heights) == len(STOPS)
    assert "<text" in shown  # labels are text, not outlines


def test_what_clip_knows_is_a_table(reports):
    before = section(reports, read_results(reports, card)).html
    assert "sice" not in before
    write_json(
        reports / "clip/darkness/sice.json",
        {
            "dataset": "sice",
            "split": "test",
            "clip_backbone": "demo",
            "images": 140,
            "accuracy": 0.925,
            "accuracy_dark": 0.9,
            "accuracy_lit": 0.95,
            "texts_dark": ["a dark photo"],
            "texts_lit": ["a well lit photo"],
            "provenance": {},
        },
    )
    after = section(reports, read_results(reports, card)).html
    assert "sice, test (demo)" in after
    assert "92.5 %" in after


def test_nothing_measured_is_no_section(tmp_path):
    folder = make_reports(tmp_path / "reports")
    assert section(folder, read_results(folder, card)) is None


def test_the_backbone_is_a_column_where_clip_guided_a_method(tmp_path):
    folder = make_reports(tmp_path / "reports")
    build_report(folder, card)
    before = [(folder / name).read_text(encoding="utf-8") for name in ("leaderboard.md", "index.html")]
    assert "| CLIP |" not in before[0]
    assert '"text">CLIP</button>' not in before[1]
    file = folder / "metrics/demo/clip_isp.json"
    result = read_json(file)
    result["provenance"]["tags"] = {"clip_backbone": "ViT-B-32/openai"}
    write_json(file, result)
    build_report(folder, card)
    board, page = ((folder / name).read_text(encoding="utf-8") for name in ("leaderboard.md", "index.html"))
    lines = [line.split("|") for line in board.split("## demo\n")[1].split("## ")[0].splitlines() if line.startswith("|")]
    heads, rule = lines[:2]
    row = next(line for line in lines if "CLIP-ISP" in line[1])
    assert row[heads.index(" CLIP ")].strip() == "ViT-B-32/openai"
    assert len(row) == len(heads) == len(rule)
    assert page.count('"text">CLIP</button>') == 1  # the other data sets' tables have no such column
