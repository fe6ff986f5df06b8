"""What the tests of the service share."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

KEY = "a-key-of-the-tests-0123456789"


def picture(height: int = 48, width: int = 64, seed: int = 0, dtype: type = np.uint8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(dtype).max // 4, (height, width, 3)).astype(dtype)


def png(array: np.ndarray) -> bytes:
    return cv2.imencode(".png", array)[1].tobytes()


def form(content: bytes, boundary: str = "b", head: str = 'name="file"; filename="p.png"') -> tuple[bytes, dict[str, str]]:
    """Returns a form with one file, and its headers."""
    body = f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


@contextmanager
def running(app) -> Iterator:
    """Has the real server run in a thread, and yields it and its address."""
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http="h11", ws="none", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server, listener.getsockname()
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
