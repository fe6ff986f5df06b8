"""Downloads go on where they stopped, archives are not trusted, and nothing half done is taken for complete."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
import threading
import types
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import official
import pytest

import lle.data.download
import lle.data.fetch
from lle.config.data import CatalogData
from lle.data import catalog
from lle.data.download import download
from lle.data.fetch import fetch
from lle.data.images import write_png
from lle.data.layouts import read
from lle.data.prepare import prepare
from lle.errors import DataError, LleError

FILES = ("our485/low/1.png", "our485/high/1.png", "eval15/low/2.png", "eval15/high/2.png")


class Server(ThreadingHTTPServer):
    """Serves `files`, with faults: each request takes the first of `faults`, if any are left."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: list[str] = []
        self.requests: list[tuple[str, str | None]] = []
        self.ranges = True

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.requests.append((self.path, asked))
        fault = self.server.faults.pop(0) if self.server.faults else ""
        data = self.server.files.get(self.path)
        if data is None or fault == "503":
            self.send_error(503 if fault else 404)
            return
        tag = f'"{hashlib.md5(data).hexdigest()}"'
        start = 0
        if asked and self.server.ranges and self.headers.get("If-Range") == tag:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
        if start > len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", tag)
        self.end_headers()
        body = data[start:]
        if fault == "cut":
            body = body[: len(body) // 2]
        self.wfile.write(body)
        self.wfile.flush()
        if fault == "cut":
            self.close_connection = True

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def tree(tmp_path):
    rng = np.random.default_rng(0)
    for name in FILES:
        write_png(tmp_path / "tree" / name, rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    return tmp_path / "tree"


def zipped(tree: Path) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in FILES:
            archive.write(tree / name, f"LOLdataset/{name}")
    return stream.getvalue()


def tarred(tree: Path, mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name in FILES:
            archive.add(tree / name, name)
    return stream.getvalue()


@pytest.fixture
def entry(monkeypatch, server):
    """Puts a set with LOL's layout and the test server's address into the catalog."""

    lol = catalog.entry("lol_v1")

    def put(*names: str, checksum: str | None = None, **change):
        files = [catalog.File(name=name, url=f"{server.url}/{name}", checksum=checksum) for name in names]
        sources = (catalog.Source(files=files),) if files else ()
        item = lol.model_copy(update={"id": "tiny", "title": "Tiny", "sources": sources, **change})
        monkeypatch.setattr(catalog, "entries", lambda: {"tiny": item})
        monkeypatch.setattr(lle.data.download, "_WAIT", 0.001)
        monkeypatch.delenv("LLE_DATA_MIRROR", raising=False)
        return item

    monkeypatch.setattr(lle.data.download.download, "__defaults__", (3, 0.001))
    return put


def complete(folder: Path) -> bool:
    return sorted(path.name for path in folder.rglob("*.png")) == ["1.png", "1.png", "2.png", "2.png"]


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
def test_archives_in_the_official_layout(tmp_path, server, tree, entry, kind):
    data = zipped(tree) if kind == "zip" else tarred(tree, "w" if kind == "tar" else f"w:{kind[4:]}")
    server.files[f"/tiny.{kind}"] = data
    entry(f"tiny.{kind}", checksum=f"sha256:{hashlib.sha256(data).hexdigest()}")
    folder = fetch("tiny", folder=tmp_path / "raw")
    assert folder == tmp_path / "raw" / "tiny"
    assert complete(folder)
    rows = read(catalog.entry("tiny"), folder).rows
    assert [row.split for row in rows] == ["train", "test"]
    assert {path.name for path in (tmp_path / "raw").iterdir()} <= {"tiny", ".tiny.lock"}
    fetch("tiny", folder=tmp_path / "raw")
    assert len(server.requests) == 1


def test_interrupted_transfer_goes_on_where_it_stopped(tmp_path, server):
    data = os.urandom(100_000)
    server.files["/a.bin"] = data
    server.faults = ["cut", "503", "cut", ""]
    download(f"{server.url}/a.bin", tmp_path / "a.bin", wait=0.001)
    assert (tmp_path / "a.bin").read_bytes() == data
    assert [asked for _, asked in server.requests] == [None, "bytes=50000-", "bytes=50000-", "bytes=75000-"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_a_later_call_goes_on_too(tmp_path, server):
    server.files["/a.bin"] = os.urandom(1000)
    server.faults = ["cut"]
    with pytest.raises(LleError, match=r"failed 1 times.*500 of 1000 bytes arrived.*goes on where it stopped"):
        download(f"{server.url}/a.bin", tmp_path / "a.bin", retries=0)
    assert not (tmp_path / "a.bin").exists()
    download(f"{server.url}/a.bin", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == server.files["/a.bin"]
    assert server.requests[-1][1] == "bytes=500-"


@pytest.mark.parametrize("change", ["content", "no ranges"])
def test_a_changed_file_or_a_simple_server_starts_over(tmp_path, server, change):
    server.files["/a.bin"] = os.urandom(1000)
    server.faults = ["cut"]
    with pytest.raises(LleError):
        download(f"{server.url}/a.bin", tmp_path / "a.bin", retries=0)
    if change == "content":
        server.files["/a.bin"] = os.urandom(800)
    else:
        server.ranges = False
    download(f"{server.url}/a.bin", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == server.files["/a.bin"]


def test_a_wrong_address_is_not_tried_again(tmp_path, server):
    with pytest.raises(LleError, match="404"):
        download(f"{server.url}/none", tmp_path / "a.bin")
    assert len(server.requests) == 1


def test_corrupted_transfer_is_thrown_away(tmp_path, server, tree, entry):
    good = zipped(tree)
    entry("tiny.zip", checksum=f"sha256:{hashlib.sha256(good).hexdigest()}")
    server.files["/tiny.zip"] = good[:-100] + bytes(100)
    with pytest.raises(LleError, match=r"checksum is .*, expected"):
        fetch("tiny", folder=tmp_path / "raw")
    assert not (tmp_path / "raw" / "tiny").exists()
    server.files["/tiny.zip"] = good
    assert complete(fetch("tiny", folder=tmp_path / "raw"))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_truncated_archives(tmp_path, server, tree, entry, kind, keep):
    data = zipped(tree) if kind == "zip" else tarred(tree, "w" if kind == "tar" else f"w:{kind[4:]}")
    server.files[f"/tiny.{kind}"] = data[: int(len(data) * keep)]
    entry(f"tiny.{kind}")
    with pytest.raises(LleError, match=r"damaged|complete"):
        fetch("tiny", folder=tmp_path / "raw")
    assert not (tmp_path / "raw" / "tiny").exists()
    assert not list((tmp_path / "raw").glob(".tiny~*"))


def test_tar_cut_between_members(tmp_path, server, tree, entry):
    data = tarred(tree, "w")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        last = archive.getmembers()[-1]
    server.files["/tiny.tar"] = data[: last.offset]
    entry("tiny.tar")
    with pytest.raises(LleError, match="its end is missing"):
        fetch("tiny", folder=tmp_path / "raw")


def test_damaged_content_of_a_zip(tmp_path, server, tree, entry):
    data = bytearray(zipped(tree))
    data[2000] ^= 255
    server.files["/tiny.zip"] = bytes(data)
    entry("tiny.zip")
    with pytest.raises(LleError, match=r"damaged.*CRC"):
        fetch("tiny", folder=tmp_path / "raw")


@pytest.mark.parametrize("name", ["../evil.png", "/tmp/evil.png", "a/../../evil.png", "..\\evil.png", "C:/evil.png"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_members_that_lead_out_are_refused(tmp_path, server, entry, name, kind):
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("fine.png", b"x")
            archive.writestr(name, b"x")
    else:
        with tarfile.open(fileobj=stream, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("fine.png"))
            archive.addfile(tarfile.TarInfo(name))
    server.files[f"/tiny.{kind}"] = stream.getvalue()
    entry(f"tiny.{kind}")
    with pytest.raises(LleError, match="do not trust it"):
        fetch("tiny", folder=tmp_path / "a" / "raw")
    assert not list(tmp_path.rglob("*.png"))


@pytest.mark.parametrize("kind", ["zip", "tar", "hard"])
def test_links_are_refused(tmp_path, server, entry, kind):
    stream = io.BytesIO()
    if kind == "zip":
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(info, "/etc")
    else:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = (tarfile.SYMTYPE if kind == "tar" else tarfile.LNKTYPE), "/etc/passwd"
        with tarfile.open(fileobj=stream, mode="w") as archive:
            archive.addfile(info)
    name = "tiny.zip" if kind == "zip" else "tiny.tar"
    server.files[f"/{name}"] = stream.getvalue()
    entry(name)
    with pytest.raises(LleError, match="a link"):
        fetch("tiny", folder=tmp_path / "raw")


def test_another_layout_is_not_taken(tmp_path, server, entry):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("readme.txt", "hello")
    server.files["/tiny.zip"] = stream.getvalue()
    entry("tiny.zip")
    with pytest.raises(DataError, match="does not look like Tiny"):
        fetch("tiny", folder=tmp_path / "raw")
    assert not (tmp_path / "raw" / "tiny").exists()


@pytest.mark.parametrize("when", ["announced", "unpacking", "writing"])
def test_full_disk(tmp_path, server, tree, entry, monkeypatch, when):
    server.files["/tiny.zip"] = zipped(tree)
    entry("tiny.zip")
    if when == "writing":

        def full(*arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(lle.data.fetch.shutil, "copyfileobj", full)
    else:
        content = sum(path.stat().st_size for path in tree.rglob("*.png"))
        (tmp_path / "tiny.zip").write_bytes(server.files["/tiny.zip"])
        monkeypatch.setattr(
            lle.data.fetch.shutil, "disk_usage", lambda path: types.SimpleNamespace(free=10 if when == "announced" else content - 1)
        )
        if when == "unpacking":
            monkeypatch.setattr(lle.data.fetch, "_download", lambda item, folder: [tmp_path / "tiny.zip"])
    with pytest.raises(LleError, match=r"[Ff]ree space"):
        fetch("tiny", folder=tmp_path / "raw")
    assert not (tmp_path / "raw" / "tiny").exists()


def test_two_fetches_at_once_download_once(tmp_path, server, tree, entry):
    server.files["/tiny.zip"] = zipped(tree)
    entry("tiny.zip")
    results: list[Path] = []
    threads = [threading.Thread(target=lambda: results.append(fetch("tiny", folder=tmp_path / "raw"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [tmp_path / "raw" / "tiny"] * 3
    assert len(server.requests) == 1


def test_mirror_folder_is_used_where_it_lies(tmp_path, server, tree, entry, monkeypatch):
    entry("tiny.zip")
    tree.rename(tmp_path / "tiny")
    assert fetch("tiny", mirror=tmp_path, folder=tmp_path / "raw") == tmp_path / "tiny"
    monkeypatch.setenv("LLE_DATA_MIRROR", str(tmp_path))
    assert fetch("tiny", folder=tmp_path / "raw") == tmp_path / "tiny"
    assert server.requests == []
    monkeypatch.setenv("LLE_DATA_MIRROR", str(tmp_path / "none"))
    with pytest.raises(LleError, match="LLE_DATA_MIRROR names"):
        fetch("tiny", folder=tmp_path / "raw")


@pytest.mark.parametrize("place", ["tiny.zip", "official.zip", "tiny/official.zip"])
def test_mirror_archives(tmp_path, server, tree, entry, place):
    entry("official.zip")
    (tmp_path / "mirror" / place).parent.mkdir(parents=True)
    (tmp_path / "mirror" / place).write_bytes(zipped(tree))
    assert complete(fetch("tiny", mirror=tmp_path / "mirror", folder=tmp_path / "raw"))
    assert (tmp_path / "mirror" / place).is_file()
    assert server.requests == []


def test_an_empty_mirror_does_not_hinder_the_download(tmp_path, server, tree, entry):
    server.files["/tiny.zip"] = zipped(tree)
    entry("tiny.zip")
    (tmp_path / "mirror").mkdir()
    assert complete(fetch("tiny", mirror=tmp_path / "mirror", folder=tmp_path / "raw"))


def test_a_protected_archive_says_so(tmp_path, tree, entry):
    entry()
    data = bytearray(zipped(tree))
    for place in [match.start() for match in re.finditer(rb"PK\x01\x02", data)]:
        data[place + 8] |= 1  # the flag in the central directory
    (tmp_path / "tiny.zip").write_bytes(data)
    with pytest.raises(LleError, match=r"tiny\.zip is protected by a password.*--from FOLDER"):
        fetch("tiny", source=tmp_path / "tiny.zip", folder=tmp_path / "raw")
    assert not (tmp_path / "raw" / "tiny").exists()
    assert not list((tmp_path / "raw").glob(".tiny~*"))


def test_names_of_members_in_gbk(tmp_path, tree, entry):
    entry()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in FILES:
            archive.write(tree / name, f"mine/{name}")
    # Same length in GBK as in ASCII, so that the archive's offsets stay true.
    (tmp_path / "tiny.zip").write_bytes(stream.getvalue().replace(b"mine/", "矿井".encode("gbk") + b"/"))
    folder = fetch("tiny", source=tmp_path / "tiny.zip", folder=tmp_path / "raw")
    assert [path.name for path in folder.iterdir()] == ["矿井"]
    assert complete(folder)


def test_an_archive_at_hand_is_prepared_under_the_name_of_its_set(tmp_path, tree, entry, monkeypatch):
    entry()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.zip").write_bytes(zipped(tree))
    prepared = prepare("tiny", CatalogData(kind="catalog"), tmp_path / "data", source=tmp_path / "mine.zip")
    assert prepared.counts == {"train": 1, "test": 1}
    with pytest.raises(DataError, match=r"no split 'val'.*data\.tiny: \{kind: catalog, val: 0\.1\}.*lle fetch tiny"):
        prepared.rows("val")


def test_archive_or_folder_at_hand(tmp_path, server, tree, entry):
    entry()
    (tmp_path / "mine.zip").write_bytes(zipped(tree))
    assert complete(fetch("tiny", source=tmp_path / "mine.zip", folder=tmp_path / "raw"))
    assert fetch("tiny", source=tree, folder=tmp_path / "raw") == tree
    with pytest.raises(DataError, match="does not exist"):
        fetch("tiny", source=tmp_path / "none.zip", folder=tmp_path / "raw")
    (tmp_path / "mine.rar").write_bytes(b"Rar!")
    with pytest.raises(LleError, match="no archive that can be unpacked"):
        fetch("tiny", source=tmp_path / "mine.rar", folder=tmp_path / "raw")
    assert complete(tmp_path / "raw" / "tiny")


def test_sets_on_request_say_where_to_ask_and_where_to_put_them(tmp_path, entry):
    entry(page="https://example.org/ask", note="Register first.")
    with pytest.raises(
        LleError, match=r"Ask for it at https://example\.org/ask \(Register first\).*raw/tiny as our485/low/.*LLE_DATA_MIRROR"
    ):
        fetch("tiny", folder=tmp_path / "raw")


def test_a_second_source_is_tried(tmp_path, server, tree, entry):
    item = entry("gone.zip")
    server.files["/there.zip"] = zipped(tree)
    second = catalog.Source(files=(catalog.File(name="there.zip", url=f"{server.url}/there.zip"),))
    entry(sources=(*item.sources, second))
    assert complete(fetch("tiny", folder=tmp_path / "raw"))


def test_google_drive(tmp_path, tree, entry, monkeypatch):
    gdown = pytest.importorskip("gdown")
    asked = []

    def give(id, output, quiet, resume):
        asked.append(id)
        Path(output).write_bytes(zipped(tree))
        return output

    def give_folder(id, output, quiet):
        asked.append(id)
        tree.rename(output)
        return [output]

    monkeypatch.setattr(gdown, "download", give)
    monkeypatch.setattr(gdown, "download_folder", give_folder)
    entry(sources=(catalog.Source(files=(catalog.File(name="LOLdataset.zip", gdrive="abc"),)),))
    assert complete(fetch("tiny", folder=tmp_path / "raw"))
    entry(sources=(catalog.Source(files=(catalog.File(name="folder", gdrive="def", folder=True),)),))
    assert complete(fetch("tiny", folder=tmp_path / "raw2"))
    assert asked == ["abc", "def"]

    def refuse(**arguments):
        raise gdown.FileURLRetrievalError("quota")

    monkeypatch.setattr(gdown, "download", refuse)
    entry(sources=(catalog.Source(files=(catalog.File(name="LOLdataset.zip", gdrive="abc"),)),))
    with pytest.raises(LleError, match=r"Google Drive refused LOLdataset\.zip \(id abc\).*--from FILE"):
        fetch("tiny", folder=tmp_path / "raw3")


def test_hugging_face(tmp_path, tree, entry, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")

    def give(repo_id, filename, repo_type, local_dir):
        assert (repo_id, filename, repo_type) == ("someone/set", "data/lol.zip", "dataset")
        path = Path(local_dir) / filename
        path.parent.mkdir(parents=True)
        path.write_bytes(zipped(tree))
        return str(path)

    monkeypatch.setattr(hub, "hf_hub_download", give)
    entry(sources=(catalog.Source(files=(catalog.File(name="data/lol.zip", huggingface="someone/set"),)),))
    assert complete(fetch("tiny", folder=tmp_path / "raw"))


def test_hugging_face_refuses(tmp_path, entry, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")

    def refuse(**arguments):
        raise hub.errors.LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(hub, "hf_hub_download", refuse)
    entry(sources=(catalog.Source(files=(catalog.File(name="lol.zip", huggingface="someone/set"),)),))
    with pytest.raises(LleError, match=r"Hugging Face did not give lol\.zip of someone/set: no connection.*lle fetch tiny"):
        fetch("tiny", folder=tmp_path / "raw")
    assert not (tmp_path / "raw" / "tiny").exists()


@pytest.mark.parametrize("name", catalog.entries())
def test_every_set_arrives_in_its_official_layout(tmp_path, server, entry, monkeypatch, name):
    counts = official.write(name, tmp_path / "official")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(tmp_path / "official", ".")
    good = stream.getvalue()
    file = catalog.File(name="set.tar", url=f"{server.url}/set.tar", checksum=f"sha256:{hashlib.sha256(good).hexdigest()}")
    item = catalog.entry(name).model_copy(update={"sources": (catalog.Source(files=(file,)),)})
    entry()
    monkeypatch.setattr(catalog, "entries", lambda: {name: item})
    monkeypatch.chdir(tmp_path)
    settings = CatalogData(kind="catalog")
    # Interrupted, and damaged on the way: nothing of it stays.
    server.files["/set.tar"] = good[:1000] + bytes(100) + good[1100:]
    server.faults = ["cut"]
    with pytest.raises(LleError, match="damaged or another file"):
        prepare(name, settings, tmp_path / "data")
    assert not (tmp_path / "build" / "raw" / name).exists()
    assert not (tmp_path / "data" / name).exists()
    # Interrupted twice, whole in the end.
    server.files["/set.tar"] = good
    server.faults, server.requests = ["cut", "503", "cut"], []
    prepared = prepare(name, settings, tmp_path / "data")
    assert len(server.requests) == 4
    assert prepared.counts == counts
    assert prepared.facts["entry"] == name
    assert all(path.is_file() for row in prepared.all_rows for path in (row.low, row.normal, row.mask) if path is not None)


def test_mirror_goes_before_a_source_of_the_settings(tmp_path, tree, entry, monkeypatch):
    entry()
    tree.rename(tmp_path / "tiny")
    settings = CatalogData(kind="catalog", source=tmp_path / "nowhere")
    with pytest.raises(DataError, match="nowhere does not exist"):
        prepare("tiny", settings, tmp_path / "data")
    monkeypatch.setenv("LLE_DATA_MIRROR", str(tmp_path))
    assert prepare("tiny", settings, tmp_path / "data").root == tmp_path / "tiny"


def test_mirror_of_the_workplace(shared, tmp_path):
    for name in ("sice", "camvid"):
        assert fetch(name, mirror=shared / "data", folder=tmp_path) == shared / "data" / name
