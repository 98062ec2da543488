"""C38: a thousand lines at once, three hundred of them with uploads; the usual run has a quarter of them."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from curation.tests.faults.crowd import health, seconds_until, tell
from curation.tests.faults.flood import Request, flood
from curation.tests.faults.house import House
from curation.tests.faults.scarcity import open_files, temporary_files
from curation.tests.pictures import picture

pytestmark = [pytest.mark.timeout(900), pytest.mark.usually_on("folder")]
MIB = 1024 * 1024
THREADS = 8  # of a worker
GROWTH = 150 * MIB  # of all workers together: sixteen threads with a picture each, and lines that wait


@pytest.fixture(autouse=True)
def _clean_afterwards(house: House) -> Iterator[None]:
    yield
    report = house.recover()
    assert report["clean"], report
    assert temporary_files(house) == []


def highest_memory(house: House) -> int:
    """Bytes that the workers have had at most, together, since they began."""
    statuses = (Path(f"/proc/{pid}/status").read_text() for pid in house.workers())
    return sum(int(status.partition("VmHWM:")[2].split()[0]) * 1024 for status in statuses)


def lines_that_stay(house: House) -> int:
    """Each thread keeps its connections to the database and to the store, once it has used them."""
    return 0 if house.store is None else 2 * THREADS * len(house.workers())


def uploading(house: House, media: int) -> Request:
    content = picture(secrets.randbits(64), size=(60, 60))
    prepared = requests.Request("POST", house.url, files={"file": ("p.jpg", content, "image/jpeg")}).prepare()
    assert isinstance(prepared.body, bytes)
    kind = {"Content-Type": str(prepared.headers["Content-Type"])}
    return Request("POST", f"/api/v1/media/{media}/upload", kind, prepared.body)


def test_more_clients_than_there_is_room_for_wait_or_are_told(house: House, rounds: int) -> None:
    lines, uploads = (1000, 300) if rounds > 1 else (250, 75)
    rows = [house.announce() for _ in range(uploads)]
    before, open_before, workers = highest_memory(house), open_files(house), house.workers()

    asked = [Request("GET", "/api/v1/media?limit=1", {})] * (lines - uploads)
    told = flood(house, [*(uploading(house, row) for row in rows), *asked])

    counts = Counter(one.status for one in told)
    assert set(counts) <= {200, 429, 503}, counts
    assert counts[200] >= lines // 2
    assert house.workers() == workers
    assert highest_memory(house) - before < GROWTH
    kept = house.rows(
        "SELECT COUNT(*) FROM curation_media WHERE file <> '' AND id BETWEEN %s AND %s", rows[0], rows[-1]
    )
    assert kept == [(sum(one.status == 200 for one in told[:uploads]),)]
    seconds_until(lambda: (one := tell(lambda: health(house))).status == 200 and one.seconds < 1)
    seconds_until(lambda: open_files(house) <= open_before + 5 + lines_that_stay(house))
