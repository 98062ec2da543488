"""Names of objects. Made from digests and detected types alone: no letter of a client's file name."""

from __future__ import annotations

import re
import secrets

PREFIXES = ("annotations", "derived", "exports", "incoming", "media", "releases")  # in byte order, as walks meet them

CONTENT_TYPES = {  # extension -> content type; the first extension of a type is the one we write
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
    "txt": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "xml": "application/xml",
    "zip": "application/zip",
    "parquet": "application/vnd.apache.parquet",
    "bin": "application/octet-stream",
}
UNKNOWN = "application/octet-stream"

# What a browser may show in place; everything else is downloaded, because it could hold a script.
INLINE = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4", "video/webm"})

SHA256 = re.compile(r"[0-9a-f]{64}")
EXTENSION = re.compile(r"[a-z0-9]{1,8}")
# Adopted buckets hold whatever extension their clients sent, hence the wide tail behind the digest.
# No key has a second slash: stores disagree on how `a-b/` and `a/` sort, and walks are resumed by order.
OURS = re.compile(
    r"(?:media|annotations)/[0-9a-f]{32}(?:\.[A-Za-z0-9._-]{1,40})?"
    r"|(?:derived|exports|incoming|releases)/[A-Za-z0-9][A-Za-z0-9._-]{0,149}"
)
INCOMING = re.compile(r"(incoming/[0-9a-f]{32})(?:\.(?:[0-9]{5}|open))?")
CONTENT_KEY = re.compile(r"(?:media|annotations)/([0-9a-f]{32})(?:\..*)?")


def media_key(sha256: str, extension: str) -> str:
    """media/<first 32 hex digits>.<extension>; the extension is that of the detected type."""
    return _content_key("media", sha256, extension)


def own_media_key(sha256: str, extension: str) -> str:
    """media/<first 32 hex digits>.<16 random hex digits>.<extension>: another object for the same content."""
    return _content_key("media", sha256, extension).replace(".", f".{secrets.token_hex(8)}.")


def annotation_key(sha256: str, extension: str) -> str:
    """annotations/<first 32 hex digits>.<extension>."""
    return _content_key("annotations", sha256, extension)


def derived_key(sha256: str) -> str:
    """derived/<first 32 hex digits>.webp, of the small picture's own content."""
    return _content_key("derived", sha256, "webp")


def _content_key(prefix: str, sha256: str, extension: str) -> str:
    if not SHA256.fullmatch(sha256) or not EXTENSION.fullmatch(extension):
        raise ValueError("A key is made of a SHA-256 in lower-case hex and a plain extension.")
    return f"{prefix}/{sha256[:32]}.{extension}"


def incoming_key() -> str:
    """incoming/<32 random hex digits>: for what a client writes into the store itself."""
    return f"incoming/{secrets.token_hex(16)}"


def part_key(key: str, number: int) -> str:
    """Where a store without parts of its own keeps part `number` of an incoming object."""
    return f"{key}.{number:05d}"


def incoming_of(key: str) -> str:
    """The incoming key that `key` is, or that it is a part of; "" for all others."""
    match = INCOMING.fullmatch(key)
    return match.group(1) if match else ""


def is_incoming(key: str) -> bool:
    """Whether a client writes there, and nothing stays."""
    return key.startswith("incoming/")


def is_ours(key: str) -> bool:
    """Whether this service could have written `key`: nothing else is read, linked or removed."""
    return OURS.fullmatch(key) is not None


def content_digest(key: str) -> str:
    """The 32 hex digits that name the bytes of `key`; "" for a key that is not made of its content."""
    match = CONTENT_KEY.fullmatch(key)
    return match.group(1) if match else ""


def content_type_of(key: str) -> str:
    """The content type that the extension of `key` stands for."""
    return CONTENT_TYPES.get(key.rpartition(".")[2].lower(), UNKNOWN)


def extension_of(name: str) -> str:
    """The extension that we write for files named like `name` (JPEG -> jpg); "" when we know none."""
    extension = name.rpartition(".")[2].lower()
    content_type = CONTENT_TYPES.get(extension, "") if "." in name else ""
    return next((known for known, told in CONTENT_TYPES.items() if told == content_type), "")


def safe_content_type(content_type: str) -> str:
    """`content_type` when it is one we serve, else octet-stream."""
    return content_type if content_type in CONTENT_TYPES.values() else UNKNOWN
