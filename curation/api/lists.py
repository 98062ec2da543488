"""Pages of media and annotations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.request import Request

from accounts.refusals import Invalid
from accounts.rest.paging import PARAMETERS, Rows, asked_page, first, newest, page
from accounts.rest.requests import asking, no_unknown_parameters
from accounts.rest.times import moment
from curation.actions import find, searching
from curation.actions.searching import MomentField, Search
from curation.api.filters import ORDERS, AnnotationFilters, filtered
from curation.api.rows import ANNOTATION_COLUMNS, MEDIA_COLUMNS
from curation.models import Annotation, Media

MEDIA_PARAMETERS = (*PARAMETERS, "order", "at")
Listed = tuple[Rows, dict[str, str]]  # a page, and its Link header


def annotation_page(request: Request) -> Listed:
    """The page that was asked for. Without parameters its SQL was made beforehand."""
    if not request.query_params:
        return newest(find.newest(Annotation, ANNOTATION_COLUMNS, access=asking(request)), request)
    rows = filtered(AnnotationFilters, Annotation.objects.visible_to(asking(request)), request)
    return page(rows.values(*ANNOTATION_COLUMNS), request)


def media_page(request: Request) -> Listed:
    """As `annotation_page`; by what a search finds, in the order of ids or of capture."""
    if not request.query_params:
        return newest(find.newest(Media, MEDIA_COLUMNS, access=asking(request)), request)
    no_unknown_parameters(request, (*searching.NAMES, *MEDIA_PARAMETERS))
    search = searching.understood(
        {name: said for name, said in request.query_params.items() if name in searching.NAMES}
    )
    return found_by(search, request)


def found_by(search: Search, request: Request) -> Listed:
    """A page of what a search finds for who asks."""
    order = request.query_params.get("order", ORDERS[0])
    if order not in ORDERS:
        raise Invalid(f"value is not {' or '.join(ORDERS)}", "query", "order", kind="type_error.enum")
    rows = search.rows(asking(request)).values(*MEDIA_COLUMNS)
    if order == "captured":
        return _by_capture(rows, request)
    if "at" in request.query_params:
        raise Invalid("belongs to order=captured", "query", "at")
    return page(rows, request, read=once_each if search.finds_twice else first)


def once_each(rows: QuerySet[Any, dict[str, Any]], count: int) -> Rows:
    """Rows that are met several times, once: first their ids in order, which an index gives, then the rows."""
    columns = [str(name).removeprefix("-") for name in rows.query.order_by]
    ids = [found[0] for found in rows.values_list("id", *(name for name in columns if name != "id")).distinct()[:count]]
    known = {row["id"]: row for row in Media.objects.filter(pk__in=ids).values(*MEDIA_COLUMNS)}
    return [known[pk] for pk in ids]


# --- In the order of capture -----------------------------------------------------------------------


def _by_capture(rows: QuerySet[Any, dict[str, Any]], request: Request) -> Listed:
    """Those whose time is known, the oldest first: of a span of times in the midst of all, each page costs the same.

    `before` and `after` name a media, and `at` its time, so that a walk goes on wherever that media is by now.
    """
    asked, rows = asked_page(request), rows.filter(captured_at__isnull=False)
    limit, forwards = asked["limit"], "after" in asked
    if start := asked.get("after") or asked.get("before"):
        rows = rows.filter(searching.beyond(_at(request), start, later=forwards))
    elif "at" in request.query_params:
        raise Invalid("needs before or after", "query", "at")
    found = once_each(rows.order_by(*(("captured_at", "id") if forwards else ("-captured_at", "-id"))), limit + 1)
    shown, is_more = found[:limit], len(found) > limit
    if not forwards:
        shown.reverse()
    older, newer = (bool(start), is_more) if forwards else (is_more, bool(start))
    return shown, _links(request, shown, older=older, newer=newer)


def _at(request: Request) -> datetime:
    if "at" not in request.query_params:
        raise Invalid("field required beside before and after; follow Link", "query", "at")
    try:
        at: datetime | None = MomentField().clean(request.query_params["at"][:100])
    except ValidationError as error:
        raise Invalid(str(error.messages[0]), "query", "at") from error
    assert at is not None  # the field requires one
    return at


def _links(request: Request, shown: Rows, *, older: bool, newer: bool) -> dict[str, str]:
    links = []
    if shown and older:
        links.append(f'<{_address(request, "before", shown[0])}>; rel="prev"')
    if shown and newer:
        links.append(f'<{_address(request, "after", shown[-1])}>; rel="next"')
    return {"Link": ", ".join(links)} if links else {}


def _address(request: Request, side: str, row: dict[str, Any]) -> str:
    query = request.query_params.copy()
    for name in ("before", "after"):
        query.pop(name, None)
    query[side], query["at"] = str(row["id"]), str(moment(row["captured_at"]))
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
