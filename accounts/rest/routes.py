"""Both spellings of every route, with and without a slash at the end, answered directly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path


def both(route: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """`route` and `route/`: the old client posts without the slash, and a redirect would lose the body."""
    return [path(route, view, name=name), path(f"{route}/", view, name=f"{name}-slash")]
