"""How long a server that is reached directly waits for slow clients (C36, C37)."""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pyrostorage_site.pace import BODY_RATE, BODY_SECONDS, HEADER_SECONDS, PacedSocket, TooSlow
from pyrostorage_site.testbed import free_ports
from pyrostorage_site.tests.containers.helpers import child, wait_until

ROOT = Path(__file__).resolve().parents[2]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Lines:
    """Both ends of a connection, and the time as the server's end sees it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.clock = client, Clock()
        self.server = PacedSocket(server, self.clock)


@pytest.fixture
def lines() -> Iterator[Lines]:
    client, server = socket.socketpair()
    with client, server:
        yield Lines(client, server)


def test_headers_have_ten_seconds_and_not_one_more(lines: Lines) -> None:
    lines.clock.now += HEADER_SECONDS
    with pytest.raises(TooSlow):
        lines.server.recv(1000)


def test_what_arrives_within_the_time_is_read(lines: Lines) -> None:
    lines.client.send(b"GET")
    lines.clock.now += HEADER_SECONDS - 0.1
    assert lines.server.recv(1000) == b"GET"


def test_bytes_that_wait_already_are_never_too_late(lines: Lines) -> None:
    lines.client.send(b"GET")
    lines.clock.now += 1000
    assert lines.server.recv(1000) == b"GET"


def test_a_second_request_has_its_own_time(lines: Lines) -> None:
    lines.clock.now += 1000
    lines.server.headers_begin()
    lines.client.send(b"GET")
    assert lines.server.recv(1000) == b"GET"


def test_a_body_may_take_as_long_as_it_keeps_the_pace_and_no_longer(lines: Lines) -> None:
    lines.server.body_begins()
    lines.client.send(bytes(BODY_RATE * 5))
    assert len(lines.server.recv(BODY_RATE * 5)) == BODY_RATE * 5
    lines.clock.now += BODY_SECONDS + 4.9
    lines.client.send(b"x")
    assert lines.server.recv(1) == b"x"
    lines.clock.now += 0.2
    with pytest.raises(TooSlow):
        lines.server.recv(1)


def test_everything_else_is_the_sockets_own(lines: Lines) -> None:
    lines.server.sendall(b"answer")
    assert lines.client.recv(100) == b"answer"
    assert lines.server.fileno() > 0


SERVER = """
import os, threading, time
from pyrostorage_site import pace
pace.HEADER_SECONDS = pace.BODY_SECONDS = 1.0

def application(environ, start_response):
    size = len(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    if environ["PATH_INFO"] == "/threads":
        size = sum(thread.name.startswith("ThreadPool") for thread in threading.enumerate())
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1)
    if environ["PATH_INFO"] == "/short":
        environ[pace.RETIRE]()
    if environ["PATH_INFO"] == "/shorter":
        raise MemoryError
    if environ["PATH_INFO"] in {"/worker", "/slow", "/short"}:
        size = os.getpid()
    start_response("200 OK", [("Content-Length", str(len(str(size))))])
    return [str(size).encode()]
"""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A gunicorn with the service's configuration, one worker of two threads, and a second of patience."""
    (tmp_path / "hurried.py").write_text(SERVER)
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "pyrostorage_site" / "gunicorn_conf.py")]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "2", "hurried:application"]
    log = (tmp_path / "log").open("wb")
    with log, child(command, cwd=tmp_path, env={"PYTHONPATH": f"{ROOT}:{tmp_path}"}) as process:
        wait_until(lambda: answers(port) == "0")
        yield port
        assert process.poll() is None


def answers(port: int, body: bytes = b"", path: str = "/") -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("POST", path, body)
        return connection.getresponse().read().decode()


def test_all_threads_are_there_before_they_are_needed(port: int) -> None:
    assert answers(port, path="/threads") == "2"


@pytest.mark.parametrize("sent", [b"POST / HTT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n12345"])
def test_more_idle_clients_than_threads_are_cut_off_and_others_are_served(port: int, sent: bytes) -> None:
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(6)]
        for line in slow:
            line.sendall(sent)
        started = time.monotonic()

        assert answers(port, b"four") == "4"

        assert time.monotonic() - started < 20
        for line in slow:
            line.settimeout(20)
            with contextlib.suppress(ConnectionResetError):
                assert b"200 OK" not in line.recv(1000)


def test_the_kept_alive_connection_of_a_usual_client_is_served_again_and_again(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        for size in (0, 5, 300_000):
            connection.request("POST", "/", bytes(size))
            assert connection.getresponse().read() == str(size).encode()
            time.sleep(1.2)  # longer than the patience for headers: it counts from the next request on


def wait_for_another(port: int, worker: str) -> bool:
    """It may have taken one more client at the moment when it was told to end."""
    for _ in range(50):
        if answers(port, path="/worker") != worker:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("path", ["/short", "/shorter"])
def test_a_worker_that_ran_out_of_memory_answers_ends_and_is_replaced(port: int, path: str) -> None:
    first = answers(port, path="/worker")
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(answers, port, path="/slow")
        time.sleep(0.3)  # it is under way
        answer = answers(port, path=path)

        assert wait_for_another(port, first)
        assert answer == first or "Internal Server Error" in answer
        assert slow.result() == first
