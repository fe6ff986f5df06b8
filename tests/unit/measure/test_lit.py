"""Lit frames: a method that changes nothing passes, and one that brightens is flagged."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage import data as photographs

from lle.data.images import write_png
from lle.data.pairs import Prepared, Row, open_prepared, write_manifest
from lle.errors import LleError
from lle.files import read_json
from lle.measure.lit import change, lit_frames
from lle.measure.quality import evaluate
from lle.metrics.protocol import to_uint8
from lle.metrics.psnr import CEILING
from lle.report.sections import lit as section
from lle.results.quality import LIT_LOG_RATIO, LIT_PSNR, Evaluation
from lle.results.read import read_results


def prepare(folder, splits=("test", "val", "val", "val")) -> Prepared:
    home, rows = folder / "tiny", []
    for number, split in enumerate(splits):
        normal = np.ascontiguousarray(photographs.coffee()[60 * number : 60 * number + 96, 100:220])
        paths = {kind: home / kind / f"p{number}.png" for kind in ("low", "normal")}
        write_png(paths["low"], to_uint8((normal / 255) ** 2 * 0.4))
        write_png(paths["normal"], normal)
        rows.append(Row(split, f"scene{number}", paths["low"], paths["normal"]))
    write_manifest(home, "tiny", "demo", rows)
    return open_prepared("tiny", folder)


def brighten(picture):
    return (picture / 255) ** 0.5


def test_changing_nothing_is_left_alone(tmp_path):
    found = lit_frames("same", lambda picture: picture, prepare(tmp_path), 15)
    assert found is not None
    assert (found.images, found.psnr, found.log_ratio, found.within) == (3, CEILING, 0, 3)
    assert found.left_alone


def test_gamma_of_a_half_is_flagged(tmp_path):
    found = lit_frames("gamma", brighten, prepare(tmp_path), 15)
    assert found is not None
    assert found.log_ratio > LIT_LOG_RATIO
    assert found.psnr < LIT_PSNR
    assert found.within == 0
    assert not found.left_alone


def test_known_changes():
    lit = np.full((8, 8, 3), 100, np.uint8)
    ratio, similarity = change(lit, np.full_like(lit, 110))
    assert ratio == pytest.approx(math.log(1.1))
    assert similarity == pytest.approx(20 * math.log10(255 / 10))
    assert change(lit, np.zeros_like(lit))[0] == pytest.approx(-math.log(100))


def test_at_most_so_many_pictures_and_none_without_a_validation_split(tmp_path):
    seen = []
    found = lit_frames("same", lambda picture: seen.append(picture) or picture, prepare(tmp_path / "a"), pictures=2)
    assert found is not None
    assert found.images == len(seen) == 2
    assert lit_frames("same", lambda picture: picture, prepare(tmp_path / "b", ("test", "test")), 15) is None
    with pytest.raises(LleError, match=r"cut made a picture of shape"):
        lit_frames("cut", lambda picture: picture[1:], prepare(tmp_path / "c"), 15)


def test_results_hold_it_and_the_report_shows_it(tmp_path):
    prepared, reports = prepare(tmp_path), tmp_path / "reports"
    evaluate("gamma", brighten, prepared, out=reports, lit=lit_frames("gamma", brighten, prepared, 15), resamples=100)
    evaluate("old", lambda picture: picture, prepared, out=reports, resamples=100)
    assert Evaluation.read(Evaluation.path(reports, "tiny", "gamma")).lit is not None
    assert "lit" not in read_json(Evaluation.path(reports, "tiny", "old"))
    shown = section.section(reports, read_results(reports))
    assert shown is not None
    assert "Lit frame: PSNR" in shown.html
    assert "0 of 3" in shown.html
    assert "changed" in shown.html
    Evaluation.path(reports, "tiny", "gamma").unlink()
    assert section.section(reports, read_results(reports)) is None
