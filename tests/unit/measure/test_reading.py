"""Reading: the arithmetic with a recogniser that is given, what is said where there is none, and rapidocr where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from lle.config.schema import EvaluateConfig, ProfileConfig, SuiteConfig, TrainConfig, params_model
from lle.data.images import write_png
from lle.data.pairs import Row, open_prepared, write_manifest
from lle.errors import DataError
from lle.measure import reading
from lle.measure.quality import evaluate
from lle.measure.reading import character_accuracy, crop, edit_distance, read_method
from lle.metrics.protocol import to_uint8
from lle.report.sections import reading as section
from lle.results.read import read_results
from lle.results.reading import Reading

BOX = [20, 30, 70, 130]


def sign(text: str = "KEEP OUT") -> np.ndarray:
    """A lit picture with a panel inside of `BOX`."""
    picture = Image.new("RGB", (160, 96), (120, 118, 110))
    draw = ImageDraw.Draw(picture)
    draw.rectangle([BOX[1], BOX[0], BOX[3] - 1, BOX[2] - 1], fill=(190, 25, 25))
    draw.text((80, 36), text, fill=(245, 245, 245), anchor="mm", font=ImageFont.load_default(18))
    return np.asarray(picture)


def params():
    return params_model()(
        suite=SuiteConfig(methods=["gamma"], datasets=[], prepare=["signs"]),
        train=TrainConfig(data="signs"),
        evaluate=EvaluateConfig(resamples=200),
        profile=ProfileConfig(sizes=[(16, 16)]),
        data={"signs": {"kind": "demo", "lighting": "mine"}},
    )


@pytest.fixture
def data(tmp_path):
    """Twelve scenes with a sign each, of which six are `KEEP OUT`, and one without."""
    home, rows = tmp_path / "data" / "signs", []
    for number in range(13):
        text = "KEEP OUT" if number % 2 else "SLOW"
        paths = {kind: home / kind / f"p{number:02}.png" for kind in ("low", "normal")}
        normal = sign(text)
        write_png(paths["normal"], normal)
        write_png(paths["low"], to_uint8((normal / 255) ** 2 * 0.2))
        signs = [{"text": text, "box": BOX}] if number < 12 else []
        rows.append(Row("test", f"scene{number}", paths["low"], paths["normal"], {"signs": signs}))
    write_manifest(home, "signs", "demo", rows)
    return home.parent


def fake(picture):
    """Reads three letters of four in the dark, and all of `SLOW` in the light."""
    return "slow" if picture.mean() > 60 else "SLO"


def read(name, data, reader=fake):
    return read_method(name, "signs", params(), data.parent / "models", data.parent / "reports", data, reader)


def shown_in_report(data):
    """The section, in a report that holds an evaluation too."""
    reports = data.parent / "reports"
    evaluate("gamma", lambda picture: picture, open_prepared("signs", data), out=reports, metrics=["psnr"], resamples=100)
    return section.section(reports, read_results(reports))


@pytest.mark.parametrize(("first", "second", "distance"), [("", "abc", 3), ("kitten", "sitting", 3), ("same", "same", 0), ("ab", "ba", 2)])
def test_edit_distance(first, second, distance):
    assert edit_distance(first, second) == edit_distance(second, first) == distance


def test_character_accuracy():
    assert character_accuracy("KEEP OUT", "keepout") == 1
    assert character_accuracy("STOP", "ST0P") == 0.75
    assert character_accuracy("STOP", "") == 0
    assert character_accuracy("GO", "something else") == 0
    with pytest.raises(ValueError, match="without text"):
        character_accuracy(" ", "a")


def test_a_crop_has_a_margin_and_lies_inside():
    picture = sign()
    assert crop(picture, BOX, "a").shape == (54, 104, 3)
    assert crop(picture, [0, 0, 96, 160], "a").shape == (96, 160, 3)
    for box in ([0, 0, 97, 10], [5, 5, 5, 9], [-1, 0, 4, 4]):
        with pytest.raises(DataError, match="not inside of 'a'"):
            crop(picture, box, "a")


def test_before_and_after(data):
    before, after, best = (read(name, data) for name in ("input", "gamma", "normal"))
    other = character_accuracy("KEEP OUT", "SLO"), character_accuracy("KEEP OUT", "SLOW")
    assert before.accuracy.mean == pytest.approx((0.75 + other[0]) / 2, abs=1e-5)
    assert best.accuracy.mean == pytest.approx((1 + other[1]) / 2, abs=1e-5)
    assert best.exact == 0.5
    assert (before.images, len(before.signs), before.accuracy.n) == (12, 12, 12)
    assert before.accuracy.low < before.accuracy.mean < before.accuracy.high
    assert after.method == "gamma"
    assert before == Reading.read(data.parent / "reports/reading/signs/input.json")
    shown = shown_in_report(data)
    assert shown is not None
    assert shown.html.index("Dark, untouched") < shown.html.index("Gamma") < shown.html.index("Normal light, the reference")
    assert f"{100 * best.accuracy.mean:.1f}" in shown.html
    assert "12 signs in 12 test pictures" in shown.html


def test_the_command_to_install_stands_in_the_cell(data, monkeypatch):
    monkeypatch.setattr(reading, "rapid_reader", lambda: (None, None))
    result = read("input", data, None)
    assert (result.accuracy.mean, result.accuracy.missing) == (None, reading.MISSING)
    assert Reading.read(Reading.path(data.parent / "reports", "signs", "input")).accuracy.mean is None
    shown = shown_in_report(data)
    assert shown is not None
    assert "lle-suite[read]" in shown.html


def test_a_set_without_signs_is_refused(data):
    home = data / "signs"
    rows = [Row("test", "a", home / "low/p00.png", home / "normal/p00.png", {})]
    write_manifest(home, "signs", "demo", rows)
    with pytest.raises(DataError, match="names a sign"):
        read("input", data)


def test_rapidocr_reads_a_lit_sign():
    pytest.importorskip("rapidocr")
    reader, name = reading.rapid_reader()
    assert reader is not None
    assert name.startswith("rapidocr 3")
    assert character_accuracy("KEEP OUT", reader(crop(sign(), BOX, "a"))) == 1
    assert reader(np.full((40, 60, 3), 3, np.uint8)) == ""
