"""Maps and histograms of sample pictures: known answers on tiny pictures."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from lle.report import pixels


def flat(*rgb: int) -> np.ndarray:
    return np.full((4, 6, 3), rgb, dtype=np.uint8)


def test_errors_are_white_where_right_blue_where_dark_orange_where_bright():
    truth = flat(100, 100, 100)
    assert (pixels.error(truth, truth) == np.array(pixels.SIGNED[2])).all()
    assert (pixels.error(flat(0, 0, 0), truth) == np.array(pixels.SIGNED[0])).all()
    assert (pixels.error(flat(255, 255, 255), truth) == np.array(pixels.SIGNED[4])).all()


def test_illumination_is_input_over_output():
    low = flat(50, 50, 50)
    assert (pixels.illumination(low, low) == np.array(pixels.ORDERED[4])).all()
    assert (pixels.illumination(low, flat(100, 100, 100)) == np.array(pixels.ORDERED[2])).all()
    assert (pixels.illumination(flat(0, 0, 0), flat(0, 0, 0)) == np.array(pixels.ORDERED[0])).all()


@pytest.mark.parametrize(("colour", "place"), [((200, 0, 0), 0.0), ((0, 200, 0), 1 / 3), ((0, 0, 200), 2 / 3)])
def test_hues_of_pure_colours(colour: tuple[int, int, int], place: float):
    hue, saturation, value = pixels.histograms(flat(*colour))
    assert hue[int(place * pixels.BINS)] == 1
    assert saturation[-1] == 1
    assert value[int(200 / 255 * pixels.BINS)] == 1


def test_grey_has_no_hue():
    hue, saturation, _ = pixels.histograms(flat(90, 90, 90))
    assert sum(hue) == 0
    assert saturation[0] == 1


def test_psnr_and_size_of_a_map():
    assert pixels.psnr(flat(110, 110, 110), flat(100, 100, 100)) == pytest.approx(28.13, abs=0.01)
    uri = pixels.webp(np.zeros((300, 480, 3), dtype=np.uint8))
    assert Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).size == (200, 125)
