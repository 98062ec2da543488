"""A store that is out of order is left alone for a while."""

from __future__ import annotations

import pytest

from curation.storage.breaker import FAILURES, PAUSE, Breaker
from curation.storage.errors import ObjectMissing, StoreUnavailable
from curation.tests.storage.scripted_store import ScriptedStore
from curation.tests.storage.test_bucket_faults import store_at


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def call(breaker: Breaker, error: Exception | None = None) -> None:
    breaker.admit()
    with breaker.watched():
        if error:
            raise error


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(StoreUnavailable, match="hangs"):
            call(breaker, StoreUnavailable("It hangs."))


def is_open(breaker: Breaker) -> bool:
    try:
        breaker.admit()
    except StoreUnavailable:
        return True
    return False


def test_the_breaker_opens_with_the_fifth_failure_in_a_row_and_not_before(breaker: Breaker) -> None:
    fail(breaker, FAILURES - 1)
    assert not is_open(breaker)
    fail(breaker, 1)
    assert is_open(breaker)


def test_an_answer_between_failures_begins_the_count_anew(breaker: Breaker) -> None:
    fail(breaker, FAILURES - 1)
    with pytest.raises(ObjectMissing):
        call(breaker, ObjectMissing("Not there."))  # an answer as good as any
    fail(breaker, FAILURES - 1)
    assert not is_open(breaker)


def test_after_the_pause_one_call_may_try_and_not_a_moment_earlier(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, FAILURES)
    clock.now += PAUSE - 0.01
    assert is_open(breaker)
    clock.now += 0.01
    assert not is_open(breaker)  # this is the one
    assert is_open(breaker)


def test_the_call_that_finds_the_store_back_closes_the_breaker(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, FAILURES)
    clock.now += PAUSE
    call(breaker)
    assert not is_open(breaker)
    assert not is_open(breaker)


def test_a_try_that_fails_opens_it_for_another_pause(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, FAILURES)
    clock.now += PAUSE
    fail(breaker, 1)
    clock.now += PAUSE - 0.01
    assert is_open(breaker)


def test_an_error_that_is_not_the_stores_says_nothing_about_it(breaker: Breaker) -> None:
    fail(breaker, FAILURES - 1)
    with pytest.raises(KeyError):
        call(breaker, KeyError("ours"))
    fail(breaker, 1)
    assert is_open(breaker)


def test_a_bucket_that_fails_five_times_is_not_asked_a_sixth_time(scripted: ScriptedStore) -> None:
    store = store_at(scripted)
    scripted.faults["HEAD"] = ["403"] * 100
    for _ in range(FAILURES):
        with pytest.raises(StoreUnavailable):
            store.stat("media/" + "0" * 32 + ".jpg")
    asked = len(scripted.calls)

    with pytest.raises(StoreUnavailable):
        store.stat("media/" + "0" * 32 + ".jpg")

    assert len(scripted.calls) == asked


def test_a_probe_that_finds_the_bucket_closes_the_breaker(scripted: ScriptedStore) -> None:
    store = store_at(scripted)
    scripted.faults["HEAD"] = ["403"] * FAILURES
    for _ in range(FAILURES):
        with pytest.raises(StoreUnavailable):
            store.stat("media/" + "0" * 32 + ".jpg")

    store.ping()

    assert store.stat("media/" + "0" * 32 + ".jpg") is None
