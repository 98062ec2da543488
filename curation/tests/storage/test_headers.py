from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curation.storage.headers import LONGEST_NAME, clean_name, content_disposition, download_name
from curation.storage.keys import CONTENT_TYPES

HEADER = re.compile(r"(inline|attachment)(; filename=\"[ -!#-~]*\"(; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_`|~%-]*)?)?")
names = st.text() | st.text(alphabet="a.é/\\\"';\r\n\0\u202e\u200d\ud83d🔥́ ", max_size=400)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("smoke.jpg", "smoke.jpg"),
        ("../../etc/cron.d/x", "x"),
        ("..\\..\\x", "x"),
        ("/abs", "abs"),
        ("C:\\x", "x"),
        ("x/../../y", "y"),
        ("....//", ""),
        ("%2e%2e%2f", "%2e%2e%2f"),
        (".", ""),
        ("..", ""),
        (" .. ", ""),
        ("", ""),
        (" ", ""),
        ("\0\r\n", ""),
        ("a\r\nSet-Cookie: x.jpg", "aSet-Cookie: x.jpg"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("\u2066a\u2069\ufeff.jpg", "a.jpg"),
        ("e\u0301te\u0301.jpg", "été.jpg"),
        ("👩\u200d🚒.jpg", "👩\u200d🚒.jpg"),
        ("CON", "CON"),
        ("a.jpg.", "a.jpg."),
        ("a.jpg::$DATA", "a.jpg::$DATA"),
        ("{{7*7}}.jpg", "{{7*7}}.jpg"),
        (".hidden", ".hidden"),
        ("\ud800.jpg", ".jpg"),
    ],
)
def test_hostile_names_are_reduced_to_a_readable_last_part(raw: str, clean: str) -> None:
    assert clean_name(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a" * 251 + ".jpg", "a" * 251 + ".jpg"),
        ("a" * 252 + ".jpg", "a" * 251 + ".jpg"),
        ("a" * 4096, "a" * 255),
        ("é" * 200 + ".jpg", "é" * 125 + ".jpg"),
        ("a." + "e" * 120 * 3, "a." + "e" * 253),
        ("." + "e" * 300, "." + "e" * 254),
    ],
)
def test_a_long_name_loses_its_end_and_not_its_extension(raw: str, clean: str) -> None:
    assert clean_name(raw) == clean


@given(names)
def test_a_clean_name_is_clean_for_ever(raw: str) -> None:
    name = clean_name(raw)
    assert clean_name(name) == name
    assert len(name.encode()) <= LONGEST_NAME
    assert unicodedata.is_normalized("NFC", name)
    assert not re.search(r"[/\\\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\u2028]", name)
    assert name not in {".", ".."}


@given(names, st.booleans())
@example('a"b;c\\d%41/é\r\nX: 1', False)
@example("é" * 300, True)
def test_any_name_makes_a_header_that_holds(name: str, inline: bool) -> None:
    header = content_disposition(name, inline)
    assert HEADER.fullmatch(header)
    if "filename*=" in header:
        assert unquote(header.rpartition("UTF-8''")[2]) == clean_name(name)


@pytest.mark.parametrize(
    ("name", "inline", "header"),
    [
        ("", True, "inline"),
        ("", False, "attachment"),
        ("a.jpg", True, 'inline; filename="a.jpg"'),
        ("forêt.jpg", False, "attachment; filename=\"foret.jpg\"; filename*=UTF-8''for%C3%AAt.jpg"),
        ('a"; x="b', False, "attachment; filename=\"a__ x=_b\"; filename*=UTF-8''a%22%3B%20x%3D%22b"),
        ("火.jpg", False, "attachment; filename=\"_.jpg\"; filename*=UTF-8''%E7%81%AB.jpg"),
    ],
)
def test_the_header_is_as_the_standard_says(name: str, inline: bool, header: str) -> None:
    assert content_disposition(name, inline) == header


@pytest.mark.parametrize(
    ("raw", "content_type", "name"),
    [
        ("a.jpg", "image/jpeg", "a.jpg"),
        ("a.JPEG", "image/jpeg", "a.JPEG"),
        ("jpg", "image/jpeg", "jpg.jpg"),
        ("evil.html", "text/plain; charset=utf-8", "evil.html.txt"),
        ("evil.exe", "image/jpeg", "evil.exe.jpg"),
        ("evil.html", "text/html", "evil.html.bin"),
        ("", "image/png", "file.png"),
        ("a" * 300, "image/png", "a" * 251 + ".png"),
    ],
)
def test_the_extension_of_a_download_tells_the_truth(raw: str, content_type: str, name: str) -> None:
    assert download_name(raw, content_type) == name


@given(names, st.sampled_from(sorted(set(CONTENT_TYPES.values()))))
def test_no_name_gives_a_download_a_false_extension(raw: str, content_type: str) -> None:
    name = download_name(raw, content_type)
    assert CONTENT_TYPES[name.rpartition(".")[2].lower()] == content_type
    assert len(name.encode()) <= LONGEST_NAME
