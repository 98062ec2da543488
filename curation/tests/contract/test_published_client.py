"""The package `pyrostorage` 0.1.0, as published, against a running server."""

from __future__ import annotations

from typing import Any

import pyrostorage
import pytest
import requests
from pyrostorage.exceptions import HTTPRequestException

from accounts.scopes import Scope
from accounts.tests.cast import PASSWORD, make_access, with_password
from curation.tests.pictures import LABEL, picture


@pytest.fixture
def client(live_server: Any, settings: Any) -> Any:
    settings.PUBLIC_URL = live_server.url
    with_password(make_access("tower", Scope.DEVICE), "unescaped phrase")
    return pyrostorage.Client(live_server.url, "tower", "unescaped phrase")


def test_it_is_the_published_version() -> None:
    assert pyrostorage.__version__ == "0.1.0"


def test_a_picture_and_its_annotation_go_in_and_come_back(client: Any) -> None:
    content = picture(7)
    media = client.create_media(media_type="image")
    uploaded = client.upload_media(media.json()["id"], content)
    annotation = client.create_annotation(media_id=media.json()["id"])
    labelled = client.upload_annotation(annotation.json()["id"], LABEL)

    assert [answer.status_code for answer in (media, uploaded, annotation, labelled)] == [201, 200, 201, 200]
    picture_link = client.get_media_url(media.json()["id"]).json()["url"]
    label_link = client.get_annotation_url(annotation.json()["id"]).json()["url"]
    assert requests.get(picture_link, timeout=10).content == content
    assert requests.get(label_link, timeout=10).content == LABEL


def test_a_video_is_announced(client: Any) -> None:
    assert client.create_media("video").json()["type"] == "video"


def test_a_wrong_password_raises_what_it_always_raised(client: Any) -> None:
    with pytest.raises(HTTPRequestException) as caught:
        pyrostorage.Client(client.api, "tower", PASSWORD)
    assert caught.value.status_code == 401
    assert caught.value.response_message == '{"detail":"Invalid credentials."}'
