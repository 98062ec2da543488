"""Fixtures of every test: the cast, and a store that is empty again afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import cache

from accounts.tests.cast import Cast, make_cast
from curation.storage.stores import object_store


def pytest_configure() -> None:
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """One database per run is enough; see pyrostorage_site.testenv for where it lies."""


@pytest.fixture(scope="session", autouse=True)
def _prepared_store() -> None:
    object_store().prepare()


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins with an empty store and an empty cache."""
    cache.clear()
    yield
    if {"db", "transactional_db"} & set(request.fixturenames):
        empty_store()


def empty_store() -> None:
    store = object_store()
    for stat in list(store.walk()):
        store.remove(stat.key)


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()
