"""A store that misbehaves: slow, deaf, lying. What must hold: no wrong answer, no thread lost, nothing missing."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from botocore.config import Config

from curation.storage import bucket as bucket_module
from curation.storage.bucket import BucketStore
from curation.storage.errors import ChecksumRefused, DiskFull, ObjectMissing, StoreUnavailable
from curation.storage.s3 import CONNECT_SECONDS, READ_SECONDS, TRIES
from curation.tests.storage.conftest import Sample
from curation.tests.storage.scripted_store import ScriptedStore

IMPATIENT = Config(read_timeout=0.3, retries={"mode": "standard", "total_max_attempts": 2})


def store_at(server: ScriptedStore, config: Config = IMPATIENT) -> BucketStore:
    """A store that knows already whether `server` verifies, so that scripts begin with the test's own calls."""
    store = BucketStore(
        bucket_name="b", access_key="a", secret_key="s", endpoint_url=server.address, client_config=config
    )
    store.prepare()
    server.calls.clear()
    return store


@pytest.fixture
def store(scripted: ScriptedStore) -> BucketStore:
    return store_at(scripted)


@pytest.fixture
def two_parts(monkeypatch: pytest.MonkeyPatch) -> Sample:
    monkeypatch.setattr(bucket_module, "PART_SIZE", 1000)
    return Sample(b"smoke" * 300)


def test_a_hanging_store_costs_at_most_30_seconds_a_call() -> None:
    longest_pauses = sum(2**retry for retry in range(TRIES - 1))
    expecting = 1  # seconds that botocore waits for "100 Continue"
    assert TRIES * (READ_SECONDS + expecting) + longest_pauses <= 30
    assert TRIES * CONNECT_SECONDS + longest_pauses <= 30


@pytest.mark.parametrize("fault", ["hang", "500", "503", "403", "400 RequestTimeTooSkewed", "301 PermanentRedirect"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_an_outage_is_never_a_missing_object(
    store: BucketStore, scripted: ScriptedStore, picture: Sample, method: str, fault: str
) -> None:
    picture.put_into(store)
    scripted.faults[method] = [fault] * 4
    asks: dict[str, Callable[[], object]] = {
        "GET": lambda: store.digest(picture.key),
        "HEAD": lambda: store.stat(picture.key),
        "PUT": lambda: picture.put_into(store),
        "DELETE": lambda: store.remove(picture.key),
    }
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable):
        asks[method]()
    assert time.monotonic() - begun < 5
    assert scripted.calls[1:].count(method) <= 5  # three tries; a redirect asks where the bucket is, too
    scripted.faults.clear()
    assert store.digest(picture.key) == (picture.sha256, len(picture.data))


@pytest.mark.parametrize("fault", ["404 NoSuchBucket", "404 404"])
def test_only_a_definite_answer_makes_an_object_missing(
    store: BucketStore, scripted: ScriptedStore, picture: Sample, fault: str
) -> None:
    scripted.faults["GET"] = [fault]
    with pytest.raises(StoreUnavailable):
        store.digest(picture.key)
    with pytest.raises(ObjectMissing):
        store.digest(picture.key)
    scripted.faults["HEAD"] = ["404", "404"]  # neither the object nor the bucket
    with pytest.raises(StoreUnavailable):
        store.stat(picture.key)
    assert store.stat(picture.key) is None


@pytest.mark.parametrize("fault", ["503", "500", "swallow"])
def test_one_bad_answer_is_tried_again(
    store: BucketStore, scripted: ScriptedStore, picture: Sample, fault: str
) -> None:
    scripted.faults["PUT"] = [fault]
    picture.put_into(store)
    assert scripted.calls.count("PUT") == 2
    assert scripted.objects[picture.key] == picture.data


def test_bytes_altered_on_the_way_are_sent_again(store: BucketStore, scripted: ScriptedStore, picture: Sample) -> None:
    scripted.faults["PUT"] = ["400 BadDigest"]
    picture.put_into(store)
    assert scripted.objects[picture.key] == picture.data
    scripted.faults["PUT"] = ["400 BadDigest"] * 2
    with pytest.raises(ChecksumRefused):
        picture.put_into(store)
    assert scripted.objects[picture.key] == picture.data


def test_a_full_store_is_told(store: BucketStore, scripted: ScriptedStore, picture: Sample) -> None:
    scripted.faults["PUT"] = ["507 InsufficientStorage"] * 3
    with pytest.raises(DiskFull):
        picture.put_into(store)


def test_a_read_that_is_cut_short_is_an_error_and_no_short_file(
    store: BucketStore, scripted: ScriptedStore, picture: Sample
) -> None:
    picture.put_into(store)
    for read in (store.digest, store.fetch, store.open):
        scripted.faults["GET"] = ["short"]
        with pytest.raises(StoreUnavailable):
            read(picture.key)
    assert store.digest(picture.key)[0] == picture.sha256


def test_a_store_that_verifies_nothing_is_read_back_after_every_write(careless: ScriptedStore, picture: Sample) -> None:
    store = store_at(careless)
    assert careless.objects == {}  # the probe is gone
    picture.put_into(store)
    assert careless.calls == ["PUT", "GET"]
    careless.faults["PUT"] = ["flip"]
    picture.put_into(store)
    assert careless.objects[picture.key] == picture.data  # the second try mended it
    careless.faults["PUT"] = ["flip", "flip"]
    with pytest.raises(ChecksumRefused):
        picture.put_into(store)


def test_a_store_that_verifies_is_not_read_back(store: BucketStore, scripted: ScriptedStore, picture: Sample) -> None:
    picture.put_into(store)
    assert scripted.calls == ["PUT"]


def test_what_the_store_does_is_learnt_again_after_an_outage(scripted: ScriptedStore, picture: Sample) -> None:
    scripted.faults["PUT"] = ["403"]
    store = BucketStore(bucket_name="b", access_key="a", secret_key="s", endpoint_url=scripted.address)
    with pytest.raises(StoreUnavailable):
        picture.put_into(store)
    picture.put_into(store)
    assert scripted.objects == {picture.key: picture.data}


def test_a_completed_upload_whose_answer_was_lost_counts_as_stored(
    store: BucketStore, scripted: ScriptedStore, two_parts: Sample
) -> None:
    scripted.faults["POST"] = ["", "swallow"]  # begun; completed and not answered
    two_parts.put_into(store)
    assert scripted.objects == {two_parts.key: two_parts.data}


def test_an_upload_that_vanished_is_not_taken_for_a_stored_one(
    store: BucketStore, scripted: ScriptedStore, two_parts: Sample
) -> None:
    scripted.faults["POST"] = ["", "404 NoSuchUpload"]
    with pytest.raises(StoreUnavailable):
        two_parts.put_into(store)
    assert scripted.objects == {}


@pytest.mark.parametrize("fault", ["403", "hang", "400 BadDigest"])
def test_a_part_that_fails_ends_the_upload_and_leaves_nothing_open(
    store: BucketStore, scripted: ScriptedStore, two_parts: Sample, fault: str
) -> None:
    scripted.faults["PUT"] = ["", fault, fault, fault, fault]
    with pytest.raises((StoreUnavailable, ChecksumRefused)):
        two_parts.put_into(store)
    assert scripted.objects == {}
    assert scripted.uploads == {}


def test_the_cause_of_a_failure_stays_when_the_upload_cannot_be_aborted(
    store: BucketStore, scripted: ScriptedStore, two_parts: Sample
) -> None:
    scripted.faults["PUT"] = ["400 BadDigest"] * 2
    scripted.faults["DELETE"] = ["500", "500"]
    with pytest.raises(ChecksumRefused):
        two_parts.put_into(store)
