"""C8: an endpoint whose name is unknown, or whose certificate is not to be trusted, is an outage.

Nothing is sent to such a server, neither unverified nor in the clear.
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from curation.storage.bucket import BucketStore
from curation.storage.errors import StoreUnavailable
from curation.tests.storage.conftest import Sample
from curation.tests.storage.scripted_store import ScriptedStore

OPENSSL = shutil.which("openssl")
HASTY = Config(connect_timeout=2, read_timeout=2)
DAY, ENDED = "1", "-1"

needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed (apt-get install openssl)")


def certificate(folder: Path, *, name: str, days: str) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    key, request, made = folder / "key.pem", folder / "request.pem", folder / "certificate.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=store", "-addext", f"subjectAltName={name}"]
    signing = ["-signkey", str(key), "-days", days, "-copy_extensions", "copy"]
    commands = [
        ["req", *curve, *names, "-keyout", str(key), "-out", str(request)],
        ["x509", "-req", "-in", str(request), *signing, "-out", str(made)],
    ]
    for command in commands:
        subprocess.run([OPENSSL or "", *command], check=True, capture_output=True)
    return made, key


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., tuple[ScriptedStore, Path]]]:
    """Starts a store that speaks TLS with such a certificate; gives it, and the certificate."""
    running: list[tuple[ScriptedStore, threading.Thread]] = []

    def start(*, name: str = "IP:127.0.0.1", days: str = DAY) -> tuple[ScriptedStore, Path]:
        made, key = certificate(tmp_path, name=name, days=days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made, key)
        server = ScriptedStore()
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
        thread.start()
        running.append((server, thread))
        return server, made

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


def store_at(endpoint: str, verify: Path | None = None) -> BucketStore:
    trust: Any = {"verify": str(verify)} if verify else {}
    return BucketStore(
        bucket_name="b", access_key="a", secret_key="s", endpoint_url=endpoint, client_config=HASTY, **trust
    )


def over_tls(server: ScriptedStore) -> str:
    return server.address.replace("http://", "https://")


def refuses_everything(store: BucketStore, picture: Sample) -> None:
    """Reading, writing and asking, each by a client of its own."""
    asks: list[Callable[[], object]] = [
        store.prepare,
        store.ping,
        lambda: store.stat(picture.key),
        lambda: store.digest(picture.key),
        lambda: picture.put_into(store),
    ]
    for ask in asks:
        store._breaker.works()  # each is to find out for itself
        with pytest.raises(StoreUnavailable):
            ask()


@needs_openssl
def test_a_certificate_that_is_vouched_for_is_trusted(
    serve: Callable[..., tuple[ScriptedStore, Path]], picture: Sample
) -> None:
    server, made = serve()
    store = store_at(over_tls(server), made)
    store.prepare()
    picture.put_into(store)
    assert server.objects == {picture.key: picture.data}


WRONG = {
    "nobody vouches for it": ({}, False),
    "it has ended": ({"days": ENDED}, True),
    "it is of another host": ({"name": "DNS:elsewhere.example"}, True),
}


@needs_openssl
@pytest.mark.parametrize("why", WRONG)
def test_a_certificate_that_is_wrong_is_an_outage_and_nothing_is_sent(
    serve: Callable[..., tuple[ScriptedStore, Path]], picture: Sample, why: str
) -> None:
    how, is_vouched_for = WRONG[why]
    server, made = serve(**how)
    refuses_everything(store_at(over_tls(server), made if is_vouched_for else None), picture)
    assert server.calls == []


def test_a_server_without_tls_is_not_asked_in_the_clear(scripted: ScriptedStore, picture: Sample) -> None:
    refuses_everything(store_at(over_tls(scripted)), picture)
    assert scripted.calls == []


def test_a_name_that_nobody_knows_is_an_outage_and_soon_told(picture: Sample) -> None:
    started = time.monotonic()
    refuses_everything(store_at("http://store.invalid"), picture)
    assert time.monotonic() - started < 60
