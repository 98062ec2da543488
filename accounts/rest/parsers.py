"""Bodies, parsed strictly: what is ambiguous is refused rather than guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from django.http import QueryDict
from rest_framework.parsers import BaseParser

from accounts.refusals import Invalid, TooLarge


class JsonParser(BaseParser):
    """One JSON value in UTF-8, at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes and JSON_MAX_DEPTH deep.

    Refused: duplicate keys, NaN and Infinity, NUL and lone surrogates in text, a byte order mark, anything
    after the value.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"The body is larger than {limit} bytes.")
        try:
            value = json.loads(
                body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_whole
            )
        except (ValueError, RecursionError) as error:
            raise Invalid("The body is not valid JSON.", "body", kind="value_error.jsondecode") from error
        _check_tree(value)
        return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate keys")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _whole(digits: str) -> int:
    if len(digits) > 30:
        raise ValueError("number too long")
    return int(digits)


def _check_tree(value: Any) -> None:
    """Depth and text, without recursion."""
    level, depth = [value], 0
    while level:
        depth += any(isinstance(node, (dict, list)) for node in level)
        if depth > settings.JSON_MAX_DEPTH:
            limit = settings.JSON_MAX_DEPTH
            raise Invalid(f"The body is nested deeper than {limit}.", "body", kind="value_error.depth")
        level = [child for node in level for child in _children(node)]


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [*node.keys(), *node.values()]
    if isinstance(node, list):
        return node
    if isinstance(node, str) and any(char == "\0" or "\ud800" <= char <= "\udfff" for char in node):
        raise Invalid("Text holds a NUL character or half of a surrogate pair.", "body", kind="value_error.text")
    return []


class FormParser(BaseParser):
    """`application/x-www-form-urlencoded`, at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes and 100 fields.

    The old client builds its form by hand and escapes nothing.
    """

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> QueryDict:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"The body is larger than {limit} bytes.")
        try:
            return QueryDict(body.decode("utf-8"), encoding="utf-8")
        except UnicodeDecodeError as error:
            raise Invalid("The body is not UTF-8.", "body") from error
