"""/docs, /redoc and /openapi.json: served from here, no CDN, no inline script."""

from __future__ import annotations

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import cache_control
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from pyrostorage_site.answers import reads_only


def _document() -> bytes:
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return bytes(OpenApiJsonRenderer().render(schema))


document = SimpleLazyObject(_document)  # made once per process: it depends on the code alone


@reads_only
@cache_control(public=True, max_age=300)
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(bytes(document), content_type="application/json")


@reads_only
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "docs.html")


@reads_only
@csp_update({"style-src": [SELF, UNSAFE_INLINE], "worker-src": [SELF, "blob:"], "img-src": [SELF, "data:"]})
def redoc(request: HttpRequest) -> HttpResponse:
    """ReDoc writes style elements and runs its search in a blob worker: the one page with an exception."""
    return render(request, "redoc.html")
