"""Real workers: killed, hung, told to stop, several at a time (C42, C43, C45, C47)."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from curation.actions import jobs
from curation.models import Job, Worker
from curation.tests.jobs.conftest import NOBODY, ROOT, Put, Workers, children, environment, is_running, until
from curation.tests.jobs.kinds import wrote

State = Job.State


def state(job: Job) -> str:
    job.refresh_from_db()
    return job.state


def test_a_worker_drains_what_is_due_and_ends(workers: Workers, put: Put, tmp_path: Path) -> None:
    made = [put("note", str(n)) for n in range(20)]
    assert workers.start("--once").wait(60) == 0
    assert {state(job) for job in made} == {State.DONE}
    assert wrote(tmp_path, "ended") == 20
    made[0].refresh_from_db()
    assert (made[0].attempts, made[0].done, made[0].total, made[0].lease) == (1, 2, 2, "")
    assert made[0].started_at is not None
    assert made[0].finished_at is not None


def test_a_worker_tells_by_its_exit_code_that_a_job_failed(workers: Workers, put: Put) -> None:
    job, other = put("refuse"), put("note")
    assert workers.start("--once").wait(60) == 1
    assert (state(job), job.error) == (State.FAILED, "The archive is no archive.")
    assert state(other) == State.DONE


def test_several_workers_run_each_job_once(workers: Workers, put: Put, tmp_path: Path) -> None:
    for n in range(60):
        put("note", str(n))
    assert [process.wait(90) for process in [workers.start("--once") for _ in range(3)]] == [0, 0, 0]
    assert set(Job.objects.values_list("state", "attempts")) == {("done", 1)}
    assert wrote(tmp_path, "begun") == 60


def test_a_worker_that_is_killed_is_followed_by_another_once_its_lease_is_over(
    workers: Workers, put: Put, tmp_path: Path
) -> None:
    job = put("silent")
    process = workers.start()
    until(lambda: wrote(tmp_path, "begun"))
    child = workers.child(process)
    process.kill()
    process.wait()
    os.kill(child, signal.SIGKILL)
    (tmp_path / "enough").touch()

    workers.start()
    until(lambda: state(job) == State.DONE)
    assert job.attempts == 2
    assert (wrote(tmp_path, "begun"), wrote(tmp_path, "ended")) == (2, 1)


@pytest.mark.parametrize("at", ["before", "middle", "after"])
def test_killed_at_any_point_a_job_has_its_effect_once(workers: Workers, put: Put, tmp_path: Path, at: str) -> None:
    job = put("mortal", at=at)
    workers.start()
    until(lambda: state(job) == State.DONE)
    assert (job.attempts, wrote(tmp_path, "begun"), wrote(tmp_path, "effect")) == (2, 2, len(b"half"))
    assert not (tmp_path / "partial").exists()


def test_a_child_whose_parent_is_killed_finishes_its_job_and_ends(workers: Workers, put: Put, tmp_path: Path) -> None:
    job = put("silent")
    process = workers.start()
    until(lambda: wrote(tmp_path, "begun"))
    child = workers.child(process)
    process.kill()
    process.wait()
    (tmp_path / "enough").touch()
    until(lambda: not is_running(child))
    assert (state(job), job.attempts) == (State.DONE, 1)


def test_a_job_outlives_its_first_lease_by_the_heartbeat(workers: Workers, put: Put, tmp_path: Path) -> None:
    job = put("silent")
    workers.start()
    workers.start()
    until(lambda: wrote(tmp_path, "begun"))
    first = Job.objects.get().lease_until
    assert first is not None
    until(lambda: timezone.now() > first + timedelta(seconds=1))
    (tmp_path / "enough").touch()
    until(lambda: state(job) == State.DONE)
    assert (job.attempts, wrote(tmp_path, "begun")) == (1, 1)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL"])
def test_a_job_that_kills_its_process_is_dead_after_five_attempts_and_blocks_nobody(
    workers: Workers, put: Put, tmp_path: Path, name: str
) -> None:
    poison = put("die", signal=name)
    others = [put("note", str(n)) for n in range(5)]
    process = workers.start()
    until(lambda: {state(job) for job in others} == {State.DONE})
    until(lambda: state(poison) == State.DEAD, 60)
    assert (poison.attempts, poison.error) == (5, "Its worker ended while it ran.")
    assert wrote(tmp_path, "begun") == 5 + 5
    assert process.poll() is None
    assert put("note", "afterwards").state == State.WAITING
    until(lambda: Job.objects.get(key="afterwards").state == State.DONE)


def test_a_job_over_its_limit_is_ended_from_within(workers: Workers, put: Put, tmp_path: Path) -> None:
    job = put("brief")
    process = workers.start()
    child = workers.child(process)
    until(lambda: state(job) == State.DEAD, 60)
    assert (job.attempts, job.error) == (5, "It took longer than 1 seconds.")
    assert wrote(tmp_path, "begun") == 5
    assert children(process.pid) == [child], "the process itself went on"


def test_a_frozen_job_is_killed_with_all_it_started(workers: Workers, put: Put, tmp_path: Path) -> None:
    put("freeze")
    process = workers.start()
    until(lambda: wrote(tmp_path, "begun"))
    child, program = workers.child(process), int((tmp_path / "program").read_text())
    until(lambda: not is_running(child) and not is_running(program))
    Job.objects.update(state=State.CANCELLED, lease="", lease_until=None)
    put("note")
    until(lambda: wrote(tmp_path, "ended"))
    assert len(children(process.pid)) == 1, "no zombies"
    assert "went on after its limit" in workers.log


def test_told_to_stop_an_idle_worker_ends_at_once(workers: Workers, put: Put) -> None:
    process = workers.start()
    until(Worker.objects.exists)
    process.terminate()
    assert process.wait(10) == 0


def test_told_to_stop_a_worker_hands_its_job_back(workers: Workers, put: Put, tmp_path: Path) -> None:
    job = put("slow")
    process = workers.start()
    until(lambda: wrote(tmp_path, "begun"))
    process.terminate()
    assert process.wait(10) == 0
    assert (state(job), job.attempts, job.lease_until) == (State.WAITING, 0, None)
    assert wrote(tmp_path, "ended") == 0


def test_told_to_stop_a_worker_finishes_a_job_that_ends_soon(workers: Workers, put: Put, tmp_path: Path) -> None:
    job = put("silent")
    process = workers.start()
    until(lambda: wrote(tmp_path, "begun"))
    process.terminate()
    (tmp_path / "enough").touch()
    assert process.wait(10) == 0
    assert (state(job), job.attempts) == (State.DONE, 1)


def test_told_to_stop_a_worker_interrupts_a_job_that_does_not_listen(
    workers: Workers, put: Put, tmp_path: Path
) -> None:
    job = put("silent")
    process = workers.start(STOP_WITHIN="1")
    until(lambda: wrote(tmp_path, "begun"))
    process.terminate()
    assert process.wait(10) == 0
    assert (state(job), job.attempts) == (State.WAITING, 0)


def test_a_running_job_that_is_cancelled_stops_at_its_next_step(workers: Workers, put: Put, tmp_path: Path) -> None:
    job = put("slow")
    process = workers.start()
    until(lambda: wrote(tmp_path, "begun"))
    child = workers.child(process)
    job.refresh_from_db()
    jobs.cancel(job, by=NOBODY)
    until(lambda: '"status": "lost"' in workers.log)
    assert state(job) == State.CANCELLED
    assert wrote(tmp_path, "ended") == 0
    assert children(process.pid) == [child]


def test_the_command_itself_runs_and_ends(workers: Workers, put: Put) -> None:
    """The kinds of the tests are unknown to it: they stay for a worker that knows them."""
    job = put("note")
    program = (
        "import sys, django; from django.conf import settings; settings.DATABASES['default']['NAME'] = sys.argv[1];"
        "django.setup(); from django.core.management import call_command; call_command('run_worker', once=True)"
    )
    variables = environment() | {"DJANGO_SETTINGS_MODULE": "pyrostorage_site.testsettings"}
    name = str(connection.settings_dict["NAME"])
    done = subprocess.run([sys.executable, "-c", program, name], cwd=ROOT, env=variables, check=False, timeout=60)
    assert done.returncode == 0
    assert state(job) == State.WAITING


def test_a_worker_without_a_database_says_so_in_its_exit_code(workers: Workers, tmp_path: Path) -> None:
    nowhere = {"DATABASE_URL": "postgres://pyro:pyro@127.0.0.1:9/none", "SECRET_KEY": secrets.token_urlsafe(50)}
    variables = environment() | nowhere
    command = [sys.executable, "-m", "curation.tests.jobs.quick", "none", "--once"]
    done = subprocess.run(command, cwd=ROOT, env=variables, check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "The database does not answer." in done.stderr
