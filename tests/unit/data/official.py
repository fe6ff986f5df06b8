"""A tiny copy of every set of the catalog in its official layout, with two pictures or so of each split."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from lle.data.images import write_png
from lle.data.photos import LIST, listed

PAIRED = {
    "lol_v1": ("LOLdataset/our485/{low,high}/2.png", "LOLdataset/eval15/{low,high}/1.png"),
    "lol_v2_real": (
        "LOL-v2/Real_captured/Train/{Low/low,Normal/normal}00001.png",
        "LOL-v2/Real_captured/Test/{Low/low,Normal/normal}00690.png",
    ),
    "lol_v2_synthetic": ("LOL-v2/Synthetic/Train/{Low,Normal}/r000da54ft.png", "LOL-v2/Synthetic/Test/{Low,Normal}/r00816405t.png"),
    "lsrw": (
        "LSRW/Training data/Huawei/{low,high}/1.jpg",
        "LSRW/Training data/Nikon/{low,high}/1.jpg",
        "LSRW/Eval/Huawei/{low,high}/2.jpg",
        "LSRW/Eval/Nikon/{low,high}/2.jpg",
    ),
    "baid": ("train/{input,gt}/1.png", "test/{input,gt}/2.png"),
    "ve_lol_real": (
        "VE-LOL/VE-LOL-L-Cap-Full/VE-LOL-L-Cap-{Low_train/low,Normal_train/normal}00001.png",
        "VE-LOL/VE-LOL-L-Cap-Full/VE-LOL-L-Cap-{Low_test/low,Normal_test/normal}00401.png",
    ),
    "ve_lol_synthetic": (
        "VE-LOL/VE-LOL-L-Syn/VE-LOL-L-Syn-{Low_train,Normal_train}/1.png",
        "VE-LOL/VE-LOL-L-Syn/VE-LOL-L-Syn-{Low_test,Normal_test}/2.png",
    ),
    "gladnet": ("GLADNet/train/{low,normal}/1.png",),
    "agllnet": ("train/{low,normal}/1.png", "test/{low,normal}/2.png"),
    "fivek": ("FiveK/train/{input,target}/a0099-kme_264.jpg", "FiveK/test/{input,target}/a4574-DSC_0038.jpg"),
    "coal_mine_pairs": ("mine/{low,normal}/1.png",),
}
"""Files of the paired sets; braces hold the two sides."""

UNDIVIDED = ("coal_mine_pairs", "gladnet")
"""Sets that are published without a test split, and divided here; a single scene goes to test."""

UNPAIRED = ("dicm", "lime", "mef", "npe", "vv", "coal_mine_frames")

_count = 0


def picture(path: Path) -> None:
    """Writes a picture unlike any other of this process."""
    global _count
    _count += 1
    write_png(path.with_suffix(".png"), np.random.default_rng(_count).integers(0, 256, (16, 20, 3), dtype=np.uint8))
    if path.suffix != ".png":
        path.with_suffix(".png").rename(path)


def mask(path: Path, values: tuple[int, ...] = (0, 1, 255)) -> None:
    """Writes a mask that repeats the values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.resize(np.array(values, np.uint8), (16, 20))).save(path)


def tree(root: Path, *paths: str) -> Path:
    """Writes masks where a path says so, else pictures; returns the root."""
    for path in paths:
        mask(root / path) if "mask" in path or "annot" in path or "gtFine" in path or "SegmentationClass" in path else picture(root / path)
    return root


def paired(root: Path, name: str) -> None:
    """Writes a set of `PAIRED`."""
    for pattern in PAIRED[name]:
        match = re.match(r"(.*)\{(.*)\}(.*)", pattern)
        assert match is not None
        before, sides, after = match.groups()
        tree(root, *(before + side + after for side in sides.split(",")))


def sice(root: Path) -> None:
    """Seven exposures in part 1 and nine in part 2, a label each."""
    exposures = [f"{index}.JPG" for index in range(1, 10)]
    tree(root / "Dataset_Part1", *(f"1/{name}" for name in exposures[:7]), "Label/1.JPG")
    tree(root / "Dataset_Part2", *(f"12/{name}" for name in exposures), "Label/12.JPG")


def voc(root: Path) -> None:
    """A picture and its mask in train and in val, and a picture of neither."""
    home = root / "VOCdevkit" / "VOC2012"
    tree(home, *(f"JPEGImages/{name}.jpg" for name in "abc"), *(f"SegmentationClass/{name}.png" for name in "ab"))
    (home / "ImageSets/Segmentation").mkdir(parents=True)
    (home / "ImageSets/Segmentation/train.txt").write_text("a\n")
    (home / "ImageSets/Segmentation/val.txt").write_text("b\n")


def cityscapes(root: Path) -> None:
    """Two cities to train on, one to validate on, with the masks of label ids and of instances."""
    for split, city in (("train", "aachen"), ("train", "bochum"), ("val", "lindau")):
        stem = f"{city}_000000_000019"
        tree(root, f"leftImg8bit/{split}/{city}/{stem}_leftImg8bit.png")
        mask(root / f"gtFine/{split}/{city}/{stem}_gtFine_labelIds.png", (0, 7, 33))
        mask(root / f"gtFine/{split}/{city}/{stem}_gtFine_instanceIds.png")


def exdark(root: Path) -> None:
    """A picture in each split, with the official list."""
    tree(root / "ExDark", "Bicycle/2015_00001.png", "Bicycle/2015_00002.jpg", "Boat/2015_00700.JPG")
    lines = ["Name | Class | Light | In/Out | Train/Val/Test", "2015_00001.png 1 2 1 1", "2015_00002.jpg 1 2 1 2", "2015_00700.jpg 2 2 1 3"]
    (root / "ExDark/imageclasslist.txt").write_text("\n".join(lines))


def camvid(root: Path) -> None:
    """A picture and its mask in each split."""
    tree(root, *(f"CamVid/{split}{kind}/{split}_1.png" for split in ("train", "val", "test") for kind in ("", "annot")))


def photos(root: Path) -> None:
    """The list's pictures, all of them, but tiny ones."""
    for line in listed():
        picture(root / "photos" / line["file"])
    (root / "photos" / "photos.csv").write_bytes(LIST.read_bytes())


_OTHERS: dict[str, tuple[Callable[[Path], None], dict[str, int]]] = {
    "sice": (sice, {"train": 3, "test": 4}),
    "voc2012": (voc, {"train": 1, "val": 1}),
    "cityscapes": (cityscapes, {"train": 2, "val": 1}),
    "exdark": (exdark, {"train": 1, "val": 1, "test": 1}),
    "camvid": (camvid, {"train": 1, "val": 1, "test": 1}),
    "photos": (photos, {"train": 85, "val": 15, "test": 40}),
}


def write(name: str, root: Path) -> dict[str, int]:
    """Writes a set and returns how many rows its splits have."""
    if name in PAIRED:
        paired(root, name)
        places = [pattern.lower() for pattern in PAIRED[name]]
        test = sum("test" in place or "eval" in place or name in UNDIVIDED for place in places)
        return {split: rows for split, rows in (("train", len(places) - test), ("test", test)) if rows}
    if name in UNPAIRED:
        folder = "frames" if name == "coal_mine_frames" else f"test/{name.upper()}"
        tree(root, f"{folder}/1.jpg", f"{folder}/2.bmp")
        return {"test": 2}
    make, counts = _OTHERS[name]
    make(root)
    return counts
