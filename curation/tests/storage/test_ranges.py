from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.storage.ranges import Range, Unsatisfiable, parse_range

WHOLE, NOTHING = "whole", "nothing"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, WHOLE),
        ("", WHOLE),
        ("bytes=0-0", (0, 0)),
        ("bytes=0-9", (0, 9)),
        ("bytes=0-10", (0, 9)),
        ("bytes=9-9", (9, 9)),
        ("bytes=5-", (5, 9)),
        ("bytes=9-", (9, 9)),
        ("bytes=10-", NOTHING),
        ("bytes=10-20", NOTHING),
        ("bytes=-1", (9, 9)),
        ("bytes=-10", (0, 9)),
        ("bytes=-11", (0, 9)),
        ("bytes=-0", NOTHING),
        ("bytes=5-2", WHOLE),
        ("bytes=0-18446744073709551615", (0, 9)),
        ("bytes=18446744073709551616-", NOTHING),
        ("bytes=-18446744073709551616", (0, 9)),
        ("bytes=00000000000000000000001-2", (1, 2)),
        ("bytes=0-0,2-2", WHOLE),
        ("bytes=" + ",".join(["0-"] * 1000), WHOLE),
        ("bytes=-", WHOLE),
        ("bytes= - ", WHOLE),
        ("bytes=", WHOLE),
        ("bytes=a-b", WHOLE),
        ("bytes=1", WHOLE),
        ("bytes=+1-2", WHOLE),
        ("bytes=1-2-3", WHOLE),
        ("bytes=٣-٤", WHOLE),
        ("lines=0-1", WHOLE),
        ("bytes 0-1", WHOLE),
        ("Bytes= 1-2 ", (1, 2)),
        ("bytes=1-2\n", WHOLE),
    ],
)
def test_a_range_of_ten_bytes(header: str | None, expected: str | tuple[int, int]) -> None:
    found = parse_range(header, 10)
    if isinstance(expected, tuple):
        assert found == Range(*expected)
    else:
        assert (found is None) == (expected == WHOLE)
        assert isinstance(found, Unsatisfiable) == (expected == NOTHING)


@pytest.mark.parametrize("header", ["bytes=0-0", "bytes=0-", "bytes=-1"])
def test_an_empty_file_has_no_ranges(header: str) -> None:
    assert isinstance(parse_range(header, 0), Unsatisfiable)


def test_a_million_digits_cost_nothing() -> None:
    begun = time.monotonic()
    assert parse_range(f"bytes=0-{'9' * 1_000_000}", 10) == Range(0, 9)
    assert time.monotonic() - begun < 0.5


@given(st.text() | st.from_regex(r"bytes=[0-9]{0,25}-[0-9]{0,25}", fullmatch=True), st.integers(0, 2**63))
def test_a_range_lies_within_the_file(header: str, size: int) -> None:
    found = parse_range(header, size)
    if isinstance(found, Range):
        assert 0 <= found.start <= found.last < size
        assert found.length == found.last - found.start + 1
