"""What only a bucket has, on a real S3 server."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from curation.storage.bucket import BucketStore
from curation.storage.errors import StoreUnavailable
from curation.tests.storage.conftest import Follow, Sample, raw


def like(store: BucketStore, **changes: str | Config) -> BucketStore:
    """The same store, with some options changed."""
    options = {"bucket_name": store.bucket_name, "access_key": store.access_key, "secret_key": store.secret_key}
    return BucketStore(**options | {"endpoint_url": store.endpoint_url} | changes)


def everything(store: BucketStore, picture: Sample) -> Iterator[tuple[str, object]]:
    yield "stat", lambda: store.stat(picture.key)
    yield "read", lambda: store.digest(picture.key)
    yield "put", lambda: picture.put_into(store)
    yield "remove", lambda: store.remove(picture.key)
    yield "walk", lambda: list(store.walk())
    yield "incomplete", lambda: list(store.incomplete())
    yield "ping", store.ping
    yield "prepare", store.prepare


def all_are_outages(store: BucketStore, picture: Sample, *, but: frozenset[str] = frozenset()) -> None:
    for name, ask in everything(store, picture):
        if name in but:
            continue
        assert callable(ask)
        with pytest.raises(StoreUnavailable) as caught:
            ask()
        told = str(caught.value)
        assert told.endswith("."), name
        for secret in (picture.key, store.bucket_name, store.secret_key, store.access_key, "http", "127.0.0.1"):
            assert secret not in told


def test_the_server_itself_refuses_a_wrong_checksum(bucket: BucketStore, picture: Sample) -> None:
    with pytest.raises(ClientError, match="BadDigest"):
        raw(bucket).put_object(
            Bucket=bucket.bucket_name, Key=picture.key, Body=b"other bytes", ChecksumSHA256="A" * 43 + "="
        )
    assert bucket.stat(picture.key) is None
    assert bucket._learn_whether_it_verifies() is True
    assert bucket.is_empty()


def test_an_open_multipart_upload_is_listed_and_aborted(bucket: BucketStore, picture: Sample) -> None:
    begun = raw(bucket).create_multipart_upload(Bucket=bucket.bucket_name, Key=picture.key)
    raw(bucket).upload_part(
        Bucket=bucket.bucket_name, Key=picture.key, UploadId=begun["UploadId"], PartNumber=1, Body=b"x"
    )
    (left,) = bucket.incomplete()
    assert (left.key, left.upload_id) == (picture.key, begun["UploadId"])
    assert abs(left.started.timestamp() - time.time()) < 60
    bucket.abort(left)
    bucket.abort(left)
    assert list(bucket.incomplete()) == []


def test_a_refused_connection_is_an_outage_and_told_fast(bucket: BucketStore, picture: Sample) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = like(bucket, endpoint_url=f"http://127.0.0.1:{unused.getsockname()[1]}")
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable):
            closed.ping()
        assert time.monotonic() - begun < 2
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable):
            picture.put_into(closed)
        assert time.monotonic() - begun < 5


def test_wrong_credentials_are_an_outage_and_nothing_is_missing(bucket: BucketStore, picture: Sample) -> None:
    picture.put_into(bucket)
    all_are_outages(like(bucket, secret_key="not-the-secret"), picture)
    assert bucket.stat(picture.key)


def test_a_bucket_that_is_gone_is_an_outage_and_nothing_is_missing(bucket: BucketStore, picture: Sample) -> None:
    # Some servers make an absent bucket at the first write of an administrator, hence no `put`; and S3 does
    # not have to tell whether a removed object was in a bucket.
    gone = like(bucket, bucket_name="no-such-bucket-here")
    all_are_outages(gone, picture, but=frozenset({"put", "remove", "incomplete"}))


def test_a_name_that_does_not_resolve_is_an_outage(bucket: BucketStore, picture: Sample) -> None:
    lost = like(bucket, endpoint_url="http://store.invalid:8333")
    with pytest.raises(StoreUnavailable):
        lost.ping()


def test_links_are_signed_for_the_public_address_without_asking_the_store(
    bucket: BucketStore, picture: Sample, follow: Follow
) -> None:
    picture.put_into(bucket)
    cut_off = like(bucket, endpoint_url="http://127.0.0.1:9", public_endpoint_url=bucket.endpoint_url)
    link = cut_off.link(picture.key, seconds=60, name="a.jpg", content_type="image/jpeg")
    assert link.startswith(bucket.endpoint_url)
    assert follow(link).body == picture.data
    begun = time.monotonic()
    for _ in range(100):
        cut_off.link(picture.key, seconds=60, name="a.jpg", content_type="image/jpeg")
    assert (time.monotonic() - begun) / 100 < 0.003 * 5  # 3 ms, and some air for busy machines


def test_a_walk_goes_over_many_pages(bucket: BucketStore) -> None:
    keys = [f"exports/{number:05}" for number in range(1005)]
    for key in keys:
        raw(bucket).put_object(Bucket=bucket.bucket_name, Key=key, Body=b"")
    assert [stat.key for stat in bucket.walk()] == keys
    assert [stat.key for stat in bucket.walk(after=keys[1001])] == keys[1002:]


def test_an_unknown_option_stops_the_start() -> None:
    with pytest.raises(Exception, match="Invalid setting"):
        BucketStore(bucket_name="b", no_such_option="x")
