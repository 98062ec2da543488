"""Paths that strangers chose: made printable, and judged."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from curation.storage.sources.base import SourceRefused

LONGEST_PATH, LONGEST_PART = 512, 255  # bytes of UTF-8
DRIVE = re.compile(r"[A-Za-z]:")
UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # control characters, half characters, line ends

TWIN = "Another name in the archive differs in upper and lower case only."
NOT_UTF_8 = "Its name is not UTF-8; bytes that are no text are written as \\x and two digits."


def printable(raw: bytes) -> tuple[str, str]:
    """A name as text, and a note when it is not quite the name: "" otherwise."""
    try:
        text, note = raw.decode(), ""
    except UnicodeDecodeError:
        text, note = raw.decode(errors="backslashreplace"), NOT_UTF_8
    return escaped(text), note


def escaped(text: str) -> str:
    """Text with control characters, half characters and line ends written as escapes."""
    if text.isprintable():
        return text
    return "".join(_escape(c) if unicodedata.category(c) in UNPRINTABLE else c for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", errors="surrogatepass").decode()


def too_long(path: str) -> str:
    """Why a path cannot be kept; "" when it can."""
    if len(path.encode()) > LONGEST_PATH:
        return f"Its path is longer than {LONGEST_PATH} bytes."
    if max(len(part.encode()) for part in path.split("/")) > LONGEST_PART:
        return f"A part of its path is longer than {LONGEST_PART} bytes."
    return ""


def shown(path: str) -> str:
    """A path of any length as a report may name it: long ones keep their beginning and a digest."""
    if len(path.encode()) <= LONGEST_PATH:
        return path
    digest = hashlib.sha256(path.encode()).hexdigest()[:16]
    return f"{path.encode()[:400].decode(errors='ignore')}… ({digest})"


def in_archive(path: str) -> str:
    """The path of an archive's entry, with / between its parts; "" for the archive's own root.

    Raises SourceRefused for a path that leads elsewhere or is too long.
    """
    parts = path.replace("\\", "/").split("/")
    name = shown(path)
    if parts[0] == "" or DRIVE.match(path):
        raise SourceRefused(f"The archive holds an absolute path: {name}")
    if ".." in parts:
        raise SourceRefused(f"The archive holds a path that leads out of it: {name}")
    if why := too_long(path):
        raise SourceRefused(f"The archive holds an entry that cannot be kept. {why} It is {name}")
    return "/".join(part for part in parts if part not in {"", "."})


class Names:
    """The paths of an archive. Each may come once."""

    def __init__(self) -> None:
        self._exact: set[str] = set()
        self._folded: set[str] = set()

    def add(self, path: str) -> str:
        """Take one more; return a note when another differs in upper and lower case only. Raises SourceRefused."""
        if not path:
            raise SourceRefused("The archive holds an entry without a name.")
        if path in self._exact:
            raise SourceRefused(f"The archive holds two entries of one name: {path}")
        folded = path.casefold()
        note = TWIN if folded in self._folded else ""
        self._exact.add(path)
        self._folded.add(folded)
        return note
