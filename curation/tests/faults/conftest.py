from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.conf import settings

from curation.tests.faults.estate import Estate, cottage, manor
from curation.tests.faults.house import House, Servers, embedded, grown, servers
from curation.tests.jobs.broker import NO_SERVER, SERVER, Redis

NEEDS_SERVERS = "The lines to a store and a database are cut in the pass that has them."


ON_SQLITE = "sqlite" in settings.DATABASES["default"]["ENGINE"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What two passes would prove twice, the usual run proves in one: `usually_on("folder")`, or "servers".

    `make faults` runs everything in both.
    """
    here = os.environ.get("TEST_PASS")
    for item in items:
        mark = item.get_closest_marker("usually_on")
        if mark and here and mark.args[0] != here:
            item.add_marker(pytest.mark.skip(reason="The usual run has it in the other pass, `make faults` in both."))


@pytest.fixture(scope="session")
def behind() -> Iterator[Servers | None]:
    """The servers of this pass; None: SQLite and a folder."""
    if ON_SQLITE:
        yield None
        return
    with servers() as running:
        yield running


@pytest.fixture(scope="session")
def house(behind: Servers | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The service as this pass has it: SQLite and a folder, or PostgreSQL and S3 behind proxies."""
    folder = tmp_path_factory.mktemp("house")
    with grown(folder, behind) if behind else embedded(folder) as running:
        yield running


@pytest.fixture(scope="session")
def grown_house(request: pytest.FixtureRequest, behind: Servers | None) -> House:
    if behind is None:
        pytest.skip(NEEDS_SERVERS)
    house: House = request.getfixturevalue("house")
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


# --- Several hosts, and whoever runs their jobs ------------------------------------------------------


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    if SERVER is None:
        pytest.skip(NO_SERVER)
    server = Redis(tmp_path_factory.mktemp("broker"))
    server.start()
    yield server
    server.client.close()
    server.stop()


@pytest.fixture(scope="session")
def premises(
    request: pytest.FixtureRequest, behind: Servers | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Estate]:
    """One host, or two with a broker; nobody runs their jobs yet."""
    folder = tmp_path_factory.mktemp("estate")
    with manor(folder, behind, request.getfixturevalue("broker")) if behind else cottage(folder) as estate:
        yield estate


@pytest.fixture(scope="module")
def estate(premises: Estate) -> Iterator[Estate]:
    """One host and run_worker, or two hosts with a Celery worker each."""
    with premises.running():
        yield premises


@pytest.fixture(scope="module")
def two_hosts(behind: Servers | None, request: pytest.FixtureRequest) -> Estate:
    if behind is None:
        pytest.skip("Two hosts share a database server and a store: in the pass that has them.")
    estate: Estate = request.getfixturevalue("estate")
    return estate
