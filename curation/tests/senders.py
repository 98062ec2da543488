"""Clients of direct uploads: they follow the links that they are given, into a bucket or to our own server."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.test import Client
from rest_framework.test import APIClient

from curation.actions.working import Stopped
from curation.storage.folder import FolderStore
from curation.storage.stores import object_store
from curation.tests.imaging_files import box

MIB = 1024 * 1024


def asked(content: bytes, **fields: Any) -> dict[str, Any]:
    """The body that begins an upload of `content`."""
    told = {"name": "ridge.jpg", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return told | {"type": "image"} | fields


def begin(client: APIClient, content: bytes, **fields: Any) -> Any:
    answer = client.post("/uploads", asked(content, **fields), format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


def follow(url: str, content: bytes, headers: dict[str, str] | None = None) -> int:
    """PUT `content` by a link; the status of the answer."""
    if isinstance(object_store(), FolderStore):
        address = urlsplit(url)
        asked: Any = Client(raise_request_exception=False).put
        answer = asked(f"{address.path}?{address.query}", content, content_type="application/octet-stream")
        return int(answer.status_code)
    request = urllib.request.Request(url, content, headers or {}, method="PUT")
    if not request.has_header("Content-type"):
        request.add_unredirected_header("Content-Type", "application/octet-stream")
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)


def put(row: Any, content: bytes) -> int:
    """Send a small file, as the answer `row` says."""
    return follow(row["put"]["url"], content, row["put"]["headers"])


def put_parts(row: Any, content: bytes, *numbers: int) -> None:
    """Send the parts of `row` that have links, or only those of these numbers."""
    for part in row["parts"]:
        if not numbers or part["number"] in numbers:
            start = (part["number"] - 1) * row["part_size"]
            assert follow(part["url"], content[start : start + part["size"]]) == 200


def complete(client: APIClient, row: Any) -> Any:
    return client.post(f"/uploads/{row['id']}/complete")


def sent(client: APIClient, content: bytes, **fields: Any) -> Any:
    """Begin, send and complete a small file; the last answer."""
    row = begin(client, content, **fields)
    assert put(row, content) == 200
    return complete(client, row)


def movie(size: int, seed: int = 0) -> bytes:
    """The least that is an mp4, of `size` bytes."""
    head = box(b"ftyp", b"isom", bytes(4), b"isom") + box(b"moov", box(b"free", seed.to_bytes(8, "big")))
    return head + box(b"mdat", bytes(size - len(head) - 8))


@dataclass
class Attempt:
    """One attempt at a job, as the worker hands it to an action; `stop_after` calls of progress it is cancelled."""

    payload: dict[str, Any]
    stop_after: int = 10**9
    seen: list[tuple[int, int | None]] = field(default_factory=list)

    def progress(self, done: int, total: int | None = None) -> None:
        self.seen.append((done, total))
        if len(self.seen) > self.stop_after:
            raise Stopped
