"""Harm done to a store behind its back: through the file system of a folder, or the client of a bucket."""

from __future__ import annotations

from curation.storage.bucket import BucketStore
from curation.storage.folder import FolderStore
from curation.storage.keys import media_key
from curation.storage.stores import object_store

TYPE = "image/jpeg"
UNKNOWN_KEY = media_key("ab" * 32, "jpg")
LEFTOVER = "media/.tmp-0123456789abcdef"


def plant(key: str, content: bytes) -> None:
    """An object that nobody announced, or other bytes for one that is there."""
    store = object_store()
    if isinstance(store, FolderStore):
        path = store.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    else:
        assert isinstance(store, BucketStore)
        store._s3.put_object(Bucket=store.bucket_name, Key=key, Body=content, ContentType=TYPE)


def take_away(key: str) -> None:
    store = object_store()
    if isinstance(store, FolderStore):
        (store.folder / key).unlink()
    else:
        assert isinstance(store, BucketStore)
        store._s3.delete_object(Bucket=store.bucket_name, Key=key)


def content_of(key: str) -> bytes:
    return b"".join(object_store().read_chunks(key))


def truncate(key: str) -> None:
    plant(key, content_of(key)[:-1])


def flip_one_bit(key: str) -> None:
    content = bytearray(content_of(key))
    content[len(content) // 2] ^= 1
    plant(key, bytes(content))


def swap(one: str, other: str) -> None:
    first, second = content_of(one), content_of(other)
    plant(one, second)
    plant(other, first)


def leave_unfinished(key: str = UNKNOWN_KEY) -> str:
    """A write whose writer died: an open multipart upload, or a temporary file. Returns the key it shows under."""
    store = object_store()
    if isinstance(store, FolderStore):
        plant(LEFTOVER, b"half of a pic")
        return LEFTOVER
    assert isinstance(store, BucketStore)
    store._s3.create_multipart_upload(Bucket=store.bucket_name, Key=key, ContentType=TYPE)
    return key


def has(key: str) -> bool:
    return object_store().stat(key) is not None
