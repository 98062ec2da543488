"""C39, C41: no room on the disk, no file descriptor, no memory. Others are served, nothing stays behind."""

from __future__ import annotations

import contextlib
import resource
import secrets
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import requests

from curation.tests.faults.crowd import CUT, Crowd, health, listing, seconds_until, tell
from curation.tests.faults.house import House
from curation.tests.faults.scarcity import limited, memory_taken, open_files, temporary_files
from curation.tests.pictures import picture

pytestmark = [pytest.mark.timeout(600), pytest.mark.usually_on("folder")]
MIB = 1024 * 1024


def fresh(side: int = 60) -> bytes:
    return picture(secrets.randbits(64), size=(side, side))


@pytest.fixture(scope="module")
def large() -> bytes:
    """Larger than any file of a young database."""
    return picture(1, size=(1700, 1700), kind="PNG")


@pytest.fixture(autouse=True)
def _clean_afterwards(house: House) -> Iterator[None]:
    yield
    report = house.recover()
    assert report["clean"], report
    assert temporary_files(house) == []


def in_chunks(house: House, media: int, content: bytes) -> requests.Response:
    """An upload that does not tell its length."""
    request = requests.Request("POST", house.url, files={"file": ("p.png", content, "image/png")}).prepare()
    body, kind = request.body, request.headers["Content-Type"]
    assert isinstance(body, bytes)
    pieces = (body[at : at + 65536] for at in range(0, len(body), 65536))
    return house.ask("POST", f"/api/v1/media/{media}/upload", data=pieces, headers={"Content-Type": kind})


@pytest.mark.parametrize("in_pieces", [False, True], ids=["length known", "length unknown"])
def test_a_temporary_disk_that_is_full_costs_this_upload_alone(house: House, large: bytes, in_pieces: bool) -> None:
    assert len(large) > 8 * MIB
    row, small = house.announce(), house.announce()
    with limited(house, resource.RLIMIT_FSIZE, 6 * MIB):  # the kernel ends the temporary file there
        refused = in_chunks(house, row, large) if in_pieces else house.upload(row, large)
        assert temporary_files(house) == []
        assert listing(house).status_code == 200
        assert house.upload(small, fresh()).status_code == 200

    assert (refused.status_code, refused.json()) == (507, {"detail": "The disk is full."})
    assert int(refused.headers["Retry-After"]) > 0
    assert house.ask("GET", f"/api/v1/media/{row}/url").status_code == 404
    assert house.upload(row, large).status_code == 200


def idle_lines(house: House, number: int) -> list[socket.socket]:
    address = urlsplit(house.url)
    return [socket.create_connection((address.hostname or "", address.port or 0), 10) for _ in range(number)]


def test_a_hundred_silent_lines_hold_no_thread(house: House) -> None:
    with contextlib.ExitStack() as lines:
        for line in idle_lines(house, 100):
            lines.enter_context(line)
        told = [tell(lambda: health(house)) for _ in range(5)]
    assert {one.status for one in told} == {200}
    assert max(one.seconds for one in told) < 10  # of the 30 for which a hundred would hold all threads


def test_without_file_descriptors_clients_wait_or_are_told_and_no_worker_ends(house: House) -> None:
    rows, workers, crowd = [house.announce() for _ in range(8)], house.workers(), Crowd()
    with contextlib.ExitStack() as lines, limited(house, resource.RLIMIT_NOFILE, 64):
        for line in idle_lines(house, 110):
            lines.enter_context(line)
        for row in rows:
            crowd.send(lambda row=row: house.upload(row, fresh(), timeout=30))  # type: ignore[misc]
            crowd.send(lambda: house.ask("GET", "/api/v1/media?limit=1", timeout=30))
        told = crowd.wait()

    assert {one.status for one in told} <= {200, 503, CUT}
    assert house.workers() == workers
    assert "No file descriptor is left" in house.log()
    assert seconds_until(lambda: tell(lambda: health(house)).status == 200) < 10
    assert {house.upload(row, fresh()).status_code for row in rows} == {200}


def test_without_memory_requests_are_told_so_and_the_service_is_soon_itself_again(house: House, large: bytes) -> None:
    row = house.announce()
    with limited(house, resource.RLIMIT_AS, memory_taken):  # they get nothing more
        told = [tell(lambda: house.upload(row, large, timeout=5)) for _ in range(6)]
    assert {one.status for one in told} <= {200, 500, 503, CUT}  # Python may fail in any way then: not all tell why
    assert seconds_until(lambda: tell(lambda: health(house)).status == 200) < 10
    house.kill_master()  # Python promises nothing to threads that got no memory; a supervisor starts the server again
    house.start()
    assert house.upload(row, large).status_code == 200


def test_three_hundred_uploads_that_fail_leave_no_file_open(house: House) -> None:
    row, noise = house.announce(), secrets.token_bytes(MIB + 1)  # more than stays in memory
    fields = {"sha256": "0" * 64}
    path = f"/api/v1/media/{row}/upload"
    deeds: list[Callable[[], requests.Response]] = [
        lambda: house.upload(row, noise),
        lambda: house.ask("POST", path, files={"file": ("p.jpg", noise)}, data=fields),
        lambda: house.ask("POST", path, files={"fle": ("p.jpg", noise)}),
    ]
    for deed in deeds * 5:
        assert deed().status_code in {415, 422}
    before = open_files(house)

    statuses = {deed().status_code for deed in deeds * 100}

    assert statuses == {415, 422}
    seconds_until(lambda: open_files(house) <= before + 4, 10)  # lines that are being closed
