"""JSON piece by piece is the same JSON, wherever the pieces end."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.formats import jsonstream
from curation.formats.jsonstream import elements
from curation.formats.limits import LIMITS, Limits
from curation.formats.refusals import NotOfFormat, Refused, TooComplex
from curation.tests.formats.strategies import patiently

PLAIN = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=20)
KEYS = st.text(max_size=5)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
TOPS = st.lists(VALUES, max_size=5) | st.dictionaries(KEYS, VALUES | st.lists(VALUES, max_size=5), max_size=4)


class Drip(io.BytesIO):
    """Gives a few bytes at a time, whatever is asked for."""

    def __init__(self, content: bytes, few: int) -> None:
        super().__init__(content)
        self._few = few

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._few)


def gathered(content: bytes, few: int = 65_536, limits: Limits = LIMITS) -> Any:
    """Build the whole again."""
    whole: dict[str, Any] = {}
    for element in elements(Drip(content, few), limits):
        if element.at is None:
            whole[element.key] = element.value
        else:
            assert element.at == len(whole[element.key])
            whole[element.key].append(element.value)
    return whole


@patiently
@given(TOPS, st.sampled_from([1, 2, 3, 7, 64]), st.sampled_from([None, 1]), st.booleans())
def test_json_in_pieces_is_the_same_json(top: Any, few: int, indent: int | None, ascii_: bool) -> None:
    content = json.dumps(top, indent=indent, ensure_ascii=ascii_).encode("utf-8", "surrogatepass")
    try:
        content.decode()
    except UnicodeDecodeError:
        return
    assert gathered(content, few) == ({"": top} if isinstance(top, list) else top)


@patiently
@given(TOPS, st.integers(0, 400), st.sampled_from([1, 7, 4096]))
def test_json_that_was_cut_is_refused(top: Any, at: int, few: int) -> None:
    content = json.dumps(top).encode()
    if at < len(content):
        with pytest.raises(NotOfFormat):
            gathered(content[:at], few)


@pytest.mark.parametrize("content", ["[1,]", "[,1]", "[1 2]", '{"a":1,}', '{"a"}', '{"a":}', "[1]]", "[tru]", "[01]"])
@pytest.mark.parametrize("few", [1, 65_536])
def test_json_that_is_none_is_refused(content: str, few: int) -> None:
    with pytest.raises(NotOfFormat, match="not JSON from character"):
        gathered(content.encode(), few)


def test_the_place_of_an_error_is_told_however_far_it_is() -> None:
    content = b"[" + b"1," * 100_000 + b"x]"
    with pytest.raises(NotOfFormat, match="character 200,002 on"):
        gathered(content)


def test_a_mistake_is_not_taken_for_a_long_element() -> None:
    read = Drip(b'[{"a": nonsense' + b" " * 10_000_000, 65_536)
    with pytest.raises(NotOfFormat):
        list(elements(read, LIMITS))
    assert read.tell() <= 2 * jsonstream.PIECE


def test_an_element_may_be_as_long_as_the_limit_and_no_longer() -> None:
    limits = Limits(element=100)
    assert gathered(b'["' + b"x" * 98 + b'"]', limits=limits) == {"": ["x" * 98]}
    with pytest.raises(TooComplex, match="more than 100 characters"):
        gathered(b'["' + b"x" * 99 + b'"]', limits=limits)


def test_python_writes_numbers_that_json_does_not_know() -> None:
    (value,) = gathered(b"[NaN]")[""]
    assert value != value  # noqa: PLR0124
    assert gathered(b"[Infinity, -Infinity, 1e999]", 1) == {"": [float("inf"), -float("inf"), float("inf")]}


@pytest.mark.parametrize("content", [b"\xff\xfe[\0", b'["\xc0\x80"]', b'["\xed\xa0\x80"]', '["é"]'.encode("latin-1")])
def test_what_is_not_utf8_is_refused(content: bytes) -> None:
    with pytest.raises(Refused):
        gathered(content, 1)
