"""Which annotation files are text, of which family, and how the others are refused."""

import pickle
import time
import tracemalloc
import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.imaging.text import PIECE, NotText, TextContent, identify_text
from curation.tests.imaging_files import noise, saved

BOM = b"\xef\xbb\xbf"
JSON = TextContent("application/json", "json", "json")
XML = TextContent("application/xml", "xml", "xml")
TEXT = TextContent("text/plain", "txt", "text")
EMPTY = TextContent("text/plain", "txt", "empty")


def told(data: bytes) -> TextContent:
    return identify_text(BytesIO(data))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", EMPTY),
        (BOM, EMPTY),
        (b"\n", EMPTY),
        (BOM + b" \r\n\t\f", EMPTY),
        (b"{}", JSON),
        (b'[{"a": 1}]', JSON),
        (BOM + b"\r\n  {", JSON),
        (b" " * (3 * PIECE) + b"[", JSON),
        (b"{ not json at all", JSON),
        (b"<annotation/>", XML),
        (b"<?xml version='1.0'?>\n<!DOCTYPE x [<!ENTITY a 'b'>]>", XML),
        (b"12", TEXT),
        (b'"a string"', TEXT),
        (b"0 0.5 0.5 0.1 0.1\n1 0.2 0.2 0.1 0.1", TEXT),
        (b"0 0.5 0.5 0.1 0.1\r\n", TEXT),
        ("fumée 烟 🔥\n".encode(), TEXT),
        (b"label: smoke\n", TEXT),
        (b"line\x0cnext page\n", TEXT),
        (b"from an old tool\n\x1a", TEXT),
        (b"!!python/object/apply:os.system ['x']\n", TEXT),
        (b"(lp0\nI1\na.", TEXT),
    ],
)
def test_the_first_character_tells_the_family(data: bytes, expected: TextContent) -> None:
    assert told(data) == expected


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"a\0b", "a control character (0x00) stands at byte 1."),
        (b"a\x1ab", "a control character (0x1a) stands at byte 1."),
        (b"a\x1a\x1a", "a control character (0x1a) stands at byte 1."),
        (b"\x1b[31mred", "a control character (0x1b) stands at byte 0."),
        (b"a" * PIECE + b"\x07", f"a control character (0x07) stands at byte {PIECE}."),
        (b"caf\xe9", "it is not UTF-8 at byte 3."),
        (b"\xc0\xafoverlong", "it is not UTF-8 at byte 0."),
        (b"\xed\xa0\x80 lone surrogate", "it is not UTF-8 at byte 0."),
        (b"\xf4\x90\x80\x80 beyond Unicode", "it is not UTF-8 at byte 0."),
        (b"cut \xf0\x9f\x94", "it is not UTF-8 at byte 4."),
        (b"\xef", "it is not UTF-8 at byte 0."),
        (b"\xef\xbb", "it is not UTF-8 at byte 0."),
    ],
)
def test_what_is_not_text_is_refused_with_its_place(data: bytes, sentence: str) -> None:
    with pytest.raises(NotText) as refusal:
        told(data)
    assert str(refusal.value) == f"An annotation must be UTF-8 text: {sentence}"


def zipped() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "a")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (zipped(), "a ZIP archive"),
        (b"%PDF-1.4\nall of it ASCII\n%%EOF\n", "a PDF"),
        (b"\x93NUMPY\x01\0v\0{'descr': '|O'}", "a NumPy array"),
        ("{}".encode("utf-16"), "UTF-16 text"),
        (saved(noise(8, 8), "JPEG"), "a JPEG picture"),
        (saved(noise(8, 8), "PNG"), "a PNG picture"),
        (saved(noise(8, 8), "WEBP"), "a WebP picture"),
        (b"\0\0\0\x18ftypisom", "an MP4 video or one of its relatives"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        *((pickle.dumps([1], protocol), "a Python pickle") for protocol in range(2, 6)),
    ],
)
def test_a_binary_is_refused_by_name(data: bytes, looks: str) -> None:
    with pytest.raises(NotText) as refusal:
        told(data)
    assert str(refusal.value) == f"This looks like {looks}; an annotation must be UTF-8 text."


@pytest.mark.parametrize("shift", range(-4, 5))
def test_a_character_that_falls_between_two_pieces_is_whole(shift: int) -> None:
    text = b"a" * (PIECE + shift) + "🔥".encode() + b"a" * PIECE
    assert told(text) == TEXT
    with pytest.raises(NotText, match=f"at byte {PIECE + shift}"):
        told(b"a" * (PIECE + shift) + "🔥".encode()[:3])


def test_the_file_is_read_from_its_start_and_left_there(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    for data in (b"{}", b"a\0", b"%PDF-1.4"):
        path.write_bytes(data)
        with path.open("rb") as file:
            file.seek(1)
            with suppress(NotText):
                assert identify_text(file) == JSON
            assert file.tell() == 0


def test_a_long_text_costs_a_constant_amount_of_memory_and_little_time() -> None:
    file = BytesIO("ça brûle 🔥 ".encode() * 1_000_000)
    started = time.perf_counter()
    tracemalloc.start()
    try:
        assert identify_text(file) == TEXT
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - started < 5


@settings(database=None, deadline=1_000, max_examples=300)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_unicode_text_is_kept(text: str) -> None:
    expected = {"": EMPTY, "{": JSON, "[": JSON, "<": XML}.get(text.removeprefix("\ufeff").lstrip()[:1], TEXT)
    if not text.startswith("%PDF-"):
        assert told(text.encode()) == expected


@settings(database=None, deadline=1_000, max_examples=300)
@given(st.binary(max_size=300))
def test_random_bytes_are_text_or_refused(data: bytes) -> None:
    with suppress(NotText):
        told(data)
        data.decode()
