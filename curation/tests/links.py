"""What a link on a page leads to, whether the store is a folder or a bucket."""

from __future__ import annotations

from html import unescape

import requests
from django.core.files.storage import storages
from django.test import Client

from curation.storage.folder import FolderStore


def is_folder() -> bool:
    return isinstance(storages["default"], FolderStore)


def start_of_links() -> str:
    """How the address of an object begins on our pages."""
    return "/files/" if is_folder() else "http"


def content_at(client: Client, link: str) -> bytes:
    """The bytes behind a link, as it stands in the page."""
    link = unescape(link)
    if link.startswith("http"):
        answer = requests.get(link, timeout=10)
        answer.raise_for_status()
        return answer.content
    return b"".join(client.get(link).streaming_content)  # type: ignore[attr-defined]
