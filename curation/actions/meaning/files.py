"""Files of labels as they are read: by a child process, into what they mean for each picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from accounts.refusals import NotSupported
from curation.actions.annotations import content_of
from curation.actions.content import annotation as identify
from curation.actions.meaning.asked import Asked
from curation.actions.meaning.meant import Meant, packed, problem_of, understood, unpacked
from curation.actions.meaning.writing import Original
from curation.formats.parser import BrokeDown, Parser, Reading
from curation.formats.refusals import NotOfFormat, Refused
from curation.formats.regions import Parsed, PictureSize, Problem
from curation.storage.spool import Spooled, temporary_file

CPU, SECONDS = 600, 900.0  # that one file may take: a million boxes need some twenty seconds
TRIES = 2  # of a file whose reader broke down


class Unreadable(Exception):
    """The file cannot be taken; the sentence says why. is_other: it may be no file of labels at all."""

    def __init__(self, sentence: str, *, is_other: bool = False) -> None:
        super().__init__(sentence)
        self.is_other = is_other


class Files:
    """Reads one file after another."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser

    def read(
        self,
        path: str,
        spooled: Spooled,
        asked: Asked,
        *,
        size: PictureSize | None = None,
        names: Mapping[int, str] | None = None,
        alive: Callable[[], None],
    ) -> tuple[Original, IO[bytes]]:
        """The file, and what it means as lines on disk, which nobody may count before all of it was read.

        size: of the picture, where the file is about one. Raises Unreadable.
        """
        try:
            identified = identify(spooled)
        except NotSupported as refusal:
            raise Unreadable(str(refusal), is_other=True) from refusal
        content = content_of(identified, spooled)
        for again in reversed(range(TRIES)):
            lines = temporary_file()
            try:
                with _left_where_it_was(spooled.file):
                    reading = self._parser.read(spooled.file, picture=size, names=names)
                    _write(reading, path, asked, lines, alive)
                lines.seek(0)
                format_ = reading.format
                return Original(path, content, format_.name, format_.version, format_.many), lines
            except Refused as refused:
                lines.close()
                raise Unreadable(str(refused), is_other=isinstance(refused, NotOfFormat)) from refused
            except BrokeDown as broken:
                lines.close()
                if not again:
                    raise Unreadable(str(broken)) from broken
            except BaseException:
                lines.close()
                raise
        raise AssertionError("a file is read or refused")


def kept(path: str, spooled: Spooled) -> Original | None:
    """A file that nobody understood; None where it is no text."""
    try:
        identified = identify(spooled)
    except NotSupported:
        return None
    return Original(path, content_of(identified, spooled), identified.format, 0)


def _write(reading: Reading, path: str, asked: Asked, lines: IO[bytes], alive: Callable[[], None]) -> None:
    for item in reading:
        if isinstance(item, Parsed):
            lines.write(packed(understood(item, asked)))
        elif isinstance(item, Problem):
            lines.write(packed(problem_of("", item)))
        alive()


def meanings(lines: IO[bytes]) -> Iterator[Meant]:
    """What `Files.read` has put on disk."""
    return map(unpacked, lines)


@contextmanager
def _left_where_it_was(file: IO[bytes]) -> Iterator[None]:
    """The child moves the position that both of us share, and our buffer would not know."""
    descriptor = file.fileno()
    at = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        yield
    finally:
        os.lseek(descriptor, at, os.SEEK_SET)
