"""The stores under test: a folder, a real S3 server where one is given, and one that misbehaves."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from curation.storage.base import ObjectStore
from curation.storage.bucket import BucketStore
from curation.storage.folder import FolderStore
from curation.storage.keys import media_key
from curation.storage.serve import serve_file
from curation.tests.storage.scripted_store import ScriptedStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PUBLIC_URL = "http://pyro.test"
S3 = ("TEST_S3_ENDPOINT_URL", "TEST_S3_ACCESS_KEY", "TEST_S3_SECRET_KEY", "TEST_S3_BUCKET")


@dataclass(frozen=True)
class Sample:
    """Some bytes, and what is known of them."""

    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def key(self) -> str:
        return media_key(self.sha256, "jpg")

    @property
    def file(self) -> IO[bytes]:
        return io.BytesIO(self.data)

    def put_into(self, store: ObjectStore, file: IO[bytes] | None = None, key: str = "") -> None:
        store.put(
            key or self.key,
            file or self.file,
            size=len(self.data),
            sha256=self.sha256,
            content_type="image/jpeg",
        )


@dataclass(frozen=True)
class Answer:
    """What somebody who follows a link gets."""

    status: int
    headers: Message
    body: bytes


Follow = Callable[[str], Answer]


@pytest.fixture(autouse=True)
def _no_database_to_tidy() -> Iterator[None]:
    """The end of an answer makes Django look after its connections, which tests without a database may not."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)


@pytest.fixture
def picture() -> Sample:
    return Sample(b"\xff\xd8 a wisp of smoke over the ridge")


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> FolderStore:
    """The default store of this test, empty and ready."""
    location = tmp_path / "objects"
    backend = {"BACKEND": "curation.storage.folder.FolderStore", "OPTIONS": {"location": location}}
    settings.STORAGES = settings.STORAGES | {"default": backend}
    settings.PUBLIC_URL = PUBLIC_URL
    store = FolderStore(location)
    store.prepare()
    return store


@pytest.fixture(scope="session")
def given_bucket() -> BucketStore:
    """The bucket of the S3 server that the environment names. It is emptied by every test."""
    missing = [name for name in S3 if not os.environ.get(name)]
    if missing:
        pytest.skip(f"No S3 server to test against: set {', '.join(missing)}.")
    endpoint, access_key, secret_key, bucket = (os.environ[name] for name in S3)
    return BucketStore(bucket_name=bucket, access_key=access_key, secret_key=secret_key, endpoint_url=endpoint)


@pytest.fixture
def bucket(given_bucket: BucketStore) -> Iterator[BucketStore]:
    client = raw(given_bucket)
    try:
        client.head_bucket(Bucket=given_bucket.bucket_name)
    except ClientError:
        client.create_bucket(Bucket=given_bucket.bucket_name)
    _empty(given_bucket)
    yield given_bucket
    _empty(given_bucket)


def _empty(store: BucketStore) -> None:
    for stat in list(store.walk()):
        raw(store).delete_object(Bucket=store.bucket_name, Key=stat.key)
    for upload in list(store.incomplete()):
        store.abort(upload)


def raw(store: BucketStore) -> S3Client:
    """The client beneath, to do what the store would never do."""
    return store._s3


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """Each store in turn: what a test with this fixture asks for, every store must give."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, ObjectStore)
    return found


@pytest.fixture
def scripted() -> Iterator[ScriptedStore]:
    yield from _serving(ScriptedStore())


@pytest.fixture
def careless() -> Iterator[ScriptedStore]:
    """A store that verifies no checksum."""
    yield from _serving(ScriptedStore(verifies=False))


def _serving(server: ScriptedStore) -> Iterator[ScriptedStore]:
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    try:
        yield server
    finally:
        server.end.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def follow() -> Follow:
    """Opens a link as a browser would: the folder's in our view, a bucket's over the network."""

    def open_link(url: str) -> Answer:
        return _from_view(url) if url.startswith(PUBLIC_URL) else _from_network(url)

    return open_link


def _from_view(url: str) -> Answer:
    address = urlsplit(url)
    response = serve_file(RequestFactory().get(f"{address.path}?{address.query}"), address.path.removeprefix("/files/"))
    headers = Message()
    for name, value in response.items():
        headers[name] = value
    with closing(response):
        assert isinstance(response, HttpResponse | StreamingHttpResponse)
        return Answer(response.status_code, headers, response.getvalue())


def _from_network(url: str) -> Answer:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())
