"""What the routes of media and annotations share: each row may have a file, which is uploaded and linked to."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from django.db.models import Model
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.viewsets import GenericViewSet

from accounts.rest.methods import Methods
from accounts.rest.parsers import JsonParser

Row = TypeVar("Row", bound=Model)


class FileViewSet(Methods, GenericViewSet[Row]):
    """`upload` reads a multipart body, everything else JSON; `url` and `thumbnail` count against the rate of links."""

    refuses: ClassVar[dict[str, list[str]]] = {
        "retrieve": ["404"],
        "update": ["404", "409", "412"],
        "partial_update": ["404", "409", "412"],
        "destroy": ["404", "409", "412"],
        "upload": ["404", "409", "412", "507"],
        "url": ["404"],
        "thumbnail": ["404"],
    }
    counted_as: ClassVar[dict[str, str]] = {
        "url": "links",
        "thumbnail": "links",
    }  # nobody copies the whole collection unnoticed

    def get_parsers(self) -> list[BaseParser]:
        """DRF asks before it has set `action`."""
        method = getattr(self.request, "method", None) or ""
        return [MultiPartParser()] if self.action_map.get(method.lower()) == "upload" else [JsonParser()]
