"""A bucket that strangers can look into is found at start, by asking as a stranger."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.config import Config

from curation.storage.bucket import BucketStore
from curation.storage.errors import BucketIsPublic, StoreUnavailable
from curation.tests.storage.conftest import raw
from curation.tests.storage.scripted_store import ScriptedStore
from pyrostorage_site import testbed

HASTY = Config(read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})


def at(server: ScriptedStore, *, allow_public: bool = False) -> BucketStore:
    return BucketStore(
        bucket_name="b", access_key="a", secret_key="s", endpoint_url=server.address, client_config=HASTY,
        allow_public=allow_public,
    )  # fmt: skip


def test_a_bucket_that_refuses_strangers_is_taken_and_nothing_is_left_in_it(scripted: ScriptedStore) -> None:
    at(scripted).prepare()
    assert scripted.objects == {}


@pytest.mark.parametrize(("shown", "sentence"), [("list", "names of its objects"), ("objects", "shows its objects")])
def test_a_bucket_that_shows_anything_to_strangers_is_refused(
    scripted: ScriptedStore, shown: str, sentence: str
) -> None:
    scripted.shows.add(shown)
    with pytest.raises(BucketIsPublic, match=sentence):
        at(scripted).prepare()
    assert scripted.objects == {}


def test_a_public_bucket_that_is_meant_is_taken(scripted: ScriptedStore) -> None:
    scripted.shows |= {"list", "objects"}
    at(scripted, allow_public=True).prepare()


def test_a_store_out_of_order_has_not_said_that_it_is_private(scripted: ScriptedStore) -> None:
    scripted.shows.add("list")
    scripted.faults["GET"] = ["503"] * 9
    with pytest.raises(StoreUnavailable):
        at(scripted).prepare()


Started = Callable[..., BucketStore]


@pytest.fixture
def seaweed() -> Iterator[Started]:
    """A real store, in which strangers may do what is said."""
    running = []

    def start(*strangers_may: str) -> BucketStore:
        server = testbed.seaweedfs(strangers_may=strangers_may)
        running.append(server)
        found = server.__enter__()
        found.make_bucket("pictures")
        return BucketStore(
            bucket_name="pictures", access_key=found.access_key, secret_key=found.secret_key,
            endpoint_url=found.endpoint,
        )  # fmt: skip

    if testbed.find_weed() is None:
        pytest.skip(f"SeaweedFS is not installed ({testbed.INSTALL_WEED}).")
    yield start
    for server in running:
        server.__exit__(None, None, None)


@pytest.mark.parametrize("strangers_may", ["List:pictures", "Read:pictures", "Admin"])
def test_a_real_store_that_lets_strangers_in_is_refused_unless_that_is_meant(
    seaweed: Started, strangers_may: str
) -> None:
    store = seaweed(strangers_may)
    with pytest.raises(BucketIsPublic):
        store.prepare()
    store._allow_public = True
    store.prepare()
    assert raw(store).list_objects_v2(Bucket="pictures")["KeyCount"] == 0


def test_a_real_store_whose_strangers_may_see_another_bucket_alone_is_taken(seaweed: Started) -> None:
    seaweed("Read:elsewhere", "List:elsewhere").prepare()


def prepare(scripted: ScriptedStore, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    keys = {"BUCKET_NAME": "b", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "s", "S3_REGION": "us-east-1"}
    usual = {"ENV_FILE": os.devnull, "DATA_DIR": str(folder), "SECRET_KEY": secrets.token_urlsafe(50)}
    return subprocess.run(
        [sys.executable, "manage.py", "prepare"],
        env=usual | keys | {"S3_ENDPOINT_URL": scripted.address} | variables,
        cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_the_start_ends_with_a_sentence_that_names_the_setting(scripted: ScriptedStore, tmp_path: Path) -> None:
    scripted.shows.add("list")
    refused = prepare(scripted, tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.strip().splitlines()[-1] == (
        "CommandError: The bucket shows the names of its objects to everybody. "
        "Take the rights of anonymous callers away, or set ALLOW_PUBLIC_BUCKET=1 if that is meant."
    )
    allowed = prepare(scripted, tmp_path, ALLOW_PUBLIC_BUCKET="1")
    assert allowed.returncode == 0, allowed.stderr
