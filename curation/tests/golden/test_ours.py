"""Our own answers to a fixed scenario, kept to the letter: what changes on the wire shows in a diff.

GOLDEN_UPDATE=1 writes `ours.jsonl` anew.
"""

from __future__ import annotations

import base64
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.models import Access
from accounts.scopes import Scope
from accounts.tests.cast import PASSWORD, api, make_access, with_password
from accounts.tests.doors import log_in
from curation.tests.contract.helpers import use_folder
from curation.tests.pictures import LABEL, part

KEPT = Path(__file__).parent / "ours.jsonl"
HEADERS = ("Allow", "Cache-Control", "Content-Type", "ETag", "Link", "Retry-After", "Vary", "WWW-Authenticate")
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=")  # a red GIF, the same with every library
START = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECRETS = (
    (re.compile(r"pyro_[A-Za-z0-9_-]{43}"), "<token>"),
    (re.compile(r'"prefix":"pyro_[A-Za-z0-9_-]{7}"'), '"prefix":"<prefix>"'),
    (re.compile(r'"url":"[^"]+"'), '"url":"<link>"'),
)


class Recorder:
    """Sends requests a second apart and keeps what came back."""

    def __init__(self, clock: time_machine.Traveller) -> None:
        self.clock = clock
        self.lines: list[str] = []

    def __call__(self, case: str, answer: Any) -> Any:
        self.clock.shift(timedelta(seconds=1, microseconds=1))
        body = answer.content.decode()
        for secret, stand_in in SECRETS:
            body = secret.sub(stand_in, body)
        request = f"{answer.wsgi_request.method} {answer.wsgi_request.get_full_path()}"
        headers = {name: answer[name] for name in HEADERS if name in answer}
        line = {"case": case, "request": request, "status": answer.status_code, "headers": headers, "body": body}
        self.lines.append(json.dumps(line, ensure_ascii=False))
        return answer


def json_client(access: Access) -> APIClient:
    client = api(access)
    client.default_format = "json"
    return client


def play(record: Recorder) -> None:
    ada = json_client(with_password(make_access("ada", Scope.ADMIN)))
    record("log in", log_in("ada"))
    record("log in with a wrong password", log_in("ada", "wrong"))
    record("register a device", ada.post("/accesses", {"login": "tower", "password": PASSWORD, "scope": "device"}))
    record("register it again", ada.post("/accesses", {"login": "Tower", "password": PASSWORD}))
    record("register with a bad login", ada.post("/accesses", {"login": "a b", "password": PASSWORD}))
    record("list accesses", ada.get("/accesses"))
    tower = json_client(Access.objects.get(login="tower"))
    _tokens(record, tower)
    _media(record, tower, ada)
    _annotations(record, tower, ada)
    _refusals(record, tower, ada)


def _tokens(record: Recorder, tower: Any) -> None:
    token = record("make a token", tower.post("/tokens", {"name": "mast", "rights": "upload"})).json()
    record("make another of that name", tower.post("/tokens", {"name": "mast"}))
    record("list one token", tower.get("/tokens", {"limit": 1}))
    record("revoke it", tower.delete(f"/tokens/{token['id']}"))


def _media(record: Recorder, tower: Any, ada: Any) -> None:
    described = {"captured_at": "2026-06-01T09:30:00+02:00", "camera": "mast 7", "azimuth": 360, "latitude": 44.5}
    media = record("announce a media", tower.post("/media", {"type": "image"} | described)).json()
    path = f"/media/{media['id']}"
    record("url before upload", tower.get(f"{path}/url"))
    record("upload", tower.post(f"{path}/upload", {"file": part(PIXEL, "a red dot.gif")}, format="multipart"))
    record("upload the same again", tower.post(f"{path}/upload", {"file": part(PIXEL)}, format="multipart"))
    record("read it", tower.get(f"{path}/"))
    record("a link", tower.get(f"{path}/url"))
    record("describe it", tower.patch(path, {"camera": "", "azimuth": None}))
    record("a type that contradicts the file", ada.put(path, {"type": "video"}))
    record("a version that is past", tower.patch(path, {"camera": "x"}, HTTP_IF_MATCH='"1"'))
    for _ in range(2):
        tower.post("/media", {})
    record("the newest", tower.get("/api/v1/media", {"limit": 2}))
    record("from the beginning", tower.get("/media/", {"after": 0, "limit": 1, "type": "image"}))


def _annotations(record: Recorder, tower: Any, ada: Any) -> None:
    media = tower.get("/media", {"after": 0, "limit": 1}).json()[0]["id"]
    layer = record("announce an annotation", tower.post("/annotations", {"media_id": media})).json()
    path = f"/annotations/{layer['id']}"
    record("upload it", tower.post(f"{path}/upload", {"file": part(LABEL, "a.txt")}, format="multipart"))
    record("list annotations", tower.get("/annotations", {"media_id": media}))
    record("a media that has annotations stays", ada.delete(f"/media/{media}"))
    record("delete the annotation", ada.delete(path))
    record("then the media goes", ada.delete(f"/media/{media}"))
    files = {"file": part(PIXEL), "annotation": part(b"{}", "a.json")}
    record("an entry", tower.post("/entries", files, format="multipart"))


def _refusals(record: Recorder, tower: Any, ada: Any) -> None:
    record("no token", api().get("/media"))
    record("not for devices", tower.get("/accesses"))
    record("an unknown parameter", tower.get("/media", {"owner__password__startswith": "p"}))
    record("an unknown id for who sees little", tower.get("/media/987654321"))
    record("an unknown id for who sees all", ada.get("/media/987654321"))
    record("a method that is not there", tower.put("/media", {}))
    record("an unknown route", tower.get("/nowhere"))
    record("a body of another type", tower.post("/media", "<a/>", content_type="text/xml"))
    record("half a body", tower.post("/media", '{"type":', content_type="application/json"))
    record("a digest that differs", _with_wrong_digest(tower))


def _with_wrong_digest(tower: Any) -> Any:
    fields = {"sha256": "0" * 64, "file": part(PIXEL), "annotation": part(b"")}
    return tower.post("/entries", fields, format="multipart")


@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_our_answers_are_those_that_are_kept(settings: Any, tmp_path: Path) -> None:
    use_folder(settings, tmp_path / "objects")  # S3 servers refuse a clock that is not the present one
    with time_machine.travel(START, tick=False) as clock:
        record = Recorder(clock)
        play(record)
    if os.environ.get("GOLDEN_UPDATE"):
        KEPT.write_text("\n".join(record.lines) + "\n")
    assert record.lines == KEPT.read_text().splitlines()
