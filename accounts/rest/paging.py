"""Keyset paging by id: page 100,000 costs what page 1 costs, and a walk meets every row once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from accounts.ids import LARGEST_ID
from accounts.refusals import Invalid
from accounts.rest.errors import problems

PARAMETERS = ("limit", "before", "after")
Rows = list[dict[str, Any]]
Read = Callable[[QuerySet[Any, dict[str, Any]], int], Rows]  # so many of the first rows


class PageQuery(serializers.Serializer[Any]):
    """limit: rows a page. before: rows older than this id. after: rows newer than this id, from 0 all in order."""

    limit = serializers.IntegerField(min_value=1, max_value=settings.PAGE_SIZE_MAX, default=settings.PAGE_SIZE)
    before = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    after = serializers.IntegerField(min_value=0, max_value=LARGEST_ID, required=False)


def first(rows: QuerySet[Any, dict[str, Any]], count: int) -> Rows:
    return list(rows[:count])


def page(rows: QuerySet[Any, dict[str, Any]], request: Request, read: Read = first) -> tuple[Rows, dict[str, str]]:
    """One page of `rows` (a values() queryset with `id`), oldest first, and its Link header.

    Without parameters: the newest rows, as the original answered.
    """
    asked = asked_page(request)
    limit = asked["limit"]
    if "after" in asked:
        found = read(rows.filter(id__gt=asked["after"]).order_by("id"), limit + 1)
        shown, newer, older = found[:limit], len(found) > limit, asked["after"] > 0
    else:
        earlier = rows.filter(id__lt=asked["before"]) if "before" in asked else rows
        found = read(earlier.order_by("-id"), limit + 1)
        shown, newer, older = found[:limit][::-1], "before" in asked, len(found) > limit
    return shown, _links(request, shown, newer=newer, older=older)


def newest(found: Rows, request: Request) -> tuple[Rows, dict[str, str]]:
    """As `page` without parameters, from the newest PAGE_SIZE + 1 rows, the newest first."""
    shown = found[: settings.PAGE_SIZE][::-1]
    return shown, _links(request, shown, newer=False, older=len(found) > settings.PAGE_SIZE)


def asked_page(request: Request) -> dict[str, int]:
    """limit, and before or after where they are given. Raises Invalid."""
    given = {name: request.query_params[name] for name in PARAMETERS if name in request.query_params}
    if not given:
        return {"limit": settings.PAGE_SIZE}
    query = PageQuery(data=given)
    if not query.is_valid():
        first = problems(query.errors, "query")[0]
        raise Invalid(first["msg"], *first["loc"], kind=first["type"])
    if "before" in given and "after" in given:
        raise Invalid("before and after exclude each other", "query", "before")
    return dict(query.validated_data)


def _links(request: Request, shown: Rows, *, newer: bool, older: bool) -> dict[str, str]:
    if not shown:
        return {}
    links = []
    if older:
        links.append(f'<{_address(request, "before", shown[0]["id"])}>; rel="prev"')
    if newer:
        links.append(f'<{_address(request, "after", shown[-1]["id"])}>; rel="next"')
    return {"Link": ", ".join(links)} if links else {}


def _address(request: Request, name: str, row_id: int) -> str:
    query = request.query_params.copy()
    for parameter in ("before", "after"):
        query.pop(parameter, None)
    query[name] = str(row_id)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
