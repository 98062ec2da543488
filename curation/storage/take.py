"""The view behind a folder's links for direct uploads: what an S3 store does with presigned PUTs.

Whoever holds the link may write exactly the bytes that it names, and nothing else; no token is looked at.
With a bucket as the store there is nothing here: 404.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.core.files.storage import storages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError

from curation.storage.errors import ChecksumRefused, DiskFull, LinkRefused, StoreError, UploadGone
from curation.storage.folder import FolderStore
from curation.storage.keys import incoming_of
from curation.storage.links import PutPromise, verify_put
from curation.storage.spool import ensure_room, in_words

PIECE = 256 * 1024  # bytes
RETRY_AFTER = 5  # seconds
ROOM_CHECKED_FROM = 1024 * 1024  # bytes


def take_file(request: HttpRequest, name: str) -> HttpResponse:
    """PUT of one file, or of one part, by a link that `FolderStore.put_link()` made.

    200; 400 (other bytes than announced), 403 (altered or expired), 404 (the upload has ended), 405, 413, 503, 507.
    """
    store, key = storages["default"], f"incoming/{name}"
    if not isinstance(store, FolderStore) or not incoming_of(key) or key.endswith(".open"):
        return _refusal(404, "Not found.")
    if request.method != "PUT":
        return _refusal(405, f'Method "{request.method}" not allowed.', Allow="PUT")
    try:
        promise = verify_put(key, request.META.get("QUERY_STRING", ""))
        return _taken(request, store, key, promise)
    except LinkRefused as error:
        return _refusal(403, str(error))
    except (StoreError, UnreadablePostError) as error:
        return _failed(error)


def _failed(error: Exception) -> JsonResponse:
    if isinstance(error, UploadGone):
        return _refusal(404, "This upload has ended.")
    if isinstance(error, (ChecksumRefused, UnreadablePostError)):
        return _refusal(400, "The bytes that arrived are not those that were announced.")
    status = 507 if isinstance(error, DiskFull) else 503
    return _refusal(status, str(error), **{"Retry-After": str(RETRY_AFTER)})


def _taken(request: HttpRequest, store: FolderStore, key: str, promise: PutPromise) -> HttpResponse:
    announced = request.META.get("CONTENT_LENGTH") or ""
    if not request.META.get("HTTP_TRANSFER_ENCODING") and announced.isdigit() and int(announced) > promise.size:
        return _refusal(413, f"This link takes {in_words(promise.size)}.")
    if promise.size > ROOM_CHECKED_FROM:
        ensure_room(promise.size)
    store.receive(key, _pieces(request), size=promise.size, sha256=promise.sha256)
    return HttpResponse(headers={"Cache-Control": "no-store"})


def _pieces(request: HttpRequest) -> Iterator[bytes]:
    while piece := request.read(PIECE):
        yield piece


def _refusal(status: int, sentence: str, **headers: str) -> JsonResponse:
    return JsonResponse({"detail": sentence}, status=status, headers={"Cache-Control": "no-store"} | headers)
