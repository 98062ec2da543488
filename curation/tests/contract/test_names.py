"""B53, B55, B56, B112: names that strangers chose reach neither a key nor a path nor a header unharmed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.tests.cast import Cast, api
from curation.models import Media, StoredObject
from curation.storage.keys import is_ours
from curation.storage.stores import object_store
from curation.tests.contract.helpers import announce, multipart
from curation.tests.pictures import picture

TRAVERSALS = [  # those of Django's own upload tests first
    "/tmp/hax0rd.txt", "C:\\Windows\\hax0rd.txt", "C:/Windows/hax0rd.txt", "\\tmp\\hax0rd.txt", "/tmp\\hax0rd.txt",
    "subdir/hax0rd.txt", "subdir\\hax0rd.txt", "sub/dir\\hax0rd.txt", "../../hax0rd.txt", "..\\..\\hax0rd.txt",
    "../..\\hax0rd.txt", "..&#x2F;hax0rd.txt", "..&#x2f;hax0rd.txt", "..&#47;hax0rd.txt", "&#46;&#46;/hax0rd.txt",
    "&lt;&gt;&quot;", "%2e%2e%2fhax0rd.txt", "....//hax0rd.txt", "x/../../y", "../../etc/cron.d/x",
]  # fmt: skip
ODD = [
    ".", "..", "", " ", "a" * 251 + ".jpg", "a" * 252 + ".jpg", "a" * 4096, "a\0b.jpg", "a\nb.jpg", "a\r\nX-Evil: 1",
    "\u202egpj.exe", "e" + "\u0301" * 300, "🔥🌲.jpg", "CON", "NUL.txt", "a.jpg.", "a.jpg::$DATA", "a." + "e" * 120,
    "a.php", "a.jpg/../x", "A.JPG", "noextension", "{{7*7}}.jpg", "{0.__class__}.jpg", "%s%n.jpg", 'a"b.jpg', "a;b.jpg",
    "a\\b.jpg", "-rf.jpg", ".hidden", "é" * 130, "~root", "a\u2028b.jpg", "\ufeffa.jpg",
]  # fmt: skip


def send(cast: Cast, disposition: bytes) -> Any:
    tower = api(cast.tower)
    media = announce(tower)
    body = multipart(("DISPOSITION", picture(1)))
    body["data"] = body["data"].replace(b"DISPOSITION", disposition)
    return tower.post(f"/media/{media}/upload", **body)


def assert_harmless(answer: Any) -> None:
    """Refused, or stored under a key of its content with a name of one line and one part."""
    assert answer.status_code in {200, 422}, answer.content
    if answer.status_code == 422:
        assert not StoredObject.objects.exists()
        return
    row = Media.objects.get()
    key = row.file.name or ""
    assert re.fullmatch(r"media/[0-9a-f]{32}\.jpg", key)
    assert [stat.key for stat in object_store().walk()] == [key]
    assert is_ours(key)
    name = row.original_name
    assert len(name.encode()) <= 255
    assert not re.search(r"[/\\\x00-\x1f\x7f\u202a-\u202e\u2028\u2029]", name)
    assert name not in {".", ".."}


@pytest.mark.parametrize("name", TRAVERSALS + ODD, ids=lambda name: repr(name)[:30])
def test_a_hostile_name_reaches_no_key(cast: Cast, name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    assert_harmless(send(cast, b'Content-Disposition: form-data; name="file"; filename="' + escaped.encode() + b'"'))


@pytest.mark.parametrize("name", TRAVERSALS, ids=repr)
def test_nor_does_one_that_is_encoded_as_rfc_2231_allows(cast: Cast, name: str) -> None:
    from urllib.parse import quote

    encoded = quote(name, safe="").encode()
    assert_harmless(send(cast, b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''" + encoded))
    Media.objects.update(file="", sha256="", size=None)


@pytest.mark.parametrize(
    "disposition",
    [
        b'Content-Disposition: form-data; name="file"; filename="\xff\xfe.jpg"',
        b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-7''%2BAC8-x",
        b"Content-Disposition: form-data; name=\"file\"; filename*=nonsense''x",
        b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''%ff",
        b'Content-Disposition: form-data; name="file"; filename="a.jpg"; filename="b.jpg"',
        b'Content-Disposition: form-data; name="fi\x00le"; filename="a.jpg"',
    ],
    ids=range(6),
)
def test_a_name_that_cannot_be_read_is_no_crash(cast: Cast, disposition: bytes) -> None:
    assert_harmless(send(cast, disposition))


@pytest.mark.parametrize(
    "name", ['a"b.jpg', "a;b.jpg", "é€🔥.jpg", "gpj.\u202eexe.jpg", "a b.jpg", "%0d%0aX-Evil: 1.jpg"]
)
def test_the_name_comes_back_in_a_header_that_is_whole(cast: Cast, name: str, settings: Any) -> None:
    escaped = name.replace('"', '\\"').encode()
    answer = send(cast, b'Content-Disposition: form-data; name="file"; filename="' + escaped + b'"')
    link = api(cast.tower).get(f"/media/{answer.json()['id']}/url").json()["url"]
    if "/files/" not in link:
        pytest.skip("The store is a bucket, which answers its links itself.")
    file: Any = Client().get(link.removeprefix(settings.PUBLIC_URL))
    assert file.status_code == 200
    assert b"".join(file.streaming_content) == picture(1)
    header = file["Content-Disposition"]
    assert header.isascii()
    assert re.fullmatch(r'inline; filename="[^"\\\r\n]*\.jpg"(; filename\*=UTF-8\'\'[!-~]+)?', header)
    assert "X-Evil" not in file.headers


@pytest.mark.parametrize(
    "key", ["media/../../etc/passwd", "etc/passwd", "media/%2e%2e/x", "media/" + "0" * 32 + ".jpg", ""]
)
def test_a_key_is_of_no_use_without_a_signature(db: None, key: str) -> None:
    """B113."""
    answer = Client().get(f"/files/{key}")
    assert answer.status_code in {403, 404}
    assert "passwd" not in answer.content.decode()
