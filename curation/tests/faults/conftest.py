from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.conf import settings

from curation.tests.faults.house import House, embedded, grown


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The service as this pass has it: SQLite and a folder, or PostgreSQL and S3 behind proxies."""
    kind = embedded if "sqlite" in settings.DATABASES["default"]["ENGINE"] else grown
    with kind(tmp_path_factory.mktemp("house")) as running:
        yield running


@pytest.fixture(scope="module")
def grown_house(house: House) -> House:
    if house.store is None or house.database is None:
        pytest.skip("The lines to a store and a database are cut in the pass that has them.")
    return house


@pytest.fixture
def healed(grown_house: House) -> Iterator[House]:
    """The grown house, with its lines whole before and after."""
    yield grown_house
    for proxy in (grown_house.store, grown_house.database):
        assert proxy is not None
        proxy.heal()
    grown_house.wait_until_healthy("/readyz")


@pytest.fixture(scope="session")
def rounds() -> int:
    return int(os.environ.get("FAULT_ROUNDS", "1"))
