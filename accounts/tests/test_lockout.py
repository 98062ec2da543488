"""B7: too many wrong passwords close a login for its attacker, and for nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import time_machine

from accounts.tests.cast import Cast, with_password
from accounts.tests.doors import bearer, log_in

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at_noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def fail(times: int, login: str = "ana", **headers: Any) -> list[int]:
    return [log_in(login, "wrong password", **headers).status_code for _ in range(times)]


def test_the_sixth_try_is_refused_and_told_when_to_come_back(cast: Cast) -> None:
    with_password(cast.ana)
    assert fail(4) == [401] * 4
    fail(1)

    refused = log_in()

    assert refused.status_code == 429
    assert refused.json() == {"detail": "Too many failed logins; wait a while."}
    assert refused["Retry-After"] == "900"


def test_four_failures_do_not_close_the_account(cast: Cast) -> None:
    with_password(cast.ana)
    fail(4)
    assert log_in().status_code == 200


def test_a_right_password_forgets_the_failures_before_it(cast: Cast) -> None:
    with_password(cast.ana)
    fail(4)
    log_in()
    assert fail(4) == [401] * 4


def test_unknown_names_are_counted_like_known_ones(cast: Cast) -> None:
    with_password(cast.ana)
    assert fail(6, "nobody") == fail(6, "ana")


def test_spellings_of_one_name_are_counted_together(cast: Cast) -> None:
    with_password(cast.ana)
    for login in ("ana", "ANA", " ana", "ａna", "Ana"):
        fail(1, login)
    assert log_in().status_code == 429


def test_a_locked_account_opens_from_another_address_and_its_tokens_go_on(cast: Cast) -> None:
    with_password(cast.ana)
    session = bearer(log_in().json()["access_token"])
    fail(6, REMOTE_ADDR="203.0.113.9")

    assert log_in(REMOTE_ADDR="203.0.113.9").status_code == 429
    assert log_in(REMOTE_ADDR="198.51.100.7").status_code == 200
    assert session.get("/media").status_code == 200


def test_a_locked_account_opens_again_after_fifteen_minutes(cast: Cast) -> None:
    with_password(cast.ana)
    fail(6)
    with time_machine.travel(NOON + timedelta(minutes=14, seconds=59), tick=False):
        assert log_in().status_code == 429
    with time_machine.travel(NOON + timedelta(minutes=30), tick=False):
        assert log_in().status_code == 200


def test_one_address_fails_twenty_times_whatever_the_names(cast: Cast) -> None:
    with_password(cast.ana)
    assert [fail(1, f"name-{n}")[0] for n in range(19)] == [401] * 19
    assert log_in().status_code == 200
    fail(1, "name-19")
    assert log_in().status_code == 429
    assert log_in(REMOTE_ADDR="198.51.100.7").status_code == 200


def test_a_forged_forwarded_address_does_not_open_a_locked_account(cast: Cast) -> None:
    with_password(cast.ana)
    statuses = [fail(1, HTTP_X_FORWARDED_FOR=f"192.0.2.{n}")[0] for n in range(6)]
    assert statuses[-1] == 429
    assert log_in(HTTP_X_FORWARDED_FOR="192.0.2.200").status_code == 429


def test_behind_a_trusted_proxy_each_client_has_its_own_count(cast: Cast, settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    with_password(cast.ana)
    proxy = {"REMOTE_ADDR": "10.0.0.2"}
    fail(6, HTTP_X_FORWARDED_FOR="203.0.113.9", **proxy)

    assert log_in(HTTP_X_FORWARDED_FOR="203.0.113.9", **proxy).status_code == 429
    assert log_in(HTTP_X_FORWARDED_FOR="203.0.113.10", **proxy).status_code == 200


def test_what_a_client_wrote_left_of_the_proxys_own_entry_is_ignored(cast: Cast, settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    with_password(cast.ana)
    for n in range(6):
        fail(1, REMOTE_ADDR="10.0.0.2", HTTP_X_FORWARDED_FOR=f"192.0.2.{n}, 203.0.113.9")

    assert log_in(REMOTE_ADDR="10.0.0.2", HTTP_X_FORWARDED_FOR="192.0.2.99, 203.0.113.9").status_code == 429


@pytest.mark.parametrize("header", ["garbage", "1.2.3.4, " * 2000, "fe80::1%eth0", "", ",,,", "999.1.1.1"])
def test_an_odd_forwarded_header_is_no_way_out(cast: Cast, settings: Any, header: str) -> None:
    """B137."""
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    with_password(cast.ana)
    fail(6, REMOTE_ADDR="10.0.0.2", HTTP_X_FORWARDED_FOR=header)
    assert log_in(REMOTE_ADDR="10.0.0.2", HTTP_X_FORWARDED_FOR=header).status_code == 429
