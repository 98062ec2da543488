"""Reads the list of names beside YOLO labels: `names:` of a `data.yaml`, or a text of one name per line.

Of the YAML only this one key is looked at, event by event: nothing is built of tags, anchors or anything else.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import IO, Final

import yaml

from curation.formats.carried import clean
from curation.formats.limits import LIMITS, Limits
from curation.formats.lines import lines
from curation.formats.refusals import NotOfFormat, TooComplex

LONGEST: Final = 256 * 1024  # bytes
NAMES_KEY: Final = re.compile(rb"^[\"']?names[\"']?\s*:", re.M)
NOT_NAMES: Final = "The names are neither a list of texts, nor texts by whole numbers."

Events = Iterator[yaml.Event]


def read_names(stream: IO[bytes], limits: Limits = LIMITS) -> dict[int, str]:
    """Names by class number. Raises NotOfFormat, TooComplex."""
    content = stream.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise TooComplex(f"A list of names is at most {LONGEST // 1024} KiB long.")
    found = _of_yaml(content) if NAMES_KEY.search(content) else _of_lines(content, limits)
    if len(found) > limits.labels:
        raise TooComplex(f"The list has more than {limits.labels:,} names.")
    if any(len(name) > limits.label for name in found.values()):
        raise TooComplex(f"A name is longer than {limits.label} characters.")
    return {number: clean(name) for number, name in sorted(found.items())}


def numbered(names: list[str]) -> Mapping[int, str]:
    """Names by class number, from 0."""
    return dict(enumerate(names))


def _of_lines(content: bytes, limits: Limits) -> dict[int, str]:
    texts = [line.strip() for _, line in lines(io.BytesIO(content), longest=limits.line, most=limits.lines)]
    while texts and not texts[-1]:
        texts.pop()
    return dict(enumerate(texts))


def _of_yaml(content: bytes) -> dict[int, str]:
    try:
        events = yaml.parse(content.decode("utf-8-sig"), Loader=yaml.SafeLoader)
        for event in events:
            if isinstance(event, yaml.MappingStartEvent):
                return _names(_under(events, "names"), events)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise NotOfFormat("The file is not YAML.") from error
    raise NotOfFormat(NOT_NAMES)


def _under(events: Events, key: str) -> yaml.Event:
    """The first event of the value under a key of the outermost mapping."""
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        value = next(events)
        if isinstance(event, yaml.ScalarEvent) and event.value == key:
            return value
        _skip(value, events)
    raise NotOfFormat(NOT_NAMES)


def _skip(start: yaml.Event, events: Events) -> None:
    depth = _step(start)
    while depth:
        depth += _step(next(events))


def _step(event: yaml.Event) -> int:
    if isinstance(event, yaml.CollectionStartEvent):
        return 1
    return -1 if isinstance(event, yaml.CollectionEndEvent) else 0


def _names(start: yaml.Event, events: Events) -> dict[int, str]:
    if isinstance(start, yaml.SequenceStartEvent):
        return dict(enumerate(_scalars(events)))
    if not isinstance(start, yaml.MappingStartEvent):
        raise NotOfFormat(NOT_NAMES)
    texts = list(_scalars(events))
    keys = texts[::2]
    if not all(re.fullmatch(r"[0-9]{1,5}", key) for key in keys):
        raise NotOfFormat(NOT_NAMES)
    return dict(zip(map(int, keys), texts[1::2], strict=True))


def _scalars(events: Events) -> Iterator[str]:
    """Texts up to the end of the collection; an alias or a collection within is refused."""
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            return
        if not isinstance(event, yaml.ScalarEvent):
            raise NotOfFormat(NOT_NAMES)
        yield event.value
