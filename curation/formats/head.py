"""The beginning of a file, as formats look at it when they are asked whether it is theirs."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import Any, Final

from curation.formats.jsonstream import Element, elements
from curation.formats.limits import LIMITS
from curation.formats.refusals import Refused
from curation.formats.xmlstream import root_of

BYTES: Final = 1024 * 1024  # that are looked at
LINES: Final = 64 * 1024  # of these as lines
ELEMENTS: Final = 1000  # of JSON
NO_TEXT: Final = "\ufffd"


class Head:
    """content: the first `BYTES` of a file."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @cached_property
    def text(self) -> str:
        """The first lines; what is not UTF-8 is no text of any format."""
        try:
            return codecs.getincrementaldecoder("utf-8-sig")().decode(self._content[:LINES])
        except UnicodeDecodeError:
            return NO_TEXT

    @cached_property
    def root(self) -> str:
        """Name of the root element of XML, or ""."""
        return root_of(self._content) if self.text.lstrip().startswith("<") else ""

    @cached_property
    def lists(self) -> set[str]:
        """Keys of the JSON's lists, "" for a list at the top."""
        return {element.key for element in self._elements if element.at is None and element.value == []}

    @cached_property
    def keys(self) -> set[str]:
        """Keys of the JSON's top."""
        return {element.key for element in self._elements}

    def first(self, key: str) -> Mapping[str, Any]:
        """The first element of a list of the JSON, when it is an object; else an empty one."""
        found = (element.value for element in self._elements if element.key == key and element.at == 0)
        value = next(found, None)
        return value if isinstance(value, dict) else {}

    @cached_property
    def _elements(self) -> list[Element]:
        found: list[Element] = []
        if self.text.lstrip()[:1] in ("{", "["):
            with suppress(Refused):  # where it was cut, if nothing else
                found.extend(_few_of_each(elements(io.BytesIO(self._content), LIMITS)))
        return found


def _few_of_each(walk: Iterable[Element]) -> Iterable[Element]:
    """The opening and the first of each list."""
    return (element for element in islice(walk, ELEMENTS) if not element.at)
