"""What is expected of every store that clients write into themselves: a folder and a real S3 server alike."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from curation.storage.base import ObjectStore
from curation.storage.breaker import FAILURES
from curation.storage.bucket import BucketStore
from curation.storage.direct import MIB, MOST_PARTS, RangedFile, part_size_of
from curation.storage.errors import ChecksumRefused, ObjectMissing, StoreError, UploadGone
from curation.storage.folder import FolderStore
from curation.storage.keys import incoming_key, incoming_of, part_key
from curation.storage.links import sign, sign_put
from curation.storage.take import take_file
from curation.tests.storage.conftest import PUBLIC_URL, Sample
from curation.tests.storage.scripted_store import ScriptedStore
from curation.tests.storage.test_bucket_faults import store_at

SMOKE = Sample(b"\xff\xd8 a wisp of smoke")
PART = 5 * MIB  # the least that S3 takes, but for the last part


def send(url: str, content: bytes, headers: dict[str, str] | None = None, method: str = "PUT", **extra: Any) -> int:
    if url.startswith(PUBLIC_URL):
        address = urlsplit(url)
        request = RequestFactory().generic(method, f"{address.path}?{address.query}", content, **extra)
        return take_file(request, address.path.removeprefix("/incoming/")).status_code
    asked = urllib.request.Request(url, content, headers or {}, method=method)
    asked.add_unredirected_header("Content-Type", "application/octet-stream")
    try:
        with urllib.request.urlopen(asked, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def link(store: ObjectStore, key: str, sample: Sample = SMOKE, seconds: int = 60) -> Any:
    return store.put_link(key, size=len(sample.data), sha256=sample.sha256, seconds=seconds)


def nothing(*_: object) -> None:
    """Nobody watches."""


# --- One PUT ---------------------------------------------------------------------------------------


def test_a_link_takes_the_bytes_it_was_made_for_and_no_others(store: ObjectStore) -> None:
    assert store.binds_content()
    key = incoming_key()
    given = link(store, key)
    for other in (SMOKE.data[:-1] + b"!", SMOKE.data + b"!", SMOKE.data[:-1], b""):
        assert send(given.url, other, given.headers) in {400, 403, 413}, other
        assert store.stat(key) is None
    assert send(given.url, SMOKE.data, given.headers) == 200
    assert store.digest(key) == (SMOKE.sha256, len(SMOKE.data))
    assert store.read_small(key, 3) == SMOKE.data[:4]
    assert store.read_small(key, 10**6) == SMOKE.data
    store.remove(key)
    with pytest.raises(ObjectMissing):
        store.read_small(key, 3)


@pytest.mark.parametrize("seconds", [0, 3601])
def test_no_link_to_write_lives_longer_than_an_hour(store: ObjectStore, seconds: int) -> None:
    assert link(store, incoming_key(), seconds=3600)
    with pytest.raises(ValueError, match="from 1 to 3600"):
        link(store, incoming_key(), seconds=seconds)


def test_a_store_that_verifies_nothing_is_only_given_parts(careless: ScriptedStore, scripted: ScriptedStore) -> None:
    assert not store_at(careless).binds_content()
    assert store_at(scripted).binds_content()


# --- Parts -----------------------------------------------------------------------------------------


def send_part(store: ObjectStore, key: str, upload: str, number: int, content: bytes) -> int:
    given = store.part_link(key, upload, number, size=len(content), seconds=60)
    return send(given.url, content, given.headers)


def test_parts_become_one_object_whatever_their_order(store: ObjectStore) -> None:
    key, whole = incoming_key(), Sample(b"a" * PART + b"b" * PART + b"c")
    upload = store.begin_parts(key)
    assert list(store.parts(key, upload)) == []
    for number in (3, 1, 2):
        assert send_part(store, key, upload, number, whole.data[(number - 1) * PART : number * PART]) == 200
    parts = list(store.parts(key, upload))
    assert [(part.number, part.size) for part in parts] == [(1, PART), (2, PART), (3, 1)]
    store.join_parts(key, upload, parts, size=len(whole.data))
    assert store.digest(key) == (whole.sha256, len(whole.data))
    assert [stat.key for stat in store.walk()] == [key]
    with pytest.raises(UploadGone):
        list(store.parts(key, upload))
    assert send_part(store, key, upload, 3, b"c") == 404
    store.join_parts(key, upload, parts, size=len(whole.data))
    assert store.digest(key)[0] == whole.sha256


def test_dropped_parts_are_gone_and_no_more_come(store: ObjectStore) -> None:
    key = incoming_key()
    upload = store.begin_parts(key)
    assert send_part(store, key, upload, 1, b"a") == 200
    parts = list(store.parts(key, upload))
    for _ in range(2):
        store.drop_parts(key, upload)
    assert send_part(store, key, upload, 1, b"a") == 404
    assert store.is_empty()
    assert list(store.incomplete()) == []
    with pytest.raises(UploadGone):
        store.join_parts(key, upload, parts, size=1)


def test_asking_for_parts_that_are_gone_is_no_failure_of_the_store(bucket: BucketStore) -> None:
    """Otherwise a few clients that ask for ended uploads would shut the store for all."""
    for _ in range(FAILURES + 1):
        with pytest.raises(UploadGone):
            list(bucket.parts(incoming_key(), "no-such-upload"))
    assert bucket.is_empty()


def test_a_part_that_is_sent_again_replaces_the_first(store: ObjectStore) -> None:
    key = incoming_key()
    upload = store.begin_parts(key)
    for content in (b"smirk", b"smoke"):
        assert send_part(store, key, upload, 1, content) == 200
    store.join_parts(key, upload, list(store.parts(key, upload)), size=5)
    assert b"".join(store.read_chunks(key)) == b"smoke"


@pytest.mark.parametrize(
    ("size", "part_size"), [(1, 16), (10_000 * 16 * MIB, 16), (10_000 * 16 * MIB + 1, 17), (50_000 * 2**30, 5120)]
)
def test_parts_are_as_large_as_ten_thousand_of_them_need(size: int, part_size: int) -> None:
    assert part_size_of(size) == part_size * MIB
    assert -(-size // part_size_of(size)) <= MOST_PARTS


# --- Copies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 64 * MIB, 64 * MIB + 1])
def test_a_copy_is_the_same_bytes(store: ObjectStore, size: int) -> None:
    sample, key, ticks = Sample(b"x" * size), incoming_key(), []
    sample.put_into(store, key=key)
    told: dict[str, Any] = {"size": size, "sha256": sample.sha256, "content_type": "image/jpeg"}
    store.copy(key, sample.key, **told, tick=lambda: ticks.append(1))
    store.remove(key)
    assert store.digest(sample.key) == (sample.sha256, size)
    assert list(store.incomplete()) == []


def test_a_copy_of_nothing_or_of_another_size_is_refused(store: ObjectStore) -> None:
    key, told = incoming_key(), {"size": 5, "sha256": SMOKE.sha256, "content_type": "image/jpeg"}
    with pytest.raises(ObjectMissing):
        store.copy(key, SMOKE.key, **told, tick=nothing)  # type: ignore[arg-type]
    SMOKE.put_into(store, key=key)
    with pytest.raises(StoreError):
        store.copy(key, SMOKE.key, **told, tick=nothing)  # type: ignore[arg-type]
    assert store.stat(SMOKE.key) is None
    assert list(store.incomplete()) == []


def test_a_copy_of_other_bytes_than_were_hashed_is_noticed(bucket: BucketStore) -> None:
    key = incoming_key()
    SMOKE.put_into(bucket, key=key)
    told: dict[str, Any] = {"size": len(SMOKE.data), "sha256": "0" * 64, "content_type": "image/jpeg"}
    with pytest.raises(ChecksumRefused):
        bucket.copy(key, SMOKE.key, **told, tick=nothing)


# --- Ranged reading --------------------------------------------------------------------------------


def test_a_ranged_file_reads_like_a_file_and_fetches_little(store: ObjectStore) -> None:
    content = bytes(range(256)) * 8192
    sample = Sample(content)
    sample.put_into(store)
    ranged, plain = store.open_ranged(sample.key, len(content)), io.BytesIO(content)
    for place, whence, length in ((0, 0, 10), (-10, 2, 20), (5, 0, 0), (300_000, 0, 300_000), (3, 1, 7), (1, 0, -1)):
        assert ranged.seek(place, whence) == plain.seek(place, whence)
        assert ranged.read(length) == plain.read(length)
        assert ranged.tell() == plain.tell()
    fetched: list[int] = []

    def read(start: int, end: int) -> Any:
        fetched.append(end - start)
        return iter([content[start:end]])

    file = RangedFile(read, len(content))
    for place in range(100):
        file.seek(place)
        file.read(2)
    assert sum(fetched) <= 256 * 1024


# --- Our own server as the store -------------------------------------------------------------------


def test_the_folder_takes_puts_alone(folder: FolderStore) -> None:
    given = link(folder, incoming_key())
    for method in ("GET", "HEAD", "POST", "DELETE"):
        assert send(given.url, SMOKE.data, method=method) == 405


def test_a_longer_body_is_refused_by_its_length(folder: FolderStore) -> None:
    given = link(folder, incoming_key())
    assert send(given.url, SMOKE.data + b"!") == 413
    assert send(given.url, SMOKE.data + b"!", HTTP_TRANSFER_ENCODING="chunked") == 400
    assert folder.is_empty()


def test_a_full_disk_is_told_before_a_large_body_is_read(folder: FolderStore, settings: Settings) -> None:
    settings.DISK_RESERVE_BYTES = 2**60
    key = incoming_key()
    given = folder.put_link(key, size=2 * MIB, sha256="", seconds=60)
    assert send(given.url, b"x" * 2 * MIB) == 507
    settings.DISK_RESERVE_BYTES = 0
    assert send(given.url, b"x" * 2 * MIB) == 200


def test_a_link_to_read_does_not_write(folder: FolderStore) -> None:
    key = incoming_key()
    query = sign(key, seconds=60, name="", content_type="image/jpeg").partition("?")[2]
    assert send(f"{PUBLIC_URL}/{key}?{query}", SMOKE.data) == 403
    other = sign_put(incoming_key(), size=len(SMOKE.data), sha256="", seconds=60).partition("?")[2]
    assert send(f"{PUBLIC_URL}/{key}?{other}", SMOKE.data) == 403


@pytest.mark.parametrize("name", ["x", "../media/" + "0" * 32, "0" * 32 + ".open", "0" * 32 + ".1", "probe-1"])
def test_nothing_but_incoming_files_can_be_written(folder: FolderStore, name: str) -> None:
    query = sign_put(f"incoming/{name}", size=1, sha256="", seconds=60).partition("?")[2]
    assert send(f"{PUBLIC_URL}/incoming/{name}?{query}", b"x") == 404
    assert folder.is_empty()


def test_with_a_bucket_there_is_nothing_at_incoming(folder: FolderStore, settings: Settings) -> None:
    given = link(folder, incoming_key())
    backend = {"BACKEND": "curation.storage.bucket.BucketStore", "OPTIONS": {"bucket_name": "b"}}
    settings.STORAGES = settings.STORAGES | {"default": backend}
    assert send(given.url, SMOKE.data) == 404


def test_the_incoming_key_of_a_part_is_found() -> None:
    key = incoming_key()
    assert incoming_of(key) == incoming_of(part_key(key, 7)) == incoming_of(f"{key}.open") == key
    assert incoming_of("incoming/probe-1") == incoming_of("media/" + "0" * 32 + ".jpg") == ""
