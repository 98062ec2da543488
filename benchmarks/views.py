"""Single routes beside a bare view: /healthz, a constant behind the same gunicorn and the same middleware."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import psycopg2  # type: ignore[import-untyped]
from argon2 import PasswordHasher

from benchmarks.flows import RAW_TABLE, picture
from benchmarks.rig import Caller, Service, Work, hammer, latency, manage, show, verdict

SECONDS, ROUNDS = 4.0, 3
PASSWORD = "benchmark pass phrase"


def route(running: Service, act: Callable[[Caller], object]) -> Work:
    def begin() -> Callable[[], None]:
        caller = Caller(running)

        def step() -> None:
            act(caller)

        return step

    return begin


def run(running: Service) -> None:
    caller = Caller(running)
    media = caller.post("/media", {"type": "image"})["id"]
    caller.upload(f"/media/{media}/upload", file=picture())
    for _ in range(60):
        caller.post("/media", {"type": "image"})
    contenders = {
        "bare view": (route(running, lambda caller: caller.get("/healthz")), 0.0),
        "create": (route(running, lambda caller: caller.post("/media", {"type": "image"})), 0.3),
        "url": (route(running, lambda caller: caller.get(f"/media/{media}/url")), 0.4),
        "list of 50": (route(running, lambda caller: caller.get("/media")), 0.3),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, (work, _) in contenders.items():
            rates[name].append(hammer(work, SECONDS).rate)
    bare = statistics.median(rates["bare view"])
    for name, (_, bound) in contenders.items():
        rate = statistics.median(rates[name])
        show(name, f"{rate:8.1f}/s", verdict(rate / bare, bound, at_least=True) if bound else "")
    login(running)


def login(running: Service) -> None:
    """One login beside the three things that it cannot do without."""
    manage(running.environment, "register_user", "person", "--scope", "user", "--password-stdin", stdin=f"{PASSWORD}\n")
    caller = Caller(running)
    form = f"username=person&password={PASSWORD}".encode()
    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    stored = hasher.hash(PASSWORD)
    database = psycopg2.connect(running.environment["DATABASE_URL"])
    database.autocommit = True
    cursor = database.cursor()
    cursor.execute(RAW_TABLE)
    floors, logins = [], []
    for _ in range(ROUNDS):
        check = latency(lambda: hasher.verify(stored, PASSWORD), 40)
        bare = latency(lambda: caller.get("/healthz"), 100)
        insert = latency(lambda: cursor.execute("INSERT INTO raw_limit (key) VALUES ('x')"), 100)
        floors.append(check + bare + insert)
        logins.append(latency(lambda: _log_in(caller, form), 60))
    floor, taken = statistics.median(floors), statistics.median(logins)
    show(
        "login (argon2 + bare view + INSERT)",
        f"{taken * 1000:.1f} ms ({floor * 1000:.1f} ms)",
        verdict(taken / floor, 1.3, at_least=False),
    )


def _log_in(caller: Caller, form: bytes) -> None:
    status, _ = caller.call("POST", "/login/access-token", form, "application/x-www-form-urlencoded")
    if status != 200:
        raise RuntimeError(f"login answered {status}")
