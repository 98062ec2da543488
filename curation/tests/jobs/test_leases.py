"""Who has a job, and how an attempt ends: the rules of leases, attempts, pauses and the sweeper."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.refusals import Conflict
from accounts.tests.cast import Cast
from curation.actions import jobs, leases, queue
from curation.actions.sweep import KEPT, SENTENCE, Swept, sweep
from curation.actions.working import Stopped
from curation.jobs import attempt
from curation.jobs.attempt import Attempt, run_in_process
from curation.jobs.handlers import HANDLERS
from curation.models import Job, Worker
from curation.tests.jobs.conftest import NOBODY, Put
from curation.tests.jobs.kinds import KINDS, wrote
from curation.tests.threads import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kinds")]
State = Job.State
SECOND = timedelta(seconds=1)


def claimed(job: Job) -> Job:
    taken = leases.claim(KINDS, job_id=job.pk)
    assert taken is not None
    return taken


def run(job: Job) -> str:
    """Claim it, whenever it is due, and run it."""
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
    taken = claimed(job)
    ended = run_in_process(taken, HANDLERS[taken.kind], "here")
    job.refresh_from_db()
    return ended


# --- Putting ---------------------------------------------------------------------------------------


def test_the_same_job_twice_is_one_row_until_it_has_ended(put: Put) -> None:
    first = put("note")
    with transaction.atomic():
        queue.put("test.note", "1", {}, by=NOBODY)
    assert Job.objects.count() == 1
    run(first)
    with transaction.atomic():
        queue.put("test.note", "1", {}, by=NOBODY)
    assert Job.objects.filter(state=State.WAITING).count() == 1


def test_a_job_of_a_transaction_that_fails_is_no_job() -> None:
    with transaction.atomic():
        queue.put("test.note", "1", {}, by=NOBODY)
        transaction.set_rollback(True)
    assert not Job.objects.exists()


def test_a_delayed_job_is_not_due_before_its_time(put: Put) -> None:
    with transaction.atomic():
        queue.put("test.note", "later", {}, by=NOBODY, delay=timedelta(hours=1))
    assert leases.claim(KINDS) is None
    Job.objects.update(not_before=timezone.now())
    assert leases.claim(KINDS) is not None


# --- Claiming --------------------------------------------------------------------------------------


def test_the_oldest_due_job_is_taken_first_and_unknown_kinds_are_left(put: Put) -> None:
    late, early, foreign = put("note", "late"), put("note", "early"), put("unheard", "x")
    now = timezone.now()
    for job, age in ((late, 1), (early, 2), (foreign, 3)):
        Job.objects.filter(pk=job.pk).update(not_before=now - age * SECOND)
    assert leases.claim(KINDS) == early
    assert leases.claim(KINDS) == late
    assert leases.claim(KINDS) is None
    foreign.refresh_from_db()
    assert foreign.state == State.WAITING


def test_a_job_that_is_delivered_twice_is_run_once(put: Put, tmp_path: Path) -> None:
    job = put("note")
    assert run(job) == "done"
    assert leases.claim(KINDS, job_id=job.pk) is None, "an hour later"
    first = put("note", "2")
    claimed(first)
    assert leases.claim(KINDS, job_id=first.pk) is None, "at once"
    assert wrote(tmp_path, "begun") == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_once_one_gets_each_job(put: Put) -> None:
    for n in range(12):
        put("note", str(n))

    def take_all() -> list[int]:
        taken = []
        while job := leases.claim(KINDS):
            taken.append(job.pk)
        return taken

    taken = [pk for found in together([take_all] * 6) for pk in found]
    assert len(taken) == len(set(taken)) == 12
    assert set(Job.objects.values_list("attempts", flat=True)) == {1}


def test_claiming_asks_no_more_of_the_database_for_more_jobs(put: Put) -> None:
    counts = []
    for number in (1, 50):
        for n in range(number):
            put("note", f"{number}-{n}")
        with CaptureQueriesContext(connection) as queries:
            leases.claim(KINDS)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_table_itself_refuses_a_running_job_without_lease(put: Put) -> None:
    put("note")
    with pytest.raises(IntegrityError, match="a_running_job_has_a_lease"), transaction.atomic():
        Job.objects.update(state=State.RUNNING)


# --- How an attempt ends ---------------------------------------------------------------------------


def test_a_job_that_returns_is_done(put: Put) -> None:
    job = put("note")
    assert run(job) == "done"
    assert (job.state, job.done, job.total, job.error, job.lease) == (State.DONE, 2, 2, "", "")


def test_a_refusal_is_the_end_and_keeps_its_sentence(put: Put) -> None:
    job = put("refuse")
    assert run(job) == "failed"
    assert (job.state, job.attempts, job.error) == (State.FAILED, 1, "The archive is no archive.")
    assert job.finished_at is not None


def test_an_outage_is_waited_out_for_a_day(put: Put) -> None:
    job, sentence = put("busy"), "The store does not answer; try again."
    for n in (1, 2, 3, 4, 4, 4, 4):
        assert run(job) == "put off"
        assert (job.state, job.attempts, job.error) == (State.WAITING, n, sentence)
        assert timezone.now() < job.not_before < timezone.now() + timedelta(seconds=641)
    Job.objects.update(created_at=timezone.now() - leases.OUTAGE - SECOND)
    job.refresh_from_db()
    run(job)
    assert (job.state, job.attempts, job.error) == (State.DEAD, 5, sentence)


def test_a_fault_is_tried_five_times_and_no_more(put: Put) -> None:
    job, sentence = put("stumble"), "It failed by a fault of the service (ZeroDivisionError); the log tells more."
    for n in range(1, 5):
        assert run(job) == "put off"
        assert (job.state, job.attempts, job.error) == (State.WAITING, n, sentence)
        assert job.not_before > timezone.now()
    run(job)
    assert (job.state, job.attempts, job.error) == (State.DEAD, 5, sentence)
    assert leases.claim(KINDS) is None


def test_what_a_fault_says_stays_in_the_log(put: Put, caplog: pytest.LogCaptureFixture) -> None:
    job = put("stumble")
    run(job)
    assert "secret" not in job.error
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(("attempts", "least", "most"), [(1, 5, 10), (2, 20, 40), (3, 80, 160), (4, 320, 640)])
def test_pauses_grow_by_four_and_half_of_each_is_chance(attempts: int, least: int, most: int) -> None:
    random.seed(7)
    pauses = [leases.pause(attempts).total_seconds() for _ in range(500)]
    assert least <= min(pauses) < least * 1.05
    assert most * 0.97 < max(pauses) <= most


def test_a_long_sentence_is_cut_and_not_refused(put: Put) -> None:
    job = claimed(put("note"))
    assert leases.fail(job, "x" * 5000)
    job.refresh_from_db()
    assert len(job.error) == 1000


# --- Losing a lease --------------------------------------------------------------------------------


def test_who_lost_the_lease_changes_nothing_any_more(put: Put) -> None:
    mine = claimed(put("note"))
    Job.objects.update(lease_until=timezone.now() - SECOND)
    sweep()
    Job.objects.update(not_before=timezone.now())
    theirs = claimed(mine)
    assert not leases.renew(mine)
    assert not leases.finish(mine)
    assert not leases.fail(mine, "x")
    assert not leases.put_off(mine, "x")
    assert not leases.hand_back(mine)
    assert leases.finish(theirs)


def test_progress_is_noted_now_and_then_and_renews_the_lease(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    job = claimed(put("note"))
    work = Attempt(job)
    with CaptureQueriesContext(connection) as queries:
        for n in range(1000):
            work.progress(n, 1000)
    assert len(queries) == 0
    monkeypatch.setattr(attempt, "PROGRESS_EVERY", 0.0)
    Job.objects.update(lease_until=timezone.now())
    work.progress(7)
    job.refresh_from_db()
    assert (job.done, job.total) == (7, 1000)
    assert job.lease_until is not None
    assert job.lease_until > timezone.now() + leases.LEASE - SECOND


def test_more_than_all_is_all(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "PROGRESS_EVERY", 0.0)
    job = claimed(put("note"))
    Attempt(job).progress(11, 10)
    job.refresh_from_db()
    assert (job.done, job.total) == (11, 11)


def test_progress_stops_who_was_cancelled(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "PROGRESS_EVERY", 0.0)
    job = claimed(put("note"))
    work = Attempt(job)
    work.progress(1)
    jobs.cancel(Job.objects.get(), by=NOBODY)
    with pytest.raises(Stopped):
        work.progress(2)


def test_a_job_that_is_handed_back_may_be_taken_at_once_and_its_attempt_does_not_count(put: Put) -> None:
    job = claimed(put("note"))
    assert leases.hand_back(job)
    assert claimed(job).attempts == 1


# --- The sweeper -----------------------------------------------------------------------------------


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)
    return moment


def test_a_lease_is_taken_back_when_it_is_over_and_not_before(put: Put, now: datetime) -> None:
    job = claimed(put("note"))
    Job.objects.update(lease_until=now)
    assert sweep().taken_back == 0
    Job.objects.update(lease_until=now - SECOND / 1000)
    assert sweep() == Swept(taken_back=1)
    job.refresh_from_db()
    assert (job.state, job.error, job.lease, job.lease_until) == (State.WAITING, SENTENCE, "", None)
    assert now < job.not_before <= now + 10 * SECOND


@pytest.mark.parametrize(("attempts", "state"), [(4, State.WAITING), (5, State.DEAD), (6, State.DEAD)])
def test_the_fifth_worker_that_ends_is_the_last(put: Put, now: datetime, attempts: int, state: str) -> None:
    job = claimed(put("note"))
    Job.objects.update(lease_until=now - SECOND, attempts=attempts)
    sweep()
    job.refresh_from_db()
    assert (job.state, job.finished_at is None) == (state, state == State.WAITING)


def test_what_finished_thirty_days_ago_goes_and_what_is_open_stays(put: Put, now: datetime) -> None:
    for key, state, age in (("old", "done", KEPT + SECOND), ("new", "done", KEPT), ("dead", "dead", 2 * KEPT)):
        put("note", key)
        Job.objects.filter(key=key).update(state=state, finished_at=now - age)
    put("note", "open")
    Job.objects.filter(key="open").update(created_at=now - 3 * KEPT, not_before=now - 3 * KEPT)
    Worker.objects.create(name="long gone", seen_at=now - KEPT - SECOND)
    assert sweep().purged == 2
    assert set(Job.objects.values_list("key", flat=True)) == {"new", "open"}
    assert not Worker.objects.exists()


def test_purging_goes_slice_by_slice(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.actions.sweep.SLICE", 3)
    long_ago = timezone.now() - 2 * KEPT
    Job.objects.bulk_create([Job(kind="x", key=str(n), state="done", finished_at=long_ago) for n in range(70)])
    assert sweep().purged == 60, "twenty slices are enough for one sweep"
    assert sweep().purged == 10


def test_the_command_sweeps_and_counts(put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    claimed(put("note"))
    Job.objects.update(lease_until=timezone.now() - SECOND)
    call_command("jobs_sweep", json=True)
    assert json.loads(capsys.readouterr().out) == {"taken_back": 1, "dead": 0, "sent": 0, "purged": 0}
    call_command("jobs_sweep")
    assert "0  jobs whose worker has ended, which wait again" in capsys.readouterr().out


# --- What a person decides -------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["failed", "dead", "cancelled"])
def test_what_ended_badly_begins_anew_when_somebody_says_so(put: Put, cast: Cast, state: str) -> None:
    job = put("note")
    Job.objects.update(state=state, attempts=5, finished_at=timezone.now(), error="so it was")
    job.refresh_from_db()
    jobs.retry(job, by=NOBODY)
    assert (job.state, job.attempts, job.finished_at) == (State.WAITING, 0, None)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.table, entry.row_id) == ("job.retry", "job", job.pk)
    assert (entry.before, entry.after) == ({"state": state}, {"state": "waiting"})
    assert run(job) == "done"


@pytest.mark.parametrize("state", ["waiting", "running", "done"])
def test_what_is_open_or_done_is_not_tried_again(put: Put, state: str) -> None:
    job = put("note")
    job.state = state
    with pytest.raises(Conflict, match=f"A job that is {state} is not tried again."):
        jobs.retry(job, by=NOBODY)


def test_nothing_is_tried_again_while_the_same_waits_already(put: Put) -> None:
    job = put("refuse")
    run(job)
    queue.put("test.refuse", "1", {}, by=NOBODY)
    with pytest.raises(Conflict, match="waits or runs already"):
        jobs.retry(job, by=NOBODY)
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("state", ["done", "failed", "dead", "cancelled"])
def test_what_has_ended_is_not_cancelled(put: Put, state: str) -> None:
    job = put("note")
    job.state = state
    with pytest.raises(Conflict, match=f"A job that is {state} is not cancelled."):
        jobs.cancel(job, by=NOBODY)


def test_who_looked_at_an_older_state_is_told(put: Put) -> None:
    job = put("note")
    claimed(job)
    with pytest.raises(Conflict, match="changed meanwhile"):
        jobs.cancel(job, by=NOBODY)
    assert Job.objects.get().state == State.RUNNING


def test_a_cancelled_job_is_not_run(put: Put) -> None:
    job = put("note")
    jobs.cancel(job, by=NOBODY)
    assert leases.claim(KINDS) is None
    assert AuditEntry.objects.get().action == "job.cancel"


@pytest.mark.django_db(transaction=True)
def test_cancelling_and_claiming_at_once_leaves_one_of_both(put: Put) -> None:
    for n in range(10):
        job = put("note", str(n))
        refused, taken = together([lambda job=job: jobs.cancel(job, by=NOBODY), lambda: leases.claim(KINDS)])  # type: ignore[misc]
        job.refresh_from_db()
        if taken is None:
            assert (job.state, refused) == (State.CANCELLED, None)
        else:
            assert job.state in {State.RUNNING, State.CANCELLED}
        Job.objects.all().delete()


def test_workers_are_seen(now: datetime) -> None:
    assert leases.seconds_since_a_worker(now) is None
    leases.alive("a")
    leases.alive("a")
    assert Worker.objects.count() == 1
    assert leases.seconds_since_a_worker(now + 5 * SECOND) == 5


def test_a_command_tells_whether_a_worker_lives(now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    for ago, lives in ((91, False), (90, True)):
        Worker.objects.all().delete()
        with pytest.raises(CommandError):
            call_command("worker_alive")
        Worker.objects.create(name="here", seen_at=now - ago * SECOND)
        if lives:
            call_command("worker_alive")
            assert capsys.readouterr().out == "A worker was seen 90 s ago.\n"
        else:
            with pytest.raises(CommandError, match=r"^No worker has been seen for 90 s\.$"):
                call_command("worker_alive")
