"""I10, B146: one audit entry per committed change, none for what was refused, and nothing secret in it."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import AuditEntry
from accounts.tests.cast import Cast, api
from curation.tests.contract.helpers import announce, layer, stored, upload
from curation.tests.pictures import LABEL, part, picture


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def test_every_change_leaves_one_entry(cast: Cast) -> None:
    tower, carl, ada = api(cast.tower), api(cast.carl), api(cast.ada)
    media = announce(tower)
    upload(tower, f"/media/{media}")
    tower.patch(f"/media/{media}", {"camera": "mast 7"}, format="json")
    other = announce(tower)
    carl.put(f"/media/{other}", {"type": "video"}, format="json")
    annotation = layer(tower, media, None)
    upload(tower, f"/annotations/{annotation}", LABEL)
    carl.put(f"/annotations/{annotation}", {"media_id": other}, format="json")
    carl.delete(f"/annotations/{annotation}")
    ada.delete(f"/media/{media}")

    assert actions() == [
        "media.create", "media.upload", "media.describe", "media.create", "media.type", "annotation.create",
        "annotation.upload", "annotation.move", "annotation.delete", "media.delete",
    ]  # fmt: skip


def test_an_entry_of_two_rows_leaves_one_entry_for_each_change(cast: Cast) -> None:
    files = {"file": part(picture(1)), "annotation": part(LABEL)}
    api(cast.tower).post("/entries", files, format="multipart")
    assert actions() == ["media.create", "annotation.create", "annotation.upload"]


def test_an_entry_says_who_when_by_which_door_and_from_what_to_what(cast: Cast) -> None:
    media = announce(api(cast.tower), camera="old")
    answer = api(cast.carl).patch(f"/media/{media}", {"camera": "new"}, format="json")
    entry = AuditEntry.objects.get(action="media.describe")
    assert (entry.actor, entry.actor_login, entry.door) == (cast.carl, "carl", "api")
    assert (entry.table, entry.row_id) == ("media", media)
    assert (entry.before, entry.after) == ({"camera": "old"}, {"camera": "new"})
    assert entry.request_id == answer["X-Request-ID"]


def test_what_is_the_same_already_is_no_change(cast: Cast) -> None:
    tower, carl = api(cast.tower), api(cast.carl)
    media = stored(tower, picture(1))
    annotation = layer(tower, media)
    before = actions()
    upload(tower, f"/media/{media}", picture(1))
    upload(tower, f"/annotations/{annotation}", LABEL)
    carl.put(f"/media/{media}", {"type": "image"}, format="json")
    carl.put(f"/annotations/{annotation}", {"media_id": media}, format="json")
    tower.patch(f"/media/{media}", {}, format="json")
    assert actions() == before


def refusals(cast: Cast) -> list[Any]:
    tower = api(cast.tower)
    media = stored(tower)
    annotation = layer(tower, media)
    return [
        (401, lambda: api().post("/media", {}, format="json")),
        (403, lambda: api(cast.ana).post("/media", {}, format="json")),
        (403, lambda: upload(api(cast.olga), f"/media/{media}")),
        (404, lambda: api(cast.ada).delete("/media/987654")),
        (409, lambda: api(cast.ada).delete(f"/media/{media}")),
        (409, lambda: api(cast.carl).put(f"/media/{media}", {"type": "video"}, format="json")),
        (412, lambda: api(cast.carl).delete(f"/annotations/{annotation}", HTTP_IF_MATCH='"99"')),
        (415, lambda: upload(tower, f"/media/{media}", b"no picture")),
        (422, lambda: tower.post("/media", {"type": "film"}, format="json")),
        (422, lambda: upload(tower, f"/media/{media}", picture(9), sha256="0" * 64)),
        (405, lambda: tower.put("/media", {}, format="json")),
    ]


def test_no_refusal_leaves_an_entry(cast: Cast) -> None:
    cases = refusals(cast)
    before = AuditEntry.objects.count()
    for status, ask in cases:
        assert ask().status_code == status
    assert AuditEntry.objects.count() == before


def test_refusals_of_rights_are_log_lines(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    api().get("/media")
    api(cast.ana).post("/media", {}, format="json")
    said = [record.getMessage() for record in caplog.records if record.name == "accounts.rest.errors"]
    assert said == [
        "Refused: Not authenticated",
        "Refused: Your access scope is not compatible with this operation.",
    ]


def test_history_is_written_once(cast: Cast) -> None:
    announce(api(cast.tower))
    entry = AuditEntry.objects.get()
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(TypeError, match="append-only"):
            change()
    with pytest.raises(TypeError, match="append-only"):
        AuditEntry.objects.update(action="x")
