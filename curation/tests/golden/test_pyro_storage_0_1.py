"""Forty exchanges recorded from pyro-storage 0.1, replayed in their order: old clients must not notice the difference.

Ids, times and tokens vary. Our answers may carry more fields; `detail` texts of a 422 are free, their shape is not.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Protocol

import pytest
from rest_framework.test import APIClient

from accounts.models import Access
from accounts.scopes import Scope
from accounts.tests.cast import PASSWORD, api, make_access, with_password
from accounts.tests.doors import bearer, post_form

RECORDED = Path(__file__).parent / "pyro_storage_0_1.jsonl"
VARY = {"id", "media_id", "created_at", "access_token"}


class Doors(Protocol):
    """How the people of the recording reach the service; clients speak as APIClient does."""

    def admin(self) -> Any: ...

    def stranger(self) -> Any: ...

    def bearer(self, token: str) -> Any: ...

    def reader(self, login: str) -> Any:
        """A user without rows."""

    def of(self, access_id: int) -> Any:
        """Whoever was created under this id, with PASSWORD."""

    def log_in(self, form: dict[str, str]) -> Any: ...


class InProcess:
    def admin(self) -> APIClient:
        return api(with_password(make_access("dummy_login", Scope.ADMIN)))

    def stranger(self) -> APIClient:
        return APIClient()

    def bearer(self, token: str) -> APIClient:
        return bearer(token)

    def reader(self, login: str) -> APIClient:
        return api(make_access(login, Scope.USER))

    def of(self, access_id: int) -> APIClient:
        return api(Access.objects.get(pk=access_id))

    def log_in(self, form: dict[str, str]) -> Any:
        return post_form(form)


class Replay:
    """The people and rows of the recording, and the ids that they have here."""

    def __init__(self, doors: Doors) -> None:
        self.doors = doors
        self.admin, self.user = doors.admin(), doors.stranger()
        self.media, self.annotation, self.access = 0, 0, 0

    def ask(self, case: str, request: str) -> Any:
        """Send the request of a case, made from its name where the recording does not keep its body."""
        method, path = request.split()
        if path == "/login/access-token":
            return self._log_in(case, method)
        client = self._client(case)
        return getattr(client, method.lower())(self._here(case, path), self._body(case, method), format="json")

    def _log_in(self, case: str, method: str) -> Any:
        if method == "GET":
            return self.doors.stranger().get("/login/access-token")
        if case == "login missing field":
            return self.doors.log_in({"username": "dummy_login"})
        return self.doors.log_in({"username": "dummy_login", "password": "wrong" if "wrong" in case else PASSWORD})

    def _client(self, case: str) -> Any:
        if "no auth" in case:
            return self.doors.stranger()
        if "bad token" in case:
            return self.doors.bearer("not.a.token")
        if case.startswith("list") and "as user" in case:  # users read their own rows now: one that has none
            return self.doors.reader(case)
        return self.user if "as user" in case else self.admin

    def _here(self, case: str, path: str) -> str:
        """The path with our ids in place of the recorded ones; those that were unknown there stay."""
        ids = {"accesses": self.access, "media": self.media, "annotations": self.annotation}
        if case == "delete media C":
            ids["media"] = self._announced()
        table = path.split("/")[1]
        return re.sub(r"/(2|6|8)(?=/)", f"/{ids[table]}", path)

    def _announced(self) -> int:
        return int(self.admin.post("/media/", {}, format="json").json()["id"])

    def _body(self, case: str, method: str) -> dict[str, Any] | None:
        if method in {"GET", "DELETE"}:
            return None
        if "access" in case:
            password = {"password": PASSWORD}
            scope = {"scope": "no such scope"} if "bad scope" in case else {"scope": "user"}
            return password if case.startswith("put") else {"login": "u341636020"} | password | scope
        if "annotation" in case:
            return {} if "{}" in case else {"media_id": self.media}
        return {"type": "film" if "bad type" in case else "video" if case.startswith("put") else "image"}

    def remember(self, case: str, answer: Any) -> None:
        if case == "create access (user)":
            self.access = answer.json()["id"]
        elif case == "put access pwd":  # which ends all earlier logins
            self.user = self.doors.of(self.access)
        elif case == "create media":
            self.media = answer.json()["id"]
        elif case == "create annotation":
            self.annotation = answer.json()["id"]


def recorded() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RECORDED.read_text().splitlines()]


def assert_alike(ours: Any, theirs: Any, where: str) -> None:
    """Every recorded field is there with the recorded value, except for those that vary."""
    if isinstance(theirs, dict):
        for name, value in theirs.items():
            assert name in ours, f"{where}: {name} is missing"
            if name not in VARY:
                assert_alike(ours[name], value, f"{where}.{name}")
            else:
                assert type(ours[name]) is type(value), f"{where}.{name}"
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for mine, value in zip(ours, theirs, strict=True):
            assert_alike(mine, value, where)
    elif isinstance(theirs, str):
        assert re.sub(r"(id=)\d+", r"\1N", ours) == re.sub(r"(id=)\d+", r"\1N", theirs), where
    else:
        assert ours == theirs, where


def assert_same_problems(ours: Any, theirs: Any, where: str) -> None:
    """A 422: the same places, each with a text and a type."""
    assert [problem["loc"] for problem in ours] == [problem["loc"] for problem in theirs], where
    for problem in ours:
        assert isinstance(problem["msg"], str), where
        assert isinstance(problem["type"], str), where


def replay_all(doors: Doors, *, alone: bool = True) -> None:
    """Send all exchanges in their order. alone: nobody else is registered."""
    replay = Replay(doors)
    for exchange in recorded():
        case = exchange["case"]
        answer = replay.ask(case, exchange["request"])
        assert answer.status_code == exchange["status"], (case, answer.content)
        assert answer.headers["Content-Type"] == "application/json", case
        if case != "login ok":  # its recorded body is cut short
            theirs, ours = json.loads(exchange["body"]), answer.json()
            compare(ours[-len(theirs) :] if case == "list accesses" and not alone else ours, theirs, exchange)
        replay.remember(case, answer)


def compare(ours: Any, theirs: Any, exchange: dict[str, Any]) -> None:
    if exchange["status"] == 422:
        assert_same_problems(ours["detail"], theirs["detail"], exchange["case"])
    else:
        assert_alike(ours, theirs, exchange["case"])


@pytest.mark.django_db
def test_every_recorded_exchange_is_answered_as_the_original_answered_it() -> None:
    replay_all(InProcess())


def test_the_recording_holds_forty_exchanges() -> None:
    assert len(recorded()) == 40
