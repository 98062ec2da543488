"""C1-C10: the store is gone, hangs, crawls, cuts the line, loses its answer, or answers wrongly.

All of it ends with check_storage --full on the healed house.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator

import pytest

from curation.tests.faults.crowd import Crowd, health, is_ready, listing, seconds_until, tell
from curation.tests.faults.house import House, deadly
from curation.tests.faults.proxy import FaultProxy, refusal
from curation.tests.pictures import picture

pytestmark = pytest.mark.timeout(600)
SLOW_DOWN = refusal("503 Slow Down", "SlowDown")


def fresh(side: int = 300) -> bytes:
    return picture(secrets.randbits(64), size=(side, side))


@pytest.fixture
def store(healed: House) -> FaultProxy:
    assert healed.store is not None
    return healed.store


@pytest.fixture(scope="module", autouse=True)
def _clean_afterwards(grown_house: House) -> Iterator[None]:
    yield
    report = grown_house.recover()
    assert report["clean"], report
    assert "Traceback" not in "\n".join(line for line in grown_house.log().splitlines() if '"status": 500' in line)


def test_a_store_that_refuses_costs_uploads_alone_and_they_succeed_when_it_is_back(
    healed: House, store: FaultProxy
) -> None:
    kept, content, waiting = healed.announce(), fresh(), healed.announce()
    assert healed.upload(kept, content).status_code == 200
    store.refuse()
    seconds_until(lambda: not is_ready(healed), 10)

    refused = tell(lambda: healed.upload(waiting, fresh()))

    assert (refused.status, int(refused.retry_after) <= 5) == (503, True)
    assert tell(lambda: listing(healed)).status == 200
    assert healed.ask("GET", f"/api/v1/media/{kept}/url").status_code == 200  # signed here: never a 404
    store.accept()
    seconds_until(lambda: is_ready(healed), 10)
    assert healed.upload(waiting, content).status_code == 200
    assert healed.content_of(kept) == healed.content_of(waiting) == content


def test_a_store_that_hangs_never_takes_the_last_thread_and_is_soon_left_alone(
    healed: House, store: FaultProxy
) -> None:
    rows = [healed.announce() for _ in range(24)]
    store.rules.hang = True
    crowd = Crowd()
    for row in rows:  # more than all threads of both workers
        crowd.send(lambda row=row: healed.upload(row, fresh()))  # type: ignore[misc]

    meanwhile = [tell(lambda: health(healed)) for _ in range(20)] + [tell(lambda: listing(healed)) for _ in range(20)]

    told = crowd.wait()
    assert {one.status for one in meanwhile} == {200}
    assert max(one.seconds for one in meanwhile) < 20
    assert {one.status for one in told} == {503}
    assert max(one.seconds for one in told) < 35  # 30 and the time to send the body on a busy machine
    later = [tell(lambda row=row: healed.upload(row, fresh())) for row in rows[:6]]  # type: ignore[misc]
    assert {one.status for one in later} == {503}
    assert min(one.seconds for one in later) < 6  # the breaker is open
    store.heal()
    seconds_until(lambda: healed.upload(rows[0], fresh()).status_code == 200, 30)


def test_a_store_that_crawls_is_waited_for_while_it_makes_progress(healed: House, store: FaultProxy) -> None:
    row, content = healed.announce(), fresh()
    store.rules.delay = 0.2

    assert healed.upload(row, content).status_code == 200
    store.heal()
    assert healed.content_of(row) == content


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.5, 0.99])
def test_a_line_cut_anywhere_in_a_transfer_is_tried_again_from_what_was_received(
    healed: House, store: FaultProxy, share: float
) -> None:
    row, content = healed.announce(), fresh()
    store.rules.cut_after = int(share * len(content))

    assert healed.upload(row, content).status_code == 200
    assert healed.content_of(row) == content


def test_a_cut_in_the_second_part_of_a_large_file_ends_with_one_object(healed: House, store: FaultProxy) -> None:
    row, content = healed.announce(), picture(secrets.randbits(64), size=(2600, 2600), kind="PNG")
    assert len(content) > 17 * 1024 * 1024  # two parts
    store.rules.cut_after = 17 * 1024 * 1024

    assert healed.upload(row, content).status_code == 200
    assert healed.content_of(row) == content


@pytest.mark.parametrize(
    ("request_line", "kind", "side"), [(b"PUT /", "JPEG", 300), (b"<CompleteMultipartUpload", "PNG", 2600)]
)
def test_an_answer_of_the_store_that_is_lost_ends_with_one_object(
    healed: House, store: FaultProxy, request_line: bytes, kind: str, side: int
) -> None:
    row, content = healed.announce(), picture(secrets.randbits(64), size=(side, side), kind=kind)
    store.rules.swallow = request_line

    assert healed.upload(row, content).status_code == 200
    assert healed.content_of(row) == content
    assert store.rules.swallow == b"", "no answer was lost"


def test_a_fifth_of_all_writes_answered_slow_down_loses_none_and_storms_nobody(
    healed: House, store: FaultProxy
) -> None:
    drawn, calls = random.Random(4), []

    def wrong(head: bytes) -> bytes:
        calls.append(head[:3])
        return SLOW_DOWN if head.startswith(b"PUT") and drawn.random() < 0.2 else b""

    def upload(row: int) -> int:
        return tell(lambda: healed.upload(row, fresh(40))).status

    rows = [healed.announce() for _ in range(30)]
    store.rules.wrong = wrong
    told = [upload(row) for row in rows]
    retried = [upload(row) for row, status in zip(rows, told, strict=True) if status == 503]

    assert told.count(200) >= 29  # three tries: one in 125 fails
    assert set(retried) <= {200}
    assert calls.count(b"PUT") <= 1.5 * len(rows) + 3


@pytest.mark.parametrize("answer", [refusal("403 Forbidden", "AccessDenied"), refusal("404 Not Found", "NoSuchBucket")])
def test_a_store_that_refuses_us_is_not_stormed_and_nothing_is_taken_for_missing(
    healed: House, store: FaultProxy, answer: bytes
) -> None:
    row, other, content = healed.announce(), healed.announce(), fresh()
    assert healed.upload(row, content).status_code == 200
    calls: list[bytes] = []

    def wrong(head: bytes) -> bytes:
        calls.append(head)
        return answer

    store.rules.wrong = wrong
    assert healed.upload(other, fresh()).status_code == 503
    assert len([head for head in calls if head.startswith(b"PUT")]) <= 3
    assert healed.manage("check_storage", "--full", "--mark", check=False).returncode == 2
    assert healed.manage("collect_objects", "--apply", "--grace", "0", check=False).returncode != 0
    store.heal()
    assert healed.content_of(row) == content


def test_a_worker_that_dies_between_two_parts_leaves_an_upload_that_is_swept(healed: House, store: FaultProxy) -> None:
    row, content = healed.announce(), picture(secrets.randbits(64), size=(2600, 2600), kind="PNG")

    assert deadly(healed, "P4", lambda: healed.upload(row, content), after=17 * 1024 * 1024) is None

    assert healed.manage("check_storage", "--json", check=False).returncode in {0, 1}
    assert healed.recover()["clean"]
    assert healed.upload(row, content).status_code == 200
