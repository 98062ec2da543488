"""B27, B41, B50: JSON bodies, taken as the original took them and never guessed at."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.tests.cast import Cast, api
from curation.models import Annotation, Media
from curation.tests.contract.helpers import announce, everything, layer, stored


def post(cast: Cast, body: str | bytes, content_type: str = "application/json", path: str = "/media") -> Any:
    client: Any = api(cast.tower)
    return client.generic("POST", path, body, content_type=content_type)


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "application/json; charset=utf-8", "Application/JSON"]
)
@pytest.mark.parametrize("path", ["/media", "/media/", "/api/v1/media", "/api/v1/media/"])
def test_json_is_taken_with_and_without_a_content_type(cast: Cast, content_type: str, path: str) -> None:
    answer = post(cast, '{"type": "video"}', content_type, path)
    assert (answer.status_code, answer.json()["type"]) == (201, "video")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonp",
        "garbage",
        "application/json, text/html",
        "x" * 10_000,
    ],
)
def test_a_body_of_another_media_type_is_415(cast: Cast, content_type: str) -> None:
    answer = post(cast, '{"type": "video"}', content_type)
    assert answer.status_code == 415
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("body", ["", "{}"])
def test_an_empty_body_announces_an_image(cast: Cast, body: str) -> None:
    assert post(cast, body).json()["type"] == "image"


def test_unknown_fields_are_ignored(cast: Cast) -> None:
    assert post(cast, '{"type": "image", "colour": "red"}').status_code == 201


NOT_JSON: dict[str, str | bytes] = {
    "cut short": '{"type":',
    "trailing": '{"type": "image"} x',
    "two values": "{}{}",
    "duplicate keys": '{"type": "image", "type": "video"}',
    "nan": '{"latitude": NaN}',
    "infinity": '{"latitude": Infinity}',
    "nul escape": '{"camera": "a\\u0000b"}',
    "nul in a key": '{"a\\u0000": 1}',
    "half a surrogate": '{"camera": "\\ud800"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "utf-16": '{"type": "image"}'.encode("utf-16"),
    "utf-16 without mark": "{}".encode("utf-16-le"),
    "latin-1": '{"camera": "é"}'.encode("latin-1"),
    "overlong": b'{"camera": "\xc0\xaf"}',
    "single quotes": "{'type': 'image'}",
    "comment": '{"type": "image"} // why not',
    "raw control character": '{"camera": "a\nb"}',
    "a number of 5,000 digits": '{"azimuth": ' + "9" * 5000 + "}",
    "depth 65": '{"x":' + "[" * 64 + "]" * 64 + "}",
    "depth 5,000": "[" * 5000 + "]" * 5000,
    "depth 500,000": "[" * 500_000 + "]" * 500_000,
    "a list": "[]",
    "a string": '"image"',
    "a number": "1",
    "null": "null",
}


@pytest.mark.parametrize("why", NOT_JSON)
def test_what_is_no_object_of_json_is_refused_by_name(cast: Cast, why: str) -> None:
    before = everything()
    answer = post(cast, NOT_JSON[why])

    assert answer.status_code == 422, why
    [problem] = answer.json()["detail"]
    assert problem["loc"][0] == "body"
    assert problem["msg"]
    assert everything() == before


def test_a_body_may_be_sixty_four_deep(cast: Cast) -> None:
    assert post(cast, '{"x":' + "[" * 63 + "]" * 63 + "}").status_code == 201


def test_words_that_are_dangerous_elsewhere_are_only_words(cast: Cast) -> None:
    body = json.dumps({"__proto__": {"type": "video"}, "constructor": 1, "camera": "{{7*7}} {0.__class__} %s ${x}"})
    answer = post(cast, body)
    assert answer.json()["type"] == "image"
    assert answer.json()["camera"] == "{{7*7}} {0.__class__} %s ${x}"


@pytest.mark.parametrize(("size", "status"), [(-1, 201), (0, 201), (1, 413)])
def test_a_body_has_one_mebibyte_at_most(cast: Cast, size: int, status: int) -> None:
    frame = '{"x": ""}'
    body = frame[:-2] + "a" * (1024 * 1024 + size - len(frame)) + frame[-2:]
    answer = post(cast, body)
    assert answer.status_code == status
    if status == 413:
        assert answer.json() == {"detail": "The body is larger than 1048576 bytes."}


GRAB = {
    "id": 7,
    "owner": 1,
    "owner_id": 1,
    "organisation": 1,
    "created_at": "2001-01-01T00:00:00Z",
    "updated_at": "2001-01-01T00:00:00Z",
    "sha256": "0" * 64,
    "size": 1,
    "state": "parsed",
    "file": "media/x",
    "bucket_key": "media/x",
    "storage_key": "x",
    "version": 99,
    "width": 1,
    "deleted_at": "2001-01-01T00:00:00Z",
    "origin": "human",
    "is_truth": True,
    "captured_basis": "exif_offset",
    "import_identity": "x",
}


def test_columns_that_are_ours_to_fill_are_not_taken_from_a_body(cast: Cast) -> None:
    """B27."""
    tower = api(cast.tower)
    made = tower.post("/media", GRAB, format="json").json()
    row = Media.objects.get(pk=made["id"])
    assert (row.owner, row.sha256, row.file.name, row.version) == (cast.tower, "", "", 1)
    assert row.organisation == cast.tower.organisation
    assert made["created_at"] > "2020"

    before = Media.objects.filter(pk=row.pk).values().get()
    tower.patch(f"/media/{row.pk}", GRAB, format="json")
    api(cast.carl).put(f"/media/{row.pk}", GRAB, format="json")
    assert Media.objects.filter(pk=row.pk).values().get() == before

    layer_id = tower.post("/annotations", GRAB | {"media_id": row.pk}, format="json").json()["id"]
    annotation = Annotation.objects.get(pk=layer_id)
    assert (annotation.origin, annotation.is_truth, annotation.state) == ("prediction", False, "empty")
    assert annotation.owner == cast.tower


@pytest.mark.parametrize(
    "field",
    [
        {"captured_at": "2026-02-30T00:00:00Z"},
        {"captured_at": "yesterday"},
        {"captured_at": 17},
        {"captured_at": "0001-01-01T00:00:00+14:00"},
        {"captured_at": "9999-12-31T23:59:59-14:00"},
        {"captured_at": "10000-01-01T00:00:00Z"},
        {"azimuth": -1},
        {"azimuth": 361},
        {"azimuth": 998},
        {"azimuth": 1000},
        {"azimuth": 1.5},
        {"azimuth": "1e1000000"},
        {"azimuth": 10**29},
        {"azimuth": True},
        {"latitude": 90.001},
        {"latitude": -90.001},
        {"latitude": "nan"},
        {"latitude": "NaN"},
        {"latitude": "inf"},
        {"latitude": "1e400"},
        {"longitude": 180.001},
        {"longitude": "-nan"},
        {"camera": "x" * 101},
        {"camera": ["x"]},
        {"camera": {"name": "x"}},
        {"source": "x" * 101},
        {"sequence": "x" * 256},
        {"type": "IMAGE"},
        {"type": ""},
        {"type": None},
        {"type": ["image"]},
    ],
    ids=str,
)
def test_a_value_that_cannot_be_is_named(cast: Cast, field: dict[str, object]) -> None:
    answer = api(cast.tower).post("/media", field, format="json")
    assert answer.status_code == 422, answer.content
    assert answer.json()["detail"][0]["loc"] == ["body", *field]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"azimuth": 0}, {"azimuth": 0}),
        ({"azimuth": 359}, {"azimuth": 359}),
        ({"azimuth": 360}, {"azimuth": 0}),
        ({"azimuth": 999}, {"azimuth": None}),
        ({"azimuth": None}, {"azimuth": None}),
        ({"latitude": 90, "longitude": -180}, {"latitude": 90.0, "longitude": -180.0}),
        ({"camera": "x" * 100}, {"camera": "x" * 100}),
        ({"camera": ""}, {"camera": None}),
        ({"camera": "  mast\u202e 7 "}, {"camera": "mast\u202e 7"}),
        ({"captured_at": "2026-06-01T09:30:00+02:00"}, {"captured_at": "2026-06-01T07:30:00.000000Z"}),
        ({"captured_at": "2026-06-01T09:30:00"}, {"captured_at": "2026-06-01T09:30:00.000000Z"}),
        ({"captured_at": "0001-01-01T00:00:00Z"}, {"captured_at": "0001-01-01T00:00:00.000000Z"}),
        ({"captured_at": "9999-12-31T23:59:59.999999Z"}, {"captured_at": "9999-12-31T23:59:59.999999Z"}),
        ({"captured_at": None}, {"captured_at": None, "captured_basis": "none"}),
    ],
    ids=str,
)
def test_a_value_is_kept_as_it_was_meant(cast: Cast, given: dict[str, object], kept: dict[str, object]) -> None:
    client = api(cast.tower)
    made = client.post("/media", given, format="json")
    assert made.status_code == 201, made.content
    read = client.get(f"/media/{made.json()['id']}").json()
    assert {name: read[name] for name in kept} == kept
    assert made.json() == read
    assert [row for row in client.get("/media").json() if row["id"] == read["id"]] == [read]


@pytest.mark.parametrize("media_id", [0, -1, "abc", None, 1.5, [1], {}, True, "1e3"])
def test_an_annotation_names_its_media_by_a_whole_number(cast: Cast, media_id: object) -> None:
    answer = api(cast.carl).post("/annotations", {"media_id": media_id}, format="json")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "media_id"]


@pytest.mark.parametrize("media_id", [987654, 2**31, 2**63 - 1, 2**63, 10**25])
def test_a_media_id_beyond_the_column_is_merely_unknown(cast: Cast, media_id: int) -> None:
    for client in (api(cast.carl), api(cast.ana)):
        answer = client.post("/annotations", {"media_id": media_id}, format="json")
        assert answer.status_code == 404
        assert answer.json() == {"detail": f"Table media has no entry with id={media_id}"}


PATHS = ["/media/{}", "/media/{}/url", "/annotations/{}", "/annotations/{}/url", "/accesses/{}"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "number", ["0", "-1", "abc", "1.0", "1e3", "٣", "１", "+1", " 1", "1_000", "0x1", "9" * 41, "%00"]
)
def test_an_id_in_the_path_is_a_positive_whole_number(cast: Cast, path: str, number: str) -> None:
    answer = api(cast.ada).get(path.format(number))
    assert answer.status_code == 422
    [problem] = answer.json()["detail"]
    assert problem["loc"][0] == "path"
    assert problem["loc"][1] in {"media_id", "annotation_id", "access_id"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("number", [987654, 2**63 - 1, 2**63, 2**64, 10**39])
def test_an_id_beyond_the_column_is_merely_unknown(cast: Cast, path: str, number: int) -> None:
    answer = api(cast.ada).get(path.format(number))
    assert answer.status_code == 404
    assert answer.json()["detail"].endswith(f"has no entry with id={number}")


def test_leading_zeros_change_no_id(cast: Cast) -> None:
    media = announce(api(cast.tower))
    assert api(cast.tower).get(f"/media/000{media}").json()["id"] == media


def test_put_without_a_type_makes_an_image_as_the_original_did(cast: Cast) -> None:
    media = announce(api(cast.tower), type="video")
    assert api(cast.carl).put(f"/media/{media}", {}, format="json").json()["type"] == "image"
    assert api(cast.carl).put(f"/media/{media}", {"type": "video"}, format="json").json()["type"] == "video"


def test_put_of_a_type_that_contradicts_the_file_changes_nothing(cast: Cast) -> None:
    media = stored(api(cast.tower))
    answer = api(cast.carl).put(f"/media/{media}", {"type": "video"}, format="json")
    assert answer.status_code == 409
    assert Media.objects.get().type == "image"
    assert api(cast.carl).put(f"/media/{media}", {}, format="json").status_code == 200


def test_a_body_on_a_request_that_reads_is_not_looked_at(cast: Cast) -> None:
    """B136: a fat GET."""
    answer = api(cast.tower).generic("GET", "/media", '{"limit": "abc"', content_type="application/json")
    assert answer.status_code == 200
    media = announce(api(cast.tower))
    gone = api(cast.ada).generic("DELETE", f"/media/{media}", "{", content_type="application/json")
    assert gone.status_code == 200


def test_an_annotation_in_its_place_is_left_alone(cast: Cast) -> None:
    media = announce(api(cast.tower))
    annotation = layer(api(cast.tower), media, None)
    before = everything()
    answer = api(cast.carl).put(f"/annotations/{annotation}", {"media_id": media}, format="json")
    assert answer.status_code == 200
    assert everything() == before
