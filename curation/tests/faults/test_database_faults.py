"""C15-C23: the database restarts, crashes, hangs, loses connections or the answer to COMMIT, or turns read-only.

All of it ends with check_storage --full on the healed house.
"""

from __future__ import annotations

import contextlib
import secrets
import signal
from collections.abc import Iterator

import psycopg2  # type: ignore[import-untyped]
import pytest

from curation.tests.faults import killing
from curation.tests.faults.crowd import CUT, Crowd, health, is_ready, listing, seconds_until, tell
from curation.tests.faults.house import House
from curation.tests.faults.proxy import FaultProxy
from curation.tests.pictures import picture

pytestmark = pytest.mark.timeout(600)


def fresh() -> bytes:
    return picture(secrets.randbits(64), size=(60, 40))


@pytest.fixture
def line(healed: House) -> FaultProxy:
    assert healed.database is not None
    return healed.database


@pytest.fixture(scope="module", autouse=True)
def _clean_afterwards(grown_house: House) -> Iterator[None]:
    yield
    report = grown_house.recover()
    assert report["clean"], report


@contextlib.contextmanager
def session(house: House) -> Iterator[psycopg2.extensions.connection]:
    """Beside the service, straight to the server."""
    assert house.postgres is not None
    connection = psycopg2.connect(house.database_url)
    try:
        yield connection
    finally:
        connection.close()


def ask(house: House, question: str, *values: object) -> object:
    with session(house) as connection, connection.cursor() as cursor:
        cursor.execute(question, values)
        row = cursor.fetchone()
    return row and row[0]


def tell_server(house: House, *orders: str) -> None:
    with session(house) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for order in orders:
                cursor.execute(order)


END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pyro' AND pid <> pg_backend_pid()"


def uploads_noted(house: House, media: int) -> object:
    return ask(
        house, "SELECT count(*) FROM accounts_auditentry WHERE action = 'media.upload' AND row_id = %s", str(media)
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_restart_under_load_is_503_at_worst_and_loses_nothing_acknowledged(
    healed: House, how: signal.Signals
) -> None:
    assert healed.postgres is not None
    crowd, contents = Crowd(), {healed.announce(): fresh() for _ in range(30)}
    for row, content in contents.items():
        crowd.send(lambda row=row, content=content: healed.upload(row, content))  # type: ignore[misc]
        if row % 10 == 5:
            healed.postgres.stop(how)
            healed.postgres.start()
    told = crowd.wait()

    assert {one.status for one in told} <= {200, 503}
    assert seconds_until(lambda: is_ready(healed), 10) < 10
    for row, content in contents.items():
        if healed.ask("GET", f"/api/v1/media/{row}/url").status_code == 200:
            assert healed.content_of(row) == content
        else:
            assert healed.upload(row, content).status_code == 200
    assert sum(bool(uploads_noted(healed, row)) for row in contents) == len(contents)


@pytest.mark.parametrize("phase", ["P5", "P6", "P7"])
def test_a_crash_of_the_server_at_the_commit_keeps_what_was_acknowledged(
    healed: House, phase: str, rounds: int
) -> None:
    assert healed.postgres is not None
    orders = healed.folder / "orders"
    for _ in range(rounds):
        row, content = healed.announce(), fresh()
        killing.order_pause(orders, phase)
        crowd = Crowd()
        crowd.send(lambda row=row, content=content: healed.upload(row, content))  # type: ignore[misc]
        killing.wait_for_pause(orders, phase)
        healed.postgres.stop(signal.SIGQUIT)
        killing.resume(orders, phase)
        told = crowd.wait()[0]
        healed.postgres.start()
        seconds_until(lambda: is_ready(healed), 10)

        assert told.status in ({200, 503} if phase == "P7" else {503})
        if told.status == 200:
            assert healed.content_of(row) == content
        assert healed.upload(row, content).status_code == 200
        assert healed.content_of(row) == content
        assert uploads_noted(healed, row) == 1


def test_a_connection_lost_at_any_message_of_an_upload_is_503_or_nothing_and_the_retry_converges(
    healed: House, line: FaultProxy
) -> None:
    statuses = []
    for piece in range(1, 60):
        row, content, key = healed.announce(), fresh(), secrets.token_hex(8)
        line.rules.cut_at_piece = piece
        statuses.append(tell(lambda row=row, content=content, key=key: healed.upload(row, content, key)).status)  # type: ignore[misc]
        untouched, line.rules.cut_at_piece = bool(line.rules.cut_at_piece and line.rules.cut_at_piece > 0), None
        assert healed.upload(row, content, key).status_code == 200
        assert healed.content_of(row) == content
        assert uploads_noted(healed, row) == 1
        if untouched:
            break
    assert set(statuses) <= {200, 503}
    assert 503 in statuses
    assert untouched, "the upload never got through"


def test_an_answer_to_commit_that_is_lost_is_503_and_its_retry_finds_the_one_result(
    healed: House, line: FaultProxy
) -> None:
    row, content, key = healed.announce(), fresh(), secrets.token_hex(8)
    line.rules.swallow = b"COMMIT"

    assert tell(lambda: healed.upload(row, content, key)).status == 503
    assert healed.content_of(row) == content
    assert healed.upload(row, content, key).status_code == 200
    assert uploads_noted(healed, row) == 1


def test_a_row_locked_by_somebody_for_long_is_503_and_not_a_wait_without_end(healed: House) -> None:
    row = healed.announce()
    with session(healed) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM curation_media WHERE id = %s FOR UPDATE", [row])

        told = tell(lambda: healed.upload(row, fresh()))

    assert told.status == 503
    assert told.seconds < 15  # lock_timeout is 5 s
    assert healed.upload(row, fresh()).status_code == 200


def test_a_read_only_database_serves_reads_and_answers_503_to_writes(healed: House) -> None:
    row, content = healed.announce(), fresh()
    assert healed.upload(row, content).status_code == 200
    tell_server(healed, "ALTER DATABASE faults SET default_transaction_read_only = on")
    tell_server(healed, END_OTHERS)
    try:
        seconds_until(lambda: listing(healed).status_code == 200, 10)  # the ended connections are noticed
        assert healed.content_of(row) == content
        written = tell(lambda: healed.upload(row, fresh()))
        assert (written.status, bool(written.retry_after)) == (503, True)
        assert healed.ask("POST", "/api/v1/media", json={"type": "image"}).status_code == 503
    finally:
        tell_server(healed, "SET default_transaction_read_only = off", "ALTER DATABASE faults RESET ALL")
        tell_server(healed, END_OTHERS)
    assert healed.upload(row, fresh()).status_code == 200


def test_no_connection_left_is_503_and_passes_by_itself(healed: House) -> None:
    row = healed.announce()
    assert healed.postgres is not None
    with session(healed) as keeper, keeper.cursor() as cursor:
        keeper.autocommit = True
        cursor.execute("ALTER DATABASE faults CONNECTION LIMIT 1")
        cursor.execute(END_OTHERS)
        try:
            assert seconds_until(lambda: listing(healed).status_code == 503, 10) < 10
            assert {tell(lambda: listing(healed)).status for _ in range(3)} == {503}
            assert tell(lambda: health(healed)).status == 200
        finally:
            cursor.execute("ALTER DATABASE faults CONNECTION LIMIT -1")
    assert seconds_until(lambda: listing(healed).status_code == 200, 10) < 10
    assert healed.upload(row, fresh()).status_code == 200


def test_connections_cut_silently_cost_one_late_request_each_and_none_for_ever(healed: House, line: FaultProxy) -> None:
    assert listing(healed).status_code == 200
    line.rules.deaf_before = line.connections
    crowd = Crowd()
    for _ in range(6):
        crowd.send(lambda: listing(healed))

    told = crowd.wait()

    assert {one.status for one in told} <= {200, 503}
    assert max(one.seconds for one in told) < 40
    assert [tell(lambda: listing(healed)).status for _ in range(20)].count(503) <= 2  # one for each worker


def test_a_database_that_hangs_never_takes_the_last_thread_and_holds_none_for_ever(
    healed: House, line: FaultProxy
) -> None:
    rows = [healed.announce() for _ in range(4)]
    line.rules.hang = True
    crowd = Crowd()
    for row in rows * 6:
        crowd.send(lambda: listing(healed))
        crowd.send(lambda row=row: healed.upload(row, fresh()))  # type: ignore[misc]

    meanwhile = [tell(lambda: health(healed)) for _ in range(20)]

    assert seconds_until(lambda: not is_ready(healed), 10) < 10
    told = crowd.wait()
    assert {one.status for one in meanwhile} == {200}
    assert max(one.seconds for one in meanwhile) < 20  # three times 8 s, if 48 clients held all 16 threads
    assert {one.status for one in told} <= {503, CUT}
    assert max(one.seconds for one in told) < 40
    line.heal()
    assert seconds_until(lambda: is_ready(healed), 10) < 10
    assert healed.upload(rows[0], fresh()).status_code == 200


def test_a_page_of_the_workbench_says_when_the_database_is_away(healed: House, line: FaultProxy) -> None:
    line.refuse()

    answer = healed.ask("GET", "/admin/login/", headers={"Cookie": "sessionid=abcdefghijklmnopqrstuvwxyz"})

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "The service cannot do this at the moment" in answer.text
