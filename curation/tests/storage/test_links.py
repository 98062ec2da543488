from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from curation.storage.errors import LinkRefused
from curation.storage.links import LONGEST, SKEW, Link, sign, verify

KEY = "media/" + "0" * 32 + ".jpg"
NOW = 1_772_452_800.0


def query_of(*, seconds: int = 300, name: str = "smoke.jpg", now: float = NOW) -> str:
    return urlsplit(sign(KEY, seconds=seconds, name=name, content_type="image/jpeg", now=now)).query


def refusal(query: str, *, key: str = KEY, now: float = NOW) -> str:
    with pytest.raises(LinkRefused) as caught:
        verify(key, query, now=now)
    return str(caught.value)


def test_a_link_says_where_it_leads() -> None:
    link = sign(KEY, seconds=300, name="a b.jpg", content_type="image/jpeg", now=NOW)
    assert link.startswith(f"/files/{KEY}?expires={int(NOW) + 300}&type=image%2Fjpeg&name=a%20b.jpg&signature=")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_name_survives_the_way(name: str) -> None:
    assert verify(KEY, query_of(name=name), now=NOW) == Link(name, "image/jpeg", int(NOW) + 300)


@pytest.mark.parametrize("seconds", [1, 300, LONGEST])
def test_a_link_works_until_its_time_and_not_a_second_longer(seconds: int) -> None:
    query = query_of(seconds=seconds)
    assert verify(KEY, query, now=NOW + seconds - 0.001)
    assert refusal(query, now=NOW + seconds) == "This link has expired."
    assert refusal(query, now=NOW + seconds + 7200) == "This link has expired."


def test_a_clock_set_back_does_not_lengthen_a_link() -> None:
    query = query_of(seconds=LONGEST)
    assert verify(KEY, query, now=NOW - SKEW)
    assert refusal(query, now=NOW - SKEW - 1) == "This link has expired."


def test_any_altered_byte_is_refused() -> None:
    query = query_of()
    for place, letter in enumerate(query):
        for other in "0a&%" if letter not in "0a&%" else "1b=/":
            assert refusal(query[:place] + other + query[place + 1 :]) == "This link is not valid."
    for place, letter in enumerate(KEY):
        assert refusal(query, key=KEY[:place] + ("1" if letter != "1" else "2") + KEY[place + 1 :])


@pytest.mark.parametrize("addition", ["&name=x.html", "&x=1", "&", "&signature=0", "#"])
def test_nothing_can_be_added(addition: str) -> None:
    query = query_of()
    assert refusal(query + addition)
    assert refusal(query.replace("&signature=", f"{addition}&signature="))
    assert refusal(f"{addition[1:]}&{query}")


@pytest.mark.parametrize("query", ["", "signature=", "&signature=", "expires=9999999999", "\xff", "é&signature=é"])
def test_a_link_without_a_signature_is_refused(query: str) -> None:
    assert refusal(query) == "This link is not valid."


def test_links_of_a_former_secret_key_work_as_long_as_it_is_kept(settings: Settings) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "old" * 20, []
    query = query_of()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, ["old" * 20]
    assert verify(KEY, query, now=NOW)
    settings.SECRET_KEY_FALLBACKS = []
    assert refusal(query) == "This link is not valid."
