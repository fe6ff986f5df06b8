"""What models do to real pictures: lamps that spread and grey that takes on a colour are told, longer exposure is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lle import Project
from lle.data.images import read_rgb, write_png
from lle.errors import LleError
from lle.measure.real_pictures import compare, measure
from lle.results.benchmarks import RealPictures


def grey(level: int = 30) -> np.ndarray:
    return np.full((64, 96, 3), level, np.uint8)


def test_a_longer_exposure_tints_nothing() -> None:
    picture = np.tile(np.array([30, 33, 32], np.uint8), (64, 96, 1))
    found = compare(picture, 3 * picture)
    assert found.chroma_shift == pytest.approx(0, abs=1e-6)
    assert (found.blown_out, found.blown_more, found.grey) == (0, 0, 1)


def test_a_cast_is_its_distance_in_cielab() -> None:
    """sRGB (140, 120, 120) is at a* 7.71, b* 2.86 (by hand, from the definitions of sRGB and CIELAB for D65)."""
    found = compare(grey(), np.tile(np.array([140, 120, 120], np.uint8), (64, 96, 1)))
    assert found.chroma_shift == pytest.approx(np.hypot(7.71, 2.86), abs=0.03)


def test_casts_that_cancel_over_the_picture_are_none() -> None:
    halves = np.tile(np.array([120, 120, 120], np.uint8), (64, 96, 1))
    halves[:, :48] += np.array([6, 0, 0], np.uint8)
    halves[:, 48:] -= np.array([6, 0, 0], np.uint8)
    assert compare(grey(), halves).chroma_shift == pytest.approx(0, abs=0.5)


def test_a_lamp_that_spreads_is_told_and_one_that_stays_is_not() -> None:
    low, spread = grey(), grey(120)
    low[:16, :24] = 255
    spread[:32, :24] = 252
    assert compare(low, low).blown_more == 0
    found = compare(low, spread)
    assert (found.blown_out, found.blown_more) == (pytest.approx(1 / 8, rel=1e-4), pytest.approx(1 / 16, rel=1e-4))


def test_without_grey_areas_there_is_no_shift() -> None:
    red = np.tile(np.array([90, 10, 10], np.uint8), (64, 96, 1))
    assert compare(red, red).chroma_shift is None
    assert compare(grey(3), grey(90)).chroma_shift is None, "what is nearly black has no colour"


def test_a_folder_is_measured_and_shown(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, width in enumerate((96, 64)):
        write_png(folder / f"{number}.png", grey()[:, :width])
    found = measure(
        {"same": lambda low: low / 255, "half": lambda low: low / 510}, folder, tmp_path / "reports", sheet=tmp_path / "all.webp"
    )
    assert RealPictures.read(RealPictures.path(tmp_path / "reports", "frames")) == found
    assert {name: list(pictures) for name, pictures in found.models.items()} == {"same": ["0.png", "1.png"], "half": ["0.png", "1.png"]}
    assert read_rgb(tmp_path / "all.webp").shape == (2 * 140, 3 * 210, 3)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LleError, match="holds no picture"):
        measure({}, tmp_path, tmp_path)


def test_the_command_measures_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "frames").mkdir()
    write_png(tmp_path / "frames/a.png", grey(40))
    found = Project().benchmark_real(Path("frames"), ["gamma"])
    assert list(found.models) == ["gamma"]
    assert found.models["gamma"]["a.png"].chroma_shift == pytest.approx(0, abs=0.1)
    assert found.provenance.command == "lle benchmark real frames gamma"
