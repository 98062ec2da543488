"""Fixtures of every test: the cast, and a store that is empty again afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection

from accounts.tests.cast import Cast, make_cast
from curation.actions.check import examine
from curation.actions.checking.report import Code
from curation.models import StoredObject
from curation.storage.stores import object_store

ROOT = Path(__file__).parent
pytest_plugins = ["curation.tests.hosts.plugin"] if os.environ.get("TEST_HOSTS") else []  # set by `make hosts`

# What both passes of a whole run would try alike is tried in one of them, so that it stays within a quarter of an hour:
# rooms that know neither database nor store, the browser, pages, processes that bring their own servers, and those that
# are killed and waited for. Where there is one pass alone, or somebody names tests, nothing is left out.
ALIKE = {
    "folder": {
        "curation/tests": "browser formats decoder dhash difference imaging_* photo sun thumbnail",
        "curation/tests/contract": "chunked history json_bodies names schema schemathesis upload_parts",
        "curation/tests/golden": "ours",
        "curation/tests/importing": "archives names",
        "curation/tests/jobs": "worker",
        "curation/tests/meaning": "rules samples several",
        "curation/tests/storage": "folder keys ranges spool",
        "pyrostorage_site/tests": "containers architecture diagram floors launch logs pace readme* settings testbed",
    },
    "servers": {
        "accounts/tests": "accesses admin admin_lists commands lockout passwords rates scopes",
        "curation/tests": "admin check_work inplace integrity_page layer_pages places_pages uploads_page",
        "curation/tests/adopting": "killed refusing taking_over",
        "curation/tests/backups": "refusing",
        "curation/tests/contract": "answers matrix published_client refusal_order",
        "curation/tests/duplicates": "pages samples",
        "curation/tests/importing": "doors killed",
        "curation/tests/jobs": "broker pages",
        "curation/tests/meaning": "doors killed",
        "curation/tests/exporting": "many pages",
        "curation/tests/search": "by_capture pages ticking",
        "curation/tests/storage": "breaker bucket* headers private_bucket sigv4 slots store_contract",
        "pyrostorage_site/tests": "pages",
    },
}
# What mostly waits for other processes runs beside what computes.
PROCESSES = {
    "curation/tests": "backups faults",
    "curation/tests/adopting": "killed",
    "curation/tests/importing": "killed",
    "curation/tests/jobs": "broker worker",
    "curation/tests/meaning": "killed",
    "curation/tests/storage": "private_bucket",
    "pyrostorage_site/tests": "containers launch pace readme_walk settings",
}


def patterns(rooms: dict[str, str]) -> list[str]:
    """Of folders, and of modules by what follows `test_`."""
    names = [(room, name) for room, names in rooms.items() for name in names.split()]
    return [f"{room}/{name}" if (ROOT / room / name).is_dir() else f"{room}/test_{name}.py" for room, name in names]


_pass, _share = os.environ.get("TEST_PASS"), os.environ.get("TEST_SHARE")  # set by `make test`
collect_ignore_glob = [name for there, rooms in ALIKE.items() if _pass and there != _pass for name in patterns(rooms)]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave what waits for processes to the run beside this one, or all else."""
    if _share is None or not collection_path.name.startswith("test_"):
        return None
    path = collection_path.relative_to(ROOT)
    waits = any(path.match(name) or name in map(str, path.parents) for name in patterns(PROCESSES))
    return True if waits == (_share == "computing") else None


@pytest.fixture(scope="session", autouse=True)
def _prepared_store() -> None:
    store = object_store()
    store.prepare()
    store.binds_content()  # what it can do is found out once: not by a test that has moved the clock


@pytest.fixture(autouse=True)
def _empty_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins with an empty store and an empty cache."""
    cache.clear()
    yield
    if uses_database(request):
        empty_store()


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest, _empty_again: None) -> Iterator[None]:
    """Each test ends with rows, ledger and objects that agree, but for those marked `damages_storage`."""
    if not uses_database(request) or request.node.get_closest_marker("damages_storage"):
        yield
        return
    for name in ("settings", "db"):  # asked for here, so that both are still in place when the test is over
        if name == "db" or name in request.fixturenames:
            request.getfixturevalue(name)
    yield
    agree()


def uses_database(request: pytest.FixtureRequest) -> bool:
    asked = {"db", "transactional_db", "live_server"} & set(request.fixturenames)
    return bool(asked) or request.node.get_closest_marker("django_db") is not None


def agree() -> None:
    """Read every object, unless the test left a transaction that has failed."""
    if connection.needs_rollback or not StoredObject.objects.exists():
        return
    report = examine(full=True)
    del report.counts[Code.JOB_NOT_BEGUN]  # no worker runs here
    if report.counts:
        pytest.fail(f"The storage is not clean: {report.as_json()}", pytrace=False)


def empty_store() -> None:
    store = object_store()
    for stat in list(store.walk()):
        store.remove(stat.key)
    for incomplete in list(store.incomplete()):
        store.abort(incomplete)


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()
