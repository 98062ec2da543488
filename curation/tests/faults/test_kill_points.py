"""C32: the worker dies by signal 9 at each phase of an upload.

P0 headers read, P1 mid-body, P2 body here and hashed, P3 key taken in the ledger, P4 in the midst of the transfer to
the store, P5 object stored, P6 before COMMIT, P7 after COMMIT, P8 before the answer, P9 answered.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from curation.tests.faults.house import House, deadly
from curation.tests.faults.killing import COMMITTED, PHASES
from curation.tests.faults.outcomes import clean, note
from curation.tests.pictures import LABEL, picture

pytestmark = pytest.mark.timeout(1800)
SIZE = (400, 300)  # random pixels: about 250 kB, so that a body comes in several pieces


@pytest.fixture(scope="module", autouse=True)
def _clean_afterwards(house: House) -> Iterator[None]:
    yield
    clean(house)


def fresh() -> bytes:
    """A picture that was never seen."""
    return picture(secrets.randbits(64), size=SIZE)


@pytest.mark.usually_on("servers")
@pytest.mark.parametrize("phase", PHASES)
def test_a_replacement_killed_anywhere_is_wholly_there_or_not_at_all_and_its_retry_converges(
    house: House, phase: str, rounds: int
) -> None:
    for _ in range(rounds):
        media, old, new, key = house.announce(), fresh(), fresh(), secrets.token_hex(8)
        assert house.upload(media, old).status_code == 200

        answer = deadly(house, phase, lambda media=media, new=new, key=key: house.upload(media, new, key))  # type: ignore[misc]

        assert answer is None or phase == "P9"  # where the reset may still overtake the answer
        assert house.content_of(media) == (new if phase in COMMITTED else old)
        assert house.upload(media, new, key).status_code == 200
        assert house.content_of(media) == new
        note(house, phase, "replacement", "new" if phase in COMMITTED else "old")


@pytest.mark.usually_on("folder")
@pytest.mark.parametrize("phase", PHASES)
def test_an_entry_killed_anywhere_ends_after_its_retry_as_exactly_one(house: House, phase: str, rounds: int) -> None:
    for _ in range(rounds):
        content, key = fresh(), secrets.token_hex(8)

        def send(content: bytes = content, key: str = key) -> object:
            files = {"file": ("picture.jpg", content), "annotation": ("labels.txt", LABEL)}
            return house.ask("POST", "/api/v1/entries", files=files, headers={"Idempotency-Key": key})

        before = count(house)
        answer = deadly(house, phase, send)  # type: ignore[arg-type]

        assert answer is None or phase == "P9"  # where the reset may still overtake the answer
        assert count(house) == before + (phase in COMMITTED)
        assert send().status_code == 201  # type: ignore[attr-defined]
        assert count(house) == before + 1
        note(house, phase, "entry", "there" if phase in COMMITTED else "not there")


def count(house: House) -> int:
    """Media that are there."""
    return int(house.rows("SELECT count(*) FROM curation_media WHERE deleted_at IS NULL")[0][0])


@pytest.mark.usually_on("folder")
@pytest.mark.parametrize("phase", ["P1", "P5", "P6", "P7"])
def test_the_death_of_the_whole_server_loses_nothing_either(house: House, phase: str, rounds: int) -> None:
    for _ in range(rounds):
        media, old, new = house.announce(), fresh(), fresh()
        assert house.upload(media, old).status_code == 200

        deadly(house, phase, lambda media=media, new=new: house.upload(media, new))  # type: ignore[misc]
        house.kill_master()
        house.start()

        assert house.content_of(media) == (new if phase in COMMITTED else old)
        assert house.upload(media, new).status_code == 200
        note(house, phase, "replacement, master too", "new" if phase in COMMITTED else "old")


def test_the_settings_of_production_know_no_kill_points(house: House) -> None:
    orders = house.folder / "orders"
    media = house.announce()
    house.stop()
    usual = house.environment
    house.environment = usual | {"DJANGO_SETTINGS_MODULE": "pyrostorage_site.settings"}
    try:
        house.start()
        for phase in PHASES:
            (orders / phase).touch()
        assert house.upload(media, fresh()).status_code == 200
        assert sorted(path.name for path in orders.iterdir()) == sorted(PHASES)
    finally:
        for path in orders.iterdir():
            path.unlink()
        house.stop()
        house.environment = usual
        house.start()
