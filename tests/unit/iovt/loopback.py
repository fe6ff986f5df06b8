"""Two processes and a shaped link between them: `python loopback.py receive`, then `python loopback.py send`.

Both take one line of JSON on standard input. CLOCK_MONOTONIC is one clock for all processes of a machine.
"""

from __future__ import annotations

import io
import json
import socket
import struct
import sys
import time

from PIL import Image

PAYLOAD, OVERHEAD = 1460, 78


def wait(until: float) -> None:
    """Sleeps until a time of the monotonic clock."""
    left = until - time.monotonic()
    if left > 0:
        time.sleep(left)


def exactly(stream: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = stream.recv(count - len(found))
        if not part:
            raise EOFError("the sender went away")
        found += part
    return found


def receive(service: float, frames: int) -> list[float]:
    """Decodes frames one by one, each for `service` seconds in all, and returns their ages when they are done."""
    ages = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        stream, _ = server.accept()
        free = 0.0
        for _ in range(frames):
            length, made = struct.unpack("!Id", exactly(stream, 12))
            picture = exactly(stream, length)
            # As a computer that had begun in time: what is late here by the scheduler's doing does not add up.
            free = max(time.monotonic(), free) + service
            Image.open(io.BytesIO(picture)).load()
            wait(free)
            ages.append(time.monotonic() - made)
    return ages


def send(port: int, rate: float, times: list[float], picture: bytes) -> None:
    """Sends the picture at each of the times, over a link of `rate` bits per second that sends packets of Ethernet's size."""
    with socket.create_connection(("127.0.0.1", port)) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start = time.monotonic() + 0.2
        free = 0.0
        for made in times:
            wait(start + made)
            free = max(free, start + made)
            for at in range(0, len(picture), PAYLOAD):
                part = picture[at : at + PAYLOAD]
                free += 8 * (len(part) + OVERHEAD) / rate
                wait(free)
                stream.sendall((struct.pack("!Id", len(picture), start + made) if at == 0 else b"") + part)
        stream.recv(1)  # until the receiver is through


if __name__ == "__main__":
    options = json.loads(sys.stdin.readline())
    if sys.argv[1] == "receive":
        print(json.dumps(receive(options["service"], options["frames"])))
    else:
        send(options["port"], options["rate"], options["times"], bytes.fromhex(options["picture"]))
