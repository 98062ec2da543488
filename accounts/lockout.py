"""Failed logins are counted per account and address (django-axes) and per address alone (here)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpResponse, JsonResponse
from django.http.request import HttpRequest
from django.shortcuts import render
from django.utils import timezone

from accounts import addresses
from accounts.names import fold
from accounts.prepared import Statement

FAILURES = Statement(
    "failures_of_address",
    """
SELECT COALESCE(SUM(failures_since_start), 0) FROM axes_accessattempt WHERE ip_address = %s AND attempt_time >= %s
""",
)
SENTENCE = "Too many failed logins; wait a while."


def account_name(request: HttpRequest | None, credentials: dict[str, Any] | None = None) -> str:
    """The name that failures are counted under: folded, so that `Admin` and `admin` are one."""
    given = (credentials or {}).get("username") or (request.POST.get("username", "") if request else "")
    return fold(str(given))[:255]


def client_address(request: HttpRequest) -> str:
    return addresses.client_address(request)


def failures_of_address(request: HttpRequest) -> int:
    """How often the address failed of late, whatever the accounts."""
    since = connection.ops.adapt_datetimefield_value(timezone.now() - settings.AXES_COOLOFF_TIME)
    with connection.cursor() as cursor:
        FAILURES.run(cursor, [addresses.client_address(request), since])
        [failures] = cursor.fetchone()
    return int(failures)


def is_locked_out(request: HttpRequest) -> bool:
    return bool(getattr(request, "axes_locked_out", False))


def retry_after() -> int:
    """Seconds after which a locked account is open again, at most."""
    return int(settings.AXES_COOLOFF_TIME.total_seconds())


def refuse(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """The answer of a locked account: a page for the admin's login form, JSON for everybody else."""
    answer: HttpResponse = JsonResponse({"detail": SENTENCE}, status=429)
    if request.path.startswith("/admin/"):
        answer = render(request, "locked_out.html", {"minutes": retry_after() // 60}, status=429)
    answer["Retry-After"] = str(retry_after())
    return answer
