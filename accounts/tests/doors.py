"""How tests knock: forms as the old client sends them, tokens as anybody does."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from rest_framework.test import APIClient

from accounts.models import Access
from accounts.tests.cast import PASSWORD

FORM = "application/x-www-form-urlencoded"


def post_form(fields: dict[str, str], path: str = "/login/access-token", **headers: Any) -> Any:
    return APIClient().post(path, urlencode(fields), content_type=FORM, **headers)


def log_in(login: str = "ana", password: str = PASSWORD, **headers: Any) -> Any:
    """The answer of the password flow. `headers`: WSGI names, such as REMOTE_ADDR."""
    return post_form({"username": login, "password": password}, **headers)


def bearer(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def logged_in(access: Access, password: str = PASSWORD) -> APIClient:
    """A client with a fresh login token."""
    return bearer(log_in(access.login, password).json()["access_token"])
