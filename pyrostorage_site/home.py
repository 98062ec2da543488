"""The greeting at `/`."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

LINKS = {
    "docs": "/docs",
    "redoc": "/redoc",
    "schema": "/openapi.json",
    "admin": "/admin/",
    "health": "/healthz",
    "ready": "/readyz",
}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """A page for a browser, JSON for a program."""
    if "text/html" in request.headers.get("Accept", ""):
        return render(request, "home.html", {"version": settings.VERSION})
    return JsonResponse({"name": "pyro-storage", "version": settings.VERSION, **LINKS})


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """RFC 9116."""
    return render(request, "security.txt", {"url": settings.PUBLIC_URL}, content_type="text/plain; charset=utf-8")
