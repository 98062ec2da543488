"""A slice of the store is read each night, and what has decayed is found within the cycle (C11, C12, A37)."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from curation.actions.check import examine, last_since
from curation.actions.checking.rate import SLOWEST, Rate
from curation.actions.scrub import StoreInDoubt, scrub
from curation.actions.survey import FEW
from curation.management.amounts import LAST, amount, moment, share
from curation.models import Media, StorageCheck, StoredObject
from curation.storage.errors import StoreUnavailable
from curation.tests import damage
from curation.tests.deeds import DAY, key_of, row_of, stored_media, upload
from curation.tests.pictures import picture
from curation.tests.stage import fail, on_stage

pytestmark = [pytest.mark.django_db, pytest.mark.damages_storage]

State = StoredObject.State
WHOLE = Fraction(1)


@pytest.fixture
def keys() -> list[str]:
    """Four objects, the first of which was read longest ago, and the last never."""
    found = [key_of(stored_media(seed)) for seed in range(4)]
    for number, key in enumerate(found[:3]):
        StoredObject.objects.filter(key=key).update(verified_at=timezone.now() - (40 - number) * DAY)
    StoredObject.objects.filter(key=found[3]).update(verified_at=None)
    return found


def read_lately() -> set[str]:
    return set(StoredObject.objects.filter(verified_at__gt=timezone.now() - DAY).values_list("key", flat=True))


# --- The slice -------------------------------------------------------------------------------------


def test_what_was_read_longest_ago_comes_first_and_never_read_before_all(keys: list[str]) -> None:
    scrub(size=1)
    assert read_lately() == {keys[3]}
    scrub(size=row_of(keys[0]).size + 1)
    assert read_lately() == {keys[3], keys[0], keys[1]}


def test_the_nights_of_a_cycle_read_everything(keys: list[str]) -> None:
    for _ in range(4):
        assert scrub(share=Fraction(1, 4)).clean
    assert read_lately() == set(keys)


def test_a_slice_ends_with_the_object_that_reaches_its_bytes(keys: list[str]) -> None:
    size = row_of(keys[3]).size
    assert scrub(size=size).checked["objects_read"] == 1
    StoredObject.objects.update(verified_at=None)
    assert scrub(size=size + 1).checked["objects_read"] == 2


def test_an_empty_store_is_scrubbed_in_no_time() -> None:
    assert scrub().clean


# --- What it finds ---------------------------------------------------------------------------------


def test_a_flipped_bit_is_found_marked_not_deleted_and_healed_by_the_same_bytes(keys: list[str]) -> None:
    damage.flip_one_bit(keys[1])
    media = Media.objects.get(file=keys[1])

    report = scrub(share=WHOLE)

    assert [(problem.code, problem.key) for problem in report.problems] == [("digest_differs", keys[1])]
    assert row_of(keys[1]).state == State.DAMAGED
    assert damage.has(keys[1])
    media.refresh_from_db()
    assert media.file.name == keys[1]

    upload(media, picture(1))
    assert row_of(keys[1]).state == State.READY
    assert scrub(share=WHOLE).clean
    assert examine(full=True).clean


def test_an_object_that_came_back_is_healed_the_next_night(keys: list[str]) -> None:
    content = damage.content_of(keys[2])
    damage.take_away(keys[2])
    scrub(share=WHOLE)
    assert row_of(keys[2]).state == State.MISSING

    damage.plant(keys[2], content)
    assert scrub(size=1).clean
    assert row_of(keys[2]).state == State.READY


def test_what_is_lost_for_good_does_not_take_the_place_of_what_is_to_be_read(keys: list[str]) -> None:
    damage.take_away(keys[3])
    scrub(size=1)
    assert row_of(keys[3]).state == State.MISSING
    assert scrub(size=1).counts == {"object_missing": 1}
    assert read_lately() == {keys[0]}


def test_ten_missing_objects_are_marked_and_the_eleventh_stops_the_scrub() -> None:
    keys = [key_of(stored_media(seed)) for seed in range(FEW + 3)]
    for key in keys[:FEW]:
        damage.take_away(key)
    assert scrub(share=WHOLE).counts == {"object_missing": FEW}

    StoredObject.objects.update(state=State.READY)
    for key in keys[FEW:]:
        damage.take_away(key)
    with pytest.raises(StoreInDoubt, match=f"^{FEW + 1} objects"):
        scrub(share=WHOLE)
    assert StoredObject.objects.lost().count() == FEW + 1
    line = StorageCheck.objects.newest(StorageCheck.Kind.SCRUB)
    assert line is not None
    assert line.stopped.startswith(f"{FEW + 1} objects that should be there are not in the store")


def test_a_store_that_goes_away_marks_nothing(keys: list[str], settings: Settings) -> None:
    absent = {"BACKEND": "curation.storage.folder.FolderStore", "OPTIONS": {"location": "/nonexistent/objects"}}
    settings.STORAGES = settings.STORAGES | {"default": absent}
    with pytest.raises(StoreUnavailable):
        scrub(share=WHOLE)
    assert not StoredObject.objects.lost().exists()
    assert not StorageCheck.objects.exists()


# --- The line that stays ---------------------------------------------------------------------------


def test_each_scrub_leaves_a_line_that_says_how_much_of_the_store_is_verified(keys: list[str]) -> None:
    damage.flip_one_bit(keys[3])
    scrub(size=1)
    line = StorageCheck.objects.get()
    sizes = {row.key: row.size for row in StoredObject.objects.all()}
    assert (line.kind, line.objects_read, line.problems, line.stopped) == ("scrub", 2, 1, "")
    assert line.ended_at is not None
    assert (line.bytes_kept, line.bytes_verified) == (sum(sizes.values()), 0)

    scrub(size=1)
    line = StorageCheck.objects.latest("pk")
    assert line.bytes_verified == sizes[keys[0]]


@pytest.mark.parametrize(("age", "counts"), [(30 * DAY - timedelta(minutes=1), True), (30 * DAY, False)])
def test_what_was_verified_thirty_days_ago_no_longer_counts(age: timedelta, counts: bool) -> None:
    key_of(stored_media(0))
    other = key_of(stored_media(1))
    StoredObject.objects.update(verified_at=None)
    StoredObject.objects.filter(key=other).update(verified_at=timezone.now() - age)
    scrub(size=1)
    line = StorageCheck.objects.get()
    assert (line.bytes_verified == line.bytes_kept) is counts


# --- A full check that is cut short ----------------------------------------------------------------


def test_a_full_check_that_was_cut_short_goes_on_where_it_was(keys: list[str], settings: Settings) -> None:
    began = timezone.now()
    third, cues = sorted(keys)[2], on_stage(settings)
    cues["before read"] = lambda key: (
        fail(StoreUnavailable("The store does not answer."))(key) if key == third else None
    )
    with pytest.raises(StoreUnavailable):
        examine(full=True, since=began)
    assert read_lately() == set(sorted(keys)[:2])
    assert last_since() == began

    cues.clear()
    report = examine(full=True, since=last_since())
    assert report.clean
    assert report.checked["objects_read"] == 2
    assert examine(full=True, since=last_since()).checked["objects_read"] == 0


@pytest.mark.parametrize(("later", "read"), [(timedelta(0), 0), (timedelta(seconds=1), 1)])
def test_since_reads_what_was_verified_before_and_not_at_that_moment(later: timedelta, read: int) -> None:
    key = key_of(stored_media())
    verified = row_of(key).verified_at
    assert verified is not None
    assert examine(full=True, since=verified + later).checked["objects_read"] == read


def test_since_notes_what_is_good_and_marks_nothing(keys: list[str]) -> None:
    damage.take_away(keys[0])
    examine(full=True, since=timezone.now())
    assert read_lately() == set(keys[1:])
    assert not StoredObject.objects.lost().exists()


def test_what_is_recorded_as_lost_is_read_however_lately_it_was_verified(keys: list[str]) -> None:
    StoredObject.objects.update(verified_at=timezone.now())
    StoredObject.objects.filter(key=keys[0]).update(state=State.DAMAGED)
    assert examine(full=True, mark=True, since=timezone.now() - DAY).checked["objects_read"] == 1
    assert row_of(keys[0]).state == State.READY


# --- The rate --------------------------------------------------------------------------------------


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("piece", [1, 1000, SLOWEST, 5 * SLOWEST])
def test_so_many_bytes_take_as_long_as_the_rate_allows_and_no_longer(piece: int) -> None:
    clock = Clock()
    rate = Rate(SLOWEST, clock=clock, sleep=clock.sleep)
    for _ in range(10 * SLOWEST // piece):
        rate.take(piece)
    taken = 10 * SLOWEST // piece * piece
    assert clock.now == pytest.approx(taken / SLOWEST - 1)  # what the first second brings is there at once


def test_what_fits_into_the_bucket_waits_for_nothing() -> None:
    clock = Clock()
    rate = Rate(SLOWEST, clock=clock, sleep=clock.sleep)
    rate.take(SLOWEST)
    assert clock.now == 0
    rate.take(1)
    assert clock.now == pytest.approx(1 / SLOWEST)


def test_a_long_pause_saves_up_one_second_and_no_more() -> None:
    clock = Clock()
    rate = Rate(SLOWEST, clock=clock, sleep=clock.sleep)
    rate.take(SLOWEST)
    clock.now += 100
    rate.take(SLOWEST)
    assert clock.now == 100
    rate.take(SLOWEST)
    assert clock.now == pytest.approx(101)


def test_every_byte_that_is_read_goes_through_the_rate(keys: list[str]) -> None:
    clock = Clock()
    rate = Rate(SLOWEST, clock=clock, sleep=clock.sleep)
    rate.take(SLOWEST)
    report = scrub(share=WHOLE, rate=rate)
    assert clock.now == pytest.approx(report.checked["bytes_read"] / SLOWEST)
    assert report.checked["bytes_read"] == sum(row.size for row in StoredObject.objects.all())


# --- The commands ----------------------------------------------------------------------------------


def _run(name: str, *options: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    try:
        call_command(name, *options)
    except CommandError as error:
        return error.returncode, capsys.readouterr().out or str(error)
    return 0, capsys.readouterr().out


def test_the_command_tells_by_its_exit_code_what_it_found(
    keys: list[str], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("scrub", "--slice", "1/1", "--rate", "10M", capsys=capsys)[0] == 0
    damage.flip_one_bit(keys[0])
    code, out = _run("scrub", "--bytes", "1M", "--json", capsys=capsys)
    assert code == 1
    assert json.loads(out)["counts"] == {"digest_differs": 1}
    absent = {"BACKEND": "curation.storage.folder.FolderStore", "OPTIONS": {"location": "/nonexistent/objects"}}
    settings.STORAGES = settings.STORAGES | {"default": absent}
    assert _run("scrub", capsys=capsys)[0] == 2


def test_since_last_goes_on_with_the_round_that_was_begun(keys: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    def read(*options: str) -> int:
        return int(
            json.loads(_run("check_storage", "--full", "--json", *options, capsys=capsys)[1])["checked"]["objects_read"]
        )

    assert read("--since", "last") == 4
    assert read("--since", "last") == 0
    assert read("--since", "now") == 4
    assert read("--since", "1d") == 0
    assert read() == 4
    assert read("--since", "last") == 0


def test_since_and_rate_want_full(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "--since and --rate are about reading objects: they need --full."
    assert _run("check_storage", "--since", "last", capsys=capsys) == (2, sentence)
    assert _run("check_storage", "--rate", "1M", capsys=capsys) == (2, sentence)


@pytest.mark.parametrize(
    ("text", "bytes_"), [("1", 1), ("500k", 500_000), ("10M", 10**7), ("2.5G", 2_500_000_000), ("1tb", 10**12)]
)
def test_amounts_are_read_as_people_write_them(text: str, bytes_: int) -> None:
    assert amount(text) == bytes_


@pytest.mark.parametrize("text", ["", "0", "-1", "10 apples", "1e9", "0.1"])
def test_an_amount_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        amount(text)


def test_shares_are_at_most_the_whole() -> None:
    assert share("1/30") == Fraction(1, 30)
    assert share("3/3") == 1
    for text in ("0/3", "4/3", "1/0", "30", "a/b"):
        with pytest.raises(ArgumentTypeError):
            share(text)


def test_moments_are_read_as_people_write_them() -> None:
    now = datetime(2026, 7, 14, 12, tzinfo=UTC)
    with time_machine.travel(now, tick=False):
        assert moment("last") == LAST
        assert moment("now") == now
        assert moment("7d") == now - 7 * DAY
        assert moment("2026-07-01") == datetime(2026, 7, 1, tzinfo=UTC)
        assert moment("2026-07-01T10:00:00+02:00") == datetime(2026, 7, 1, 8, tzinfo=UTC)
        for text in ("", "yesterday", "7", "2026-13-01"):
            with pytest.raises(ArgumentTypeError):
                moment(text)


def test_usage_is_counted_for_each_organisation(keys: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    stored_media(0)
    _, out = _run("storage_usage", "--json", capsys=capsys)
    size = row_of(keys[0]).size + sum(row.size for row in StoredObject.objects.all())
    assert json.loads(out) == {"organisations": [{"name": None, "files": 5, "bytes": size}]}
    assert f"{5:>10} {size:>16}  none" in _run("storage_usage", capsys=capsys)[1]
