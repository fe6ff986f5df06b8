"""Places, time, clients that go away, the end of the service, and pictures of several clients in one call."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from service_helpers import picture, png, running

from lle.cli.group import Sections
from lle.serve.app import create_app
from lle.serve.metrics import Metrics
from lle.serve.models import Model
from lle.serve.pictures import Scratch
from lle.serve.server import serve
from lle.serve.settings import Batching, Limits
from lle.serve.work import Work
from tests.conftest import ROOT

DATA = png(picture())
HEADERS = {"Content-Type": "image/png"}


class Held(Model):
    """A model that waits until it may go on, and notes how many pictures it gets at a time."""

    def __init__(self, enhancer) -> None:
        super().__init__("sci", enhancer)
        self.may_go_on, self.calls = threading.Event(), []

    def enhance(self, pictures):
        self.calls.append(len(pictures))
        assert self.may_go_on.wait(30)
        return super().enhance(pictures)


@pytest.fixture
def held(enhancers) -> Held:
    return Held(enhancers[1])


def until(condition) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def ask(place: tuple[str, int], data: bytes = DATA, path: str = "/enhance") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*place, timeout=30)
    connection.request("POST", path, data, HEADERS)
    answer = connection.getresponse()
    found = answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def get(place: tuple[str, int], path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*place, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def some(pool: ThreadPoolExecutor, place: tuple[str, int], count: int, seed: int = 0) -> list[Future]:
    return [pool.submit(ask, place, png(picture(seed=seed + number))) for number in range(count)]


def test_a_full_queue_refuses_and_says_when_to_come_again(held: Held, tmp_path: Path):
    app = create_app({"sci": held}, tmp_path, Limits(queue=3))
    with running(app) as (_, place), ThreadPoolExecutor(8) as pool:
        assert get(place, "/ready")[0] == 200
        taken = some(pool, place, 3)
        until(lambda: app.state.service.taken == 3)
        # It is refused before the picture is looked at.
        status, headers, _ = ask(place, b"no picture")
        assert (status, headers["retry-after"]) == (429, "1")
        assert get(place, "/ready")[0] == 429
        assert get(place, "/health")[0] == 200
        held.may_go_on.set()
        assert [one.result()[0] for one in taken] == [200] * 3
        assert ask(place)[0] == 200
        assert app.state.service.taken == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [True, False], ids=["in the middle of the body", "after it"])
def test_a_client_that_goes_away_frees_its_place(held: Held, tmp_path: Path, cut: bool):
    app = create_app({"sci": held}, tmp_path, Limits(queue=2))
    with running(app) as (_, place), ThreadPoolExecutor(8) as pool:
        first = pool.submit(ask, place)
        until(lambda: held.calls)
        connection = socket.create_connection(place)
        connection.sendall(f"POST /enhance HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(DATA)}\r\n\r\n".encode())
        connection.sendall(DATA[: len(DATA) // 2] if cut else DATA)
        until(lambda: app.state.service.taken == 2)
        connection.close()
        until(lambda: app.state.service.taken == 1)
        held.may_go_on.set()
        assert first.result()[0] == 200
        assert ask(place)[0] == 200
        assert b'lle_requests_total{route="/enhance",status="499"} 1.0' in get(place, "/metrics")[1]
    assert held.calls == [1, 1], "nothing is enhanced for a client that is gone"
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_is_being_stored_when_its_client_goes_away_is_removed(tmp_path: Path):
    begun, may_go_on = threading.Event(), threading.Event()

    class Slow(Scratch):
        def store(self, data):
            begun.set()
            assert may_go_on.wait(30)
            return super().store(data)

    async def leave() -> None:
        work = Work({}, Slow(tmp_path), Batching(), Metrics())
        storing = asyncio.create_task(work.store(DATA))
        await asyncio.to_thread(begun.wait, 30)
        storing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await storing
        may_go_on.set()
        await work.stop()

    asyncio.run(leave())
    assert list(tmp_path.iterdir()) == []


def test_the_time_of_a_request_is_limited(held: Held, tmp_path: Path):
    app = create_app({"sci": held}, tmp_path, Limits(seconds=0.3))
    with running(app) as (_, place):
        status, headers, body = ask(place)
        assert (status, headers["retry-after"]) == (429, "1")
        assert b"not done within 0.3 s" in body
        # A body that comes too slowly is given up, too.
        with socket.create_connection(place, timeout=10) as connection:
            connection.sendall(b"POST /enhance HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n\x89PNG")
            answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 422 ")
        assert b"did not arrive within 0.3 s" in answer
        held.may_go_on.set()
        assert app.state.service.taken == 0


def test_too_many_bytes_are_refused_while_they_come(held: Held, tmp_path: Path):
    """The answer comes before the end of a body without a length, which never comes."""
    app = create_app({"sci": held}, tmp_path, Limits(bytes=100_000))
    with running(app) as (_, place), socket.create_connection(place, timeout=10) as connection:
        connection.sendall(b"POST /enhance HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            connection.sendall(b"c350\r\n" + bytes(50_000) + b"\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
        assert app.state.service.taken == 0
    # So does it where the length alone says that there are too many.
    with (
        running(create_app({"sci": held}, tmp_path, Limits(bytes=100))) as (_, place),
        socket.create_connection(place, timeout=10) as connection,
    ):
        connection.sendall(b"POST /enhance HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 101\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_the_end_finishes_what_was_taken(held: Held, tmp_path: Path):
    with ThreadPoolExecutor(8) as pool, running(app := create_app({"sci": held}, tmp_path)) as (server, place):
        taken = some(pool, place, 4)
        until(lambda: app.state.service.taken == 4)
        server.should_exit = True
        time.sleep(0.3)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(place)
        held.may_go_on.set()
        assert [one.result()[0] for one in taken] == [200] * 4
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_several_clients_in_one_call_are_those_of_single_calls(held: Held, tmp_path: Path):
    app = create_app({"sci": held}, tmp_path, batching=Batching(4))
    with running(app) as (_, place), ThreadPoolExecutor(12) as pool:
        first = some(pool, place, 1, seed=100)
        until(lambda: held.calls)
        odd = pool.submit(ask, place, png(picture(40, 40)))
        more = some(pool, place, 4)
        until(lambda: len(app.state.service.work._waiting) == 5)
        held.may_go_on.set()
        together = [one.result()[2] for one in more]
        assert odd.result()[0] == first[0].result()[0] == 200
    assert sorted(held.calls) == [1, 1, 4]
    alone = create_app({"sci": held}, tmp_path)
    with running(alone) as (_, place):
        assert [ask(place, png(picture(seed=number)))[2] for number in range(4)] == together


def test_one_picture_of_a_batch_that_fails_does_not_take_the_others_along(held: Held, tmp_path: Path, monkeypatch):
    enhance = held.enhancer.enhance

    def failing(low):
        if (low == picture(seed=1)[..., ::-1]).all():
            raise RuntimeError("a fault of the network")
        return enhance(low)

    monkeypatch.setattr(held.enhancer, "enhance", failing)
    monkeypatch.setattr(Held, "_is_equal", lambda *_: False)
    held.may_go_on.set()
    with running(create_app({"sci": held}, tmp_path, batching=Batching(4))) as (_, place), ThreadPoolExecutor(4) as pool:
        answers = [one.result() for one in some(pool, place, 3)]
    assert [answer[0] for answer in answers] == [200, 422, 200]
    assert b"RuntimeError" in answers[1][2]
    assert b"a fault of the network" not in answers[1][2]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_the_models_go_first(held: Held, tmp_path: Path):
    held.may_go_on.set()
    with running(create_app({"sci": held}, tmp_path)) as (_, place):
        assert ask(place)[0] == 200
        threads = {thread.name.partition("_")[0]: thread.native_id for thread in threading.enumerate()}
        # A greater number is a lower priority.
        assert os.getpriority(os.PRIO_PROCESS, threads["pictures"]) > os.getpriority(os.PRIO_PROCESS, threads["models"])


def test_threads_take_turns_quickly_while_it_serves(enhancers):
    before, found = sys.getswitchinterval(), []

    def stop(_: str) -> None:
        found.append(sys.getswitchinterval())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serve(enhancers[:1], port=0, on_ready=stop)
    assert found[0] < 0.001 < before == sys.getswitchinterval()


def test_the_command_serves_and_ends_by_a_signal(tmp_path: Path):
    (tmp_path / "keys").write_text("0123456789abcdef0123\n", encoding="utf-8")
    command = [sys.executable, "-m", "lle.cli", "serve", "gamma", "--port", "0", "--keys-file", "keys", "--threads", "1"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path()}
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip().removeprefix("http://")
        host, _, port = address.partition(":")
        assert ask((host, int(port)))[0] == 401
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 128 + signal.SIGTERM
    lines = told.splitlines()
    assert '"status": 401' in "".join(lines)
    assert lines[-1] == "terminated. Every request that had been taken was answered."
    assert "0123456789abcdef0123" not in told


def path() -> str:
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


def test_no_key_can_be_given_on_the_command_line():
    from lle.cli import main

    assert isinstance(main, Sections)
    names = {name for option in main.commands["serve"].params for name in option.opts}
    assert {name for name in names if "key" in name} == {"--keys-file"}
