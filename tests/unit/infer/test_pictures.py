"""What goes into a picture file comes out again."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from lle.errors import DataError, LleError
from lle.infer.adjust import GAP, Adjust, strip
from lle.infer.pictures import Photo, read_photo, write_photo

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def colours(dtype: type = np.uint8, height: int = 24, width: int = 40) -> np.ndarray:
    """A smooth picture without symmetry, which lossy formats keep."""
    y, x = np.mgrid[0:height, 0:width]
    values = np.stack([x / width, y / height, (x + y) / (height + width)], axis=-1)
    return np.rint(values * np.iinfo(dtype).max).astype(dtype)


def exif(orientation: int = 1) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    found[0x010F] = "Maker"
    found.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
    return found


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("alpha", [False, True])
def test_sixteen_bits_stay(tmp_path: Path, suffix: str, alpha: bool) -> None:
    photo = Photo(colours(np.uint16), colours(np.uint16)[..., 2] if alpha else None)
    write_photo(tmp_path / f"a{suffix}", photo)
    again = read_photo(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(again.colours, photo.colours)
    assert again.colours.dtype == np.uint16
    assert (again.alpha is None) != alpha
    if alpha:
        np.testing.assert_array_equal(again.alpha, photo.alpha)
    np.testing.assert_array_equal(read_photo(tmp_path / f"a{suffix}", sixteen=False).colours, np.rint(photo.colours / 257).astype(np.uint8))


def test_grey_of_sixteen_bits_has_three_equal_channels(tmp_path: Path) -> None:
    grey = colours(np.uint16)[..., 0]
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png").colours, np.dstack([grey] * 3))


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_transparency_passes_through(tmp_path: Path, suffix: str) -> None:
    photo = Photo(colours(), colours()[..., 2])
    write_photo(tmp_path / f"a{suffix}", photo)
    np.testing.assert_array_equal(read_photo(tmp_path / f"a{suffix}").alpha, photo.alpha)


def test_a_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    Image.fromarray(colours()).convert("P").save(tmp_path / "a.png", transparency=3)
    read = read_photo(tmp_path / "a.png")
    assert read.alpha is None or set(np.unique(read.alpha)) == {0, 255}


def test_jpeg_leaves_transparency_out_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_photo(tmp_path / "a.jpg", Photo(colours(), colours()[..., 2]))
    assert "cannot be transparent" in caplog.text
    assert read_photo(tmp_path / "a.jpg").alpha is None


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_profile_and_camera_data_are_kept(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(colours()).save(tmp_path / "in.jpg", exif=exif(6), icc_profile=PROFILE, quality=95)
    photo = read_photo(tmp_path / "in.jpg")
    assert photo.colours.shape == (40, 24, 3), "turned upright"
    write_photo(tmp_path / f"out{suffix}", photo)
    with Image.open(tmp_path / f"out{suffix}") as image:
        assert image.info["icc_profile"] == PROFILE
        camera = image.getexif()
        assert camera.get(0x0112, 1) == 1, "it is upright, and must not be turned again"
        assert camera[0x010F] == "Maker"
        assert camera.get_ifd(0x8769)[0x9003] == "2026:01:02 03:04:05"
    again = read_photo(tmp_path / f"out{suffix}")
    assert np.abs(again.colours.astype(int) - photo.colours).mean() < 3
    assert again.profile == PROFILE


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_orientation_is_applied(tmp_path: Path, orientation: int, dtype: type) -> None:
    path = tmp_path / "a.png"
    write_photo(path, Photo(colours(dtype), exif=exif(orientation).tobytes()))
    with Image.open(path) as image:
        assert image.getexif()[0x0112] == orientation
    upright = ImageOps.exif_transpose(_with_orientation(Image.fromarray(colours()), orientation))
    expected = np.asarray(upright)
    given = read_photo(path).colours
    assert given.shape == expected.shape
    assert np.abs(given / np.iinfo(dtype).max - expected / 255).max() < 0.01


def _with_orientation(image: Image.Image, orientation: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, format="PNG", exif=exif(orientation))
    return Image.open(stream)


def test_quality_counts(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for suffix in (".jpg", ".webp"):
        sizes = []
        for quality in (20, 95):
            write_photo(tmp_path / f"a{suffix}", Photo(noise), quality)
            sizes.append((tmp_path / f"a{suffix}").stat().st_size)
        assert sizes[0] < sizes[1] / 2


def test_what_is_no_picture_is_an_error(tmp_path: Path) -> None:
    for name, reason in (("none.png", "does not exist"), ("a.dng", "developed first")):
        with pytest.raises(DataError, match=reason):
            read_photo(tmp_path / name)
    write_photo(tmp_path / "small.png", Photo(colours(height=8)))
    with pytest.raises(DataError, match="each side needs at least 16"):
        read_photo(tmp_path / "small.png")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp"])
def test_two_hundred_damaged_files(tmp_path: Path, suffix: str) -> None:
    write_photo(tmp_path / f"a{suffix}", Photo(colours(np.uint16 if suffix == ".png" else np.uint8), profile=PROFILE))
    whole = (tmp_path / f"a{suffix}").read_bytes()
    generator = np.random.default_rng(0)
    path = tmp_path / f"b{suffix}"
    for turn in range(40):
        data = bytearray(whole)
        for place in generator.integers(0, min(len(data), 200 if turn % 2 else len(data)), 1 + turn % 7):
            data[place] = generator.integers(0, 256)
        path.write_bytes(data[: generator.integers(1, len(data))] if turn % 3 == 0 else data)
        # Whatever else is raised ends the test.
        with contextlib.suppress(DataError):
            photo = read_photo(path)
            assert photo.colours.ndim == 3
            assert min(photo.colours.shape[:2]) >= 16


def test_a_small_file_that_promises_a_huge_picture_is_refused_at_once(tmp_path: Path) -> None:
    """Without that, a damaged width cost minutes, 4 GB, and ended as a fault of OpenCV's PNG writer."""
    write_photo(tmp_path / "a.tiff", Photo(colours()))
    data = bytearray((tmp_path / "a.tiff").read_bytes())
    with Image.open(tmp_path / "a.tiff") as image:
        assert image.tag_v2[256] == 40
    entry = data.index(b"\x00\x01\x03\x00\x01\x00\x00\x00\x28\x00")  # tag 256, the width, one short: 40
    data[entry + 2] = 4  # a long
    data[entry + 8 : entry + 12] = (6_000_000).to_bytes(4, "little")
    (tmp_path / "a.tiff").write_bytes(data)
    with pytest.raises(DataError, match="claims to be 6000000x24 pixels, which a file of"):
        read_photo(tmp_path / "a.tiff")
    Image.new("1", (1_000_001, 16)).save(tmp_path / "b.tiff", compression="group4")
    with pytest.raises(DataError, match="a side may have 1,000,000 at most"):
        read_photo(tmp_path / "b.tiff")


@pytest.mark.parametrize(("suffix", "options"), [(".png", {}), (".tiff", {"compression": "tiff_lzw"}), (".tiff", {"compression": "zstd"})])
def test_a_large_picture_of_one_colour_is_read(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (4000, 2000), (10, 20, 30)).save(path, **options)
    assert path.stat().st_size < 4000 * 2000 * 3 / 50
    assert read_photo(path).colours.shape == (2000, 4000, 3)


def test_strength_and_brightness() -> None:
    low, enhanced = np.full((20, 20, 3), 40, np.uint8), np.full((20, 20, 3), 100, np.uint8)
    assert Adjust()(low, enhanced) is enhanced
    assert np.unique(Adjust(strength=0)(low, enhanced)) == 40
    assert np.unique(Adjust(strength=0.5)(low, enhanced)) == 70
    assert np.unique(Adjust(strength=1.5)(low, enhanced)) == 130
    assert np.unique(Adjust(brightness=2)(low, enhanced)) == round(255 * (100 / 255) ** 0.5)
    wide = Adjust(brightness=2)(low.astype(np.uint16) * 257, enhanced.astype(np.uint16) * 257)
    assert abs(int(wide[0, 0, 0]) - 65535 * (100 / 255) ** 0.5) <= 1
    with pytest.raises(LleError, match="strength goes from 0 to 2"):
        Adjust(strength=3)


@pytest.mark.parametrize(("shape", "expected"), [((24, 40), (48 + GAP, 40)), ((40, 24), (40, 48 + GAP))])
def test_a_strip_shows_input_and_result(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    low = Photo(np.zeros((*shape, 3), np.uint8))
    made = strip(low, low.with_colours(np.full((*shape, 3), 200, np.uint8))).colours
    assert made.shape == (*expected, 3)
    assert made[0, 0, 0] == 0
    assert made[-1, -1, 0] == 200
    assert np.count_nonzero(made == 255) == GAP * min(made.shape[:2]) * 3 or shape[0] > shape[1]
