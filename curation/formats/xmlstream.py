"""Reads XML element by element with expat: no DTD, no entity of its own, nothing fetched, never a tree."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import IO, Final
from xml.parsers import expat

from curation.formats.limits import Limits
from curation.formats.refusals import NotOfFormat, TooComplex

PIECE: Final = 64 * 1024
HAS_DTD: Final = "The XML has a document type definition, which is not read here."

Started = Callable[[list[str]], None]  # the path of names down to the element
Ended = Callable[[list[str], str], None]  # the same, and the text directly within it


class _Walk:
    def __init__(self, started: Started, ended: Ended, limits: Limits) -> None:
        self._started, self._ended, self._limits = started, ended, limits
        self._path: list[str] = []
        self._texts: list[list[str]] = []
        self._elements = self._length = 0

    def doctype(self, *_: object) -> None:
        raise TooComplex(HAS_DTD)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if len(attributes) > self._limits.xml_attributes:
            raise TooComplex(f"An element of the XML has more than {self._limits.xml_attributes} attributes.")
        if self._elements > self._limits.xml_elements:
            raise TooComplex(f"The XML has more than {self._limits.xml_elements:,} elements.")
        if len(self._path) >= self._limits.depth:
            raise TooComplex(f"The XML is nested deeper than {self._limits.depth} levels.")
        self._path.append(name)
        self._texts.append([])
        self._started(self._path)

    def text(self, text: str) -> None:
        self._length += len(text)
        if self._length > self._limits.element:
            raise TooComplex(f"The XML has more than {self._limits.element:,} characters of text.")
        if self._texts:
            self._texts[-1].append(text)

    def end(self, _name: str) -> None:
        self._ended(self._path, "".join(self._texts.pop()).strip())
        self._path.pop()


def walk(stream: IO[bytes], started: Started, ended: Ended, limits: Limits) -> None:
    """Call back for each start and end. Raises NotOfFormat for what is not well-formed UTF-8 XML, TooComplex."""
    steps = _Walk(started, ended, limits)
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = steps.doctype
    parser.StartElementHandler, parser.EndElementHandler = steps.start, steps.end
    parser.CharacterDataHandler = steps.text
    try:
        while piece := stream.read(PIECE):
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise NotOfFormat(
            f"The file is not XML from line {error.lineno} on: {expat.ErrorString(error.code)}."
        ) from error


def root_of(head: bytes) -> str:
    """Name of the first element, or of the document type before it; "" when neither stands in these first bytes."""
    found: list[str] = []
    parser = expat.ParserCreate("utf-8")

    def stop(name: str, *_: object) -> None:
        found.append(name)
        raise NotOfFormat

    parser.StartDoctypeDeclHandler = parser.StartElementHandler = stop
    with suppress(NotOfFormat, expat.ExpatError):
        parser.Parse(head, False)
    return found[0] if found else ""
