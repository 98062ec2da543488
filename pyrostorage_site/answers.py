"""The answers that no view gives: unknown routes, unreadable requests, bugs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render


def is_page(request: HttpRequest) -> bool:
    """Whether a person is looking: the admin's pages answer in HTML, everything else in JSON."""
    return request.path.startswith("/admin/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return JsonResponse({"detail": "The request cannot be read."}, status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_page(request):
        return render(request, "403.html", status=403)
    return JsonResponse({"detail": "Your access scope is not compatible with this operation."}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_page(request):
        return render(request, "404.html", status=404)
    return JsonResponse({"detail": "Not Found"}, status=404)


def bug(request: HttpRequest) -> HttpResponse:
    request_id = getattr(request, "request_id", "")
    if is_page(request):
        return render(request, "500.html", {"request_id": request_id}, status=500)
    return JsonResponse({"detail": "Internal error.", "request_id": request_id}, status=500)
