"""The answers that no view gives: unknown routes, unreadable requests, bugs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt

from accounts.outages import is_outage, is_shortage

View = Callable[..., HttpResponseBase]
READS = ("GET", "HEAD")


def is_page(request: HttpRequest) -> bool:
    """Whether a person is looking: the admin's pages answer in HTML, everything else in JSON."""
    return request.path.startswith("/admin/")


def reads_only(view: View) -> View:
    """GET and HEAD alone. Nothing changes here, so no CSRF token is asked for: other methods get their 405."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in READS:
            return view(request, *args, **kwargs)
        return JsonResponse({"detail": "Method Not Allowed"}, status=405, headers={"Allow": ", ".join(READS)})

    return csrf_exempt(guarded)


# These pages are made without the request: looking up who is logged in may be the very thing that failed.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_page(request):
        return HttpResponse(render_to_string("400.html"), status=400)
    return JsonResponse({"detail": "The request cannot be read."}, status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_page(request):
        return HttpResponse(render_to_string("403.html"), status=403)
    return JsonResponse({"detail": "Your access scope is not compatible with this operation."}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_page(request):
        return HttpResponse(render_to_string("404.html"), status=404)
    return JsonResponse({"detail": "Not Found"}, status=404)


def bug(request: HttpRequest) -> HttpResponse:
    """An error that nobody caught; when something ran out or is away, nothing is wrong here, and later it may work."""
    error = sys.exc_info()[1]
    if isinstance(error, MemoryError) and (retire := request.META.get("pyrostorage.retire")):
        retire()  # see pace.py
    if is_outage(error):
        return _later(request, "The database does not answer; try again.")
    if is_shortage(error):
        return _later(request, "The server is too busy; try again.")
    request_id = getattr(request, "request_id", "")
    if is_page(request):
        return HttpResponse(render_to_string("500.html", {"request_id": request_id}), status=500)
    return JsonResponse({"detail": "Internal error.", "request_id": request_id}, status=500)


def _later(request: HttpRequest, sentence: str) -> HttpResponse:
    again = {"Retry-After": "5"}
    if is_page(request):
        return HttpResponse(render_to_string("503.html"), status=503, headers=again)
    return JsonResponse({"detail": sentence}, status=503, headers=again)
