"""Fixtures of every test: the cast, and a store that is empty again afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db import connection

from accounts.tests.cast import Cast, make_cast
from curation.actions.check import examine
from curation.actions.checking.report import Code
from curation.models import StoredObject
from curation.storage.stores import object_store

# What two passes would try alike is tried in one, so that the whole run stays within a quarter of an hour: rooms that
# know neither database nor store, the browser, processes that bring their own, those that are killed and waited for.
IMAGES = ("imaging_*", "decoder", "difference", "dhash", "photo", "thumbnail")
FOLDER_ONLY = (
    "curation/tests/browser",
    "curation/tests/contract/test_schemathesis.py",
    "curation/tests/formats",
    "curation/tests/jobs/test_worker.py",
    *(f"curation/tests/test_{name}.py" for name in IMAGES),
    "pyrostorage_site/tests/containers",
    *(f"pyrostorage_site/tests/test_{name}.py" for name in ("architecture", "diagram", "floors", "launch", "pace")),
    *(f"pyrostorage_site/tests/test_{name}.py" for name in ("readme", "readme_walk", "settings", "testbed")),
)
SERVERS_ONLY = (
    "curation/tests/adopting/test_killed.py",
    "curation/tests/importing/test_killed.py",
    "curation/tests/jobs/test_broker.py",
    *(f"curation/tests/storage/test_{name}.py" for name in ("bucket*", "private_bucket", "sigv4", "store_contract")),
)
collect_ignore_glob = list(SERVERS_ONLY if connection.vendor == "sqlite" else FOLDER_ONLY)


@pytest.fixture(scope="session", autouse=True)
def _prepared_store() -> None:
    object_store().prepare()


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
