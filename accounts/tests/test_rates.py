"""So many requests of one access in a window, and not one more; whatever its tokens, and by its scope."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from accounts.models import Access
from accounts.rates import Rate, parsed
from accounts.tests.cast import Cast, api, with_password
from accounts.tests.doors import log_in

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PATH = "/accesses/me"


@pytest.fixture(autouse=True)
def _at_noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def three_a_minute(settings: Any) -> None:
    settings.RATES = dict.fromkeys(settings.RATES, "3/min")


def statuses(access: Access, times: int) -> list[int]:
    client = api(access)
    return [client.get(PATH).status_code for _ in range(times)]


@pytest.mark.parametrize("who", ["ana", "carl", "ada", "tower"])
def test_each_scope_has_its_rate_and_the_next_request_is_refused(cast: Cast, settings: Any, who: str) -> None:
    access: Access = getattr(cast, who)
    settings.RATES = dict.fromkeys(settings.RATES, "1/min") | {access.scope: "3/min"}
    assert statuses(access, 4) == [200, 200, 200, 429]


@pytest.mark.usefixtures("three_a_minute")
def test_a_refusal_says_why_and_when_the_next_request_is_answered(cast: Cast) -> None:
    with time_machine.travel(NOON + timedelta(seconds=20), tick=False):
        statuses(cast.tower, 3)
        refused = api(cast.tower).get(PATH)
    assert (refused.status_code, refused.json()) == (429, {"detail": "Too many requests; slow down."})
    seconds = int(refused["Retry-After"])
    assert 40 <= seconds <= 41
    with time_machine.travel(NOON + timedelta(seconds=39), tick=False):
        assert statuses(cast.tower, 1) == [429]
    with time_machine.travel(NOON + timedelta(seconds=20 + seconds), tick=False):
        assert statuses(cast.tower, 1) == [200]


@pytest.mark.usefixtures("three_a_minute")
def test_a_second_token_brings_no_second_rate_and_others_are_not_concerned(cast: Cast) -> None:
    assert statuses(cast.tower, 2) + statuses(cast.tower, 2) == [200, 200, 200, 429]
    assert statuses(cast.other_tower, 1) == [200]


@pytest.mark.usefixtures("three_a_minute")
def test_a_device_over_its_rate_can_still_be_told_apart_from_a_stranger(cast: Cast) -> None:
    statuses(cast.tower, 3)
    assert api().get(PATH).status_code == 401


def test_no_rate_is_no_limit(cast: Cast, settings: Any) -> None:
    settings.RATES = dict.fromkeys(settings.RATES, "1/day") | {"device": ""}
    assert statuses(cast.tower, 20) == [200] * 20


@pytest.mark.usefixtures("three_a_minute")
def test_a_login_is_not_counted_against_the_requests(cast: Cast) -> None:
    with_password(cast.ana)
    assert [log_in().status_code for _ in range(4)] == [200] * 4
    assert statuses(cast.ana, 1) == [200]


@pytest.mark.parametrize(
    ("text", "rate"),
    [("1/sec", Rate(1, 1)), ("999999999/day", Rate(999_999_999, 86_400)), ("7/hour", Rate(7, 3600)), ("", None)],
)
def test_rates_are_written_like_this(text: str, rate: Rate | None) -> None:
    assert parsed(text) == rate


@pytest.mark.parametrize("text", ["0/min", "-1/min", "1/week", "1000000000/sec", "many", "6000", " 1/min", "1/minute"])
def test_anything_else_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="written like"):
        parsed(text)
