from __future__ import annotations

import hashlib

import pytest

from curation.storage.keys import (
    CONTENT_TYPES,
    INLINE,
    PREFIXES,
    annotation_key,
    content_digest,
    content_type_of,
    is_ours,
    media_key,
    safe_content_type,
)

SHA = hashlib.sha256(b"smoke").hexdigest()


def test_a_key_is_the_first_half_of_the_digest_and_the_detected_extension() -> None:
    assert media_key(SHA, "jpg") == f"media/{SHA[:32]}.jpg"
    assert annotation_key(SHA, "txt") == f"annotations/{SHA[:32]}.txt"
    assert is_ours(media_key(SHA, "jpg"))


@pytest.mark.parametrize(
    ("sha256", "extension"),
    [
        (SHA[:-1], "jpg"),
        (SHA.upper(), "jpg"),
        ("", "jpg"),
        (SHA, ""),
        (SHA, ".jpg"),
        (SHA, "e" * 9),
        (SHA, "jpg/../x"),
        (SHA, "JPG"),
        (SHA, "jpg\n"),
        ("../" + SHA, "jpg"),
    ],
)
def test_nothing_else_becomes_a_key(sha256: str, extension: str) -> None:
    with pytest.raises(ValueError, match="A key is made of"):
        media_key(sha256, extension)


@pytest.mark.parametrize(
    "key",
    [
        "media/" + "0" * 32,
        "media/" + "0" * 32 + ".file",
        "annotations/" + "f" * 32 + ".tar.gz",
        "incoming/probe-1",
        "exports/a.zip",
        "releases/R.1",
        "derived/" + "a" * 32 + ".webp",
        "exports/" + "a" * 150,
    ],
)
def test_keys_of_ours_and_of_the_service_before_are_known(key: str) -> None:
    assert is_ours(key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "media",
        "media/",
        "media/..",
        "media/x",
        "media/" + "0" * 31,
        "media/" + "0" * 33,
        "media/" + "G" * 32,
        "media/" + "0" * 32 + "." + "e" * 41,
        "media/" + "0" * 32 + ".jpg/x",
        "media/" + "0" * 32 + ".jpg\n",
        "Media/x",
        "exports/",
        "exports/.x",
        "exports/..",
        "exports/a/b",
        "exports/a b",
        "exports/" + "a" * 151,
        "other/a",
        "exports//a",
    ],
)
def test_every_other_key_is_not_ours(key: str) -> None:
    assert not is_ours(key)


def test_prefixes_are_in_the_order_in_which_a_walk_meets_them() -> None:
    assert list(PREFIXES) == sorted(PREFIXES)


def test_the_content_type_follows_the_extension() -> None:
    assert content_type_of("media/x.jpg") == content_type_of("media/x.JPEG") == "image/jpeg"
    assert (
        content_type_of("media/x.php")
        == content_type_of("media/x")
        == content_type_of("")
        == "application/octet-stream"
    )


def test_only_known_types_are_served() -> None:
    assert safe_content_type("image/png") == "image/png"
    for hostile in ("text/html", "image/svg+xml", "image/png\r\nX: 1", "", "IMAGE/PNG", "x" * 10_000):
        assert safe_content_type(hostile) == "application/octet-stream"


def test_what_is_shown_in_place_cannot_hold_a_script() -> None:
    assert set(CONTENT_TYPES.values()) > INLINE
    assert {kind.partition("/")[0] for kind in INLINE} == {"image", "video"}
    assert "image/svg+xml" not in INLINE


def test_only_content_keys_name_their_bytes() -> None:
    assert content_digest(media_key(SHA, "jpg")) == SHA[:32]
    assert content_digest("exports/a.zip") == ""
