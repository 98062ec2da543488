"""A small S3 store that misbehaves as told: for faults that no real one can be asked for.

It checks no signature (but that there is one, unless it `shows` what is asked for) and, unless `verifies`,
no checksum. Real behaviour is tested against a real server.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

CODES = {400: "BadDigest", 403: "SignatureDoesNotMatch", 404: "NoSuchKey", 416: "InvalidRange", 503: "SlowDown"}


class ScriptedStore(ThreadingHTTPServer):
    """`faults["PUT"] = ["503", "swallow"]`: the next PUT gets 503, the one after is done and not answered.

    Faults: a status; "status Code" for another error code; "hang" (until the end of the test); "swallow"
    (obey, then cut the line); "short" (half of the body); "flip" (keep altered bytes, and say all is well).
    """

    daemon_threads = True

    def __init__(self, *, verifies: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.verifies = verifies
        self.shows: set[str] = set()  # to strangers: "list", "objects"
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.calls: list[str] = []
        self.end = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the play."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedStore

    def do_PUT(self) -> None:
        self.play(self.put)

    def do_GET(self) -> None:
        self.play(self.get)

    def do_HEAD(self) -> None:
        self.play(self.head)

    def do_POST(self) -> None:
        self.play(self.post)

    def do_DELETE(self) -> None:
        self.play(self.delete)

    def play(self, action: object) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.key = unquote(urlsplit(self.path).path).split("/", 2)[2:3]
        self.query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if not self.is_signed() and ("objects" if self.key and self.key[0] else "list") not in self.server.shows:
            self.fault = ""
            return self.refuse(403, "AccessDenied")
        self.server.calls.append(self.command)
        script = self.server.faults[self.command]
        self.fault = script.pop(0) if script else ""
        if self.fault == "hang":
            self.server.end.wait(30)
            self.close_connection = True
        elif self.fault[:1].isdigit():
            status, _, code = self.fault.partition(" ")
            self.refuse(int(status), code)
        else:
            assert callable(action)
            action()
        return None

    def is_signed(self) -> bool:
        return "Authorization" in self.headers or "X-Amz-Signature" in self.query

    # --- Answers -----------------------------------------------------------------------------------

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if self.fault == "swallow":
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if self.fault == "short" else body)
        if self.fault == "short":
            self.close_connection = True

    def refuse(self, status: int, code: str = "") -> None:
        code = code or CODES.get(status, "InternalError")
        self.answer(status, f"<Error><Code>{code}</Code><Message>x</Message></Error>".encode())

    # --- What a store does -------------------------------------------------------------------------

    def put(self) -> None:
        declared = self.headers.get("x-amz-checksum-sha256")
        actual = base64.b64encode(hashlib.sha256(self.body).digest()).decode()
        if self.server.verifies and declared and declared != actual:
            return self.refuse(400)
        kept = bytes([self.body[0] ^ 1]) + self.body[1:] if self.fault == "flip" and self.body else self.body
        if "uploadId" in self.query:
            self.server.uploads[self.query["uploadId"][0]][int(self.query["partNumber"][0])] = kept
        else:
            self.server.objects[self.key[0]] = kept
        return self.answer(200, ETag='"0"')

    def get(self) -> None:
        if "list-type" in self.query:
            return self.answer(200, b"<ListBucketResult></ListBucketResult>")
        if self.key[0] not in self.server.objects:
            return self.refuse(404)
        return self.answer(200, self.server.objects[self.key[0]], ETag='"0"')

    def head(self) -> None:
        if self.key and self.key[0] and self.key[0] not in self.server.objects:
            return self.answer(404)
        size = len(self.server.objects[self.key[0]]) if self.key and self.key[0] else 0
        return self.answer(200, b"x" * size, ETag='"0"', Last_Modified="Mon, 02 Mar 2026 12:00:00 GMT")

    def post(self) -> None:
        if "uploads" in self.query:
            upload = f"upload-{len(self.server.uploads)}"
            self.server.uploads[upload] = {}
            return self.answer(200, f"<R><UploadId>{upload}</UploadId></R>".encode())
        parts = self.server.uploads.pop(self.query["uploadId"][0], None)
        if parts is None:
            return self.refuse(404, "NoSuchUpload")
        self.server.objects[self.key[0]] = b"".join(parts[number] for number in sorted(parts))
        return self.answer(200, b"<R><ETag>0</ETag></R>")

    def delete(self) -> None:
        if "uploadId" in self.query:
            self.server.uploads.pop(self.query["uploadId"][0], None)
        else:
            self.server.objects.pop(self.key[0], None)
        self.answer(204)

    def log_message(self, *args: object) -> None:
        """Quiet."""
