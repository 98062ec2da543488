"""Whatever stands in a file, a reader refuses it or reads it, and what it reads is within the rules."""

from __future__ import annotations

import io
import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.formats.detect import detect
from curation.formats.limits import LIMITS
from curation.formats.refusals import Refused
from curation.formats.regions import Parsed, as_json, from_json
from curation.formats.table import FORMATS, Format
from curation.tests.formats.files import content_of
from curation.tests.formats.strategies import patiently
from curation.tests.formats.test_detect import KNOWN

SMALL = [(name, content_of(what)) for name, what in KNOWN if len(content_of(what)) < 10_000]
TEXTS = ["", "null", "-1", "1e999", "NaN", "9" * 400, '"', r'"\ud800"', "{", "]", "[[]]", "<", ",", "\0"]
INSTEAD = [*(text.encode() for text in TEXTS), b"\xff"]


def survives(format_: Format, content: bytes) -> None:
    with suppress(Refused):
        for item in format_.read(io.BytesIO(content)):
            if isinstance(item, Parsed):
                assert all(from_json(as_json(region), region.where) == region for region in item.regions)
                assert len(item.problems) <= min(LIMITS.problems, item.problems_count)


@pytest.mark.parametrize("name", FORMATS)
@patiently
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "ignore")))
def test_any_bytes_are_survived(name: str, content: bytes) -> None:
    survives(FORMATS[name], content)
    detect(io.BytesIO(content))


@pytest.mark.parametrize("reader", FORMATS)
@pytest.mark.parametrize(("name", "content"), SMALL)
def test_a_file_of_another_format_is_survived(reader: str, name: str, content: bytes) -> None:
    survives(FORMATS[reader], content)


@pytest.mark.parametrize(("name", "content"), SMALL)
def test_damage_is_survived(name: str, content: bytes) -> None:
    chance = random.Random(content)
    for _ in range(200):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice([0, 1, 1, 2, 5]))
        damaged = content[:start] + chance.choice(INSTEAD) + content[end:]
        survives(FORMATS[name], damaged)
        detect(io.BytesIO(damaged))


@pytest.mark.parametrize(("name", "content"), SMALL)
def test_every_value_may_be_of_another_kind(name: str, content: bytes) -> None:
    """Replace each word, number, list and object of the text by something else."""
    for old in sorted(set(content.replace(b'"', b" ").split())):
        for new in INSTEAD:
            survives(FORMATS[name], content.replace(old, new, 1))
