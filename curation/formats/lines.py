"""Reads text line by line: UTF-8, any kind of line end, no line longer than it may be."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO

from curation.formats.jsonstream import NOT_UTF8
from curation.formats.refusals import NotOfFormat, TooComplex


def lines(stream: IO[bytes], *, longest: int, most: int) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of each line, its end left out. A byte order mark is dropped.

    longest: characters; most: lines. Raises NotOfFormat, TooComplex.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline=None)
    try:
        number = 0
        while line := text.readline(longest + 2):
            number += 1
            line = line.removesuffix("\n")
            if len(line) > longest:
                raise TooComplex(f"Line {number} is longer than {longest:,} characters.")
            if number > most:
                raise TooComplex(f"The file has more than {most:,} lines.")
            yield number, line
    except UnicodeDecodeError as error:
        raise NotOfFormat(NOT_UTF8) from error
    finally:
        text.detach()
