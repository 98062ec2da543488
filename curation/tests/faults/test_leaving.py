"""C33, C36: the server is reloaded or stopped while clients send, and clients leave while the server receives."""

from __future__ import annotations

import secrets
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import requests

from curation.tests.faults.crowd import Crowd, Told, health, listing, seconds_until, tell
from curation.tests.faults.house import House
from curation.tests.faults.scarcity import temporary_files
from curation.tests.pictures import picture

pytestmark = [pytest.mark.timeout(600), pytest.mark.usually_on("folder")]
Sent = Callable[[int, int], int]  # where the file begins in the body, and its size -> bytes of the body
UPLOADS = 20
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


@pytest.fixture(autouse=True)
def _clean_afterwards(house: House) -> Iterator[None]:
    yield
    report = house.recover()
    assert report["clean"], report
    assert temporary_files(house) == []


def fresh(side: int = 60) -> bytes:
    return picture(secrets.randbits(64), size=(side, side), kind="PNG")


def prepared(house: House, media: int, content: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body of an upload."""
    request = requests.Request("POST", house.url, files={"file": ("p.png", content, "image/png")}).prepare()
    assert isinstance(request.body, bytes)
    return {"Content-Type": str(request.headers["Content-Type"])}, request.body


# --- The server leaves -------------------------------------------------------------------------------


def slow_upload(house: House, media: int, content: bytes, seconds: float) -> requests.Response:
    """Sent in ten pieces, in about so many seconds."""
    headers, body = prepared(house, media, content)

    def pieces() -> Iterator[bytes]:
        for number in range(10):
            yield body[number * len(body) // 10 : (number + 1) * len(body) // 10]
            time.sleep(seconds / 10)

    return house.ask("POST", f"/api/v1/media/{media}/upload", data=pieces(), headers=headers)


def uploading(house: House) -> tuple[Crowd, dict[int, bytes]]:
    """Twenty slow uploads, under way; more than there are threads."""
    contents, crowd = {house.announce(): fresh(200) for _ in range(UPLOADS)}, Crowd()
    for media, content in contents.items():
        crowd.send(lambda media=media, content=content: slow_upload(house, media, content, 2.0))  # type: ignore[misc]
    time.sleep(0.7)
    return crowd, contents


def asking_all_the_while(house: House, told: list[Told], end: threading.Event) -> None:
    while not end.is_set():
        told += [tell(lambda: health(house)), tell(lambda: listing(house))]


def test_a_reload_lets_uploads_finish_and_fails_no_short_request(house: House) -> None:
    assert house.server is not None
    old, told, end = house.workers(), list[Told](), threading.Event()
    askers = [threading.Thread(target=asking_all_the_while, args=(house, told, end)) for _ in range(3)]
    crowd, contents = uploading(house)
    for asker in askers:
        asker.start()

    house.server.send_signal(signal.SIGHUP)

    uploads = crowd.wait()
    seconds_until(lambda: not set(old) & set(house.workers()), 70)
    end.set()
    for asker in askers:
        asker.join(60)
    assert [one.status for one in uploads] == [200] * UPLOADS
    assert {one.status for one in told} == {200}
    assert len(told) >= 2 * len(askers)
    assert all(house.content_of(media) == content for media, content in contents.items())


def test_a_server_told_to_stop_lets_uploads_finish_first(house: House) -> None:
    assert house.server is not None
    crowd, contents = uploading(house)

    house.stop()

    assert [one.status for one in crowd.wait()] == [200] * UPLOADS
    house.start()
    assert all(house.content_of(media) == content for media, content in contents.items())


# --- The client leaves -------------------------------------------------------------------------------


def hang_up_after(house: House, media: int, content: bytes, sent: Sent, *, reset: bool) -> None:
    """Send the head of an upload and its body up to so many bytes of the file; wait for nothing."""
    headers, body = prepared(house, media, content)
    headers |= {"Host": urlsplit(house.url).netloc, "Authorization": f"Bearer {house.token}"}
    headers |= {"Content-Length": str(len(body))}
    head = f"POST /api/v1/media/{media}/upload HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items())
    address = urlsplit(house.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), 10) as line:
        line.sendall(head.encode() + b"\r\n" + body[: sent(body.index(content), len(content))])
        time.sleep(0.3)  # so that it arrives before the end of the line is seen
        if reset:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


GONE_AT: dict[str, Sent] = {
    "byte 0": lambda begin, size: 0,
    "the middle": lambda begin, size: begin + size // 2,
    "the last byte": lambda begin, size: begin + size - 1,
    "the boundary": lambda begin, size: begin + size + 10,  # the whole file, but who knows that it is
}


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("when", GONE_AT)
def test_a_client_gone_within_its_body_leaves_nothing(house: House, when: str, reset: bool) -> None:
    media, content = house.announce(), fresh(800)
    assert len(content) > 1024 * 1024  # more than stays in memory

    hang_up_after(house, media, content, GONE_AT[when], reset=reset)

    seconds_until(lambda: not temporary_files(house), 5)
    assert 'HTTP/1.1" 500 ' not in house.log()
    row = house.ask("GET", f"/api/v1/media/{media}").json()
    assert row["uploaded"] is False
    assert house.ask("GET", f"/api/v1/media/{media}/url").status_code == 404
    assert house.upload(media, content).status_code == 200


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_client_that_does_not_wait_for_its_answer_has_stored_its_file(house: House, reset: bool) -> None:
    media, content = house.announce(), fresh(800)

    hang_up_after(house, media, content, lambda begin, size: begin + 2 * size, reset=reset)

    seconds_until(lambda: bool(house.ask("GET", f"/api/v1/media/{media}").json()["uploaded"]), 10)
    assert house.content_of(media) == content
