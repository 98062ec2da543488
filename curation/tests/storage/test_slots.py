from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from curation.storage import slots
from curation.storage.bucket import BucketStore
from curation.storage.errors import StoreError, StoreUnavailable
from curation.storage.slots import Slots
from curation.tests.storage.conftest import Sample
from curation.tests.storage.scripted_store import ScriptedStore


def test_one_more_than_there_are_places_is_sent_away_soon() -> None:
    places = Slots(2, patience=0.05)
    with places.one(), places.one():
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match="busy"), places.one():
            pass
        assert 0.04 < time.monotonic() - begun < 1
    with places.one(), places.one():  # all are free again
        pass


def test_a_place_is_free_after_a_failure() -> None:
    places = Slots(1, patience=0.05)
    for _ in range(3):
        with pytest.raises(KeyError), places.one():
            raise KeyError


def test_a_hanging_store_holds_some_threads_and_sends_the_others_away(
    scripted: ScriptedStore, picture: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = Slots(2, patience=0.05)
    monkeypatch.setattr(slots, "shared", lambda: two)
    store = BucketStore(bucket_name="b", access_key="a", secret_key="s", endpoint_url=scripted.address)
    scripted.faults["GET"] = ["hang"] * 6

    def read() -> None:
        with suppress(StoreError):  # once the store answers again, it has no such object
            store.digest(picture.key)

    held = [threading.Thread(target=read) for _ in range(2)]
    for thread in held:
        thread.start()
    while scripted.calls.count("GET") < 2:
        time.sleep(0.01)
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="busy"):
        store.digest(picture.key)
    assert time.monotonic() - begun < 1
    store.ping()  # a probe and a link need no place
    assert store.link(picture.key, seconds=60, name="", content_type="image/jpeg")
    scripted.faults.clear()
    scripted.end.set()
    for thread in held:
        thread.join()
    assert store.stat(picture.key) is None  # both places are free


def test_an_abandoned_read_gives_its_place_back(
    scripted: ScriptedStore, picture: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Slots(1, patience=0.05)
    monkeypatch.setattr(slots, "shared", lambda: one)
    store = BucketStore(bucket_name="b", access_key="a", secret_key="s", endpoint_url=scripted.address)
    picture.put_into(store)
    chunks = store.read_chunks(picture.key)
    next(chunks)
    with pytest.raises(StoreUnavailable, match="busy"):
        store.stat(picture.key)
    chunks.close()  # type: ignore[attr-defined]
    assert store.stat(picture.key)
