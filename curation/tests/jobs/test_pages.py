"""Jobs as people see them: the workbench and the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import Access, AuditEntry
from accounts.tests.cast import Cast, api, token_of
from accounts.tests.doors import bearer
from accounts.tests.test_admin import enter, page, text
from curation.actions import leases
from curation.admin.jobs import KINDS, in_time
from curation.jobs.handlers import HANDLERS
from curation.models import Job, Worker

State = Job.State
SECOND = timedelta(seconds=1)


def job_of(access: Access | None = None, **columns: Any) -> Job:
    key = f"key-{Job.objects.count()}"
    return Job.objects.create(**{"kind": "import", "key": key, "requested_by": access} | columns)


def ended(access: Access | None = None, **columns: Any) -> Job:
    return job_of(access, **{"state": State.FAILED, "finished_at": timezone.now()} | columns)


def running(access: Access | None = None, **columns: Any) -> Job:
    held = {"state": State.RUNNING, "lease": "l", "lease_until": timezone.now() + 60 * SECOND}
    return job_of(access, **held | columns)


def decide(access: Access, deed: str, job: Job) -> Any:
    return enter(access).post(page(f"curation_job_{deed}", job.pk), follow=True)


# --- The workbench ---------------------------------------------------------------------------------


def test_the_list_shows_what_there_is_to_know(cast: Cast) -> None:
    running(cast.ana, done=3, total=12, attempts=2)
    ended(error="The archive is no archive. " * 10)
    listed = text(enter(cast.carl).get(page("curation_job_changelist")))
    for words in ("3 of 12", "ana", "key-0", "running", "The archive is no archive.", "failed"):
        assert words in listed
    assert "The archive is no archive. " * 5 not in listed
    assert "lease" not in listed.split('id="result_list"')[1].split("</table>")[0]


@pytest.mark.parametrize(
    ("query", "shown"), [({"state": "failed"}, "bad"), ({"kind": "import"}, "good"), ({"q": "goo"}, "good")]
)
def test_jobs_are_found_by_state_kind_and_key(cast: Cast, query: dict[str, str], shown: str) -> None:
    job_of(key="good")
    ended(key="bad", kind="derive")
    table = text(enter(cast.carl).get(page("curation_job_changelist"), query)).split('id="result_list"')[1]
    assert [key for key in ("good", "bad") if f">{key}<" in table] == [shown]


def test_a_job_is_found_by_its_number(cast: Cast) -> None:
    job = job_of(key="one")
    answer = text(enter(cast.carl).get(page("curation_job_changelist"), {"q": str(job.pk)}))
    assert ">one<" in answer
    assert ">one<" not in text(enter(cast.carl).get(page("curation_job_changelist"), {"q": "9" * 30}))


@pytest.mark.parametrize("who", ["carl", "ada"])
def test_a_job_that_failed_is_tried_again_from_its_page(cast: Cast, who: str) -> None:
    access, job = getattr(cast, who), ended(attempts=5)
    assert "Try again" in text(enter(access).get(page("curation_job_change", job.pk)))
    assert "It waits to be tried again." in text(decide(access, "retry", job))
    job.refresh_from_db()
    assert (job.state, job.attempts) == (State.WAITING, 0)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.door) == ("job.retry", access, "admin")
    assert "job.retry" in text(enter(access).get(page("curation_job_change", job.pk)))


@pytest.mark.parametrize("make", [job_of, running])
def test_a_job_that_waits_or_runs_is_cancelled_from_its_page(cast: Cast, make: Any) -> None:
    job = make()
    assert "Cancel this job" in text(enter(cast.carl).get(page("curation_job_change", job.pk)))
    assert "it stops at its next step" in text(decide(cast.carl, "cancel", job))
    job.refresh_from_db()
    assert (job.state, job.lease, job.lease_until) == (State.CANCELLED, "", None)


@pytest.mark.parametrize(
    ("deed", "state", "sentence"),
    [
        ("retry", State.DONE, "A job that is done is not tried again."),
        ("retry", State.WAITING, "A job that is waiting is not tried again."),
        ("cancel", State.DONE, "A job that is done is not cancelled."),
        ("cancel", State.DEAD, "A job that is dead is not cancelled."),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(cast: Cast, deed: str, state: str, sentence: str) -> None:
    job = job_of(state=state)
    assert sentence in text(decide(cast.carl, deed, job))
    job.refresh_from_db()
    assert job.state == state
    assert not AuditEntry.objects.exists()


def test_several_jobs_are_decided_from_the_list(cast: Cast) -> None:
    made = [ended(), ended(), job_of()]
    form = {"action": "retry_chosen", "_selected_action": [job.pk for job in made]}
    answer = text(enter(cast.carl).post(page("curation_job_changelist"), form, follow=True))
    assert "2 wait to be tried again." in answer
    assert "1 not: A job that is waiting is not tried again." in answer
    form["action"] = "cancel_chosen"
    assert "3 cancelled." in text(enter(cast.carl).post(page("curation_job_changelist"), form, follow=True))


def test_annotators_and_devices_do_not_enter(cast: Cast) -> None:
    job = job_of(cast.ana)
    for access in (cast.ana, cast.tower):
        assert enter(access).get(page("curation_job_changelist")).status_code == 302
        assert enter(access).post(page("curation_job_cancel", job.pk)).status_code == 302
    job.refresh_from_db()
    assert job.state == State.WAITING


def test_a_curator_who_does_not_see_everything_has_only_what_they_asked_for(cast: Cast) -> None:
    Access.objects.filter(pk=cast.carl.pk).update(sees="own")
    cast.carl.refresh_from_db()
    own, other = job_of(cast.carl), job_of(cast.ada)
    table = text(enter(cast.carl).get(page("curation_job_changelist"))).split('id="result_list"')[1]
    assert own.key in table
    assert other.key not in table
    assert enter(cast.carl).post(page("curation_job_cancel", other.pk)).status_code == 404


def test_jobs_are_neither_made_edited_nor_deleted_by_hand(cast: Cast) -> None:
    job, client = job_of(), enter(cast.ada)
    assert client.post(page("curation_job_add"), {"kind": "x"}).status_code == 403
    for verb in ("change", "delete"):
        assert client.post(page(f"curation_job_{verb}", job.pk), {"state": "done", "post": "yes"}).status_code == 403
    job.refresh_from_db()
    assert job.state == State.WAITING


@pytest.mark.parametrize("deed", ["retry", "cancel"])
def test_a_link_decides_nothing(cast: Cast, deed: str) -> None:
    assert enter(cast.ada).get(page(f"curation_job_{deed}", job_of().pk)).status_code == 405


def test_who_waits_is_told_when_nobody_works(cast: Cast) -> None:
    waiting, done = job_of(), ended(state=State.DONE)
    places = {name: page("curation_job_change", job.pk) for name, job in (("waiting", waiting), ("done", done))}
    places["list"] = page("curation_job_changelist")

    def told(sentence: str) -> set[str]:
        return {name for name, place in places.items() if sentence in text(enter(cast.carl).get(place))}

    assert told("No worker has been seen yet") == {"waiting", "list"}
    leases.alive("here")
    assert told("No worker has been seen") == set()
    Worker.objects.update(seen_at=timezone.now() - 59 * SECOND)
    assert told("No worker has been seen") == set()
    Worker.objects.update(seen_at=timezone.now() - 61 * SECOND)
    assert told("No worker has been seen for 61 s") == {"waiting", "list"}


@pytest.mark.parametrize(
    ("seconds", "words"), [(119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (100_000, "27 h")]
)
def test_times_are_told_in_words(seconds: float, words: str) -> None:
    assert in_time(seconds) == words


def test_the_list_filters_by_every_kind_that_is_run() -> None:
    assert {kind for kind in HANDLERS if not kind.startswith("test.")} <= set(KINDS)


def test_the_list_asks_as_often_for_many_jobs_as_for_few(cast: Cast) -> None:
    counts, client = [], enter(cast.carl)
    for number in (1, 40):
        for _ in range(number):
            job_of(cast.ana)
        client.get(page("curation_job_changelist"))
        with CaptureQueriesContext(connection) as queries:
            client.get(page("curation_job_changelist"))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


# --- The API ---------------------------------------------------------------------------------------


def test_who_asked_sees_how_far_it_is(cast: Cast) -> None:
    job = running(cast.tower, done=3, total=12, attempts=1, payload={"secret": 1}, started_at=timezone.now())
    answer = api(cast.tower).get(f"/api/v1/jobs/{job.pk}")
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("id", "kind", "state", "attempts", "done", "total", "error")} == {
        "id": job.pk, "kind": "import", "state": "running", "attempts": 1, "done": 3, "total": 12, "error": None,
    }  # fmt: skip
    assert set(answer.json()) == {
        "id", "created_at", "kind", "state", "attempts", "done", "total", "error", "started_at", "finished_at",
    }  # fmt: skip


def test_a_failed_job_says_why(cast: Cast) -> None:
    job = ended(cast.tower, error="The archive is no archive.")
    body = api(cast.carl).get(f"/jobs/{job.pk}").json()
    assert (body["state"], body["error"]) == ("failed", "The archive is no archive.")
    assert body["finished_at"].endswith("Z")


def test_strangers_learn_nothing_of_a_job_not_even_whether_there_is_one(cast: Cast) -> None:
    job = job_of(cast.tower)
    for number in (job.pk, job.pk + 1, 10**30):
        answer = api(cast.olga).get(f"/jobs/{number}")
        assert (answer.status_code, answer.json()) == (403, {"detail": "This access can't read resources"})
    assert api(cast.ada).get(f"/jobs/{job.pk + 1}").status_code == 404
    assert api(cast.ada).get("/jobs/0").status_code == 422
    assert api(cast.ada).get(f"/jobs/{job.pk}?key=1").status_code == 422


def test_a_token_that_may_not_read_does_not(cast: Cast) -> None:
    job = job_of(cast.tower)
    assert bearer(token_of(cast.tower, rights="upload")).get(f"/jobs/{job.pk}").status_code == 403


def test_the_actor_of_a_job_is_who_asked_for_it(cast: Cast) -> None:
    from django.db import transaction

    from curation.actions import queue

    with transaction.atomic():
        queue.put("import", "7", {"run": 7}, by=Actor(access=cast.carl, door="api"))
    assert Job.objects.get().requested_by == cast.carl
