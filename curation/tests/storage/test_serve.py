"""The folder's links, opened in our own view."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory
from pytest_django import Settings

from curation.storage.folder import FolderStore
from curation.storage.serve import serve_file
from curation.tests.storage.conftest import Sample


@pytest.fixture
def link(folder: FolderStore, picture: Sample) -> str:
    picture.put_into(folder)
    return folder.link(picture.key, seconds=300, name="smoke.jpg", content_type="image/jpeg")


def ask(url: str, method: str = "GET", **headers: str) -> HttpResponseBase:
    address = urlsplit(url)
    request = RequestFactory().generic(method, f"{address.path}?{address.query}", headers=headers)
    return serve_file(request, address.path.removeprefix("/files/"))


def body(response: HttpResponseBase) -> bytes:
    with closing(response):
        assert isinstance(response, HttpResponse | StreamingHttpResponse)
        return response.getvalue()


def detail(response: HttpResponseBase) -> str:
    assert response["Content-Type"] == "application/json"
    return str(json.loads(body(response))["detail"])


def test_a_picture_is_shown_with_headers_that_keep_it_harmless(link: str, picture: Sample) -> None:
    response = ask(link)
    assert body(response) == picture.data
    assert response.status_code == 200
    assert dict(response.items()) == {
        "Accept-Ranges": "bytes",
        "Cache-Control": response["Cache-Control"],
        "Content-Disposition": 'inline; filename="smoke.jpg"',
        "Content-Length": str(len(picture.data)),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Type": "image/jpeg",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": f'"{picture.sha256[:32]}"',
        "Last-Modified": response["Last-Modified"],
        "X-Content-Type-Options": "nosniff",
    }


def test_a_browser_keeps_it_no_longer_than_the_link_lives(link: str) -> None:
    with closing(ask(link)) as response:
        assert response["Cache-Control"] in {"private, max-age=300", "private, max-age=299", "private, max-age=298"}
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=200)), closing(ask(link)) as response:
        assert int(response["Cache-Control"].rpartition("=")[2]) <= 100


def test_head_tells_what_get_would_send(link: str, picture: Sample) -> None:
    head, get = ask(link, "HEAD"), ask(link)
    assert body(head) == b""
    assert head.headers == get.headers
    assert body(get) == picture.data


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(link: str, method: str) -> None:
    response = ask(link, method)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")
    assert detail(response) == f'Method "{method}" not allowed.'


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [("0-0", 0, 1), ("5-", 5, None), ("-1", -1, None), ("2-4", 2, 5), ("0-99999999999999999999", 0, None)],
)
def test_a_part_is_sent_alone(link: str, picture: Sample, wanted: str, start: int, end: int | None) -> None:
    response = ask(link, Range=f"bytes={wanted}")
    expected = picture.data[start:end]
    assert (response.status_code, body(response)) == (206, expected)
    assert response["Content-Length"] == str(len(expected))
    first = picture.data.index(expected) if len(expected) > 1 else start % len(picture.data)
    assert response["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(picture.data)}"


@pytest.mark.parametrize("wanted", ["bytes=5-2", "bytes=0-0,2-2", "lines=1-2", "nonsense"])
def test_a_range_that_is_not_understood_gives_the_whole(link: str, picture: Sample, wanted: str) -> None:
    response = ask(link, Range=wanted)
    assert (response.status_code, body(response)) == (200, picture.data)


def test_a_range_behind_the_end_is_refused(link: str, picture: Sample) -> None:
    response = ask(link, Range=f"bytes={len(picture.data)}-")
    assert (response.status_code, response["Content-Range"]) == (416, f"bytes */{len(picture.data)}")
    assert detail(response) == "The file has no such range."


def test_a_part_is_sent_only_of_the_file_the_client_knows(link: str) -> None:
    etag, modified = ask(link, "HEAD")["ETag"], ask(link, "HEAD")["Last-Modified"]
    for condition, status in ((etag, 206), (modified, 206), ('"other"', 200), (f"W/{etag}", 200), ("nonsense", 200)):
        response = ask(link, Range="bytes=0-0", If_Range=condition)
        response.close()
        assert response.status_code == status


def test_what_the_browser_has_is_not_sent_again(link: str) -> None:
    head = ask(link, "HEAD")
    for headers in (
        {"If_None_Match": head["ETag"]},
        {"If_None_Match": f'"other", W/{head["ETag"]}'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": head["Last-Modified"]},
    ):
        response = ask(link, **headers)
        assert (response.status_code, body(response)) == (304, b"")
        assert response["ETag"] == head["ETag"]
    assert body(ask(link, If_None_Match='"other"'))


def test_a_file_other_than_the_expected_is_refused(link: str) -> None:
    response = ask(link, If_Match='"other"')
    assert response.status_code == 412
    assert detail(response) == "The file is not the one that was expected."


def test_refused_links_say_why(link: str, picture: Sample) -> None:
    altered = ask(link.replace("smoke", "smile"))
    assert (altered.status_code, detail(altered)) == (403, "This link is not valid.")
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=301)):
        late = ask(link)
    assert (late.status_code, detail(late)) == (403, "This link has expired.")
    for key in (picture.key, "other/x", "media/../x", "", "é", "x" * 5000):
        assert ask(f"http://pyro.test/files/{key}").status_code == 403


def test_an_object_that_is_gone_is_told_and_an_outage_is_not_that(
    link: str, folder: FolderStore, picture: Sample, tmp_path: Path
) -> None:
    folder.remove(picture.key)
    gone = ask(link)
    assert (gone.status_code, detail(gone)) == (404, "File cannot be found on the bucket storage")
    folder.folder.rename(tmp_path / "unmounted")
    away = ask(link)
    assert (away.status_code, away["Retry-After"]) == (503, "5")
    assert str(tmp_path) not in detail(away)


def test_refusals_are_not_kept_by_caches(link: str) -> None:
    response = ask(link + "0")
    assert response["Cache-Control"] == "no-store"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_an_answer_that_nobody_reads_closes_its_file(link: str) -> None:
    response = ask(link)
    assert isinstance(response, StreamingHttpResponse)
    response.close()
    with pytest.raises(ValueError, match="closed"):
        response.getvalue()


def test_a_large_file_comes_in_small_pieces(folder: FolderStore) -> None:
    large = Sample(b"smoke" * 100_000)
    large.put_into(folder)
    response = ask(folder.link(large.key, seconds=60, name="", content_type="video/mp4"), Range="bytes=10-400009")
    assert isinstance(response, StreamingHttpResponse)
    pieces = list(response)
    response.close()
    assert b"".join(pieces) == large.data[10:400_010]
    assert max(map(len, pieces)) == 64 * 1024


def test_with_a_bucket_there_is_nothing_here(link: str, settings: Settings) -> None:
    backend = {"BACKEND": "curation.storage.bucket.BucketStore", "OPTIONS": {"bucket_name": "b"}}
    settings.STORAGES = settings.STORAGES | {"default": backend}
    assert ask(link).status_code == 404
