"""The view behind a folder's signed links: what an S3 store does with presigned ones.

Refusals are JSON, as everywhere. With a bucket as the store there is nothing here: 404.
"""

from __future__ import annotations

import time
from typing import IO

from django.core.files.storage import storages
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from curation.storage.base import Stat
from curation.storage.errors import LinkRefused, ObjectMissing, StoreError
from curation.storage.folder import FolderStore
from curation.storage.headers import content_disposition
from curation.storage.keys import INLINE, content_digest
from curation.storage.links import Link, verify
from curation.storage.ranges import Range, Unsatisfiable, parse_range

PIECE = 64 * 1024  # bytes
RETRY_AFTER = 5  # seconds

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    # Front ends of other origins show these pictures; whoever holds the link may see the file anyway,
    # and no cookie is ever looked at here.
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def serve_file(request: HttpRequest, key: str) -> HttpResponseBase:
    """GET or HEAD of one object, by a link that `FolderStore.link()` made.

    200, 206, 304; 403 (altered or expired), 404, 405, 412, 416, 503.
    """
    store = storages["default"]
    if not isinstance(store, FolderStore):
        return _refusal(404, "Not found.")
    if request.method not in {"GET", "HEAD"}:
        return _refusal(405, f'Method "{request.method}" not allowed.', Allow="GET, HEAD")
    try:
        link = verify(key, request.META.get("QUERY_STRING", ""))
        return _answer(request, store, key, link)
    except LinkRefused as error:
        return _refusal(403, str(error))
    except ObjectMissing:
        return _refusal(404, "File cannot be found on the bucket storage")
    except StoreError as error:
        return _refusal(503, str(error), **{"Retry-After": str(RETRY_AFTER)})


def _answer(request: HttpRequest, store: FolderStore, key: str, link: Link) -> HttpResponseBase:
    stat = store.stat(key)
    if stat is None:
        raise ObjectMissing
    headers = _headers(stat, link)
    modified = int(stat.modified.timestamp())
    early = get_conditional_response(request, headers["ETag"], modified, HttpResponse(headers=headers))
    if early is not None and early.status_code == 412:  # Django leaves it without a body
        return _refusal(412, "The file is not the one that was expected.")
    if early is not None and early.status_code == 304:
        return early
    part = parse_range(request.headers.get("Range"), stat.size) if _allows_part(request, headers) else None
    if isinstance(part, Unsatisfiable):
        return _refusal(416, "The file has no such range.", **{"Content-Range": f"bytes */{stat.size}"})
    return _bytes(request, store, stat, headers, part)


def _headers(stat: Stat, link: Link) -> dict[str, str]:
    """What a 200, a 206 and a 304 have in common."""
    return SAFE | {
        "Content-Type": link.content_type,
        "Content-Disposition": content_disposition(link.name, link.content_type in INLINE),
        "Cache-Control": f"private, max-age={max(0, int(link.expires - time.time()))}",
        "ETag": f'"{content_digest(stat.key) or stat.etag}"',
        "Last-Modified": http_date(stat.modified.timestamp()),
        "Accept-Ranges": "bytes",
    }


def _allows_part(request: HttpRequest, headers: dict[str, str]) -> bool:
    """Ranges are for GET; with If-Range only when the file is still the one the client has a part of."""
    condition = request.headers.get("If-Range")
    return request.method == "GET" and condition in {None, headers["ETag"], headers["Last-Modified"]}


def _bytes(
    request: HttpRequest, store: FolderStore, stat: Stat, headers: dict[str, str], part: Range | None
) -> HttpResponseBase:
    length = stat.size if part is None else part.length
    headers = headers | {"Content-Length": str(length)}
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    pieces = _Slice(store.fetch(stat.key), part.start if part else 0, length)
    if part is None:
        return StreamingHttpResponse(pieces, headers=headers)
    headers["Content-Range"] = f"bytes {part.start}-{part.last}/{stat.size}"
    return StreamingHttpResponse(pieces, status=206, headers=headers)


def _refusal(status: int, sentence: str, **headers: str) -> JsonResponse:
    return JsonResponse({"detail": sentence}, status=status, headers=SAFE | {"Cache-Control": "no-store"} | headers)


class _Slice:
    """`length` bytes of a file from `start`, in small pieces. The answer closes it, read or unread."""

    def __init__(self, file: IO[bytes], start: int, length: int) -> None:
        self._file, self._rest = file, length
        file.seek(start)

    def __iter__(self) -> _Slice:
        return self

    def __next__(self) -> bytes:
        piece = self._file.read(min(PIECE, self._rest))
        if not piece:
            raise StopIteration
        self._rest -= len(piece)
        return piece

    def close(self) -> None:
        self._file.close()
