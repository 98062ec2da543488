"""Lists of names beside YOLO labels."""

from __future__ import annotations

import io

import pytest

from curation.formats.classnames import numbered, read_names
from curation.formats.limits import Limits
from curation.formats.refusals import NotOfFormat, TooComplex


def names(content: str, limits: Limits | None = None) -> dict[int, str]:
    return read_names(io.BytesIO(content.encode()), limits or Limits())


@pytest.mark.parametrize(
    "content",
    [
        "names:\n- Fire\n- default\n- smoke\nnc: 3\n",
        "nc: 3\nnames: [Fire, 'default', \"smoke\"]", "Fire\ndefault\nsmoke\n\n",
        "train: {a: [1, {b: c}]}\nnames:\n  0: Fire\n  2: smoke\n  1: default\n", "\ufeffFire\r\ndefault\r\nsmoke",
        "path: &p ../x\nval: *p\nnames: {0: Fire, 1: default, 2: smoke}",
    ],
)  # fmt: skip
def test_names_are_read_from_yaml_and_from_lines(content: str) -> None:
    assert names(content) == numbered(["Fire", "default", "smoke"]) == {0: "Fire", 1: "default", 2: "smoke"}


@pytest.mark.parametrize(
    "content",
    [
        "names: smoke", "names:\n  a: smoke", "names: [[smoke]]", "names: {0: [a]}", "names: [&a x, *a]", "names: [",
        "- a\nnames: 3",
        "a: {names: [x]}\nother:\n- names: [y]\nnames:",
    ],
)  # fmt: skip
def test_other_yaml_is_refused(content: str) -> None:
    with pytest.raises(NotOfFormat):
        names(content)


def test_tags_build_nothing() -> None:
    assert names("x: !!python/object/apply:os.system ['false']\nnames: [smoke]") == {0: "smoke"}


def test_a_bomb_of_aliases_is_never_built() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    assert names(bomb + "names: [smoke]") == {0: "smoke"}
    with pytest.raises(NotOfFormat):
        names(bomb + "names: *a59")


def test_lists_end_at_their_limits() -> None:
    assert len(names("names: [a, bb]", Limits(labels=2, label=2))) == 2
    for limits in (Limits(labels=1), Limits(label=1)):
        with pytest.raises(TooComplex):
            names("names: [a, bb]", limits)
    with pytest.raises(TooComplex, match="256 KiB"):
        names("#" * 300_000)
