from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


class JsonRenderer(BaseRenderer):
    """JSON by orjson. Times are strings already (`moment`), so that create, read and replay agree to the letter."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return orjson.dumps(data, default=_plain, option=OPTIONS)


def _plain(value: object) -> object:
    """What DRF's serializers hand out beside plain types."""
    if isinstance(value, ReturnDict):
        return dict(value)
    if isinstance(value, ReturnList):
        return list(value)
    if isinstance(value, str):  # lazy translations and ErrorDetail
        return str(value)
    if hasattr(value, "__str__") and type(value).__name__ == "__proxy__":
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
