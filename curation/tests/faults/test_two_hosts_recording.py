"""Old clients do not notice that there are two hosts: the recording, each request to the other host."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest
import requests

from accounts.tests.cast import PASSWORD
from curation.tests.faults.estate import Estate
from curation.tests.faults.house import House
from curation.tests.golden.test_pyro_storage_0_1 import replay_all

pytestmark = pytest.mark.timeout(300)


class ByTurns:
    """A client that goes to the other host each time."""

    def __init__(self, turns: cycle[House], token: str = "") -> None:
        self._turns = turns
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, body: None = None, **options: Any) -> requests.Response:
        return self._ask("GET", path)

    def delete(self, path: str, body: None = None, **options: Any) -> requests.Response:
        return self._ask("DELETE", path)

    def post(self, path: str, body: Any, **options: Any) -> requests.Response:
        return self._ask("POST", path, json=body)

    def put(self, path: str, body: Any, **options: Any) -> requests.Response:
        return self._ask("PUT", path, json=body)

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        url = next(self._turns).url + path
        return requests.request(method, url, headers=self._headers, allow_redirects=False, timeout=30, **options)


class OverTheLine:
    """The people of the recording at two hosts; whoever is new is registered by their first admin."""

    def __init__(self, hosts: list[House]) -> None:
        self._turns = cycle(hosts)
        password = hosts[0].environment["SUPERUSER_PWD"]
        self._first_admin = self._entered("root", password)

    def admin(self) -> ByTurns:
        return self._registered("dummy_login", "admin")

    def stranger(self) -> ByTurns:
        return ByTurns(self._turns)

    def bearer(self, token: str) -> ByTurns:
        return ByTurns(self._turns, token)

    def reader(self, login: str) -> ByTurns:
        return self._registered(login.replace(" ", "-"), "user")

    def of(self, access_id: int) -> ByTurns:
        login = self._first_admin.get(f"/accesses/{access_id}/").json()["login"]
        return self._entered(login, PASSWORD)

    def log_in(self, form: dict[str, str]) -> requests.Response:
        return requests.post(f"{next(self._turns).url}/login/access-token", data=form, timeout=30)

    def _registered(self, login: str, scope: str) -> ByTurns:
        answer = self._first_admin.post("/accesses/", {"login": login, "password": PASSWORD, "scope": scope})
        assert answer.status_code == 201, answer.text
        return self._entered(login, PASSWORD)

    def _entered(self, login: str, password: str) -> ByTurns:
        answer = self.log_in({"username": login, "password": password})
        assert answer.status_code == 200, answer.text
        return ByTurns(self._turns, answer.json()["access_token"])


def test_the_recording_of_the_original_holds_when_each_request_goes_to_the_other_host(two_hosts: Estate) -> None:
    replay_all(OverTheLine(two_hosts.hosts), alone=False)
