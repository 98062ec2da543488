"""The workbench while the store or the database is away: a sentence for the curator, and nothing half done."""

from __future__ import annotations

import re
import secrets
import signal
from collections.abc import Iterator

import pytest
import requests

from curation.tests.faults.crowd import is_ready, seconds_until
from curation.tests.faults.house import House
from curation.tests.pictures import picture

ROW = re.compile(r"/curation/media/(\d+)/change/")
pytestmark = pytest.mark.timeout(600)
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@pytest.fixture(autouse=True)
def _clean_afterwards(healed: House) -> Iterator[None]:
    yield
    assert healed.store is not None
    healed.store.heal()
    report = healed.recover()
    assert report["clean"], report


class Curator:
    """A browser that is logged in."""

    def __init__(self, house: House) -> None:
        self.url, self.session = house.url + "/admin/", requests.Session()
        known = {"username": house.environment["SUPERUSER_LOGIN"], "password": house.environment["SUPERUSER_PWD"]}
        answer = self.send("login/", known | {"next": "/admin/"}, token=self.token("login/"))
        assert answer.url == self.url, answer.text

    def token(self, path: str) -> str:
        found = TOKEN.search(self.see(path).text)
        assert found is not None
        return found[1]

    def see(self, path: str) -> requests.Response:
        return self.session.get(self.url + path, timeout=60)

    def send(self, path: str, fields: dict[str, str], *, token: str, content: bytes = b"") -> requests.Response:
        files = {"upload": ("ridge.jpg", content, "image/jpeg")} if content else None
        body = fields | {"csrfmiddlewaretoken": token}
        return self.session.post(self.url + path, data=body, files=files, timeout=60)


def all_media(curator: Curator) -> set[str]:
    """Numbers of the rows that the list shows, of which there are few."""
    return set(ROW.findall(curator.see("curation/media/").text))


def test_an_upload_while_the_store_is_away_comes_back_with_a_sentence_and_works_later(healed: House) -> None:
    assert healed.store is not None
    curator, content = Curator(healed), picture(secrets.randbits(64))
    token, before = curator.token("curation/media/add/"), all_media(curator)
    fields = {"type": "image", "camera": "ridge"}
    healed.store.refuse()

    refused = curator.send("curation/media/add/", fields, token=token, content=content)

    assert refused.status_code == 200
    assert "The store does not answer; try again." in refused.text
    assert 'value="ridge"' in refused.text  # what was typed is still there
    assert all_media(curator) == before
    healed.store.accept()
    seconds_until(lambda: is_ready(healed), 10)
    seconds_until(lambda: _is_kept(curator, fields, token, content), 30)
    assert len(all_media(curator) - before) == 1


def _is_kept(curator: Curator, fields: dict[str, str], token: str, content: bytes) -> bool:
    answer = curator.send("curation/media/add/", fields, token=token, content=content)
    return ROW.search(answer.url) is not None


def test_pages_and_uploads_while_the_database_is_away_say_so_and_change_nothing(healed: House) -> None:
    assert healed.postgres is not None
    curator = Curator(healed)
    healed.announce()
    token, before = curator.token("curation/media/add/"), all_media(curator)
    healed.postgres.stop(signal.SIGINT)
    try:
        seen = curator.see("curation/media/")
        sent = curator.send("curation/media/add/", {"type": "image"}, token=token, content=picture(1))
    finally:
        healed.postgres.start()

    for answer in (seen, sent):
        assert answer.status_code == 503
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.headers["Retry-After"] == "5"
        assert "<h1>Not now</h1>" in answer.text
        assert "Traceback" not in answer.text
    healed.wait_until_healthy("/readyz")
    assert all_media(curator) == before
