"""What the service allows, and who may use it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lle.errors import LleError

KEYS = "LLE_SERVE_KEYS"
"""Environment variable with the API keys, separated by spaces, commas or line ends."""
SHORTEST_KEY = 16


@dataclass(frozen=True)
class Limits:
    """What one request and all of them together may take.

    Attributes:
        bytes: of a request's body.
        pixels: of a request's pictures together, width times height as their headers say.
        pictures: in a batch.
        queue: requests that are in the service at once; those above are told to come again.
        seconds: for the body to arrive, and again for its answer.
    """

    bytes: int = 32_000_000
    pixels: int = 24_000_000
    pictures: int = 16
    queue: int = 16
    seconds: float = 60.0


@dataclass(frozen=True)
class Batching:
    """Pictures of several requests in one call of the model.

    Attributes:
        most: pictures in one call; 1 enhances them one by one.
        window: seconds to wait for another picture while one is being read.
    """

    most: int = 1
    window: float = 0.003


class RefusedError(Exception):
    """A request that is not fulfilled.

    Args:
        status: of the answer.
        detail: for whoever sent it.
        headers: of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})


class Keys:
    """API keys, of which digests are kept alone.

    Args:
        keys: none of them lets everybody in.

    Raises:
        LleError: a key is shorter than `SHORTEST_KEY`, or not of printable ASCII characters.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        found = list(keys)
        if any(len(key) < SHORTEST_KEY or not key.isascii() or not key.isprintable() for key in found):
            raise LleError(
                f"an API key needs at least {SHORTEST_KEY} printable ASCII characters. Make one with: "
                "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        self._digests = [hashlib.sha256(key.encode()).digest() for key in found]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def allow(self, key: str | None) -> bool:
        """Says whether a key is one of them; always, where there are none. The time that it takes does not depend on the key."""
        given = hashlib.sha256((key or "").encode("utf-8", "surrogateescape")).digest()
        same = [hmac.compare_digest(given, digest) for digest in self._digests]
        return not same or any(same)


def load_keys(file: Path | None, environment: Mapping[str, str]) -> Keys:
    """Reads the keys from a file, one a line, lines with `#` left out; without a file from the environment variable `KEYS`.

    Raises:
        LleError: the file cannot be read or holds no key, or a key is too short.
    """
    if file is None:
        return Keys(environment.get(KEYS, "").replace(",", " ").split())
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LleError(f"{file} cannot be read: {error}. Name a text file with one API key a line.") from error
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not keys:
        raise LleError(f"{file} holds no API key. Write one a line, or leave --keys-file out to let everybody in.")
    return Keys(keys)
