"""Requests from public lists of tricks: OWASP's test cases for uploads, and those for HTTP request smuggling."""

from __future__ import annotations

import io
import socket
import struct
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image
from service_helpers import form, picture, png

from lle.measure.service_load import bomb
from lle.serve.settings import Limits

DATA = png(picture())
NAMES = (
    "../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    "....//....//etc/passwd",
    "%2e%2e%2fetc%2fpasswd",
    "..%c0%af..%c0%afetc",
    "picture.png\0.php",
    "picture.php.png",
    "a\r\nX-Injected: yes",
    "; rm -rf ~",
    "$(touch pwned)",
    "{{7*7}}",
    "con.png",
    "‮gnp.exe",
    "a" * 100_000,
    "",
)


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_names_of_files_lead_nowhere(make, tmp_path: Path, number: int):
    """A name is either refused, or has no effect at all."""
    client = make()
    before = sorted(tmp_path.rglob("*"))
    name = NAMES[number].encode("utf-8")
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n' + DATA + b"\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = client.post("/enhance", content=body, headers=headers)
    assert answer.status_code in (200, 422)
    assert "x-injected" not in answer.headers
    if answer.status_code == 200:
        assert answer.content == client.post("/enhance", content=DATA, headers={"Content-Type": "image/png"}).content
    batch = client.post("/enhance/batch", content=body, headers=headers)
    assert batch.status_code == answer.status_code
    assert name[:50] not in batch.content or len(name) < 4
    assert sorted(tmp_path.rglob("*")) == before


def many(parts: int, head: str = 'name="a"') -> bytes:
    return b"".join(f"--b\r\nContent-Disposition: form-data; {head}\r\n\r\n1\r\n".encode() for _ in range(parts)) + b"--b--\r\n"


FORMS = {
    "no boundary": ("multipart/form-data", form(DATA)[0]),
    "an empty boundary": ("multipart/form-data; boundary=", form(DATA)[0]),
    "another boundary": ("multipart/form-data; boundary=c", form(DATA)[0]),
    "a boundary of NUL": ("multipart/form-data; boundary=a\x01b", form(DATA)[0]),
    "a very long boundary": ("multipart/form-data; boundary=" + "b" * 60_000, form(DATA)[0]),
    "an encoded boundary": ("multipart/form-data; boundary*=utf-8''b", form(DATA)[0][:40]),
    "cut off": ("multipart/form-data; boundary=b", form(DATA)[0][:200]),
    "nothing": ("multipart/form-data; boundary=b", b""),
    "a charset with NUL": ("multipart/form-data; boundary=b; charset=a%00", form(DATA, head='name="x"')[0]),
    "a charset that is a codec": ("multipart/form-data; boundary=b; charset=zlib", form(DATA, head='name="x"')[0]),
    "no name": ("multipart/form-data; boundary=b", form(DATA, head='filename="a.png"')[0]),
    "a field that is a picture": ("multipart/form-data; boundary=b", form(DATA, head='name="file"')[0]),
    "many fields": ("multipart/form-data; boundary=b", many(2000)),
    "many files": ("multipart/form-data; boundary=b", many(2000, 'name="a"; filename="b"')),
    "many headers": ("multipart/form-data; boundary=b", b"--b\r\n" + b"X: y\r\n" * 100_000 + b"\r\n" + DATA + b"\r\n--b--\r\n"),
    "a header without end": ("multipart/form-data; boundary=b", b"--b\r\nX: " + b"y" * 900_000),
    "a form in a form": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="file"\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n'
        b"--c\r\n\r\nx\r\n--c--\r\n--b--\r\n",
    ),
    "options that are files": ("multipart/form-data; boundary=b", form(b"9", head='name="strength"; filename="s"')[0]),
    "an option with NUL": ("multipart/form-data; boundary=b", form(b"sci\0", head='name="model"')[0][:-7] + b"\r\n" + form(DATA)[0]),
    "another kind of form": ("application/x-www-form-urlencoded", b"file=" + DATA[:50]),
    "a type of control characters": ("image/\x7f\x01", b"GIF"),
}


@pytest.mark.parametrize("case", FORMS)
def test_malformed_forms_are_refused_at_once(make, case: str):
    kind, body = FORMS[case]
    client = make(Limits(bytes=1_000_000))
    begun = time.perf_counter()
    answer = client.post("/enhance", content=body, headers={"Content-Type": kind})
    assert answer.status_code in (413, 415, 422), answer.text
    assert time.perf_counter() - begun < 3
    assert client.post("/enhance", content=DATA, headers={"Content-Type": "image/png"}).status_code == 200


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(extra: bytes) -> bytes:
    return DATA[:33] + extra + DATA[33:]


def animated(format_: str) -> bytes:
    stream = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), (value, 0, 0)) for value in range(200)]
    frames[0].save(stream, format=format_, save_all=True, append_images=frames[1:])
    return stream.getvalue()


def tiff(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (32, 32)).save(stream, format="TIFF")
    data = bytearray(stream.getvalue())
    for tag, value in ((256, width), (257, height)):
        place = data.index(struct.pack("<HH", tag, 3)) if struct.pack("<HH", tag, 3) in data else data.index(struct.pack("<HH", tag, 4))
        data[place : place + 12] = struct.pack("<HHII", tag, 4, 1, value)
    return bytes(data)


CONTENTS = {
    "a bomb of pixels in a PNG": (413, bomb()),
    "a bomb of pixels in a TIFF": (413, tiff(100_000, 100_000)),
    "more pixels than there are numbers": (413, tiff(2**32 - 1, 2**32 - 1)),
    "a bomb in a PNG's profile": (None, with_chunk(chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(200_000_000), 9)))),
    "a bomb in a PNG's text": (None, with_chunk(chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(200_000_000), 9)))),
    "many frames of a GIF": (422, animated("GIF")),
    "many pages of a TIFF": (422, animated("TIFF")),
    "a page behind a picture": (200, DATA + b"<script>alert(1)</script>"),
    "a picture behind a page": (415, b"<script>alert(1)</script>" + DATA),
    "an archive behind a picture": (200, DATA + b"PK\x05\x06" + bytes(18)),
    "a negative height": (
        413,
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 1000, 0, 0, 54, 40, -50, -50, 1, 24, 0, 100, 1, 1, 0, 0) + bytes(99),
    ),
    "a pointer of a TIFF to itself": (422, b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 0) + struct.pack("<I", 8)),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_contents_that_are_traps(make, case: str):
    status, data = CONTENTS[case]
    client = make()
    begun = time.perf_counter()
    answer = client.post("/enhance", content=data, headers={"Content-Type": "image/png"})
    assert answer.status_code == status if status is not None else answer.status_code in (200, 422), answer.text[:200]
    assert time.perf_counter() - begun < 3
    assert b"script" not in answer.content


def test_what_is_said_of_the_type_changes_nothing(make):
    client = make()
    right = client.post("/enhance", content=DATA, headers={"Content-Type": "image/png"})
    for lie in ("image/jpeg", "image/svg+xml", "application/octet-stream", "IMAGE/PNG; charset=x", "image/x; y=\"'"):
        answer = client.post("/enhance", content=DATA, headers={"Content-Type": lie})
        assert (answer.content, answer.headers["content-type"]) == (right.content, "image/png")
    for lie in ("text/html", "application/zip", "image", "multipart/mixed; boundary=b"):
        assert client.post("/enhance", content=DATA, headers={"Content-Type": lie}).status_code == 415


HEADERS = {
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "two lengths in one": b"Content-Length: 5, 6\r\n\r\nhello",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a length with a sign": b"Content-Length: +5\r\n\r\nhello",
    "a length of letters": b"Content-Length: 0x5\r\n\r\nhello",
    "length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
    "two encodings": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "an encoding with a tab": b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a chunk of a negative size": b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "a chunk of a huge size": b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffffff\r\n",
    "NUL in a header": b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon": b"Content-Length : 5\r\n\r\nhello",
    "a folded header": b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "a very long header": b"X: " + b"y" * 200_000 + b"\r\n\r\n",
    "very many headers": b"X: y\r\n" * 50_000 + b"\r\n",
    "no host": b"",
}


@pytest.mark.parametrize("case", HEADERS)
def test_malformed_http_is_refused_and_the_connection_closed(address: tuple[str, int], case: str):
    """Nothing but a refusal comes back, and no second answer: what is malformed must not hide another request."""
    start = b"POST /enhance HTTP/1.1\r\n" + (b"\r\n" if case == "no host" else b"Host: x\r\nContent-Type: image/png\r\n" + HEADERS[case])
    with socket.create_connection(address, timeout=10) as connection:
        try:
            connection.sendall(start)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while block := connection.recv(65536):
                answer += block
        except OSError:  # closed before all of it was sent
            answer = b""
    statuses = [line.split(b" ")[1] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert statuses in ([], [b"400"], [b"413"], [b"415"], [b"422"]), answer[:300]
    assert b"lle_requests" not in answer


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/static/..%2f..%2fetc", "/enhance/../metrics%00"]
)
def test_paths_lead_nowhere(address: tuple[str, int], path: str):
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 404 "), answer[:200]
    assert b"root:" not in answer
