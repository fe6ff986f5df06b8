"""Pictures that people really have, between two sound ones: what is read, what is refused, and what is left on disk."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.regression.troubles.command import Command, picture


def saved(suffix: str, mode: str = "RGB", size: tuple[int, int] = (48, 40)) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        picture(size).convert(mode).save(place.with_suffix(suffix))

    return write


def sixteen_bits(place: Path) -> None:
    Image.fromarray(np.linspace(0, 65535, 40 * 48).reshape(40, 48).astype(np.uint16)).save(place.with_suffix(".png"))


def floats(place: Path) -> None:
    Image.fromarray(np.random.default_rng(0).random((40, 40), np.float32)).save(place.with_suffix(".tiff"))


def cut_off(place: Path) -> None:
    picture().save(place.with_suffix(".png"))
    file = place.with_suffix(".png")
    file.write_bytes(file.read_bytes()[:300])


def tiff_without_dimensions(place: Path) -> None:
    # Little-endian, one directory with a single entry (bits a sample): Pillow raises a TypeError.
    entry = struct.pack("<HHII", 258, 3, 1, 8)
    place.with_suffix(".tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + bytes(4))


def exif_of_another_type(place: Path) -> None:
    image = picture()
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(place.with_suffix(".jpg"), exif=exif)
    file = place.with_suffix(".jpg")
    data = file.read_bytes()
    # The orientation's type, a 16-bit number, becomes a fraction, whose value lies where no value is.
    for entry, other in ((b"\x01\x12\x00\x03", b"\x01\x12\x00\x05"), (b"\x12\x01\x03\x00", b"\x12\x01\x05\x00")):
        data = data.replace(entry, other)
    assert data != file.read_bytes()
    file.write_bytes(data)


def content(suffix: str, data: bytes) -> Callable[[Path], None]:
    return lambda place: place.with_suffix(suffix).write_bytes(data) and None


def dead_link(place: Path) -> None:
    place.with_suffix(".png").symlink_to(place.parent / "nowhere.png")


def link_to_itself(place: Path) -> None:
    place.with_suffix(".png").symlink_to(place.with_suffix(".png"))


def folder_loop(place: Path) -> None:
    place.symlink_to(place.parent, target_is_directory=True)


READ = {
    "grey": saved(".png", "L"),
    "opaque alpha": saved(".png", "RGBA"),
    "palette": saved(".png", "P"),
    "CMYK": saved(".jpg", "CMYK"),
    "16 bits": sixteen_bits,
    "panorama": saved(".png", size=(3000, 16)),
    "EXIF orientation that is a fraction": exif_of_another_type,
    "upper-case suffix": saved(".PNG"),
}
REFUSED = {
    "floating-point TIFF": (floats, "b.tiff holds values of Pillow's mode 'F'"),
    "truncated": (cut_off, "b.png cannot be read as a picture"),
    "zero bytes": (content(".png", b""), "b.png cannot be read as a picture"),
    "web page called .jpg": (content(".jpg", b"<html>quota exceeded</html>"), "b.jpg cannot be read as a picture"),
    "TIFF without dimensions": (tiff_without_dimensions, "b.tif cannot be read as a picture"),
    "one pixel": (saved(".png", size=(1, 1)), "b.png is 1x1 pixels; each side needs at least 16"),
}
LEFT_OUT = {
    "link to nothing": (dead_link, "b.png): links to something that is not there"),
    "link to itself": (link_to_itself, "b.png): links to something that is not there"),
    "folder that holds itself": (folder_loop, "(b): links to a folder that holds it"),
    "raw file": (content(".nef", b"raw"), "b.nef): raw files must be developed first"),
    "hidden": (lambda place: saved(".png")(place.with_name(".b")), ".b.png): is hidden"),
}


@pytest.fixture
def between(command: Command) -> Command:
    for name in ("a", "c"):
        picture(seed=1).save(command.folder / "in" / f"{name}.png")
    return command


@pytest.mark.parametrize("kind", READ)
def test_what_is_read(between: Command, kind: str) -> None:
    READ[kind](between.folder / "in" / "b")
    between("enhance", "gamma", "in", "-o", "out").succeeds()
    assert between.files("out") == {"a.png", "b.png", "c.png"}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_costs_itself_alone(between: Command, kind: str) -> None:
    make, message = REFUSED[kind]
    make(between.folder / "in" / "b")
    between("enhance", "gamma", "in", "-o", "out").fails("1 of 3 pictures could not be enhanced. The other 2 are in out.", message)
    assert between.files("out") == {"a.png", "c.png"}


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_what_is_left_out_is_named(between: Command, kind: str) -> None:
    make, message = LEFT_OUT[kind]
    make(between.folder / "in" / "b")
    assert message in between("enhance", "gamma", "in", "-o", "out").succeeds()
    assert between.files("out") == {"a.png", "c.png"}


def test_linked_folders_are_enhanced_too(between: Command) -> None:
    (between.folder / "elsewhere").mkdir()
    picture().save(between.folder / "elsewhere" / "d.png")
    (between.folder / "in" / "link").symlink_to(between.folder / "elsewhere", target_is_directory=True)
    between("enhance", "gamma", "in", "-o", "out").succeeds()
    assert between.files("out") == {"a.png", "c.png", "link/d.png"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads what nobody may read")
def test_a_picture_that_may_not_be_read(between: Command) -> None:
    picture().save(between.folder / "in" / "b.png")
    (between.folder / "in" / "b.png").chmod(0)
    between("enhance", "gamma", "in", "-o", "out").fails("Permission denied")
    assert between.files("out") == {"a.png", "c.png"}


def test_equal_stems_are_refused_before_anything_is_written(between: Command) -> None:
    picture().save(between.folder / "in" / "a.jpg")
    between("enhance", "gamma", "in", "-o", "out").fails("would both become out/a.png")
    assert not (between.folder / "out").exists()


def test_a_damaged_picture_of_a_set_is_named_by_evaluate_and_leaves_no_result(command: Command) -> None:
    for number in range(3):
        for side in ("low", "normal"):
            picture(seed=number).save(command.folder / f"own/{side}/{number}.png")
    command("fetch", "own", "-S", "data.own.split=test").succeeds()
    tiff_without_dimensions(command.folder / "own/low/1")
    (command.folder / "own/low/1.tif").replace(command.folder / "own/low/1.png")
    command("evaluate", "gamma", "own").fails("own/low/1.png cannot be read as a picture")
    assert command.files("reports") == set()
