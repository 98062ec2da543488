"""Reads large JSON piece by piece: the elements of the lists at its top, one after the other.

Each element is taken by the standard library's scanner out of a window that is never longer than one element may be.
NaN and Infinity, which Python writes and JSON does not know, come through as floats, so that they cost their region
and not the file. Byte order mark tolerated; UTF-8 only.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any, Final, NamedTuple

from curation.formats.carried import TOO_DEEP
from curation.formats.limits import Limits
from curation.formats.refusals import NotOfFormat, TooComplex

PIECE: Final = 64 * 1024  # bytes
SPACES: Final = " \t\n\r"
SPACE: Final = re.compile(f"[{SPACES}]*")
DECODE: Final = json.JSONDecoder(strict=False).raw_decode  # not strict: control characters are cleaned, not refused
CUT: Final = 16  # characters: an error so near to the end of the window may come from its end
EXPONENT: Final = 3  # characters: a number that ends in `e+` is read without them when its digits are yet to come
NOT_JSON: Final = "The file is not JSON from character {:,} on."
NOT_UTF8: Final = "The file is not UTF-8 text."


class Element(NamedTuple):
    """An element of the list under `key` ("" when the top is a list itself).

    `at` is None for what is no element: a whole value under its key, or the empty list that opens each list.
    """

    key: str
    at: int | None
    value: Any

    @property
    def where(self) -> str:
        return self.key if self.at is None else f"{self.key}[{self.at}]"


def elements(stream: IO[bytes], limits: Limits) -> Iterator[Element]:
    """Walk through a JSON object or list. Raises NotOfFormat, TooComplex, where it meets the reason."""
    window = _Window(stream, limits)
    opening = window.next()
    if opening == "[":
        yield from _list(window, "")
    elif opening == "{":
        yield from _object(window)
    else:
        raise window.broken()
    if window.next() not in ("", "\x1a"):
        raise window.broken()


def _object(window: _Window) -> Iterator[Element]:
    window.expect("{")
    if window.next() == "}":
        return window.skip()
    while True:
        if window.next() != '"':
            raise window.broken()
        key = window.value()
        window.expect(":")
        if window.next() == "[":
            yield from _list(window, key)
        else:
            yield Element(key, None, window.value())
        if window.expect(",}") == "}":
            return None


def _list(window: _Window, key: str) -> Iterator[Element]:
    window.expect("[")
    yield Element(key, None, [])
    if window.next() == "]":
        return window.skip()
    index = 0
    while True:
        yield Element(key, index, window.value())
        index += 1
        if window.expect(",]") == "]":
            return None


class _Window:
    """The part of the text that is looked at."""

    def __init__(self, stream: IO[bytes], limits: Limits) -> None:
        self._stream, self._limits = stream, limits
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._at, self._passed = "", 0, 0
        self._ended = False

    def next(self) -> str:
        """The character that follows, white space skipped; "" at the end."""
        while True:
            found = self._text[self._at : self._at + 1]
            if found and found not in SPACES:
                return found
            space = SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at == len(self._text):
                if self._ended:
                    return ""
                self._fill()

    def skip(self) -> None:
        self._at += 1

    def expect(self, characters: str) -> str:
        """Take one of these."""
        found = self.next()
        if not found or found not in characters:
            raise self.broken()
        self._at += 1
        return found

    def value(self) -> Any:
        """Take a whole value, of at most as many characters as an element may have."""
        self.next()
        while True:
            try:
                value, end = DECODE(self._text, self._at)
            except json.JSONDecodeError as error:
                self._want_more(error)
            except RecursionError as error:
                raise TooComplex(TOO_DEEP) from error
            except ValueError as error:  # int() refuses to read them
                raise NotOfFormat("The file holds a number of thousands of digits.") from error
            else:
                if end + EXPONENT <= len(self._text) or self._ended:
                    return self._taken(value, end)
                self._fill()

    def _taken(self, value: Any, end: int) -> Any:
        if end - self._at > self._limits.element:
            raise self._too_long()
        self._at = end
        return value

    def _want_more(self, error: json.JSONDecodeError) -> None:
        """Read on when the end of the window may be what is wrong."""
        near = error.pos + CUT >= len(self._text) or error.msg.startswith("Unterminated string")
        if self._ended or not near:
            self._at = error.pos
            raise self.broken() from error
        if len(self._text) - self._at > self._limits.element:
            raise self._too_long() from error
        self._fill()

    def _fill(self) -> None:
        """Double the window, so that a long element is not tried too often."""
        try:
            piece = self._stream.read(max(PIECE, len(self._text) - self._at))
            more = self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise NotOfFormat(NOT_UTF8) from error
        self._ended = not piece
        self._passed += self._at
        self._text, self._at = self._text[self._at :] + more, 0

    def broken(self) -> NotOfFormat:
        return NotOfFormat(NOT_JSON.format(self._passed + self._at + 1))

    def _too_long(self) -> TooComplex:
        return TooComplex(f"The file holds an element of more than {self._limits.element:,} characters.")
