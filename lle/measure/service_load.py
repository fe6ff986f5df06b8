"""Clients of the service: good requests, and those that a service on an open network gets."""

from __future__ import annotations

import hashlib
import http.client
import queue
import socket
import struct
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from lle.files import sha256

SIZES = ((160, 240), (240, 320), (400, 600), (600, 400), (480, 640))
"""Height and width of the good pictures."""
MOST_BYTES = 4_000_000
"""Limit of the service under load, so that the requests above it are small."""
CLIENTS = 48
OTHERS = 0.05
"""Requests of every other kind, as a share of the good ones."""
ALLOWED: Mapping[str, frozenset[int]] = {
    "good": frozenset({200, 429}),
    "form": frozenset({200, 429}),
    "broken": frozenset({422, 429}),
    "option": frozenset({422, 429}),
    "bomb": frozenset({413, 429}),
    "large": frozenset({413, 429}),
    "type": frozenset({415, 429}),
    "lie": frozenset({415, 429}),
    "keyless": frozenset({401}),
    "gone": frozenset(),
}
"""Statuses that each kind of request may get. An option is looked at before there is a place, and the key before that."""
_BOUNDARY = "lle-boundary-7d1f"


@dataclass(frozen=True)
class Answer:
    """What came of a request.

    Attributes:
        kind: one of `ALLOWED`.
        number: of the picture.
        status: None where the client went away, or no answer came.
        seconds: from the request to the end of the answer.
        at: when it ended, seconds after the start.
        fault: what was wrong, None if nothing was.
        same: whether the bytes are those of `lle enhance`; None where there are none to compare.
    """

    kind: str
    number: int
    status: int | None
    seconds: float
    at: float
    fault: str | None = None
    same: bool | None = None


def make_pictures(folder: Path, seed: int) -> list[Path]:
    """Writes dark pictures of all `SIZES`, PNG and JPEG in turn, and returns them."""
    folder.mkdir(parents=True)
    found = []
    for number, (height, width) in enumerate(SIZES):
        rng = np.random.default_rng((seed, number))
        coarse = Image.fromarray(rng.integers(0, 90, (8, 8, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
        path = folder / f"{number}.{('png', 'jpg')[number % 2]}"
        Image.fromarray((smooth + rng.integers(0, 8, (height, width, 1))).astype(np.uint8)).save(path)
        found.append(path)
    return found


def bomb() -> bytes:
    """Returns a PNG of a few bytes whose header promises 30000 x 30000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(bytes(1000)), b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    )


@dataclass
class Load:
    """Sends requests to a service at random moments.

    Attributes:
        address: of the service.
        key: that it asks for.
        pictures: good ones.
        expected: the results that `lle enhance` wrote for them, in the same order.
        rate: good requests a second.
        seconds: for how long.
        seed: of kinds and moments.
        answers: what came of them.
    """

    address: str
    key: str
    pictures: Sequence[Path]
    expected: Sequence[Path]
    rate: float
    seconds: float
    seed: int
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._data = [path.read_bytes() for path in self.pictures]
        self._digests = [sha256(path) for path in self.expected]
        self._work: queue.Queue[tuple[str, int] | None] = queue.Queue()
        self._begun = 0.0
        parts = urlsplit(self.address)
        self._place = (str(parts.hostname), int(parts.port or 80))

    def run(self) -> list[Answer]:
        """Sends the requests, waits for all answers, and returns them."""
        clients = [threading.Thread(target=self._client, daemon=True) for _ in range(CLIENTS)]
        self._begun = time.perf_counter()
        for client in clients:
            client.start()
        rng, moment = np.random.default_rng(self.seed), 0.0
        others = [kind for kind in ALLOWED if kind not in ("good", "form")]
        kinds = ["good", "form", *others]
        weights = np.array([0.8, 0.2, *[OTHERS] * len(others)])
        while True:
            moment += float(rng.exponential(1 / (self.rate * weights.sum())))
            if moment > self.seconds:
                break
            time.sleep(max(0.0, self._begun + moment - time.perf_counter()))
            self._work.put((str(rng.choice(kinds, p=weights / weights.sum())), int(rng.integers(len(self._data)))))
        for _ in clients:
            self._work.put(None)
        for client in clients:
            client.join()
        return self.answers

    def one(self, kind: str, number: int) -> Answer:
        """Sends one request, on a connection of its own as another client would, and returns what came of it."""
        begun = time.perf_counter()
        status: int | None = None
        fault = same = None
        if kind == "gone":
            self._go_away(number)
        else:
            target, headers, body = self._request(kind, number)
            try:
                with closing(http.client.HTTPConnection(*self._place, timeout=120)) as connection:
                    connection.request("POST", target, body, headers)
                    response = connection.getresponse()
                    content, status = response.read(), response.status
                if status not in ALLOWED[kind]:
                    fault = f"{kind}: status {status}: {content[:200]!r}"
                elif status == 429 and not (response.headers.get("Retry-After") or "").isdecimal():
                    fault = f"{kind}: 429 without Retry-After"
                elif status == 200:
                    same = hashlib.sha256(content).hexdigest() == self._digests[number]
            except (OSError, http.client.HTTPException) as error:
                fault = f"{kind}: {type(error).__name__}: {error}"
        now = time.perf_counter()
        return Answer(kind, number, status, now - begun, now - self._begun, fault, same)

    def _client(self) -> None:
        while (next_ := self._work.get()) is not None:
            self.answers.append(self.one(*next_))

    def _request(self, kind: str, number: int) -> tuple[str, dict[str, str], bytes]:
        """Returns address, headers and body of a request."""
        data = self._data[number]
        image = "image/png" if self.pictures[number].suffix == ".png" else "image/jpeg"
        key = {} if kind == "keyless" else {"Authorization": f"Bearer {self.key}"}
        if kind == "form":
            head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="../../{number}"\r\n\r\n'
            body = head.encode() + data + f"\r\n--{_BOUNDARY}--\r\n".encode()
            return "/enhance", {**key, "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}, body
        bodies = {"broken": data[: len(data) // 3], "bomb": bomb(), "large": bytes(MOST_BYTES + 1), "lie": b"<html>no picture</html>"}
        target = "/enhance?strength=9" if kind == "option" else "/enhance"
        return target, {**key, "Content-Type": "text/html" if kind == "type" else image}, bodies.get(kind, data)

    def _go_away(self, number: int) -> None:
        """Sends a request, in every second case half of it, and closes the connection."""
        _, headers, body = self._request("good", number)
        lines = [f"{name}: {value}" for name, value in {**headers, "Host": "x", "Content-Length": str(len(body))}.items()]
        try:
            with socket.create_connection(self._place, timeout=30) as connection:
                connection.sendall("\r\n".join(["POST /enhance HTTP/1.1", *lines, "", ""]).encode())
                connection.sendall(body if number % 2 else body[: len(body) // 2])
                time.sleep(0.02)
        except OSError:
            return  # it went away even earlier
