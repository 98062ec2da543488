"""Pages of media and annotations."""

from __future__ import annotations

import django_filters
from rest_framework.request import Request

from accounts.rest.paging import Rows, newest, page
from accounts.rest.requests import asking
from curation.actions import find
from curation.api.filters import filtered
from curation.models import Annotation, Media


def listed(
    kind: type[Media] | type[Annotation],
    filters: type[django_filters.FilterSet],
    columns: tuple[str, ...],
    request: Request,
) -> tuple[Rows, dict[str, str]]:
    """The page that was asked for, and its Link header. Without parameters its SQL was made beforehand."""
    if not request.query_params:
        return newest(find.newest(kind, columns, access=asking(request)), request)
    rows = filtered(filters, kind.objects.visible_to(asking(request)), request)
    return page(rows.values(*columns), request)
