"""Every answer: JSON refusals, headers, CORS, failures of what we depend on. B44, B118, B136, B139."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, ProgrammingError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Access
from accounts.scopes import Right
from accounts.tests.cast import Cast, api, token_of, with_password
from accounts.tests.doors import log_in
from curation.models import Media, StoredObject
from curation.tests.contract.helpers import announce, layer, stored, upload
from curation.tests.contract.matrix import PUBLIC, ask, canonical, make_scene, parsed, routes
from curation.tests.pictures import picture
from pyrostorage_site import urls as site_urls
from pyrostorage_site.logs import JsonFormatter

LIMIT_OF_IDS = re.compile(r"[A-Za-z0-9._-]{8,64}")


def raises(request: HttpRequest) -> HttpResponse:
    raise ValueError("a bug with a secret: hunter2")


class Raises(APIView):
    rights = {"get": Right.READ}
    error: type[Exception] = ValueError

    def get(self, request: Request) -> Response:
        raise self.error("SELECT secret FROM accounts_access")


class RaisesDatabase(Raises):
    error = OperationalError


class RaisesQuery(Raises):
    error = ProgrammingError


SITE: list[Any] = site_urls.urlpatterns
urlpatterns = [
    path("plain-bug", raises),
    path("bug", Raises.as_view()),
    path("outage", RaisesDatabase.as_view()),
    path("bad-query", RaisesQuery.as_view()),
    path("", include(SITE)),
]
handler400, handler403 = site_urls.handler400, site_urls.handler403
handler404, handler500 = site_urls.handler404, site_urls.handler500


def asking(access: Access) -> Client:
    client = Client(raise_request_exception=False)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token_of(access)}"
    return client


@pytest.mark.parametrize("place", ["/nowhere", "/media/1/nowhere", "/api/v2/media", "/media//", "/api/v1", "/files"])
@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options", "trace"])
def test_an_unknown_route_is_404_in_json_and_does_not_echo_the_path(db: None, place: str, method: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(f"{place}?x=<script>")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "a b", "", "[::1"])
@pytest.mark.parametrize("route", ["/", "/media", "/healthz", "/nowhere"])
def test_a_bad_host_is_400_in_json(db: None, host: str, route: str) -> None:
    answer = Client(raise_request_exception=False).get(route, HTTP_HOST=host)
    assert answer.status_code == 400
    assert answer.json() == {"detail": "The request cannot be read."}


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("route", ["/bug", "/plain-bug", "/bad-query"])
def test_a_bug_is_500_in_json_with_the_id_that_finds_it_in_the_log(
    cast: Cast, route: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = asking(cast.ana).get(route)
    assert answer.status_code == 500
    body = answer.json()
    assert body == {"detail": "Internal error.", "request_id": answer["X-Request-ID"]}
    assert LIMIT_OF_IDS.fullmatch(body["request_id"])
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.urls(__name__)
def test_a_database_that_fails_is_503_and_not_our_bug(cast: Cast) -> None:
    answer = asking(cast.ana).get("/outage")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json() == {"detail": "The database does not answer; try again."}


@contextmanager
def database_down() -> Iterator[None]:
    def refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        raise OperationalError("connection to server at 10.0.0.5 failed: password authentication failed")

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.parametrize(("method", "route"), [("get", "/media"), ("post", "/media"), ("get", "/media/1/url")])
def test_without_a_database_the_api_is_503(cast: Cast, method: str, route: str) -> None:
    client = asking(cast.ana)
    with database_down():
        answer = getattr(client, method)(route)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "10.0.0.5" not in answer.content.decode()


def test_without_a_database_a_login_is_503(cast: Cast) -> None:
    with database_down():
        answer = log_in()
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("route", ["/healthz", "/docs", "/redoc", "/openapi.json", "/", "/.well-known/security.txt"])
def test_without_a_database_the_rest_goes_on(db: None, route: str) -> None:
    with database_down():
        assert Client().get(route).status_code == 200


@pytest.fixture
def store_down(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> Callable[[], None]:
    """Makes the store one that does not answer: a folder that is not there."""

    def fail() -> None:
        settings.STORAGES = settings.STORAGES | {
            "default": {"BACKEND": "curation.storage.folder.FolderStore", "OPTIONS": {"location": tmp_path / "absent"}}
        }

    return fail


@pytest.mark.damages_storage
def test_without_a_store_uploads_are_503_and_the_rest_goes_on(cast: Cast, store_down: Callable[[], None]) -> None:
    tower = api(cast.tower)
    full, empty = stored(tower), announce(tower)
    store_down()

    refused = upload(tower, f"/media/{empty}", picture(99))
    assert refused.status_code == 503
    assert int(refused["Retry-After"]) > 0
    assert tower.get(f"/media/{full}").status_code == 200
    assert tower.get(f"/media/{full}/url").status_code == 200
    assert tower.get("/media").status_code == 200
    assert tower.post("/media", {}, format="json").status_code == 201
    assert Media.objects.get(pk=empty).sha256 == ""


@pytest.mark.damages_storage
def test_every_answer_has_its_headers(cast: Cast) -> None:
    """B139, B136, on every route and with every role."""
    scene = make_scene(cast)
    for route, method in parsed():
        for role in ("nobody", "ana", "ada"):
            answer = ask(scene, route, method, role)
            where = f"{method} {route} as {role}"
            assert answer["X-Content-Type-Options"] == "nosniff", where
            assert LIMIT_OF_IDS.fullmatch(answer["X-Request-ID"]), where
            assert answer["Referrer-Policy"] == "same-origin", where
            policy = answer["Content-Security-Policy"]
            assert "unsafe-eval" not in policy, where
            assert ("unsafe-inline" in policy) == (route == "/redoc"), where
            assert "frame-ancestors 'none'" in policy or "sandbox" in policy, where
            assert answer["X-Frame-Options"] == "DENY", where
            assert answer["Cross-Origin-Resource-Policy"] in {"same-origin", "cross-origin"}, where
            assert "Server" not in answer, where
            assert "X-Powered-By" not in answer, where
            assert not answer.cookies, where
            if route not in PUBLIC or route == "/login/access-token":
                assert {"private", "no-store"} <= set(re.split(r",\s*", answer["Cache-Control"])), where
                assert "Authorization" in answer["Vary"], where
            if answer.status_code >= 400:
                assert answer["Content-Type"] == "application/json", where


def test_over_https_browsers_are_told_to_stay_there(db: None, settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 31_536_000
    answer = Client().get("/media", secure=True)
    assert answer["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("given", ["req-12345678", "A" * 64])
def test_a_proxys_request_id_is_kept(db: None, given: str) -> None:
    assert Client().get("/healthz", HTTP_X_REQUEST_ID=given)["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["short", "A" * 65, "a b c d e f", "x\r\nSet-Cookie: a=b", "<script>alert(1)"])
def test_a_hostile_request_id_is_replaced(db: None, given: str) -> None:
    assert Client().get("/healthz", HTTP_X_REQUEST_ID=given)["X-Request-ID"] != given


PREFLIGHT: dict[str, Any] = {"HTTP_ORIGIN": "https://front.example", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}


@pytest.fixture
def front(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://front.example"]


def test_a_front_end_may_ask_from_its_origin_without_credentials(cast: Cast, front: None) -> None:
    answer = asking(cast.ana).get("/media", HTTP_ORIGIN="https://front.example")
    assert answer["Access-Control-Allow-Origin"] == "https://front.example"
    assert "Access-Control-Allow-Credentials" not in answer
    exposed = set(re.split(r",\s*", answer["Access-Control-Expose-Headers"]))
    assert exposed == {"Link", "Retry-After", "ETag"}
    assert "origin" in answer["Vary"].lower()


@pytest.mark.parametrize("route", ["/media", "/media/", "/api/v1/media/1/upload", "/login/access-token"])
def test_a_preflight_is_answered_without_a_token(db: None, front: None, route: str) -> None:
    headers = "authorization, content-type, idempotency-key, if-match"
    answer = Client().options(route, HTTP_ACCESS_CONTROL_REQUEST_HEADERS=headers, **PREFLIGHT)
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == "https://front.example"
    allowed = answer["Access-Control-Allow-Headers"]
    assert all(name in allowed for name in headers.split(", "))
    assert {"POST", "PATCH", "DELETE"} <= set(answer["Access-Control-Allow-Methods"].split(", "))


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://front.example.evil.example", "http://front.example"]
)
def test_another_origin_is_told_nothing(cast: Cast, front: None, origin: str) -> None:
    for answer in (
        asking(cast.ana).get("/media", HTTP_ORIGIN=origin),
        Client().options("/media", **(PREFLIGHT | {"HTTP_ORIGIN": origin})),
    ):
        assert "Access-Control-Allow-Origin" not in answer


def test_no_origin_is_allowed_unless_it_is_set(cast: Cast) -> None:
    answer = asking(cast.ana).get("/media", HTTP_ORIGIN="https://front.example")
    assert "Access-Control-Allow-Origin" not in answer


def test_any_origin_still_means_no_credentials(cast: Cast, settings: Any) -> None:
    settings.CORS_ALLOW_ALL_ORIGINS = True
    answer = asking(cast.ana).get("/media", HTTP_ORIGIN="https://front.example")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("method", ["CONNECT", "PROPFIND", "DEBUG", "TRACK", "get"])
def test_odd_methods_are_405(cast: Cast, method: str) -> None:
    """B44."""
    client = asking(cast.ada)
    answer = client.generic(method, "/media/1/url")
    if method == "get":  # Django reads it as GET
        assert answer.status_code == 404
        return
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"
    assert client.generic(method, "/healthz").status_code == 405


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png", "*/*", "garbage", ""])
def test_the_api_speaks_json_whatever_is_accepted(cast: Cast, accept: str) -> None:
    answer = asking(cast.ana).get("/media", HTTP_ACCEPT=accept)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_links_are_made_as_often_as_a_person_looks_and_no_oftener(cast: Cast, settings: Any) -> None:
    """B34."""
    settings.RATES = settings.RATES | {"links": "3/min"}
    media = stored(api(cast.tower))
    annotation = layer(api(cast.tower), media)
    with time_machine.travel(datetime.now(UTC).replace(second=0, microsecond=0), tick=False) as now:
        ask_for_links(cast, media, annotation, now)


def ask_for_links(cast: Cast, media: int, annotation: int, now: Any) -> None:
    tower = api(cast.tower)
    paths = [f"/media/{media}/url", f"/annotations/{annotation}/url"]
    assert [tower.get(paths[n % 2]).status_code for n in range(4)] == [200, 200, 200, 429]
    refused = tower.get(paths[0])
    assert refused.json() == {"detail": "Too many requests; slow down."}
    assert int(refused["Retry-After"]) == 61
    assert tower.get(f"/media/{media}").status_code == 200
    assert api(cast.carl).get(paths[0]).status_code == 200
    now.shift(59.9)
    assert tower.get(paths[0])["Retry-After"] == "2"
    now.shift(0.1)
    assert [tower.get(paths[n % 2]).status_code for n in range(4)] == [200, 200, 200, 429]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the service writes down, as it writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


SECRETS = re.compile(r"argon2|pyro_[A-Za-z0-9_-]{20}|bucket_key|Traceback|/home/|site-packages|SELECT |digest")


@pytest.mark.damages_storage
def test_no_body_holds_a_key_a_path_or_a_secret(cast: Cast) -> None:
    """I9."""
    scene = make_scene(cast)
    keys = list(StoredObject.objects.values_list("key", flat=True))
    assert keys
    for (route, method), row in parsed().items():
        for role in row:
            answer = ask(scene, route, method, role)
            if answer.streaming or route in {"/docs", "/redoc", "/openapi.json", "/login/access-token"}:
                continue
            body = answer.content.decode()
            if (route, method) == ("/tokens", "POST") and answer.status_code == 201:
                body = re.sub(r'"token":"[^"]+"', "", body)
            if not route.endswith(("/url", "/thumbnail")):
                assert not [key for key in keys if key in body], (route, method, role)
            assert not SECRETS.search(body), (route, method, role, body)


def test_secrets_of_requests_reach_no_log_line(cast: Cast, log: io.StringIO, settings: Any) -> None:
    """B145: canaries."""
    canary = "canary-9f2c71-password"
    with_password(cast.ana, canary)
    wrong = "canary-wrong-password"
    token = log_in("ana", canary).json()["access_token"]
    log_in("ana", wrong)
    log_in("nobody", canary)
    client = Client(raise_request_exception=False)
    client.get("/media", HTTP_AUTHORIZATION=f"Bearer {token}x")
    client.get(f"/media?token={token}&password={canary}", HTTP_AUTHORIZATION=f"Bearer {token}")
    api(cast.ana).put("/accesses/me", {"password": canary + "2", "current_password": wrong}, format="json")
    media = stored(api(cast.tower))
    link = api(cast.tower).get(f"/media/{media}/url").json()["url"]
    client.get(link.partition(settings.PUBLIC_URL)[2][:-1] + "0")
    client.post("/media", "{", content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {token}")

    text = log.getvalue()
    assert len([json.loads(line) for line in text.splitlines()]) >= 4
    for secret in (canary, wrong, token, link.rpartition("=")[2]):
        assert secret not in text


@pytest.mark.urls(__name__)
def test_the_log_of_a_bug_holds_no_token(cast: Cast, log: io.StringIO) -> None:
    client = asking(cast.ana)
    client.get("/bug?password=canary-1234&token=canary-5678")
    said = log.getvalue()
    assert "ValueError" in said
    assert "canary" not in said
    assert client.defaults["HTTP_AUTHORIZATION"] not in said


def needs_no_token(view: Any) -> bool:
    """Plain views, and those of the API that say so."""
    return not hasattr(view, "cls") or not view.cls.permission_classes


def test_only_the_listed_routes_need_no_token() -> None:
    open_views = {canonical(route) for route, view in routes(SITE) if needs_no_token(view)}
    assert open_views == PUBLIC
