"""The Range header (RFC 9110), as S3 answers it: one range, or the whole file. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

ONE_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE | re.ASCII)
DIGITS = 20  # no file is as long as a number of 20 digits, so what follows them does not matter


@dataclass(frozen=True)
class Range:
    """The bytes from `start` to `last`, both included."""

    start: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.start + 1


class Unsatisfiable:
    """The range is well formed and holds no byte of the file: 416."""


def parse_range(header: str | None, size: int) -> Range | Unsatisfiable | None:
    """What part of a file of `size` bytes is asked for; None means all of it.

    None also for what is to be ignored: another unit, nonsense, a last byte before the first, and
    more than one range, which would let a short request ask for a long answer.
    """
    match = ONE_RANGE.fullmatch(header or "")
    first, last = match.groups() if match else ("", "")
    if not first and not last:
        return None
    if not first:
        return _suffix(_number(last), size)
    return _from_start(_number(first), _number(last) if last else None, size)


def _suffix(count: int, size: int) -> Range | Unsatisfiable:
    if count == 0 or size == 0:
        return Unsatisfiable()
    return Range(max(0, size - count), size - 1)


def _from_start(start: int, last: int | None, size: int) -> Range | Unsatisfiable | None:
    if last is not None and last < start:
        return None
    if start >= size:
        return Unsatisfiable()
    return Range(start, size - 1 if last is None else min(last, size - 1))


def _number(digits: str) -> int:
    """Never slow, however long the header: Python refuses to read thousands of digits."""
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) < DIGITS else 10**DIGITS
