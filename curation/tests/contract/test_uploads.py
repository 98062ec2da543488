"""Multipart uploads: digests, limits, types, replacement. B46, B47, B49, B58, B61, B62, B64, B69."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from accounts.tests.cast import Cast, api
from curation.models import Annotation, AnnotationRevision, Media, StoredObject
from curation.storage.stores import object_store
from curation.tests.contract.helpers import announce, everything, layer, multipart, stored, upload
from curation.tests.pictures import LABEL, part, picture

FILE = 'Content-Disposition: form-data; name="file"; filename="a.jpg"'
SPELLINGS = ["/media/{}/upload", "/media/{}/upload/", "/api/v1/media/{}/upload", "/api/v1/media/{}/upload/"]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def tower(cast: Cast) -> Any:
    return api(cast.tower)


@pytest.fixture
def media(tower: Any) -> int:
    return announce(tower)


def refused(answer: Any, status: int, before: dict[str, Any]) -> Any:
    """The detail of a refusal that left nothing behind."""
    assert answer.status_code == status, answer.content
    assert everything() == before
    return answer.json()["detail"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_spelling_takes_the_body(tower: Any, media: int, spelling: str) -> None:
    answer = tower.post(spelling.format(media), {"file": part(picture(1))}, format="multipart")
    assert (answer.status_code, answer.json()["uploaded"]) == (200, True)


def test_an_upload_answers_the_row_as_it_is_read_afterwards(tower: Any, media: int) -> None:
    content = picture(1, size=(80, 60), kind="PNG")
    row = upload(tower, f"/media/{media}", content, "mast 7.png").json()

    assert row == tower.get(f"/media/{media}").json()
    assert (row["width"], row["height"], row["size"]) == (80, 60, len(content))
    assert (row["content_type"], row["original_name"], row["sha256"]) == ("image/png", "mast 7.png", sha(content))
    assert Media.objects.get().file.name == f"media/{sha(content)[:32]}.png"


@pytest.mark.parametrize("case", [str.lower, str.upper])
@pytest.mark.parametrize("first", [True, False])
def test_the_declared_digest_may_stand_anywhere_in_either_case(tower: Any, media: int, case: Any, first: bool) -> None:
    content = picture(1)
    digest = ('Content-Disposition: form-data; name="sha256"', case(sha(content)).encode())
    parts = [digest, (FILE, content)] if first else [(FILE, content), digest]
    assert tower.post(f"/media/{media}/upload", **multipart(*parts)).status_code == 200


@pytest.mark.parametrize(
    "declared",
    [sha(b"other"), sha(picture(1))[:63], sha(picture(1)) + "0", hashlib.sha1(picture(1)).hexdigest(),
     hashlib.sha512(picture(1)).hexdigest(), "", "g" * 64, " " + sha(picture(1)), "sha256:" + sha(picture(1)),
     sha(picture(1)) + "\n", "０" * 64],
)  # fmt: skip
def test_a_wrong_digest_leaves_nothing_behind(tower: Any, media: int, declared: str) -> None:
    """B61."""
    before = everything()
    [problem] = refused(upload(tower, f"/media/{media}", picture(1), sha256=declared), 422, before)
    assert problem["loc"] == ["body", "sha256"]


def test_two_digests_are_no_digest(tower: Any, media: int) -> None:
    before = everything()
    digest = ('Content-Disposition: form-data; name="sha256"', sha(picture(1)).encode())
    wrong = ('Content-Disposition: form-data; name="sha256"', b"0" * 64)
    for parts in ([digest, wrong], [wrong, digest]):
        answer = tower.post(f"/media/{media}/upload", **multipart((FILE, picture(1)), *parts))
        refused(answer, 422, before)


def test_two_files_under_one_name_are_refused(tower: Any, media: int) -> None:
    """B47."""
    before = everything()
    answer = tower.post(f"/media/{media}/upload", **multipart((FILE, picture(1)), (FILE, picture(2))))
    [problem] = refused(answer, 422, before)
    assert problem["loc"] == ["body", "file"]


def test_a_file_that_was_not_asked_for_is_not_kept(tower: Any, media: int) -> None:
    other = FILE.replace('"file"', '"thumbnail"')
    answer = tower.post(f"/media/{media}/upload", **multipart((other, b"x" * 5000), (FILE, picture(1))))
    assert answer.status_code == 200
    assert len(list(object_store().walk())) == 1


@pytest.mark.parametrize(
    "body",
    [
        multipart(),
        multipart(('Content-Disposition: form-data; name="file"', b"a field, no file")),
        multipart((FILE.replace('"file"', '"File"'), b"x")),
        multipart(("Content-Type: image/jpeg", b"x")),
        {"data": b"", "content_type": "multipart/form-data; boundary=edge"},
        {"data": b"--edge", "content_type": "multipart/form-data; boundary=edge"},
        {"data": b"no multipart at all", "content_type": "multipart/form-data; boundary=edge"},
        {"data": b"x", "content_type": "multipart/form-data"},
        {"data": b"x", "content_type": "multipart/form-data; boundary="},
        {"data": b"x", "content_type": "multipart/form-data; boundary=\xff".encode().decode()},
        {"data": b"x", "content_type": "multipart/form-data; boundary=" + "b" * 300},
    ],
    ids=range(11),
)
def test_a_body_without_the_file_is_422(tower: Any, media: int, body: dict[str, Any]) -> None:
    before = everything()
    [problem] = refused(tower.post(f"/media/{media}/upload", **body), 422, before)
    assert problem["loc"][0] == "body"


@pytest.mark.parametrize("content_type", ["", "application/json", "image/jpeg", "application/x-www-form-urlencoded"])
def test_a_file_that_comes_bare_is_415(tower: Any, media: int, content_type: str) -> None:
    before = everything()
    answer = tower.generic("POST", f"/media/{media}/upload", picture(1), content_type=content_type)
    refused(answer, 415, before)


@pytest.mark.parametrize(("count", "status"), [(99, 200), (100, 200), (101, 413), (10_001, 413)])
def test_a_body_has_a_hundred_fields_at_most(tower: Any, media: int, count: int, status: int) -> None:
    """B46."""
    fields = [(f'Content-Disposition: form-data; name="f{n}"', b"x") for n in range(count)]
    answer = tower.post(f"/media/{media}/upload", **multipart(*fields, (FILE, picture(1))))
    assert answer.status_code == status
    if status == 413:
        assert answer.json() == {"detail": "The body has too many form fields."}


def test_fields_have_one_mebibyte_at_most_in_all(tower: Any, media: int) -> None:
    before = everything()
    field = ('Content-Disposition: form-data; name="note"', b"x" * (1024 * 1024 - 200))
    much = ('Content-Disposition: form-data; name="note"', b"x" * (2 * 1024 * 1024))
    refused(tower.post(f"/media/{media}/upload", **multipart(much, (FILE, picture(1)))), 413, before)
    assert tower.post(f"/media/{media}/upload", **multipart(field, (FILE, picture(1)))).status_code == 200


def test_a_hundred_and_one_files_are_too_many(tower: Any, media: int) -> None:
    before = everything()
    others = [(FILE.replace('"file"', f'"f{n}"'), b"x") for n in range(101)]
    refused(tower.post(f"/media/{media}/upload", **multipart(*others, (FILE, picture(1)))), 413, before)


def test_a_part_in_base64_is_decoded_within_the_limit(tower: Any, media: int, settings: Any) -> None:
    """B49."""
    encoded = FILE + "\r\nContent-Transfer-Encoding: base64"
    content = picture(1)
    spaced = base64.encodebytes(content)
    answer = tower.post(f"/media/{media}/upload", **multipart((encoded, spaced)))
    assert (answer.status_code, answer.json()["sha256"]) == (200, sha(content))
    before = everything()
    for damaged in (b"!" * 5001, b"=" * 10, b"A" * 5001):
        answer = tower.post(f"/media/{media}/upload", **multipart((encoded, damaged)))
        assert answer.status_code in {415, 422}
        assert everything() == before


def test_a_part_of_white_space_in_base64_ends_soon(tower: Any, media: int, settings: Any) -> None:
    settings.IMAGE_MAX_BYTES = 8 * 1024 * 1024
    encoded = FILE + "\r\nContent-Transfer-Encoding: base64"
    answer = tower.post(f"/media/{media}/upload", **multipart((encoded, b" \n" * 2_000_000)))
    assert answer.status_code in {413, 415, 422}


@pytest.mark.parametrize("route", ["media", "annotations"])
@pytest.mark.parametrize(("over", "status"), [(-1, 200), (0, 200), (1, 413)])
def test_a_file_has_its_limit_to_the_byte(cast: Cast, settings: Any, route: str, over: int, status: int) -> None:
    """B58."""
    tower = api(cast.tower)
    content = picture(1) if route == "media" else LABEL
    settings.IMAGE_MAX_BYTES = settings.ANNOTATION_MAX_BYTES = len(content) - over
    row = announce(tower) if route == "media" else layer(tower, announce(tower), None)
    before = everything()
    answer = upload(tower, f"/{route}/{row}", content)
    assert answer.status_code == status
    if status == 413:
        assert refused(answer, 413, before) == f"The file is larger than {len(content) - 1} bytes."


def test_a_video_has_a_limit_of_its_own(cast: Cast, tower: Any, settings: Any) -> None:
    settings.IMAGE_MAX_BYTES, settings.VIDEO_MAX_BYTES = 100, 10_000
    video, image = announce(tower, type="video"), announce(tower)
    assert upload(tower, f"/media/{video}", b"x" * 10_000).status_code == 415  # read, and found to be no video
    assert upload(tower, f"/media/{video}", b"x" * 10_001).status_code == 413
    assert upload(tower, f"/media/{image}", b"x" * 101).status_code == 413


def test_what_is_announced_as_too_large_is_refused_unread(tower: Any, media: int, settings: Any) -> None:
    settings.IMAGE_MAX_BYTES = 1000
    before = everything()
    answer = tower.generic(
        "POST", f"/media/{media}/upload", b"", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=str(2**31)
    )
    assert "larger than" in refused(answer, 413, before)


@pytest.mark.parametrize(("pixels", "status"), [(64 * 48 + 1, 200), (64 * 48, 200), (64 * 48 - 1, 413)])
def test_a_picture_has_a_number_of_pixels_at_most(
    tower: Any, media: int, settings: Any, pixels: int, status: int
) -> None:
    settings.IMAGE_MAX_PIXELS = pixels
    before = everything()
    answer = upload(tower, f"/media/{media}", picture(1))
    assert answer.status_code == status
    if status == 413:
        refused(answer, 413, before)


@pytest.mark.parametrize(
    "content",
    [b"", b"plain text", b"%PDF-1.7\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html></html>", b"\xff\xd8\xff",
     b"#EXTM3U\nfile:///etc/passwd", b"PK\x03\x04" + b"\0" * 100, b"\0" * 1000],
)  # fmt: skip
def test_what_is_no_picture_is_415(tower: Any, media: int, content: bytes) -> None:
    before = everything()
    for name in ("a.jpg", "a.png", "a.svg"):
        assert isinstance(refused(upload(tower, f"/media/{media}", content, name), 415, before), str)


def test_a_picture_for_a_video_is_415_and_says_why(tower: Any) -> None:
    video = announce(tower, type="video")
    before = everything()
    said = refused(upload(tower, f"/media/{video}", picture(1)), 415, before)
    assert said == "The media's type is video, but the file is an image."


@pytest.mark.parametrize("content", [picture(1), b"\0binary", b"\x80\x02}q\x00.", b"\xff\xfe<\0a\0>\0"])
def test_what_is_no_text_is_no_annotation(cast: Cast, tower: Any, media: int, content: bytes) -> None:
    annotation = layer(tower, media, None)
    before = everything()
    refused(upload(tower, f"/annotations/{annotation}", content), 415, before)


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (b"", "stored"),
        (b"anything at all", "stored"),
        (b"{}", "stored"),
        (b"<a/>", "stored"),
        ("héé".encode(), "stored"),
    ],
)
def test_any_text_is_an_annotation_an_empty_file_included(
    cast: Cast, tower: Any, media: int, content: bytes, state: str
) -> None:
    annotation = layer(tower, media, content)
    row = tower.get(f"/annotations/{annotation}").json()
    assert (row["state"], row["size"], row["sha256"]) == (state, len(content), sha(content))


PART_TYPES = [
    "", "Content-Type: text/html", "Content-Type: image/svg+xml", "Content-Type: " + "x" * 10_000,
    "Content-Type: application/x-php", "Content-Type:", "Content-Type: image/jpeg; name=\"../x\"",
]  # fmt: skip


@pytest.mark.parametrize("header", PART_TYPES, ids=range(len(PART_TYPES)))
def test_the_content_type_that_a_part_claims_is_ignored(tower: Any, media: int, header: str) -> None:
    """B62."""
    headers = f"{FILE}\r\n{header}" if header else FILE
    answer = tower.post(f"/media/{media}/upload", **multipart((headers, picture(1))))
    assert answer.status_code in {200, 422}
    if answer.status_code == 200:
        assert answer.json()["content_type"] == "image/jpeg"
        assert StoredObject.objects.get().content_type == "image/jpeg"


def test_the_same_bytes_again_change_nothing(tower: Any, media: int) -> None:
    upload(tower, f"/media/{media}", picture(1))
    before = everything()
    assert upload(tower, f"/media/{media}", picture(1), "another name.jpg").status_code == 200
    assert everything() == before


def test_other_bytes_replace_the_file_and_the_old_object_is_held(tower: Any, media: int) -> None:
    upload(tower, f"/media/{media}", picture(1))
    old = Media.objects.get().file.name or ""
    row = upload(tower, f"/media/{media}", picture(2)).json()

    assert row["version"] == 3
    assert row["sha256"] == sha(picture(2))
    held = StoredObject.objects.get(key=old)
    assert held.hold_until is not None
    assert object_store().stat(old) is not None


def test_two_media_with_the_same_bytes_share_an_object_and_each_keeps_it(cast: Cast, tower: Any) -> None:
    one, two = stored(tower, picture(1)), stored(tower, picture(1))
    upload(tower, f"/media/{one}", picture(2))
    api(cast.ada).delete(f"/media/{one}")
    kept = Media.objects.get(pk=two)
    assert object_store().stat(kept.file.name or "") is not None
    assert tower.get(f"/media/{two}/url").status_code == 200


def test_every_upload_to_an_annotation_is_a_revision(cast: Cast, tower: Any, media: int) -> None:
    annotation = layer(tower, media, b"first")
    upload(tower, f"/annotations/{annotation}", b"second")
    upload(tower, f"/annotations/{annotation}", b"second")
    numbers = AnnotationRevision.objects.order_by("number").values_list("number", "sha256")
    assert list(numbers) == [(1, sha(b"first")), (2, sha(b"second"))]
    assert Annotation.objects.get().sha256 == sha(b"second")


def test_an_upload_with_the_version_that_was_seen_wins_and_an_older_one_loses(tower: Any, media: int) -> None:
    tag = tower.get(f"/media/{media}")["ETag"]
    assert upload(tower, f"/media/{media}", picture(1), HTTP_IF_MATCH=tag).status_code == 200
    before = everything()
    answer = upload(tower, f"/media/{media}", picture(2), HTTP_IF_MATCH=tag)
    assert refused(answer, 412, before) == "The row changed since you looked at it; look again."


@pytest.mark.parametrize(
    ("asked", "status"),
    [("{}", 200), ("*", 200), ('"0", {}', 200), ('"0"', 412), ("W/{}", 412), ("", 412), ("1", 412), (",", 412)],
)
def test_if_match_names_the_version_of_the_row(cast: Cast, tower: Any, media: int, asked: str, status: int) -> None:
    tag = tower.get(f"/media/{media}")["ETag"]
    for path in (f"/media/{media}", f"/annotations/{layer(tower, media, None)}"):
        body = {"type": "image"} if "media" in path else {"media_id": media}
        answer = api(cast.carl).put(path, body, format="json", HTTP_IF_MATCH=asked.format(tag))
        assert answer.status_code == status


def test_the_etag_changes_with_the_row(tower: Any, media: int) -> None:
    first = tower.get(f"/media/{media}")["ETag"]
    patched = tower.patch(f"/media/{media}", {"camera": "x"}, format="json")
    assert patched["ETag"] != first
    assert patched["ETag"] == tower.get(f"/media/{media}")["ETag"]


def test_url_before_upload_and_of_a_missing_object_is_404(cast: Cast, tower: Any, media: int) -> None:
    said = {"detail": "File cannot be found on the bucket storage"}
    annotation = layer(tower, media, None)
    for path in (f"/media/{media}/url", f"/annotations/{annotation}/url"):
        answer = tower.get(path)
        assert (answer.status_code, answer.json()) == (404, said)
    upload(tower, f"/media/{media}")
    StoredObject.objects.update(state="missing")
    answer = tower.get(f"/media/{media}/url")
    assert (answer.status_code, answer.json()) == (404, said)
    upload(tower, f"/media/{media}", content_of(media))
    assert tower.get(f"/media/{media}/url").status_code == 200


def content_of(media: int) -> bytes:
    with object_store().fetch(Media.objects.get(pk=media).file.name or "") as file:
        content: bytes = file.read()
    return content


def test_an_upload_to_a_deleted_media_is_404(cast: Cast, tower: Any, media: int) -> None:
    """B64."""
    api(cast.ada).delete(f"/media/{media}")
    before = everything()
    refused(upload(api(cast.ada), f"/media/{media}"), 404, before)
    refused(upload(tower, f"/media/{media}"), 403, before)


def test_an_entry_is_a_picture_and_its_annotation(cast: Cast, tower: Any) -> None:
    files = {"file": part(picture(1), "a.jpg"), "annotation": part(LABEL, "a.txt"), "sha256": sha(picture(1))}
    answer = tower.post("/entries", files, format="multipart")

    assert answer.status_code == 201
    made = answer.json()
    assert made["media"] == tower.get(f"/media/{made['media']['id']}").json()
    assert made["annotation"] == tower.get(f"/annotations/{made['annotation']['id']}").json()
    assert made["annotation"]["media_id"] == made["media"]["id"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"file": None}, 422),
        ({"annotation": None}, 422),
        ({"type": "film"}, 422),
        ({"type": "video"}, 415),
        ({"sha256": "0" * 64}, 422),
        ({"file": part(b"no picture")}, 415),
        ({"annotation": part(b"\0\0")}, 415),
    ],
    ids=range(7),
)
def test_an_entry_is_kept_whole_or_not_at_all(tower: Any, change: dict[str, Any], status: int) -> None:
    before = everything()
    fields = {"file": part(picture(1)), "annotation": part(LABEL)} | change
    fields = {name: value for name, value in fields.items() if value is not None}
    for value in fields.values():
        if hasattr(value, "seek"):
            value.seek(0)
    refused(tower.post("/entries", fields, format="multipart"), status, before)


def test_each_file_of_an_entry_has_its_own_limit(tower: Any, settings: Any) -> None:
    settings.IMAGE_MAX_BYTES, settings.ANNOTATION_MAX_BYTES = len(picture(1)), len(LABEL)
    fits = {"file": part(picture(1)), "annotation": part(LABEL)}
    assert tower.post("/entries", fits, format="multipart").status_code == 201
    before = everything()
    for change in ({"file": part(picture(1) + b"\0")}, {"annotation": part(LABEL + b" ")}):
        fields = {"file": part(picture(1)), "annotation": part(LABEL)} | change
        refused(tower.post("/entries", fields, format="multipart"), 413, before)
