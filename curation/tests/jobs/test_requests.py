"""Requests that run their own short jobs, where there is no broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from curation.actions import queue
from curation.jobs import requests
from curation.jobs.handlers import HANDLERS, Handler
from curation.models import Job
from curation.tests.jobs.conftest import NOBODY
from curation.tests.jobs.kinds import KINDS, wrote

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("kinds")]
State = Job.State
urlpatterns: list[Any] = []
Ask = Callable[..., HttpResponse]


@pytest.fixture
def ask(settings: Any, tmp_path: Path) -> Iterator[Ask]:
    """ask("note", "long"): a request that puts jobs of these kinds."""
    settings.ROOT_URLCONF, settings.JOBS_IN_REQUEST = __name__, 2

    def ask(*asked: str, fails: bool = False) -> HttpResponse:
        def view(request: HttpRequest) -> HttpResponse:
            with transaction.atomic():
                for n, kind in enumerate(asked):
                    queue.put(f"test.{kind}", str(n), {"folder": str(tmp_path)}, by=NOBODY)
                if fails:
                    transaction.set_rollback(True)
            assert wrote(tmp_path, "begun") == 0, "not before the answer"
            return HttpResponse("answer")

        urlpatterns[:] = [path("put", view)]
        return Client().get("/put")  # type: ignore[return-value]

    yield ask
    urlpatterns.clear()


def states() -> list[str]:
    return list(Job.objects.order_by("pk").values_list("state", flat=True))


def test_short_jobs_are_run_after_the_answer_and_long_ones_left(ask: Ask, tmp_path: Path) -> None:
    assert ask("note", "long", "note").content == b"answer"
    assert states() == [State.DONE, State.WAITING, State.DONE]
    assert wrote(tmp_path, "ended") == 2


def test_switched_off_all_jobs_wait(ask: Ask, settings: Any) -> None:
    settings.JOBS_IN_REQUEST = 0
    ask("note")
    assert states() == [State.WAITING]


def test_when_the_time_is_over_no_other_job_is_begun(ask: Ask, settings: Any) -> None:
    settings.JOBS_IN_REQUEST = 0.2
    ask("nap", "note", "note")
    assert states() == [State.DONE, State.WAITING, State.WAITING]


@pytest.mark.parametrize(
    ("kind", "state"), [("refuse", State.FAILED), ("busy", State.WAITING), ("stumble", State.WAITING)]
)
def test_a_job_that_fails_does_not_touch_the_answer(ask: Ask, kind: str, state: str) -> None:
    assert ask(kind, "note").status_code == 200
    assert states() == [state, State.DONE]


def test_a_second_try_is_a_workers(ask: Ask, tmp_path: Path) -> None:
    ask("busy")
    Job.objects.update(not_before="2020-01-01T00:00:00Z")
    requests.run_noted([("test.busy", "0")])
    assert Job.objects.get().attempts == 1


def test_what_was_rolled_back_is_not_run(ask: Ask, tmp_path: Path) -> None:
    ask("note", fails=True)
    assert states() == []
    assert wrote(tmp_path, "begun") == 0


def test_no_request_runs_the_jobs_of_another(ask: Ask, tmp_path: Path) -> None:
    with transaction.atomic():
        queue.put("test.note", "elsewhere", {"folder": str(tmp_path)}, by=NOBODY)
    ask("note")
    assert states() == [State.WAITING, State.DONE]


def test_a_kind_that_is_not_known_here_waits_for_a_worker_that_knows_it(ask: Ask) -> None:
    ask("unheard")
    assert states() == [State.WAITING]


def test_every_handler_of_the_service_has_a_limit_and_short_ones_a_short_one() -> None:
    for kind, handler in HANDLERS.items():
        assert isinstance(handler, Handler)
        assert 0 < handler.seconds <= (60 if handler.short else 24 * 3600), kind
    assert set(KINDS) <= set(HANDLERS), "those of the tests are looked at as well"
