"""Two hosts with a server and a worker each, one database, one store, one broker: everything begun here goes on there.

Then the same without a broker.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial

import pytest
import requests

from curation.tests.faults import deeds
from curation.tests.faults.crowd import Crowd
from curation.tests.faults.deeds import ALL_DERIVED, PICTURES, fresh
from curation.tests.faults.estate import Estate, without_broker
from curation.tests.faults.house import House
from curation.tests.faults.outcomes import clean
from curation.tests.pictures import LABEL

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module", params=["broker", "no broker"])
def hosts(two_hosts: Estate, request: pytest.FixtureRequest) -> Iterator[Estate]:
    with nullcontext(two_hosts) if request.param == "broker" else without_broker(two_hosts) as estate:
        yield estate
        estate.until(estate.is_idle)
        clean(*estate.hosts)


def other(host: int) -> int:
    return 1 - host


def test_what_is_begun_on_one_host_goes_on_at_the_other(hosts: Estate, rounds: int) -> None:
    for number in range(rounds):
        here = number % 2
        media, content = hosts.hosts[here].announce(), fresh()
        assert hosts.hosts[other(here)].upload(media, content).status_code == 200
        assert hosts.hosts[here].content_of(media) == content
        direct = a_direct_upload(hosts, here)
        imported = an_import(hosts, here)

        hosts.until(hosts.is_idle)
        made = {media, direct, *imported}
        for row in made:
            assert deeds.derived(hosts, row) == ALL_DERIVED
            assert deeds.is_derived(hosts, row, here)
            assert deeds.is_derived(hosts, row, other(here))
        both_list_the_same(hosts)
        small = [key for kind, key, _, _ in hosts.jobs() if kind == "derive" and int(key.partition(":")[0]) in made]
        assert len(small) == len(made), "one job for each, whoever did it"
    assert {state for _, _, state, _ in hosts.jobs()} == {"done"}


def a_direct_upload(hosts: Estate, here: int) -> int:
    """Begun here, completed there, watched here; its media."""
    content = fresh()
    upload = deeds.begun(hosts, content, here)
    assert deeds.complete(hosts, upload, other(here)).status_code == 202
    hosts.until(lambda: deeds.upload_row(hosts, upload, here)["state"] == "done")
    media = int(deeds.upload_row(hosts, upload, other(here))["media"]["id"])
    assert hosts.hosts[other(here)].content_of(media) == content
    return media


def an_import(hosts: Estate, here: int) -> list[int]:
    """Posted here, watched there; its media."""
    run = deeds.posted(hosts, deeds.archive(), here)
    hosts.until(lambda: deeds.import_row(hosts, run, other(here))["state"] == "done")
    found = hosts.first.rows(
        "SELECT DISTINCT media_id FROM curation_importitem WHERE run_id = %s AND media_id IS NOT NULL", run
    )
    assert len(found) == PICTURES
    return [media for (media,) in found]


def both_list_the_same(hosts: Estate) -> None:
    listings = [house.ask("GET", "/api/v1/media?limit=100").json() for house in hosts.hosts]
    assert listings[0] == listings[1]


def test_the_same_entry_sent_to_both_hosts_at_once_is_made_once(hosts: Estate, rounds: int) -> None:
    for _ in range(5 * rounds):
        content, key = fresh(), secrets.token_hex(8)
        crowd = Crowd()
        for host in hosts.hosts * 2:
            crowd.send(partial(send_entry, host, content, key))
        told = crowd.wait()

        assert {one.status for one in told} <= {201, 409, 503}
        assert 201 in {one.status for one in told}
        again = [send_entry(host, content, key) for host in hosts.hosts]
        assert [one.status_code for one in again] == [201, 201]
        assert again[0].json() == again[1].json()
        copies = "SELECT count(*) FROM curation_media WHERE sha256 = %s"
        assert hosts.first.rows(copies, deeds.sha(content)) == [(1,)]


def send_entry(house: House, content: bytes, key: str) -> requests.Response:
    files = {"file": ("picture.jpg", content), "annotation": ("labels.txt", LABEL)}
    return house.ask("POST", "/api/v1/entries", files=files, headers={"Idempotency-Key": key})


def test_wrong_passwords_are_counted_across_both_hosts(hosts: Estate, rounds: int) -> None:
    for _ in range(rounds):
        name, address = f"nobody-{secrets.token_hex(4)}", f"2001:db8::{secrets.randbelow(0xFFFF):x}"
        told = [log_in(hosts.hosts[attempt % 2], name, "wrong", address) for attempt in range(6)]

        assert [one.status_code for one in told] == [401] * 4 + [429] * 2
        assert {log_in(house, name, "wrong", address).status_code for house in hosts.hosts} == {429}
        assert int(told[-1].headers["Retry-After"]) > 0


def log_in(house: House, name: str, password: str, address: str) -> requests.Response:
    form = {"username": name, "password": password}
    return house.ask("POST", "/api/v1/login/access-token", data=form, headers={"X-Forwarded-For": address})
