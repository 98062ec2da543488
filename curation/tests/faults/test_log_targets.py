"""C40: the target of the logs is full or takes nothing any more; requests go on, and the server still ends."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from curation.tests.faults.crowd import health, listing, tell
from curation.tests.faults.house import House
from curation.tests.pictures import picture

pytestmark = [pytest.mark.timeout(600), pytest.mark.usually_on("folder")]


@contextlib.contextmanager
def full() -> Iterator[int]:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@contextlib.contextmanager
def blocked() -> Iterator[int]:
    """A pipe that is full, and whose other end is open and never read."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    yield writing
    os.close(writing)
    os.close(reading)


@pytest.mark.parametrize("target", [full, blocked])
def test_requests_go_on_when_nothing_can_be_logged(
    house: House, target: Callable[[], contextlib.AbstractContextManager[int]]
) -> None:
    house.stop()
    with target() as descriptor:
        house.start(descriptor)
        row, content = house.announce(), picture(secrets.randbits(64))
        told = [tell(partial(deed, house)) for _ in range(100) for deed in (health, listing)]
        assert house.upload(row, content).status_code == 200
        assert house.upload(row, b"no picture").status_code == 415  # with a line of our own
        assert house.content_of(row) == content
        started = time.monotonic()
        house.stop()
        assert time.monotonic() - started < 15
    house.start()
    assert {one.status for one in told} == {200}
    assert max(one.seconds for one in told) < 20
    assert house.recover()["clean"]
