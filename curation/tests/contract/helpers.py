"""What the tests of the contract ask for again and again."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from rest_framework.test import APIClient

from accounts.models import Access, AuditEntry
from curation.models import Annotation, IdempotencyKey, Media, StoredObject
from curation.storage.stores import object_store
from curation.tests.pictures import LABEL, part, picture

SEEDS = itertools.count(1000)
UNREADABLE = {"detail": "This access can't read resources"}
NOT_ALLOWED = {"detail": "Your access scope is not compatible with this operation."}


def use_folder(settings: Any, folder: Path) -> None:
    """Keep objects in a folder for one test, whatever the store of the run is."""
    options = {"location": folder}
    store = {"BACKEND": "curation.storage.folder.FolderStore", "OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"default": store}
    object_store().prepare()


def announce(client: APIClient, **fields: Any) -> int:
    """The id of a new media."""
    return int(client.post("/media", fields, format="json").json()["id"])


def upload(client: APIClient, path: str, content: bytes | None = None, name: str = "picture.jpg", **extra: Any) -> Any:
    """POST a file to `path`/upload; a fresh picture when no content is given. `extra`: fields, WSGI headers."""
    content = picture(next(SEEDS)) if content is None else content
    headers = {key: value for key, value in extra.items() if key.startswith("HTTP_")}
    fields = {key: value for key, value in extra.items() if not key.startswith("HTTP_")}
    return client.post(f"{path}/upload", {"file": part(content, name)} | fields, format="multipart", **headers)


def stored(client: APIClient, content: bytes | None = None, **fields: Any) -> int:
    """The id of a new media that has its file."""
    media_id = announce(client, **fields)
    assert upload(client, f"/media/{media_id}", content).status_code == 200
    return media_id


def layer(client: APIClient, media_id: int, content: bytes | None = LABEL) -> int:
    """The id of a new annotation, with its file unless `content` is None."""
    row = client.post("/annotations", {"media_id": media_id}, format="json").json()
    if content is not None:
        assert upload(client, f"/annotations/{row['id']}", content, "a.txt").status_code == 200
    return int(row["id"])


def rows_of(owner: Access, count: int, **columns: Any) -> list[Media]:
    """Media rows without files, inserted directly."""
    return Media.objects.bulk_create([Media(owner=owner, **columns) for _ in range(count)])


def everything() -> dict[str, Any]:
    """What is kept: to show that a refused request changed nothing."""
    return {
        "media": list(Media.objects.order_by("pk").values()),
        "annotations": list(Annotation.objects.order_by("pk").values()),
        "ledger": sorted(StoredObject.objects.exclude(state="writing").values_list("key", flat=True)),
        "objects": sorted(stat.key for stat in object_store().walk()),
        "audit": AuditEntry.objects.count(),
        "keys": IdempotencyKey.objects.count(),
    }


def multipart(*parts: tuple[str, bytes], boundary: str = "edge") -> dict[str, Any]:
    """A multipart body written by hand. parts: (headers of the part, content)."""
    pieces = [f"--{boundary}\r\n{headers}\r\n\r\n".encode() + content + b"\r\n" for headers, content in parts]
    body = b"".join(pieces) + f"--{boundary}--\r\n".encode()
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}
