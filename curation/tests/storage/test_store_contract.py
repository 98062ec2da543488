"""What is expected of every store. The same tests run on the folder and on a real S3 server."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import pytest
import time_machine
from django.core.files.base import ContentFile

from curation.storage.base import ObjectStore
from curation.storage.bucket import PART_SIZE
from curation.storage.errors import ChecksumRefused, ObjectMissing
from curation.tests.storage.conftest import Follow, Sample

ABSENT = "media/" + "0" * 32 + ".jpg"


@pytest.mark.parametrize("size", [0, 1, 1000, PART_SIZE - 1, PART_SIZE, PART_SIZE + 1, 2 * PART_SIZE + 1])
def test_what_goes_in_comes_out(store: ObjectStore, size: int) -> None:
    sample = Sample(b"\x00\xff\r\n" * (size // 4) + b"x" * (size % 4))
    sample.put_into(store)
    assert store.digest(sample.key) == (sample.sha256, size)
    stat = store.stat(sample.key)
    assert stat is not None
    assert (stat.key, stat.size) == (sample.key, size)
    assert abs(stat.modified - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_spooled_file_is_read_from_its_beginning_and_stays_open(store: ObjectStore, picture: Sample) -> None:
    with tempfile.SpooledTemporaryFile(max_size=4) as file:
        file.write(picture.data)
        picture.put_into(store, file)
        assert not file.closed
    with store.open_read(picture.key) as stored:
        assert stored.read() == picture.data


def test_writing_twice_is_harmless(store: ObjectStore, picture: Sample) -> None:
    picture.put_into(store)
    picture.put_into(store)
    assert [stat.key for stat in store.walk()] == [picture.key]


@pytest.mark.parametrize("size", [100, PART_SIZE + 100])
def test_other_bytes_than_announced_are_refused_and_leave_nothing(store: ObjectStore, size: int) -> None:
    announced, sent = Sample(b"a" * size), Sample(b"a" * (size - 1) + b"b")
    with pytest.raises(ChecksumRefused):
        announced.put_into(store, sent.file)
    assert store.stat(announced.key) is None
    assert list(store.incomplete()) == []
    announced.put_into(store)  # the same key takes the right bytes, so it was about the bytes


@pytest.mark.parametrize("sent", [b"", b"smok", b"smokes"])
def test_more_or_fewer_bytes_than_announced_are_refused(store: ObjectStore, sent: bytes) -> None:
    announced = Sample(b"smoke")
    with pytest.raises(ChecksumRefused):
        announced.put_into(store, Sample(sent).file)
    assert store.is_empty()


def test_a_refused_replacement_leaves_the_object_that_was_there(store: ObjectStore, picture: Sample) -> None:
    picture.put_into(store)
    with pytest.raises(ChecksumRefused):
        picture.put_into(store, Sample(picture.data[::-1]).file)
    assert store.digest(picture.key) == (picture.sha256, len(picture.data))


@pytest.mark.parametrize(
    ("start", "end"), [(0, None), (0, 1), (3, 7), (5, None), (5, 5), (7, 3), (0, 10**6), (10**6, None)]
)
def test_part_of_an_object_is_what_a_slice_would_be(
    store: ObjectStore, picture: Sample, start: int, end: int | None
) -> None:
    picture.put_into(store)
    assert b"".join(store.read_chunks(picture.key, start, end)) == picture.data[start:end]


def test_an_absent_object_is_told(store: ObjectStore) -> None:
    assert store.stat(ABSENT) is None
    assert not store.exists(ABSENT)
    store.remove(ABSENT)
    for ask in (store.digest, store.size, store.open, store.fetch):
        with pytest.raises(ObjectMissing):
            ask(ABSENT)
    for start, end in ((0, None), (4, 4)):
        with pytest.raises(ObjectMissing):
            list(store.read_chunks(ABSENT, start, end))


def test_a_removed_object_is_gone(store: ObjectStore, picture: Sample) -> None:
    picture.put_into(store)
    store.remove(picture.key)
    assert store.stat(picture.key) is None
    assert store.is_empty()


def test_django_reads_through_the_store_and_cannot_write_or_delete(store: ObjectStore, picture: Sample) -> None:
    picture.put_into(store)
    with store.open(picture.key) as file:
        assert file.read() == picture.data
    assert store.exists(picture.key)
    assert store.size(picture.key) == len(picture.data)
    attempts: list[Callable[[], object]] = [
        lambda: store.save(picture.key, ContentFile(b"x")),
        lambda: store.delete(picture.key),
        lambda: store.open(picture.key, "wb"),
    ]
    for forbidden in attempts:
        with pytest.raises(NotImplementedError):
            forbidden()
    assert store.digest(picture.key)[0] == picture.sha256


def test_a_walk_lists_every_object_in_order_and_goes_on_where_it_stopped(store: ObjectStore) -> None:
    assert store.is_empty()
    samples = [Sample(b"%d" % number) for number in range(12)]
    keys = sorted(
        [sample.key for sample in samples] + ["annotations/" + "a" * 32 + ".txt", "exports/a-b", "exports/a.b"]
    )
    for sample, key in zip(samples, keys, strict=False):
        sample.put_into(store, key=key)
    for key in keys[len(samples) :]:
        samples[0].put_into(store, key=key)
    assert [stat.key for stat in store.walk()] == keys
    assert [stat.key for stat in store.walk("exports/")] == ["exports/a-b", "exports/a.b"]
    assert not store.is_empty()
    for place, key in enumerate(keys):
        assert [stat.key for stat in store.walk(after=key)] == keys[place + 1 :]
    assert [stat.key for stat in store.walk("media/", after="exports/a.b")] == [
        k for k in keys if k.startswith("media/")
    ]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "media",
        "media/",
        "media/x.jpg",
        "other/" + "0" * 32,
        ABSENT + "/x",
        "/" + ABSENT,
        "media/../media/" + "0" * 32,
        "exports/.tmp-1",
        "exports/../x",
        "exports/a/b",
        "exports/a\n",
        "exports/a\x00",
        "exports/é",
    ],
)
def test_a_key_that_is_not_ours_is_refused_by_every_method(store: ObjectStore, picture: Sample, key: str) -> None:
    for method in (store.stat, store.fetch, store.remove, store.digest, store.url):
        with pytest.raises(ValueError, match="not the key"):
            method(key)
    with pytest.raises(ValueError, match="not the key"):
        picture.put_into(store, key=key or "/")


def test_a_ready_store_answers(store: ObjectStore) -> None:
    store.prepare()
    store.ping()


# --- Links -----------------------------------------------------------------------------------------


def link_to(store: ObjectStore, sample: Sample, *, seconds: int = 300, name: str = "feu de forêt.jpg") -> str:
    return store.link(sample.key, seconds=seconds, name=name, content_type="image/jpeg")


def test_a_link_gives_the_bytes_with_their_type_and_name(store: ObjectStore, picture: Sample, follow: Follow) -> None:
    picture.put_into(store)
    answer = follow(link_to(store, picture))
    assert (answer.status, answer.body) == (200, picture.data)
    assert answer.headers["Content-Type"] == "image/jpeg"
    disposition = "inline; filename=\"feu de foret.jpg\"; filename*=UTF-8''feu%20de%20for%C3%AAt.jpg"
    assert answer.headers["Content-Disposition"] == disposition


def test_what_could_hold_a_script_is_downloaded(store: ObjectStore, picture: Sample, follow: Follow) -> None:
    picture.put_into(store)
    for content_type in ("text/html", "image/svg+xml", "image/jpeg\r\nX-Evil: 1", ""):
        answer = follow(store.link(picture.key, seconds=300, name="page.html", content_type=content_type))
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="page.html.bin"'


def test_the_address_of_a_file_field_is_a_link(store: ObjectStore, picture: Sample, follow: Follow) -> None:
    picture.put_into(store)
    assert follow(store.url(picture.key)).body == picture.data


@pytest.mark.parametrize(("age", "status"), [(0, 200), (290, 200), (301, 403), (3900, 403)])
def test_a_link_ends_when_it_should(store: ObjectStore, picture: Sample, follow: Follow, age: int, status: int) -> None:
    picture.put_into(store)
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=age)):
        link = link_to(store, picture, seconds=300)
    assert follow(link).status == status


@pytest.mark.parametrize("seconds", [0, -1, 3601])
def test_no_link_lives_longer_than_an_hour(store: ObjectStore, picture: Sample, seconds: int) -> None:
    assert link_to(store, picture, seconds=3600)
    with pytest.raises(ValueError, match="from 1 to 3600"):
        link_to(store, picture, seconds=seconds)


def test_a_link_with_one_altered_byte_in_any_field_is_refused(
    store: ObjectStore, picture: Sample, follow: Follow
) -> None:
    picture.put_into(store)
    address = urlsplit(link_to(store, picture))
    fields = parse_qsl(address.query)
    assert len(fields) >= 4
    for place, (name, value) in enumerate(fields):
        altered = fields.copy()
        altered[place] = (name, value[:-1] + ("1" if value[-1] != "1" else "2"))
        query = urlencode(altered, quote_via=quote, safe="")
        assert follow(urlunsplit(address._replace(query=query))).status in {400, 403}, name
    other = Sample(b"another picture")
    other.put_into(store)
    path = address.path.replace(picture.key, other.key)
    assert follow(urlunsplit(address._replace(path=path))).status == 403
    assert follow(urlunsplit(address)).status == 200


def test_a_link_to_an_object_that_is_gone_says_so(store: ObjectStore, picture: Sample, follow: Follow) -> None:
    assert follow(link_to(store, picture)).status == 404
