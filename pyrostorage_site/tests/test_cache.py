"""Requests are counted together in Redis; when it is away or hangs, they go on uncounted, and without waiting."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.core.cache.backends.base import BaseCache

from accounts.tests.cast import Cast, api, with_password
from accounts.tests.doors import log_in
from pyrostorage_site import shared_cache as counting
from pyrostorage_site.tests.redis_server import Redis, redis_server

OPTIONS = {"socket_connect_timeout": 0.2, "socket_timeout": 0.2}  # as settings.py has them
MOST_SECONDS = 1.0  # that a request may take longer because of Redis


@pytest.fixture
def redis(tmp_path: Path, settings: Any) -> Iterator[Redis]:
    """What the service counts with in this test."""
    with redis_server(tmp_path) as server:
        kind = {"BACKEND": "pyrostorage_site.shared_cache.RedisCounts", "OPTIONS": OPTIONS}
        settings.CACHES = {"default": kind | {"LOCATION": server.url}}
        yield server
        hang_up(caches["default"])
    counting.resting.end()


def hang_up(counts: Any) -> None:
    """Each thread has lines of its own to Redis."""
    for pool in counts._cache._pools.values():
        pool.disconnect()


@pytest.fixture(params=["redis", "process"])
def counts(request: pytest.FixtureRequest) -> BaseCache:
    if request.param == "redis":
        request.getfixturevalue("redis")
    return caches["default"]


def count(counts: Any, **keys: int) -> list[int] | None:
    answer: list[int] | None = counts.count(keys)
    return answer


def test_counts_begin_with_one_and_keys_are_counted_apart(counts: BaseCache) -> None:
    assert count(counts, a=60, b=60) == [1, 1]
    assert count(counts, a=60) == [2]
    assert count(counts, b=60, c=60) == [2, 1]


def test_a_count_ends_with_its_seconds(counts: BaseCache) -> None:
    assert count(counts, a=1, b=60) == [1, 1]
    time.sleep(1.1)
    assert count(counts, a=1, b=60) == [1, 2]


def test_threads_that_count_at_once_lose_nothing(counts: BaseCache) -> None:
    def count_often() -> None:
        for _ in range(50):
            count(caches["default"], a=60)
        if isinstance(counts, counting.RedisCounts):
            hang_up(caches["default"])

    count(counts, a=60)
    threads = [threading.Thread(target=count_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(counts, a=60) == [202]


def test_another_process_counts_on(redis: Redis, tmp_path: Path) -> None:
    assert count(cache, a=60) == [1]
    ask = "from django.core.cache import cache; print(cache.count({'a': 60}))"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", ask],
        env={"REDIS_URL": redis.url, "ENV_FILE": "/dev/null", "DATA_DIR": str(tmp_path)},
        cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == "[2]"


@pytest.mark.parametrize("away", [Redis.stop, Redis.hang])
def test_a_redis_that_is_away_costs_a_fraction_of_a_second_once_and_nobody_a_request(
    cast: Cast, redis: Redis, settings: Any, away: Callable[[Redis], None], caplog: pytest.LogCaptureFixture
) -> None:
    settings.RATES = dict.fromkeys(settings.RATES, "2/day")
    client = api(cast.tower)
    assert [client.get("/accesses/me").status_code for _ in range(3)] == [200, 200, 429]
    away(redis)

    started = time.monotonic()
    assert client.get("/accesses/me").status_code == 200
    first = time.monotonic() - started
    started = time.monotonic()
    assert [client.get("/accesses/me").status_code for _ in range(20)] == [200] * 20
    others = time.monotonic() - started

    assert first < MOST_SECONDS
    assert others < MOST_SECONDS  # all twenty: Redis is left alone
    assert caplog.text.count("Redis does not answer") == 1
    assert redis.url not in caplog.text


def test_after_its_rest_redis_is_asked_again_and_counts_on(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(counting, "resting", counting.Rest(lambda: now[0]))
    assert count(cache, a=60) == [1]
    redis.hang()
    assert count(cache, a=60) is None
    redis.go_on()
    now[0] += counting.PAUSE - 0.1
    assert count(cache, a=60) is None
    now[0] += 0.1
    found = count(cache, a=60)
    assert found is not None
    assert found[0] in {2, 3}  # what the hung server had received may count, too


def test_a_redis_that_was_started_again_counts_from_the_first_request_on(redis: Redis) -> None:
    assert count(cache, a=60) == [1]
    redis.stop()
    redis.start()
    assert count(cache, a=60) == [1]


@pytest.mark.parametrize("away", [Redis.stop, Redis.hang])
def test_without_redis_wrong_passwords_still_close_a_login(
    cast: Cast, redis: Redis, away: Callable[[Redis], None]
) -> None:
    """They are counted in the database: nobody guesses freely, and nobody is locked out."""
    with_password(cast.ana)
    away(redis)
    assert log_in().status_code == 200
    assert [log_in("ana", "wrong").status_code for _ in range(4)] == [401] * 4
    log_in("ana", "wrong")
    assert log_in().status_code == 429


def test_without_redis_one_address_cannot_try_many_names(cast: Cast, redis: Redis) -> None:
    redis.stop()
    statuses = [log_in(f"name-{number}", "wrong").status_code for number in range(22)]
    assert statuses[:20] == [401] * 20
    assert statuses[-1] == 429
