"""The curators' workbench: pictures, annotations, revisions, the ledger."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actor import command
from accounts.admin.audit import ACTIONS
from accounts.models import Access, AuditEntry, Organisation
from accounts.tests.cast import Cast
from accounts.tests.test_admin import enter, page, text
from curation.actions import objects
from curation.actions.derive import derive_now
from curation.admin import media as media_pages
from curation.models import Annotation, AnnotationRevision, Derived, Media, MediaFact, StoredObject
from curation.storage.keys import annotation_key
from curation.storage.stores import object_store
from curation.tests.links import content_at, start_of_links
from curation.tests.pictures import LABEL, part, picture

SMALL_PICTURE = re.compile(r'<img src="[^"]*derived/[0-9a-f]{32}\.webp')


def add_media(client: Client, **fields: Any) -> Any:
    return client.post(page("curation_media_add"), {"type": "image"} | fields)


def stored_media(access: Access, seed: int = 1) -> Media:
    """A picture that `access` has sent through the workbench."""
    add_media(enter(access), upload=part(picture(seed)))
    media: Media = Media.objects.order_by("-id")[0]
    return media


def add_annotation(client: Client, media: Media, **fields: Any) -> Any:
    return client.post(page("curation_annotation_add"), {"media_id": media.pk} | fields)


def stored_annotation(access: Access, media: Media) -> Annotation:
    add_annotation(enter(access), media, upload=part(LABEL, "a.txt"))
    annotation: Annotation = Annotation.objects.order_by("-id")[0]
    return annotation


# --- Media -----------------------------------------------------------------------------------------


def test_a_curator_uploads_a_picture_with_what_is_known_about_it(cast: Cast) -> None:
    answer = add_media(
        enter(cast.carl),
        upload=part(picture(1), "ridge 7.jpg"),
        camera="ridge",
        azimuth="0",
        latitude="44.5",
        captured_at="2024-03-06T06:45:24",
    )
    media = Media.objects.get()
    assert answer["Location"] == page("curation_media_change", media.pk)
    assert (media.width, media.height, media.original_name) == (64, 48, "ridge 7.jpg")
    assert (media.camera, media.azimuth, media.latitude, media.captured_basis) == ("ridge", 0, 44.5, "client")
    assert str(media.captured_at) == "2024-03-06 06:45:24+00:00"
    assert (media.owner, media.organisation) == (cast.carl, cast.carl.organisation)
    assert list(AuditEntry.objects.values_list("action", "door")) == [
        ("media.create", "admin"),
        ("media.upload", "admin"),
    ]


def test_a_media_may_be_announced_without_a_file(cast: Cast) -> None:
    add_media(enter(cast.carl), type="video")
    media = Media.objects.get()
    assert (media.type, media.file.name, media.captured_basis) == ("video", "", "none")
    assert "Nothing was uploaded yet." in text(enter(cast.carl).get(page("curation_media_change", media.pk)))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"upload": part(b"no picture at all")}, "image, video"),
        ({"type": "video", "upload": part(picture(1))}, "The media&#x27;s type is video, but the file is an image."),
        ({"type": "poem"}, "Select a valid choice."),
        ({"azimuth": "360"}, "less than or equal to 359"),
        ({"azimuth": "-1"}, "greater than or equal to 0"),
        ({"latitude": "90.1"}, "less than or equal to 90"),
        ({"longitude": "nan"}, "Enter a number."),
        ({"captured_at": "yesterday"}, "Enter a valid date/time."),
        ({"camera": "x" * 101}, "at most 100 characters"),
    ],
)
def test_a_refused_upload_comes_back_with_its_sentence_and_leaves_nothing(
    cast: Cast, fields: dict[str, Any], sentence: str
) -> None:
    if "upload" in fields:
        fields["upload"].seek(0)
    answer = add_media(enter(cast.carl), source="typed before", **fields)
    assert answer.status_code == 200
    assert re.search(sentence.replace("image, video", "(?i)image|video"), text(answer))
    assert "typed before" in text(answer)
    assert not Media.objects.exists()
    assert not StoredObject.objects.exists()


def test_a_file_over_the_limit_is_refused_beside_its_field(cast: Cast, settings: Any) -> None:
    content = picture(1)
    settings.VIDEO_MAX_BYTES = len(content) - 1
    answer = add_media(enter(cast.carl), upload=part(content), source="typed before")
    assert f"The file is larger than {len(content) - 1} bytes." in text(answer)
    assert "typed before" in text(answer)
    assert not Media.objects.exists()
    settings.VIDEO_MAX_BYTES = len(content)
    assert add_media(enter(cast.carl), upload=part(content)).status_code == 302


def test_an_image_has_its_own_smaller_limit(cast: Cast, settings: Any) -> None:
    content = picture(1)
    settings.IMAGE_MAX_BYTES = len(content) - 1
    assert "The file is larger than" in text(add_media(enter(cast.carl), upload=part(content)))
    assert not Media.objects.exists()


def test_two_files_under_one_name_are_taken_as_the_first(cast: Cast) -> None:
    first, second = part(picture(1), "first.jpg"), part(picture(2), "second.jpg")
    add_media(enter(cast.carl), upload=[first, second])
    assert Media.objects.get().original_name == "first.jpg"


def test_a_file_that_no_form_asks_for_is_not_kept(cast: Cast) -> None:
    answer = add_media(enter(cast.carl), stray=part(picture(1)), upload_2=part(picture(2)))
    assert answer.status_code == 302
    assert Media.objects.get().file.name == ""


def test_a_file_that_no_form_asks_for_does_no_harm_to_the_one_before_it(cast: Cast) -> None:
    add_media(enter(cast.carl), upload=part(picture(1)), stray=part(picture(2)))
    assert Media.objects.get().size == len(picture(1))


@pytest.mark.parametrize("token", ["", "a" * 64])
def test_an_upload_form_from_elsewhere_is_refused(cast: Cast, token: str) -> None:
    """B133: the token is looked for although the body is read by our own handler."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.carl, backend="accounts.backends.AccessBackend")
    answer = add_media(client, upload=part(picture(1)), csrfmiddlewaretoken=token)
    assert answer.status_code == 403
    assert not Media.objects.exists()


def test_without_a_session_nothing_is_uploaded(cast: Cast) -> None:
    answer = add_media(Client(), upload=part(picture(1)))
    assert answer["Location"].startswith("/admin/login/")
    assert not Media.objects.exists()


def test_the_same_bytes_again_change_nothing_and_others_replace_them(cast: Cast) -> None:
    media, client = stored_media(cast.carl, 1), enter(cast.carl)
    address = page("curation_media_change", media.pk)
    client.post(address, {"upload": part(picture(1))})
    assert Media.objects.get().version == media.version
    client.post(address, {"upload": part(picture(2))})
    replaced = Media.objects.get()
    assert (replaced.version, replaced.sha256 != media.sha256) == (media.version + 1, True)
    assert StoredObject.objects.get(key=media.file.name).hold_until is not None


def test_only_what_was_changed_is_written(cast: Cast) -> None:
    media = stored_media(cast.carl)
    client, address = enter(cast.carl), page("curation_media_change", media.pk)
    client.post(address, {"camera": "ridge", "seen": media.version})
    entry = AuditEntry.objects.get(action="media.describe")
    assert (entry.before, entry.after) == ({"camera": ""}, {"camera": "ridge"})
    client.post(address, {"camera": "ridge", "seen": media.version + 1})
    assert AuditEntry.objects.filter(action="media.describe").count() == 1


def test_who_is_late_is_told_and_overwrites_nothing(cast: Cast) -> None:
    media = stored_media(cast.carl)
    client, address = enter(cast.carl), page("curation_media_change", media.pk)
    assert f'name="seen" value="{media.version}"' in text(client.get(address))
    client.post(address, {"camera": "first", "seen": media.version})
    answer = client.post(address, {"camera": "second", "seen": media.version})
    assert "Somebody else changed this media a moment ago; look again." in text(answer)
    assert Media.objects.get().camera == "first"


def test_forged_fields_of_a_media_change_nothing(cast: Cast) -> None:
    """B27, B29."""
    media = stored_media(cast.carl)
    form = {
        "owner": cast.ada.pk, "sha256": "0" * 64, "file-clear": "on", "width": 1, "organisation": "", "type": "video",
        "version": 99, "deleted_at": "2020-01-01", "annotations-TOTAL_FORMS": "1", "annotations-0-id": "1",
    }  # fmt: skip
    enter(cast.carl).post(page("curation_media_change", media.pk), form)
    kept = Media.objects.get()
    for name in ("owner_id", "sha256", "file", "width", "organisation_id", "type", "version", "deleted_at"):
        assert getattr(kept, name) == getattr(media, name), name


def test_the_page_of_a_picture_shows_it_with_its_annotations_and_history(cast: Cast) -> None:
    media = stored_media(cast.carl)
    stored_annotation(cast.carl, media)
    client = enter(cast.ada)
    answer = text(client.get(page("curation_media_change", media.pk)))
    link = re.search(rf'<img src="({start_of_links()}[^"]+)"', answer)
    assert link
    assert content_at(client, link[1]) == picture(1)
    for words in ("64 × 48 pixels", media.sha256, "revision 1 of annotation", "media.upload", 'loading="lazy"'):
        assert words in answer


def test_links_on_pages_live_five_minutes_and_stay_on_the_host_that_is_open(cast: Cast) -> None:
    derive_now(stored_media(cast.carl), by=command())
    listed = text(enter(cast.carl).get(page("curation_media_changelist")))
    assert f'<img src="{start_of_links()}' in listed
    assert settings.PAGE_LINK_SECONDS == 300
    assert settings.PUBLIC_URL not in listed


def test_what_browsers_do_not_draw_is_offered_as_a_file(cast: Cast) -> None:
    add_media(enter(cast.carl), upload=part(picture(1, kind="TIFF"), "scan.tif"))
    client, media = enter(cast.carl), Media.objects.get()
    answer = text(client.get(page("curation_media_change", media.pk)))
    assert "Browsers do not show this kind of file" in answer
    assert "Open the file" in answer
    assert f'<img src="{start_of_links()}' not in answer
    assert f'<img src="{start_of_links()}' not in text(client.get(page("curation_media_changelist")))
    derive_now(media, by=command())
    answer = text(client.get(page("curation_media_change", media.pk)))
    assert "Browsers do not show this kind of file" not in answer
    assert f'<img src="{start_of_links()}' in answer


def test_lists_show_the_small_picture_and_pages_the_large_one_with_their_sizes(cast: Cast) -> None:
    add_media(enter(cast.carl), upload=part(picture(1, size=(1600, 900))))
    client, media = enter(cast.carl), Media.objects.get()
    waiting = text(client.get(page("curation_media_changelist")))
    assert "no preview yet" in waiting
    assert f'<img src="{start_of_links()}' not in waiting
    derive_now(media, by=command())
    for address in (page("curation_media_changelist"), "/admin/"):
        listed = text(client.get(address))
        assert SMALL_PICTURE.search(listed)
        assert 'width="320" height="180" loading="lazy"' in listed
        assert f'alt="image {media.pk}, picture.jpg"' in listed
        assert "no preview yet" not in listed
    shown = text(client.get(page("curation_media_change", media.pk)))
    assert 'width="1280" height="720"' in shown


def test_a_small_picture_of_other_bytes_is_not_shown(cast: Cast) -> None:
    media, client = stored_media(cast.carl), enter(cast.carl)
    derive_now(media, by=command())
    Derived.objects.update(media_sha256="0" * 64)
    assert not SMALL_PICTURE.search(text(client.get(page("curation_media_changelist"))))
    assert not SMALL_PICTURE.search(text(client.get(page("curation_media_change", media.pk))))


def test_the_list_asks_as_often_for_many_small_pictures_as_for_one(cast: Cast) -> None:
    client, address = enter(cast.carl), page("curation_media_changelist")
    derive_now(stored_media(cast.carl), by=command())
    few = queries_of(client, address)
    for seed in range(2, 6):
        derive_now(stored_media(cast.carl, seed), by=command())
    assert len(queries_of(client, address)) == len(few)


def test_the_page_says_what_was_found_out(cast: Cast) -> None:
    media, client = stored_media(cast.carl), enter(cast.carl)
    address = page("curation_media_change", media.pk)
    assert "not yet" in text(client.get(address))
    fact = {"camera_model": "Mast 7", "fps": 24.0, "codec": "h264", "frames": 180}
    MediaFact.objects.create(media=media, media_sha256=media.sha256, problems=["It is <b>odd</b>."], **fact)
    shown = text(client.get(address))
    for words in ("Mast 7", "h264, 24 frames per second, 180 frames", "It is &lt;b&gt;odd&lt;/b&gt;."):
        assert words in shown
    MediaFact.objects.update(problems=[])
    assert "all there is, at 20" in text(client.get(address))


def test_a_missing_object_is_said_and_not_linked(cast: Cast) -> None:
    media = stored_media(cast.carl)
    StoredObject.objects.update(state="missing")
    answer = text(enter(cast.carl).get(page("curation_media_change", media.pk)))
    StoredObject.objects.update(state="ready")
    assert "The object is recorded as missing from the store." in answer
    assert '<img src="/files' not in answer


def test_admins_delete_media_and_curators_do_not(cast: Cast) -> None:
    media = stored_media(cast.carl)
    address = page("curation_media_delete", media.pk)
    assert enter(cast.carl).post(address, {"post": "yes"}).status_code == 403
    enter(cast.ada).post(address, {"post": "yes"})
    assert not Media.objects.living().exists()
    assert Media.objects.get().deleted_by == cast.ada
    assert enter(cast.ada).get(page("curation_media_change", media.pk)).status_code == 302


def test_a_media_with_annotations_is_not_deleted(cast: Cast) -> None:
    media = stored_media(cast.carl)
    stored_annotation(cast.carl, media)
    answer = enter(cast.ada).post(page("curation_media_delete", media.pk), {"post": "yes"}, follow=True)
    assert "This media has annotations; delete them first." in text(answer)
    assert Media.objects.living().exists()


def test_a_curator_of_one_organisation_finds_nothing_of_another(cast: Cast) -> None:
    media = stored_media(cast.ada)
    annotation = stored_annotation(cast.ada, media)
    Access.objects.filter(pk=cast.carl.pk).update(sees="listed")
    cast.carl.listed.set([Organisation.objects.get(name="Forest Watch")])
    client = enter(cast.carl)
    for address in (
        page("curation_media_change", media.pk),
        page("curation_media_history", media.pk),
        page("curation_annotation_change", annotation.pk),
        page("curation_annotationrevision_change", AnnotationRevision.objects.get().pk),
    ):
        assert client.get(address).status_code == 302
        assert client.post(address, {"camera": "x"}).status_code in {302, 403}
    addresses = [page(f"curation_{table}_changelist") for table in ("media", "annotation", "annotationrevision")]
    for address in (*addresses, "/admin/"):
        shown = text(client.get(address))
        assert media.sha256[:32] not in shown
        assert annotation.sha256[:32] not in shown
    assert client.get(page("curation_storedobject_changelist")).status_code == 403
    refused = text(add_annotation(client, media, upload=part(LABEL, "a.txt")))
    assert "This access can&#x27;t read resources" in refused
    assert Media.objects.get().camera == ""


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, True), ({"q": "RIDGE 7"}, True), ({"q": "tower"}, True), ({"q": "dge"}, False), ({"q": "0000"}, False),
        ({"type": "image"}, True), ({"type": "video"}, False), ({"uploaded": "yes"}, True), ({"uploaded": "no"}, False),
    ],
)  # fmt: skip
def test_media_are_found_by_name_camera_and_filters(cast: Cast, query: dict[str, str], found: bool) -> None:
    add_media(enter(cast.carl), upload=part(picture(1), "Ridge 7.jpg"), camera="tower")
    media, client = Media.objects.get(), enter(cast.carl)
    for asked in (query, query or {"q": media.sha256[:8]}):
        answer = text(client.get(page("curation_media_changelist"), asked))
        assert (page("curation_media_change", media.pk) in answer) is found


def test_many_rows_are_found_as_few_are(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_pages, "FEW", 1)
    client, address = enter(cast.carl), page("curation_media_changelist")
    for name, shown in ("tower", 1), ("tower", 2), ("towers", 3):
        Media.objects.create(type="image", owner=cast.carl, name_folded=name, camera="tower")
        assert f"{shown} shown" in text(client.get(address, {"q": "tower"}))
    assert "0 shown" in text(client.get(address, {"q": "valley"}))


def test_media_are_filtered_by_organisation(cast: Cast) -> None:
    media, client = stored_media(cast.carl), enter(cast.carl)
    for name, found in (("Forest Watch", True), ("Valley Watch", False)):
        query = {"organisation": Organisation.objects.get(name=name).pk}
        answer = text(client.get(page("curation_media_changelist"), query))
        assert (page("curation_media_change", media.pk) in answer) is found
    assert client.get(page("curation_media_changelist"), {"organisation": "x"}).status_code == 200


# --- Annotations -----------------------------------------------------------------------------------


def test_a_curator_adds_an_annotation_and_its_next_revision(cast: Cast) -> None:
    media, client = stored_media(cast.carl), enter(cast.carl)
    add_annotation(client, media, upload=part(LABEL, "a.txt"))
    annotation = Annotation.objects.get()
    address = page("curation_annotation_change", annotation.pk)
    client.post(address, {"upload": part(b'{"boxes": []}', "b.json"), "seen": annotation.version})
    numbers = AnnotationRevision.objects.order_by("number").values_list("number", "content_type", "author_login")
    assert [(number, login) for number, _, login in numbers] == [(1, "carl"), (2, "carl")]
    answer = text(client.get(address))
    links = re.findall(rf'<a href="({start_of_links()}[^"]*annotations/[0-9a-f]{{32}}[^"]+)"', answer)
    assert [content_at(client, link) for link in links] == [b'{"boxes": []}', LABEL]


def test_an_empty_file_is_an_annotation_too(cast: Cast) -> None:
    annotation = stored_annotation(cast.carl, stored_media(cast.carl))
    enter(cast.carl).post(page("curation_annotation_change", annotation.pk), {"upload": part(b"", "empty.txt")})
    assert AnnotationRevision.objects.get(number=2).size == 0


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"media_id": "999999"}, "has no entry with id=999999"),
        ({"media_id": "9" * 30}, "less than or equal to"),
        ({"media_id": "x"}, "Enter a whole number."),
        ({"content": b"\xff\xfe\x00binary"}, "text"),
    ],
)
def test_a_refused_annotation_comes_back_with_its_sentence(cast: Cast, fields: dict[str, Any], sentence: str) -> None:
    media = stored_media(cast.carl)
    content = fields.pop("content", LABEL)
    answer = add_annotation(enter(cast.carl), media, upload=part(content, "a.txt"), **fields)
    assert answer.status_code == 200
    assert 'class="errorlist"' in text(answer)
    assert sentence in text(answer)
    assert not Annotation.objects.exists()


def test_a_media_without_a_file_is_not_annotated_here(cast: Cast) -> None:
    add_media(enter(cast.carl))
    answer = add_annotation(enter(cast.carl), Media.objects.get())
    assert "Nothing was uploaded to this media yet." in text(answer)


def test_an_annotation_whose_file_cannot_be_stored_is_not_there_either(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = stored_media(cast.carl)
    digest = hashlib.sha256(LABEL).hexdigest()
    key = annotation_key(digest, "txt")
    StoredObject.objects.create(key=key, sha256=digest, size=len(LABEL), state=StoredObject.State.DELETING)
    monkeypatch.setattr(objects, "PATIENCE", 1)

    answer = add_annotation(enter(cast.carl), media, upload=part(LABEL, "a.txt"))

    assert "The same content is being deleted at this moment; try again." in text(answer)
    assert f'value="{media.pk}"' in text(answer)
    assert not Annotation.objects.exists()
    assert not AuditEntry.objects.filter(table="annotation").exists()
    StoredObject.objects.filter(key=key).delete()
    assert add_annotation(enter(cast.carl), media, upload=part(LABEL, "a.txt")).status_code == 302
    assert list(AuditEntry.objects.filter(table="annotation").values_list("action", flat=True)) == [
        "annotation.create",
        "annotation.upload",
    ]


def test_an_annotation_over_its_limit_is_refused(cast: Cast, settings: Any) -> None:
    media = stored_media(cast.carl)
    settings.ANNOTATION_MAX_BYTES = len(LABEL) - 1
    assert "The file is larger than" in text(add_annotation(enter(cast.carl), media, upload=part(LABEL, "a.txt")))
    settings.ANNOTATION_MAX_BYTES = len(LABEL)
    assert add_annotation(enter(cast.carl), media, upload=part(LABEL, "a.txt")).status_code == 302


def test_a_curator_deletes_an_annotation_and_its_revisions_stay(cast: Cast) -> None:
    annotation = stored_annotation(cast.carl, stored_media(cast.carl))
    enter(cast.carl).post(page("curation_annotation_delete", annotation.pk), {"post": "yes"})
    assert not Annotation.objects.living().exists()
    assert AnnotationRevision.objects.count() == 1


@pytest.mark.parametrize("table", ["annotationrevision", "storedobject"])
@pytest.mark.parametrize("verb", ["add", "change", "delete"])
def test_revisions_and_the_ledger_are_read_only_for_admins_too(cast: Cast, table: str, verb: str) -> None:
    stored_annotation(cast.carl, stored_media(cast.carl))
    tables: dict[str, Any] = {"annotationrevision": AnnotationRevision, "storedobject": StoredObject}
    row = tables[table].objects.order_by("id")[0]
    address = page(f"curation_{table}_{verb}", *([] if verb == "add" else [row.pk]))
    assert enter(cast.ada).post(address, {"note": "x", "state": "missing", "post": "yes"}).status_code == 403
    assert AnnotationRevision.objects.get().note == ""
    assert not StoredObject.objects.exclude(state="ready").exists()


def test_the_audit_can_be_filtered_by_every_action_that_is_recorded() -> None:
    sources = [path for room in ("accounts", "curation") for path in (settings.BASE_DIR / room).rglob("*.py")]
    written = "".join(path.read_text() for path in sources if "tests" not in path.parts)
    recorded = set(re.findall(r'(?:record(?:_all)?\(\s*|action(?:: str)? ?= ?|else )"([a-z]+\.[a-z]+)"', written))
    assert recorded == {name for name, _ in ACTIONS}


# --- A store that does not answer ------------------------------------------------------------------


def test_while_the_store_is_away_the_upload_is_refused_in_words(cast: Cast, unwritable_store: None) -> None:
    answer = add_media(enter(cast.carl), upload=part(picture(1)), source="typed before")
    assert answer.status_code == 200
    assert "The store does not answer; try again." in text(answer)
    assert "typed before" in text(answer)
    assert not Media.objects.exists()
    add_media(enter(cast.carl))
    again = enter(cast.carl).post(page("curation_media_change", Media.objects.get().pk), {"upload": part(picture(1))})
    assert "try again" in text(again)


@pytest.fixture
def unwritable_store(monkeypatch: pytest.MonkeyPatch) -> None:
    from curation.storage.errors import StoreUnavailable

    def away(*args: Any, **kwargs: Any) -> None:
        raise StoreUnavailable("The store does not answer.")

    monkeypatch.setattr(type(object_store()), "put", away)


# --- Big tables ------------------------------------------------------------------------------------


def queries_of(client: Client, address: str) -> list[str]:
    client.get(address)  # Django looks up the content type of a table once per process
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize(
    "name",
    [
        "curation_media_changelist", "curation_annotation_changelist", "curation_annotationrevision_changelist",
        "curation_storedobject_changelist", "curation_job_changelist", "index",
    ],
)  # fmt: skip
def test_pages_ask_as_often_for_many_rows_as_for_few(cast: Cast, name: str) -> None:
    client = enter(cast.carl)
    stored_annotation(cast.carl, stored_media(cast.carl, 0))
    few = queries_of(client, page(name))
    for seed in range(1, 8):
        stored_annotation(cast.carl, stored_media(cast.carl, seed))
    many = queries_of(client, page(name))
    assert len(many) == len(few) <= 7


def test_the_page_of_a_picture_asks_as_often_for_many_annotations_as_for_one(cast: Cast) -> None:
    media, client = stored_media(cast.carl), enter(cast.carl)
    stored_annotation(cast.carl, media)
    few = queries_of(client, page("curation_media_change", media.pk))
    for _ in range(5):
        stored_annotation(cast.carl, media)
    assert len(queries_of(client, page("curation_media_change", media.pk))) == len(few) <= 9


def test_the_first_page_of_a_big_table_reads_no_more_than_it_shows(cast: Cast) -> None:
    client = enter(cast.carl)
    rows = [
        q for q in queries_of(client, page("curation_media_changelist")) if "ORDER BY" in q and "curation_media" in q
    ]
    assert rows
    assert all(re.search(r'ORDER BY "curation_media"\."id" DESC', sql) for sql in rows)
