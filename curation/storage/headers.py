"""File names that strangers chose, made harmless: for keeping, and for a header. Pure."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from curation.storage.keys import CONTENT_TYPES

LONGEST_NAME = 255  # bytes of UTF-8, the limit of common file systems
LONGEST_EXTENSION = 32  # bytes, the dot included
JOINERS = "\u200c\u200d"  # of Persian words and of emoji; the only invisible characters that are kept
REMOVED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format (direction overrides among them), half characters, line ends
ATTR_CHARS = "!#$&+-.^_`|~"  # RFC 8187, besides letters and digits


def clean_name(raw: str) -> str:
    """The last part of a client's file name, readable and at most 255 bytes long; "" when nothing is left.

    Either slash separates. Control and direction characters go, accents are composed (NFC), and a name
    that is too long loses the end of its stem, never its extension.
    """
    is_plain = raw.isascii() and raw.isprintable()
    visible = raw if is_plain else "".join(c for c in raw if c in JOINERS or unicodedata.category(c) not in REMOVED)
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", visible))[-1].strip()
    if not last.strip(". "):
        return ""
    return _shortened(last)


def _shortened(name: str) -> str:
    if len(name.encode()) <= LONGEST_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = (dot + extension).encode()
    if not stem or len(tail) > LONGEST_EXTENSION:
        stem, tail = name, b""
    head = stem.encode()[: LONGEST_NAME - len(tail)].decode(errors="ignore")
    return (head + tail.decode()).strip()


def download_name(raw: str, content_type: str) -> str:
    """The name to save a file of `content_type` under: its extension always tells the truth."""
    name = clean_name(raw) or "file"
    extensions = [extension for extension, kind in CONTENT_TYPES.items() if kind == content_type] or ["bin"]
    if name.rpartition(".")[2].lower() in extensions and "." in name:
        return name
    return clean_name(f"{name}.{extensions[0]}")


def content_disposition(name: str, inline: bool) -> str:
    """A Content-Disposition header (RFC 6266): ASCII only, whatever `name` is.

    `filename` for old programs, `filename*` beside it when that one loses something.
    """
    kind = "inline" if inline else "attachment"
    name = clean_name(name)
    if not name:
        return kind
    plain = _ascii(name)
    if plain == name:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=ATTR_CHARS)}"


def _ascii(name: str) -> str:
    """Printable ASCII without what ends or escapes a quoted string; accents are dropped, the rest becomes _."""
    decomposed = unicodedata.normalize("NFKD", name)
    letters = (c for c in decomposed if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" and c not in '"\\%;/' else "_" for c in letters)
