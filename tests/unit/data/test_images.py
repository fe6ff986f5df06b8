"""Whatever a user brings is read right, or refused with the file's name."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from lle.data.images import find_images, read_rgb, size, write_png, write_webp
from lle.errors import DataError


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)


def test_png_round_trip_keeps_every_value(tmp_path, picture):
    write_png(tmp_path / "a.png", picture)
    assert np.array_equal(read_rgb(tmp_path / "a.png"), picture)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), picture)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert size(tmp_path / "a.png") == (31, 20)


def test_write_png_refuses_floats(tmp_path, picture):
    with pytest.raises(ValueError, match="uint8"):
        write_png(tmp_path / "a.png", picture / 255)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "RGBA", "LA"])
def test_eight_bit_modes(tmp_path, picture, mode):
    image = Image.fromarray(picture).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path)
    assert np.array_equal(read_rgb(path), np.asarray(image.convert("RGB")))


def test_grey_becomes_three_equal_channels(tmp_path, picture):
    Image.fromarray(picture[..., 0]).save(tmp_path / "a.png")
    read = read_rgb(tmp_path / "a.png")
    assert read.shape == (20, 31, 3)
    assert all(np.array_equal(read[..., channel], picture[..., 0]) for channel in range(3))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_rounded_not_truncated(tmp_path, suffix, channels):
    wide = np.random.default_rng(1).integers(0, 65536, (20, 31, channels), dtype=np.uint16)
    if channels == 4:
        wide[..., 3] = 65535
    cv2.imwrite(str(tmp_path / f"a{suffix}"), wide[..., 0] if channels == 1 else wide[..., [2, 1, 0, 3][:channels]])
    expected = np.rint(wide[..., :3] / 257).astype(np.uint8)
    assert np.array_equal(read_rgb(tmp_path / f"a{suffix}"), np.broadcast_to(expected, (20, 31, 3)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_of_8_and_16_bit_files_agrees_with_pillow(tmp_path, picture, orientation):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(picture)
    image.save(tmp_path / "a.png", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.png")))
    assert np.array_equal(read_rgb(tmp_path / "a.png"), expected)
    Image.fromarray(picture[..., 0].astype(np.uint16) * 257).save(tmp_path / "b.png", exif=exif)
    assert np.array_equal(read_rgb(tmp_path / "b.png")[..., 0], expected[..., 0])


def test_transparency_is_refused_and_says_what_to_do(tmp_path, picture):
    alpha = np.full((20, 31, 1), 255, np.uint8)
    alpha[3, 4] = 254
    Image.fromarray(np.concatenate([picture, alpha], 2)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png has transparent pixels\. Flatten"):
        read_rgb(tmp_path / "a.png")


def test_damage_is_named(tmp_path, picture):
    write_png(tmp_path / "a.png", picture)
    whole = (tmp_path / "a.png").read_bytes()
    for name, data in {"cut.png": whole[: len(whole) // 2], "empty.png": b"", "text.jpg": b"hello"}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=name):
            read_rgb(tmp_path / name)
    cv2.imwrite(str(tmp_path / "wide.png"), picture.astype(np.uint16) * 257)
    (tmp_path / "wide.png").write_bytes((tmp_path / "wide.png").read_bytes()[:900])
    with pytest.raises(DataError, match=r"wide\.png"):
        read_rgb(tmp_path / "wide.png")
    with pytest.raises(DataError, match="does not exist"):
        read_rgb(tmp_path / "none.png")


def test_small_float_and_animated_files_are_refused(tmp_path, picture):
    write_png(tmp_path / "small.png", picture[:15])
    with pytest.raises(DataError, match="31x15 pixels"):
        read_rgb(tmp_path / "small.png")
    Image.fromarray(picture[..., 0].astype(np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(DataError, match="mode 'F'"):
        read_rgb(tmp_path / "float.tif")
    frames = [Image.fromarray(picture), Image.fromarray(255 - picture)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="several pictures in one file"):
        read_rgb(tmp_path / "moving.gif")


def test_find_images_in_natural_order(tmp_path):
    for name in ("a10.png", "a2.PNG", "b.txt", ".hidden.png", "1.jpg"):
        (tmp_path / name).touch()
    assert [path.name for path in find_images(tmp_path)] == ["1.jpg", "a2.PNG", "a10.png"]
    with pytest.raises(DataError, match="does not exist"):
        find_images(tmp_path / "none")


def test_a_picture_for_the_report_is_reduced_and_a_mask_keeps_its_colours(tmp_path):
    colours = np.random.default_rng(0).integers(0, 4, (50, 80)).astype(np.uint8)
    mask = np.array([(0, 0, 0), (255, 0, 0), (0, 90, 0), (0, 0, 200)], np.uint8)[colours]
    write_webp(tmp_path / "mask.webp", mask, 40, None)
    small = read_rgb(tmp_path / "mask.webp")
    assert small.shape == (25, 40, 3)
    assert {tuple(pixel) for pixel in small.reshape(-1, 3)} <= {tuple(pixel) for pixel in mask.reshape(-1, 3)}
    write_webp(tmp_path / "small.webp", mask, 100, None)
    assert (read_rgb(tmp_path / "small.webp") == mask).all()
    write_webp(tmp_path / "photograph.webp", mask, 40, 80)
    assert read_rgb(tmp_path / "photograph.webp").shape == (25, 40, 3)
