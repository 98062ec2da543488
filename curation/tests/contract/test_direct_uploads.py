"""Direct uploads by the API: begun, sent by links, completed; refused, cancelled, expired (B52, B59, B106, B124).

The same tests run on a folder and on a bucket that checks signatures.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import pytest
import time_machine
from pytest_django import Settings

from accounts.models import AuditEntry
from accounts.scopes import TokenRights
from accounts.tests.cast import Cast, api
from curation.actions import completing, leftovers
from curation.actions.check import examine
from curation.actions.completing import complete_upload
from curation.models import Annotation, IdempotencyKey, Job, Media, Origin, StoredObject, Upload
from curation.storage.stores import object_store
from curation.tests.contract.helpers import announce, layer, stored
from curation.tests.deeds import collect_now, key_of
from curation.tests.pictures import LABEL, picture
from curation.tests.senders import Attempt, asked, begin, complete, follow, put, sent

LONG_AGO = timedelta(days=2)


def nothing_is_left() -> bool:
    """Once the links are dead and the sweep has passed: no media, no object, and a clean check."""
    assert examine(full=True).clean
    leftovers.sweep(now=datetime.now(UTC) + LONG_AGO)
    collect_now()
    assert examine(full=True).clean
    return not Media.objects.stored().exists() and not list(object_store().walk())


# --- One PUT ---------------------------------------------------------------------------------------


def test_a_picture_is_begun_sent_and_completed(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    assert (row["state"], row["uploaded"], row["media"], row["parts"]) == ("open", False, None, [])
    assert row["arrived"] == {"parts": 0, "bytes": 0}
    assert put(row, picture(1)) == 200

    answer = complete(tower, row)

    assert answer.status_code == 200
    media = answer.json()
    assert (media["sha256"], media["size"]) == (hashlib.sha256(picture(1)).hexdigest(), len(picture(1)))
    assert (media["uploaded"], media["original_name"], media["owner"]) == (True, "ridge.jpg", cast.tower.pk)
    assert media["organisation"] == cast.tower.organisation_id
    assert (media["width"], media["height"], media["content_type"]) == (64, 48, "image/jpeg")
    assert object_store().digest(key_of(Media.objects.get()))[0] == media["sha256"]
    done = tower.get(f"/uploads/{row['id']}").json()
    assert (done["state"], done["uploaded"], done["put"], done["media"]) == ("done", True, None, media)


def test_an_announced_media_is_filled(cast: Cast) -> None:
    ana, tower = api(cast.ana), api(cast.tower)
    media_id = announce(tower, camera="mast 7")
    Media.objects.filter(pk=media_id).update(owner=cast.ana)
    answer = sent(ana, picture(1), media=media_id)
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["camera"]) == (media_id, "mast 7")
    assert AuditEntry.objects.filter(action="media.upload", row_id=media_id).count() == 1


def test_completing_twice_gives_the_same_answer(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    put(row, picture(1))
    first, second = complete(tower, row), complete(tower, row)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert Media.objects.count() == 1


def test_nothing_is_complete_before_it_has_arrived(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    answer = complete(tower, row)
    assert (answer.status_code, answer.json()) == (409, {"detail": "The file has not arrived yet."})
    put(tower.get(f"/uploads/{row['id']}").json(), picture(1))
    assert tower.get(f"/uploads/{row['id']}").json()["arrived"]["bytes"] == len(picture(1))
    assert complete(tower, row).status_code == 200


@pytest.mark.parametrize("change", [lambda b: b[:-1] + b"!", lambda b: b + b"!", lambda b: b[:-1], lambda b: b""])
def test_the_store_takes_no_other_bytes_than_were_declared(cast: Cast, change: Any) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    assert put(row, change(picture(1))) in {400, 403, 413}
    assert complete(tower, row).status_code == 409
    assert put(row, picture(1)) == 200
    assert complete(tower, row).status_code == 200


def test_what_is_no_picture_is_refused_and_leaves_nothing(cast: Cast) -> None:
    tower = api(cast.tower)
    for content, fields in ((b"<html>", {}), (picture(1), {"type": "video"}), (b"\xff\xd8\xff", {})):
        row = begin(tower, content, **fields)
        put(row, content)
        refused = complete(tower, row)
        assert refused.status_code == 415, content
        again = complete(tower, row)
        assert (again.status_code, again.json()) == (409, refused.json())
        shown = tower.get(f"/uploads/{row['id']}").json()
        assert (shown["state"], shown["error"], shown["put"]) == ("refused", refused.json()["detail"], None)
    assert nothing_is_left()


def test_a_size_that_is_not_that_of_the_declared_digest_ends_the_upload(cast: Cast) -> None:
    """The store is told both; where only one can be true, nothing can ever arrive."""
    tower = api(cast.tower)
    row = begin(tower, picture(1), size=len(picture(1)) + 1)
    assert put(row, picture(1)) in {400, 403}
    assert complete(tower, row).status_code == 409
    assert tower.delete(f"/uploads/{row['id']}").json()["state"] == "cancelled"
    assert nothing_is_left()


def test_too_many_pixels_are_refused(cast: Cast, settings: Settings) -> None:
    tower = api(cast.tower)
    settings.IMAGE_MAX_PIXELS = 64 * 48
    assert sent(tower, picture(1)).status_code == 200
    settings.IMAGE_MAX_PIXELS = 64 * 48 - 1
    assert sent(tower, picture(2)).status_code == 413


def test_a_file_is_refused_by_its_size_before_it_is_sent(cast: Cast, settings: Settings) -> None:
    tower, size = api(cast.tower), len(picture(1))
    settings.IMAGE_MAX_BYTES = settings.VIDEO_MAX_BYTES = size
    assert sent(tower, picture(1)).status_code == 200
    settings.IMAGE_MAX_BYTES = size - 1
    assert tower.post("/uploads", asked(picture(1)), format="json").status_code == 413
    assert tower.post("/uploads", asked(picture(2), size=size, type="video"), format="json").status_code == 201


@pytest.mark.parametrize(
    "wrong",
    [{"size": 0}, {"size": -1}, {"size": 2**63}, {"size": "x"}, {"sha256": "ab"}, {"type": "sound"}, {"media": 0}],
)
def test_what_makes_no_sense_is_refused(cast: Cast, wrong: dict[str, Any]) -> None:
    answer = api(cast.tower).post("/uploads", asked(picture(1)) | wrong, format="json")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", *wrong]


def test_the_type_is_that_of_the_announced_media(cast: Cast) -> None:
    tower = api(cast.tower)
    media_id = announce(tower, type="video")
    answer = tower.post("/uploads", asked(picture(1), media=media_id), format="json")
    assert answer.status_code == 422
    body = asked(picture(1), media=media_id)
    del body["type"]
    assert tower.post("/uploads", body, format="json").json()["type"] == "video"


SAID: dict[str, Any] = {
    "captured_at": "2026-06-01T09:30:00+02:00", "source": "tower", "camera": "mast 7", "azimuth": 360,
    "sequence": "s1", "latitude": 44.5, "longitude": 4.4,
}  # fmt: skip


def test_what_is_said_at_the_beginning_is_told_of_the_media(cast: Cast) -> None:
    tower, alone = api(cast.tower), api(cast.other_tower)
    told = SAID | {"captured_at": "2026-06-01T07:30:00Z", "azimuth": 0, "captured_basis": "client"}
    single = sent(alone, picture(1), **SAID).json()
    rows = [asked(picture(1), **SAID), asked(picture(2))]
    begun = tower.post("/uploads/batch", {"uploads": rows}, format="json").json()["uploads"]
    for row, content in zip(begun, (picture(1), picture(2)), strict=True):
        put(row, content)
    said, unsaid = complete_many(tower, *(row["id"] for row in begun))
    unsent = tower.post("/uploads", asked(picture(1), **SAID), format="json").json()
    for media in (single, said["media"], unsent["media"]):
        shown = {name: media[name] for name in told}
        shown["captured_at"] = shown["captured_at"].replace("+00:00", "Z").replace(".000000", "")
        assert shown == told
    assert (unsaid["media"]["captured_at"], unsaid["media"]["captured_basis"]) == (None, "none")
    assert Job.objects.filter(kind="resolve").count() == 3


@pytest.mark.parametrize("wrong", [{"azimuth": 361}, {"latitude": 91}, {"captured_at": "yesterday"}])
def test_what_is_said_must_make_sense(cast: Cast, wrong: dict[str, Any]) -> None:
    answer = api(cast.tower).post("/uploads", asked(picture(1), **wrong), format="json")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", *wrong]


def test_an_announced_media_is_described_at_its_own_address(cast: Cast) -> None:
    tower = api(cast.tower)
    media_id = announce(tower)
    answer = tower.post("/uploads", asked(picture(1), media=media_id, camera="mast 7"), format="json")
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "camera"])


# --- Links -----------------------------------------------------------------------------------------


def test_a_link_with_one_altered_byte_in_any_field_is_refused(cast: Cast) -> None:
    row = begin(api(cast.tower), picture(1))
    address = urlsplit(row["put"]["url"])
    fields = parse_qsl(address.query, keep_blank_values=True)
    assert len(fields) >= 4
    for place, (name, value) in enumerate(fields):
        altered = fields.copy()
        altered[place] = (name, value[:-1] + ("1" if value[-1:] != "1" else "2"))
        url = urlunsplit(address._replace(query=urlencode(altered, quote_via=quote, safe="")))
        assert follow(url, picture(1), row["put"]["headers"]) in {400, 403}, name
    elsewhere = urlunsplit(address._replace(path=address.path[:-1] + ("0" if address.path[-1] != "0" else "1")))
    assert follow(elsewhere, picture(1), row["put"]["headers"]) == 403
    assert put(row, picture(1)) == 200


@pytest.mark.parametrize(("age", "status"), [(0, 200), (3590, 200), (3605, 403)])
def test_a_link_ends_when_it_should(cast: Cast, age: int, status: int) -> None:
    tower = api(cast.tower)
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=age)):
        row = begin(tower, picture(1))
    assert put(row, picture(1)) == status
    if status != 200:
        assert put(tower.get(f"/uploads/{row['id']}").json(), picture(1)) == 200
    assert complete(tower, row).status_code == 200


def test_a_link_to_a_file_writes_nothing_and_a_link_to_write_shows_nothing(cast: Cast) -> None:
    tower = api(cast.tower)
    media = sent(tower, picture(1)).json()
    shown = tower.get(f"/media/{media['id']}/url").json()["url"]
    assert follow(shown, picture(1)) in {403, 405}
    assert object_store().digest(key_of(Media.objects.get()))[0] == media["sha256"]


def test_bytes_that_come_after_the_completion_change_nothing(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    put(row, picture(1))
    media = complete(tower, row).json()
    assert put(row, picture(2)) in {400, 403}
    put(row, picture(1))
    assert object_store().digest(key_of(Media.objects.get()))[0] == media["sha256"]
    leftovers.sweep(now=datetime.now(UTC) + LONG_AGO)
    assert [stat.key for stat in object_store().walk()] == [Media.objects.get().file.name]


# --- The same bytes --------------------------------------------------------------------------------


def test_bytes_that_the_asker_can_see_do_not_travel_again(cast: Cast) -> None:
    tower = api(cast.tower)
    first = Media.objects.get(pk=stored(tower, picture(1)))
    answer = tower.post("/uploads", asked(picture(1), name="again.jpg"), format="json")
    assert answer.status_code == 200
    row = answer.json()
    assert (row["id"], row["state"], row["uploaded"], row["put"]) == (None, "done", False, None)
    second = Media.objects.get(pk=row["media_id"])
    assert (second.pk != first.pk, second.file.name, second.original_name) == (True, first.file.name, "again.jpg")
    assert (second.width, second.content_type, second.owner) == (64, "image/jpeg", cast.tower)
    assert not Upload.objects.exists()


def test_an_announced_media_is_filled_with_them(cast: Cast) -> None:
    tower = api(cast.tower)
    stored(tower, picture(1))
    media_id = announce(tower)
    answer = tower.post("/uploads", asked(picture(1), media=media_id), format="json")
    assert (answer.status_code, answer.json()["media"]["id"]) == (200, media_id)
    assert answer.json()["media"]["uploaded"]


def test_who_cannot_see_them_uploads_in_full_and_learns_nothing(cast: Cast) -> None:
    stored(api(cast.tower), picture(1))
    stranger = api(cast.other_tower)
    known, unknown = begin(stranger, picture(1)), begin(stranger, picture(2))
    alike = ("state", "uploaded", "arrived", "parts", "media", "part_size")
    assert [known[name] for name in alike] == [unknown[name] for name in alike]
    places = [urlsplit(row["put"]["url"]).path.rpartition("/")[0] for row in (known, unknown)]
    assert places[0] == places[1]
    assert complete(stranger, known).status_code == 409, "to know the digest is not to have the bytes"
    put(known, picture(1))
    assert complete(stranger, known).status_code == 200
    assert Media.objects.stored().count() == 2


def test_bytes_that_are_recorded_as_missing_travel_again(cast: Cast) -> None:
    tower = api(cast.tower)
    stored(tower, picture(1))
    StoredObject.objects.update(state=StoredObject.State.MISSING)
    assert sent(tower, picture(1)).status_code == 200
    assert {row.state for row in StoredObject.objects.all()} == {StoredObject.State.READY}


# --- Who may ---------------------------------------------------------------------------------------


def test_people_fill_what_is_theirs_and_make_no_media(cast: Cast) -> None:
    ana = api(cast.ana)
    assert ana.post("/uploads", asked(picture(1)), format="json").status_code == 403
    theirs = announce(api(cast.tower))
    assert ana.post("/uploads", asked(picture(1), media=theirs), format="json").status_code == 403
    assert api(cast.ada).post("/uploads", asked(picture(1), media=10**9), format="json").status_code == 404


def test_a_token_for_uploads_suffices_and_one_for_reading_does_not(cast: Cast) -> None:
    assert sent(api(cast.tower, rights=TokenRights.UPLOAD), picture(1)).status_code == 200
    reader = api(cast.tower, rights=TokenRights.READ)
    assert reader.post("/uploads", asked(picture(2)), format="json").status_code == 403


def test_an_upload_is_nobody_elses_business(cast: Cast) -> None:
    row = begin(api(cast.tower), picture(1))
    for access, status in ((cast.other_tower, 403), (cast.olga, 403), (cast.carl, 404), (cast.ada, 404)):
        client = api(access)
        for ask in (client.get, client.delete):
            assert ask(f"/uploads/{row['id']}").status_code == status
        assert complete(client, row).status_code == status
        assert client.get("/uploads/999999").status_code == status
    assert Upload.objects.get().state == "open"


def test_who_lost_the_right_meanwhile_completes_nothing(cast: Cast) -> None:
    tower = api(cast.tower)
    media_id = announce(tower)
    row = begin(tower, picture(1), media=media_id)
    put(row, picture(1))
    Media.objects.filter(pk=media_id).update(owner=cast.other_tower)
    assert complete(tower, row).status_code == 403
    assert not Media.objects.stored().exists()


def test_a_picture_that_people_decided_on_is_not_replaced(cast: Cast) -> None:
    curator = api(cast.carl)
    media_id = stored(curator, picture(1))
    row = begin(curator, picture(2), media=media_id)
    put(row, picture(2))
    layer(curator, media_id, LABEL)
    Annotation.objects.update(origin=Origin.HUMAN, is_truth=True)
    assert complete(curator, row).status_code == 409
    assert Media.objects.get().sha256 == hashlib.sha256(picture(1)).hexdigest()


def test_only_so_many_are_under_way(cast: Cast, settings: Settings) -> None:
    settings.UPLOADS_UNDER_WAY = 2
    tower = api(cast.tower)
    rows = [begin(tower, picture(n)) for n in range(2)]
    answer = tower.post("/uploads", asked(picture(3)), format="json")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "An access may have 2 uploads under way; complete or cancel some first."
    begin(api(cast.other_tower), picture(3))
    tower.delete(f"/uploads/{rows[0]['id']}")
    begin(tower, picture(3))


# --- Again -----------------------------------------------------------------------------------------


def test_a_repeated_beginning_shows_the_same_upload_with_fresh_links(cast: Cast) -> None:
    tower = api(cast.tower)
    key: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": "k"}
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=2)):
        first = tower.post("/uploads", asked(picture(1)), format="json", **key).json()
    again = tower.post("/uploads", asked(picture(1)), format="json", **key)
    assert (again.status_code, again.json()["id"]) == (201, first["id"])
    assert put(first, picture(1)) == 403
    assert put(again.json(), picture(1)) == 200
    assert Upload.objects.count() == 1
    assert first["put"]["url"] not in str(list(IdempotencyKey.objects.values()))
    assert tower.post("/uploads", asked(picture(2)), format="json", **key).status_code == 422


def test_so_does_one_where_nothing_had_to_travel(cast: Cast) -> None:
    tower = api(cast.tower)
    stored(tower, picture(1))
    key: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": "k"}
    first, again = (tower.post("/uploads", asked(picture(1)), format="json", **key) for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert Media.objects.count() == 2


def test_a_repeated_completion_with_a_key_gives_the_same_answer(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    put(row, picture(1))
    key: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": "k"}
    first, again = (tower.post(f"/uploads/{row['id']}/complete", **key) for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (200, first.json())


# --- The end ---------------------------------------------------------------------------------------


def test_a_cancelled_upload_leaves_nothing(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    put(row, picture(1))
    for _ in range(2):
        assert tower.delete(f"/uploads/{row['id']}").json()["state"] == "cancelled"
    answer = complete(tower, row)
    assert (answer.status_code, answer.json()) == (409, {"detail": "This upload was cancelled."})
    assert nothing_is_left()


def test_a_complete_upload_cannot_be_cancelled(cast: Cast) -> None:
    tower = api(cast.tower)
    row = begin(tower, picture(1))
    put(row, picture(1))
    complete(tower, row)
    assert tower.delete(f"/uploads/{row['id']}").status_code == 409
    assert Media.objects.stored().count() == 1


def test_an_upload_that_nobody_asks_for_expires(cast: Cast) -> None:
    tower = api(cast.tower)
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=24, seconds=1)):
        row = begin(tower, picture(1))
    shown = tower.get(f"/uploads/{row['id']}").json()
    assert (shown["state"], shown["put"]) == ("expired", None)
    answer = complete(tower, row)
    assert (answer.status_code, answer.json()) == (
        409, {"detail": "Nobody asked for this upload in time; begin anew."},
    )  # fmt: skip
    assert leftovers.sweep().expired == 1
    assert tower.get(f"/uploads/{row['id']}").json()["state"] == "expired"
    assert nothing_is_left()


def test_one_that_is_asked_for_lives_on(cast: Cast) -> None:
    tower, now = api(cast.tower), datetime.now(UTC)
    row = begin(tower, picture(1))
    Upload.objects.update(expires_at=now + timedelta(minutes=1))
    tower.get(f"/uploads/{row['id']}")
    assert leftovers.sweep(now=now + timedelta(hours=23)).expired == 0
    assert leftovers.sweep(now=now + timedelta(hours=25)).expired == 1


# --- Many at once ----------------------------------------------------------------------------------


def begin_many(client: Any, contents: list[bytes]) -> Any:
    return client.post("/uploads/batch", {"uploads": [asked(each) for each in contents]}, format="json")


def complete_many(client: Any, *ids: int) -> list[Any]:
    answer = client.post("/uploads/batch/complete", {"ids": ids}, format="json")
    assert answer.status_code == 200, answer.content
    rows: list[Any] = answer.json()["uploads"]
    return rows


def test_many_are_begun_and_completed_by_one_call_each(cast: Cast) -> None:
    tower = api(cast.tower)
    contents = [picture(n) for n in range(5)]
    rows = begin_many(tower, contents).json()["uploads"]
    for row, content in zip(rows, contents, strict=True):
        assert put(row, content) == 200
    outcomes = complete_many(tower, *(row["id"] for row in rows))
    assert [outcome["status"] for outcome in outcomes] == [200] * 5
    assert [each["media"]["sha256"] for each in outcomes] == [hashlib.sha256(each).hexdigest() for each in contents]
    assert Media.objects.stored().count() == 5


def test_each_of_many_has_its_own_outcome(cast: Cast, settings: Settings) -> None:
    tower = api(cast.tower)
    contents = [picture(1), b"no picture", picture(2), picture(1), picture(3)]
    good, bad, absent, twin, big = begin_many(tower, contents).json()["uploads"]
    foreign = begin(api(cast.other_tower), picture(4))
    media_id = announce(tower)
    filling = begin(tower, picture(5), media=media_id)
    for row, content in ((good, picture(1)), (bad, b"no picture"), (twin, picture(1)), (filling, picture(5))):
        assert put(row, content) == 200
    ids = [row["id"] for row in (good, bad, absent, twin, foreign, filling)]
    outcomes = complete_many(tower, *ids, ids[0])
    assert [row["id"] for row in outcomes] == ids
    assert [row["status"] for row in outcomes] == [200, 415, 409, 200, 403, 200]
    assert outcomes[2]["detail"] == "The file has not arrived yet."
    assert outcomes[5]["media"]["id"] == media_id
    put(big, picture(3))
    settings.UPLOAD_INLINE_MAX_BYTES = 0
    assert [row["status"] for row in complete_many(tower, ids[0], big["id"])] == [200, 202]


def test_a_batch_is_read_back_at_once_as_far_as_a_single_file_may_be_large(cast: Cast, settings: Settings) -> None:
    tower = api(cast.tower)
    contents = [picture(n) for n in range(3)]
    rows = begin_many(tower, contents).json()["uploads"]
    for row, content in zip(rows, contents, strict=True):
        put(row, content)
    settings.UPLOAD_INLINE_MAX_BYTES = len(contents[0]) + len(contents[1])
    assert [row["status"] for row in complete_many(tower, *(row["id"] for row in rows))] == [200, 200, 202]
    complete_upload(Attempt({"upload": rows[2]["id"]}))
    assert Media.objects.stored().count() == 3


@pytest.mark.parametrize("held", [1, 2, 5])
def test_a_batch_that_is_too_large_to_be_held_is_committed_all_the_same(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    tower = api(cast.tower)
    contents = [picture(n % 4) for n in range(5)]
    rows = begin_many(tower, contents).json()["uploads"]
    for row, content in zip(rows, contents, strict=True):
        put(row, content)
    monkeypatch.setattr(completing, "HELD", held * max(map(len, contents)))
    outcomes = complete_many(tower, *(row["id"] for row in rows))
    assert [row["media"]["sha256"] for row in outcomes] == [row["sha256"] for row in rows]
    assert [Upload.objects.get(pk=row["id"]).media_id for row in outcomes] == [row["media"]["id"] for row in outcomes]
    assert examine(full=True).clean


def test_many_are_at_most_a_hundred_and_all_or_none(cast: Cast) -> None:
    tower = api(cast.tower)
    assert begin_many(tower, [b"%d" % n for n in range(101)]).status_code == 422
    assert begin_many(tower, []).status_code == 422
    body = {"uploads": [asked(picture(1)), asked(picture(2), size=0)]}
    assert tower.post("/uploads/batch", body, format="json").status_code == 422
    assert not Upload.objects.exists()
    assert begin_many(tower, [b"%d" % n for n in range(100)]).status_code == 201
    assert Upload.objects.count() == 100
