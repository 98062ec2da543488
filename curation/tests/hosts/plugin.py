"""`make hosts`: the tests of the API and the pages, each request to the other one of two hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import UserSettingsHolder, settings
from django.core.cache import cache
from django.db import connection
from django.db.transaction import TransactionManagementError
from django.test import TransactionTestCase

from curation.models import Job
from curation.tests import acting
from curation.tests.contract import matrix
from curation.tests.hosts.line import ByTurns
from curation.tests.hosts.running import Hosts, two_hosts
from curation.tests.hosts.tables import Tables
from pyrostorage_site.shared_cache import RedisCounts

ROOT = Path(__file__).resolve().parents[3]
# Rooms whose tests ask no server or bring one of their own: folders, and modules by what follows `test_`.
QUIET = {
    "accounts/tests": "indexing prepared scopes",
    "curation/tests": "adopting backups browser check_storage check_work chores collect decoder dhash difference "
    "faults formats golden hosts imaging_damage imaging_limits imaging_pictures imaging_samples imaging_text "
    "imaging_videos layers photo plans races regions scrub sequences storage sun thumbnail upload_races "
    "write_protocol",
    "curation/tests/contract": "chunked",
    "curation/tests/duplicates": "again_and_at_once deciding finding samples",
    "curation/tests/importing": "archives folders killed names",
    "curation/tests/jobs": "broker leases requests worker",
    "curation/tests/meaning": "folders killed outgoing rules samples",
    "curation/tests/search": "sample_command sampling",
    "pyrostorage_site": "tests",
}
WITHOUT_A_LINE = {"test_schemathesis.py": "asks the application itself, without a line"}
MADE_UP_JOBS = {"curation/tests/contract/test_budgets.py", "curation/tests/jobs/test_pages.py"}  # that nobody can do


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    room, name = str(collection_path.parent.relative_to(ROOT.parent)).partition("/")[2], collection_path.stem
    return True if name.removeprefix("test_") in QUIET.get(room, "").split() else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a test writes must be committed, or no host would see it."""
    for item in items:
        if reason := WITHOUT_A_LINE.get(item.path.name):
            item.add_marker(pytest.mark.skip(reason=reason))
        mark = item.get_closest_marker("django_db")
        if uses_database(item) and not (mark and mark.kwargs):
            item.add_marker(pytest.mark.django_db(transaction=True), append=False)


def uses_database(item: Any) -> bool:
    asked = {"db", "transactional_db"} & set(item.fixturenames)
    return bool(asked) or item.get_closest_marker("django_db") is not None


# --- What only this process can answer --------------------------------------------------------------


@dataclass
class Tally:
    item: Any = None  # the test that runs
    asking: set[str] = field(default_factory=set)  # tests that asked a host
    outcomes: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    asked: list[int] = field(default_factory=list)
    jobs: int = 0
    restarts: int = 0

    def at_each_request(self) -> None:
        if reason := why_not(self.item):
            pytest.skip(reason)
        self.asking.add(self.item.nodeid)


TALLY = Tally()


def why_not(item: Any) -> str:
    """Why another process cannot answer the request that a test makes now; empty when it can."""
    patch = item.funcargs.get("monkeypatch")
    reasons = {
        "has changed settings of this process": isinstance(vars(settings)["_wrapped"], UserSettingsHolder),
        "has replaced something in this process": patch and (patch._setattr or patch._setitem),
        "has moved the clock of this process": time_machine.escape_hatch.is_travelling(),
        "reads the log of this process": bool({"caplog", "log"} & set(item.fixturenames)),
        "counts the statements of this process": connection.force_debug_cursor,
        "breaks the database line of this process": connection.execute_wrappers,
        "has routes of its own": item.get_closest_marker("urls"),
        "asks within a transaction, which no host sees into": connection.in_atomic_block,
        "serves pages of its own": "live_server" in item.fixturenames,
    }
    return next((reason for reason, so in reasons.items() if so), "")


# --- Fixtures -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def _hosts(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        tables = Tables()
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: tables.empty())
        patch.setattr(RedisCounts, "clear", forget_counts)
        patch.setattr(matrix, "undone", tables.undone)
        with two_hosts(tmp_path_factory.mktemp("hosts")) as hosts:
            line = ByTurns(hosts.ports, TALLY.at_each_request)
            connection.close()
            patch.setattr(acting, "act", partial(leave_to_workers, hosts, acting.act))
            with line.in_place(), django_db_blocker.block():
                yield hosts
            TALLY.asked, TALLY.jobs, TALLY.restarts = line.asked, hosts.jobs, hosts.restarts


def forget_counts(self: RedisCounts) -> None:
    """Empty the cache alone: beside it, Redis holds the messages of the broker."""
    client: Any = cache._cache.get_client(None, write=True)  # type: ignore[attr-defined]
    for key in client.scan_iter(match=":1:*"):
        client.delete(key)


def leave_to_workers(hosts: Hosts, here: Callable[[str, Any], None], kind: str, attempt: Any) -> None:
    """The first delivery of a job, undisturbed, is the workers' work; whatever else a test does, it does here."""
    job = Job.objects.filter(kind=kind, payload=attempt.payload, state=Job.State.WAITING).last()
    if job is None or getattr(attempt, "stops", False) or why_not(TALLY.item):
        here(kind, attempt)
        return
    hosts.work_off()
    job.refresh_from_db()
    if job.state != Job.State.DONE:
        pytest.skip("expects the refusal of a job here, where it ended with a worker")
    attempt.progress(job.done, job.total)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    TALLY.item = item


@pytest.fixture(autouse=True)
def _this_test(request: pytest.FixtureRequest, _nothing_left_behind: None, _hosts: Hosts) -> Iterator[None]:
    """Afterwards the workers do the jobs that the test has left, before anybody looks whether the storage is clean."""
    if not uses_database(request.node):
        yield
        return
    request.getfixturevalue("db")
    yield
    if request.node.nodeid not in TALLY.asking or request.node.get_closest_marker("damages_storage"):
        return
    faults = _hosts.work_off()
    if faults and request.node.nodeid.partition("::")[0] not in MADE_UP_JOBS:
        pytest.fail(f"Jobs failed: {faults}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Any:
    """A few tests hand rows to actions as doors do, within a transaction, and count on having one anyway."""
    try:
        return (yield)
    except TransactionManagementError:
        pytest.skip("calls what needs a transaction, which usually every test has")


# --- Figures --------------------------------------------------------------------------------------------


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        if report.skipped:
            where: Any = report.longrepr  # file, line and reason
            TALLY.left_out[where[2].removeprefix("Skipped: ")] += 1
        elif report.passed:
            TALLY.outcomes["passed" if report.nodeid in TALLY.asking else "quiet"] += 1
        else:
            TALLY.outcomes["failed"] += 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    say = terminalreporter.write_line
    terminalreporter.section("Two hosts")
    say(f"{TALLY.outcomes['passed']} tests passed that asked both hosts in turns, {TALLY.outcomes['failed']} failed.")
    say(f"Requests: {' and '.join(map(str, TALLY.asked))}. Jobs given to the workers: {TALLY.jobs}.")
    say(f"{TALLY.restarts} workers ended themselves and were started again.")
    say(f"{TALLY.outcomes['quiet']} tests asked nobody, and prove nothing here.")
    say(f"{TALLY.left_out.total()} tests were left out:")
    for reason, count in TALLY.left_out.most_common():
        say(f"{count:5}  {reason}")
