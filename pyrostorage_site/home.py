"""The greeting at `/`."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from pyrostorage_site.answers import reads_only

STATEMENT_HOLDS = timedelta(days=180)  # of security.txt; the standard asks for less than a year
LINKS = {
    "docs": "/docs",
    "redoc": "/redoc",
    "schema": "/openapi.json",
    "admin": "/admin/",
    "health": "/healthz",
    "ready": "/readyz",
}


@reads_only
def home(request: HttpRequest) -> HttpResponse:
    """A page for a browser, JSON for a program."""
    if "text/html" in request.headers.get("Accept", ""):
        return render(request, "home.html", {"version": settings.VERSION})
    return JsonResponse({"name": "pyro-storage", "version": settings.VERSION, **LINKS})


@reads_only
def security_txt(request: HttpRequest) -> HttpResponse:
    """RFC 9116. It expires a while after it was asked for, as long as somebody runs the service."""
    context = {
        "url": settings.PUBLIC_URL,
        "contact": f"{settings.PUBLIC_URL}/",
        "expires": f"{timezone.now() + STATEMENT_HOLDS:%Y-%m-%dT%H:%M:%SZ}",
    }
    return render(request, "security.txt", context, content_type="text/plain; charset=utf-8")
