"""check_storage lists exactly the damage that was done (A26, A37, C11, C12)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from curation.actions.check import examine
from curation.actions.checking.report import Code
from curation.models import Annotation, AnnotationRevision, Media, StoredObject
from curation.tests import damage
from curation.tests.deeds import DAY, key_of, label, row_of, spooled, stored_annotation, stored_media, upload
from curation.tests.pictures import LABEL, picture

pytestmark = [pytest.mark.django_db, pytest.mark.damages_storage]

Found = set[tuple[str, str]]
State = StoredObject.State


def found(*, full: bool = False, mark: bool = False) -> Found:
    return {(problem.code, problem.key) for problem in examine(full=full, mark=mark).problems}


@pytest.fixture
def key() -> str:
    """The key of one of three pictures, the second of which has an annotation with two revisions."""
    keys = [key_of(stored_media(seed)) for seed in range(3)]
    annotation = stored_annotation(Media.objects.get(file=keys[1]))
    label(annotation, LABEL * 2)
    return keys[1]


def test_a_store_that_is_well_is_clean(key: str) -> None:
    report = examine(full=True)

    assert report.clean
    assert report.problems == []
    assert report.checked["objects"] == report.checked["ledger_rows"] == 5
    assert report.checked["references"] == 3 + 1 + 2
    assert report.checked["bytes_read"] == report.checked["bytes"] > 0


def test_an_empty_store_is_clean() -> None:
    assert examine(full=True).clean


@pytest.mark.parametrize("full", [False, True])
def test_a_missing_object_is_found(key: str, full: bool) -> None:
    damage.take_away(key)
    assert found(full=full) == {(Code.OBJECT_MISSING, key)}


@pytest.mark.parametrize("full", [False, True])
def test_a_truncated_object_is_found(key: str, full: bool) -> None:
    damage.truncate(key)
    assert found(full=full) == {(Code.WRONG_SIZE, key)}


def test_one_flipped_bit_is_found_by_reading(key: str) -> None:
    damage.flip_one_bit(key)
    assert found() == set()
    assert found(full=True) == {(Code.DIGEST_DIFFERS, key)}


def test_two_swapped_objects_are_found_by_reading(key: str) -> None:
    other = key_of(Media.objects.exclude(file=key)[0])
    damage.swap(key, other)

    report = examine(full=True)

    assert {(problem.code, problem.key) for problem in report.problems} == {
        (Code.DIGEST_DIFFERS, key),
        (Code.DIGEST_DIFFERS, other),
    }
    assert {problem.sentence for problem in report.problems} == {
        f"The object holds the content of {name}." for name in (key, other)
    }


def test_a_wrong_size_in_a_row_is_found(key: str) -> None:
    media = Media.objects.get(file=key)
    Media.objects.filter(pk=media.pk).update(size=1)

    (problem,) = examine(full=True).problems
    assert (problem.code, problem.table, problem.row_id) == (Code.ROW_SIZE_DIFFERS, "media", media.pk)


def test_a_wrong_digest_in_a_row_is_found(key: str) -> None:
    annotation = Annotation.objects.get()
    Annotation.objects.update(sha256="0" * 64)

    (problem,) = examine(full=True).problems
    assert (problem.code, problem.table, problem.row_id) == (Code.ROW_DIGEST_DIFFERS, "annotation", annotation.pk)


def test_a_ledger_row_without_object_is_found(key: str) -> None:
    StoredObject.objects.create(key=damage.UNKNOWN_KEY, sha256="ab" * 32, size=3, state=State.READY)
    assert found(full=True) == {(Code.LEDGER_WITHOUT_OBJECT, damage.UNKNOWN_KEY)}


def test_an_object_without_ledger_row_is_found(key: str) -> None:
    damage.plant(damage.UNKNOWN_KEY, b"who put this here?")
    assert found(full=True) == {(Code.OBJECT_WITHOUT_LEDGER, damage.UNKNOWN_KEY)}


def test_a_stale_lease_is_found(key: str) -> None:
    now = timezone.now()
    StoredObject.objects.create(key=damage.UNKNOWN_KEY, sha256="ab" * 32, size=3, lease_until=now - timedelta(hours=1))
    assert found(full=True) == {(Code.STALE_LEASE, damage.UNKNOWN_KEY)}


def test_an_unfinished_write_is_found(key: str) -> None:
    left = damage.leave_unfinished()
    assert found(full=True) == {(Code.UNFINISHED_WRITE, left)}


def test_a_lost_ledger_row_is_found_from_both_sides(key: str) -> None:
    StoredObject.objects.filter(key=key).delete()
    assert found() == {(Code.OBJECT_WITHOUT_LEDGER, key), (Code.NOT_IN_LEDGER, key)}


@pytest.mark.parametrize("state", [State.WRITING, State.DELETING])
def test_a_row_on_an_object_that_is_not_ready_is_found(key: str, state: str) -> None:
    StoredObject.objects.filter(key=key).update(state=state, lease_until=timezone.now() + DAY)
    assert found() == {(Code.REFERENCE_NOT_READY, key)}


@pytest.mark.parametrize("state", [State.MISSING, State.DAMAGED])
def test_an_object_recorded_as_lost_but_well_is_found(key: str, state: str) -> None:
    StoredObject.objects.filter(key=key).update(state=state)
    assert found(full=True) == {(Code.REFERENCE_NOT_READY, key)}


def test_a_wrong_digest_in_the_ledger_is_blamed_on_the_ledger(key: str) -> None:
    StoredObject.objects.filter(key=key).update(sha256="0" * 64)
    assert found() == {(Code.KEY_DIFFERS, key)}


def test_a_wrong_size_in_the_ledger_is_blamed_on_the_ledger(key: str) -> None:
    StoredObject.objects.filter(key=key).update(size=1)
    assert found(full=True) == {(Code.LEDGER_SIZE_DIFFERS, key)}


def test_an_annotation_that_shows_an_old_revision_is_found(key: str) -> None:
    annotation, old = Annotation.objects.get(), AnnotationRevision.objects.get(number=1)
    Annotation.objects.update(file=old.file.name, sha256=old.sha256, size=old.size)

    (problem,) = examine(full=True).problems
    assert (problem.code, problem.row_id) == (Code.CURRENT_DIFFERS, annotation.pk)


def test_a_gap_in_the_revisions_is_found(key: str) -> None:
    annotation = Annotation.objects.get()
    last = AnnotationRevision.objects.get(number=2)
    last.pk, last.number, last._state.adding = None, 4, True
    last.save()

    (problem,) = examine(full=True).problems
    assert (problem.code, problem.row_id) == (Code.REVISION_GAP, annotation.pk)


def test_several_damages_are_listed_together_and_nothing_else(key: str) -> None:
    others = [key_of(media) for media in Media.objects.exclude(file=key)]
    damage.take_away(key)
    damage.flip_one_bit(others[0])
    damage.truncate(others[1])
    damage.plant(damage.UNKNOWN_KEY, b"stranger")

    assert found(full=True) == {
        (Code.OBJECT_MISSING, key),
        (Code.DIGEST_DIFFERS, others[0]),
        (Code.WRONG_SIZE, others[1]),
        (Code.OBJECT_WITHOUT_LEDGER, damage.UNKNOWN_KEY),
    }


# --- What is no problem ----------------------------------------------------------------------------


def _leave(key: str, **columns: object) -> None:
    """Nothing refers to the object any more."""
    Media.objects.filter(file=key).update(file="", sha256="", size=None)
    StoredObject.objects.filter(key=key).update(**columns)


@pytest.mark.parametrize(
    ("columns", "count"),
    [
        ({}, "waiting_to_be_collected"),
        ({"hold_until": timezone.now() + DAY}, "held"),
        ({"lease_until": timezone.now() + DAY}, "being_written"),
        ({"state": State.WRITING, "lease_until": timezone.now() + DAY}, "being_written"),
        ({"state": State.DELETING}, "waiting_to_be_collected"),
    ],
)
def test_work_for_the_collector_is_counted_and_no_problem(key: str, columns: dict[str, object], count: str) -> None:
    _leave(key, **columns)

    report = examine(full=True)
    assert report.clean
    assert report.checked[count] == 1


def test_a_write_that_was_given_up_is_no_problem(key: str) -> None:
    now = timezone.now()
    _leave(key, state=State.WRITING, lease_until=now, touched_at=now)
    assert examine(full=True).clean


def test_an_unfinished_write_of_a_living_writer_is_no_problem(key: str, settings: Settings) -> None:
    if not settings.BUCKET_NAME:
        pytest.skip("A folder knows the living by their locks; test_folder.py has that.")
    damage.leave_unfinished(damage.UNKNOWN_KEY)
    StoredObject.objects.create(key=damage.UNKNOWN_KEY, sha256="ab" * 32, size=3, lease_until=timezone.now() + DAY)
    assert examine(full=True).clean


def test_what_strangers_keep_beside_our_objects_is_left_alone(key: str) -> None:
    damage.plant("holiday/beach.jpg", b"not ours")
    try:
        assert examine(full=True).clean
    finally:
        damage.take_away("holiday/beach.jpg")


# --- Marking ---------------------------------------------------------------------------------------


def _harm(key: str, harm: Callable[[str], None]) -> str:
    harm(key)
    return key


@pytest.mark.parametrize(
    ("harm", "state"),
    [(damage.take_away, State.MISSING), (damage.truncate, State.DAMAGED), (damage.flip_one_bit, State.DAMAGED)],
)
def test_marked_damage_is_healed_by_the_same_bytes(key: str, harm: Callable[[str], None], state: str) -> None:
    media = Media.objects.get(file=_harm(key, harm))
    examine(full=True, mark=True)
    assert row_of(key).state == state

    upload(media, picture(1))

    assert row_of(key).state == State.READY
    assert damage.content_of(key) == picture(1)
    assert examine(full=True).clean


def test_without_mark_nothing_changes(key: str) -> None:
    damage.take_away(key)
    StoredObject.objects.update(verified_at=None)
    before = list(StoredObject.objects.order_by("pk").values())

    examine(full=True)

    assert list(StoredObject.objects.order_by("pk").values()) == before


def test_marking_notes_when_the_good_ones_were_read(key: str) -> None:
    damage.take_away(key)
    StoredObject.objects.update(verified_at=None)

    examine(full=True, mark=True)

    assert row_of(key).verified_at is None
    assert StoredObject.objects.exclude(key=key).filter(verified_at=None).count() == 0


def test_an_object_that_came_back_is_healed_by_marking(key: str) -> None:
    content = damage.content_of(key)
    damage.take_away(key)
    examine(full=False, mark=True)
    damage.plant(key, content)

    assert examine(full=True, mark=True).clean
    assert row_of(key).state == State.READY
    assert examine(full=True).clean


def test_the_same_bytes_do_not_hide_a_damage_that_was_not_marked(key: str) -> None:
    """An upload trusts the ledger: what it says is ready is not written again."""
    damage.flip_one_bit(key)
    with spooled(picture(1)) as received:
        assert received.sha256 == row_of(key).sha256
    upload(Media.objects.get(file=key), picture(1))
    assert found(full=True) == {(Code.DIGEST_DIFFERS, key)}


# --- The command -----------------------------------------------------------------------------------


def _run(*options: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    try:
        call_command("check_storage", *options)
    except CommandError as error:
        return error.returncode, capsys.readouterr().out
    return 0, capsys.readouterr().out


def test_a_clean_store_exits_0(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = _run("--full", "--json", capsys=capsys)
    answer = json.loads(out)
    assert code == 0
    assert answer["clean"] is True
    assert answer["problems"] == []
    assert answer["checked"]["objects"] == 5


def test_problems_exit_1_and_are_listed_for_programs(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    damage.take_away(key)
    code, out = _run("--json", capsys=capsys)
    answer = json.loads(out)
    assert code == 1
    assert answer["clean"] is False
    assert answer["counts"] == {"object_missing": 1}
    assert [problem["key"] for problem in answer["problems"]] == [key]


def test_problems_are_listed_for_people(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    damage.take_away(key)
    code, out = _run(capsys=capsys)
    assert code == 1
    assert f"object_missing {key}: Rows refer to this object, and the store does not have it." in out


@pytest.mark.parametrize(("limit", "listed"), [("0", 0), ("1", 1), ("2", 2), ("3", 2)])
def test_the_list_ends_where_it_is_told_and_the_counts_do_not(
    key: str, limit: str, listed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for media in Media.objects.exclude(file=key):
        damage.take_away(key_of(media))
    code, out = _run("--json", "--limit", limit, capsys=capsys)
    answer = json.loads(out)
    assert code == 1
    assert len(answer["problems"]) == listed
    assert answer["counts"] == {"object_missing": 2}


def test_a_store_that_does_not_answer_exits_2(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = {
        "BACKEND": "curation.storage.folder.FolderStore",
        "OPTIONS": {"location": tmp_path / "absent"},
    }
    settings.STORAGES = settings.STORAGES | {"default": absent}
    assert _run("--json", capsys=capsys) == (2, "")
