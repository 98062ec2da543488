"""The whole service in processes of its own, and clients that see it from outside."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2  # type: ignore[import-untyped]
import pytest
import requests

from curation.tests.faults import killing
from curation.tests.faults.proxy import FaultProxy
from pyrostorage_site import testbed

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60  # seconds to be well again after a fault


@dataclass
class House:
    """A running service: how to reach it, and the lines it depends on."""

    folder: Path
    environment: dict[str, str]
    url: str
    store: FaultProxy | None = None  # None: a folder
    database: FaultProxy | None = None  # None: SQLite
    postgres: testbed.PostgresServer | None = None
    database_url: str = ""  # beside the line
    token: str = ""  # of the device
    curator: str = ""  # token of a curator
    doomed: bool = False  # whether requests of this moment are those that a death was ordered for
    server: subprocess.Popen[bytes] | None = None

    # --- Processes ---------------------------------------------------------------------------------

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command with the settings of production, as an administrator does."""
        command = [sys.executable, "manage.py", *arguments]
        usual = self.environment | {"DJANGO_SETTINGS_MODULE": "pyrostorage_site.settings"}
        done = subprocess.run(command, cwd=ROOT, env=usual, capture_output=True, text=True, check=False, timeout=120)
        if check and done.returncode:
            pytest.fail(f"{arguments[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done

    def start(self, output: int | None = None) -> None:
        """output: a file descriptor for its logs, instead of server.log."""
        command = [sys.executable, "-m", "gunicorn", "-c", "pyrostorage_site/gunicorn_conf.py"]
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                [*command, "pyrostorage_site.wsgi:application"],
                cwd=ROOT,
                env=self.environment,
                stdout=log if output is None else output,
                stderr=log if output is None else output,
            )
        self.wait_until_healthy()

    def stop(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(70)
            self.server = None

    def kill_master(self) -> None:
        """The server dies as a whole: the master first, then whoever is left without it."""
        assert self.server is not None
        workers = self.workers()
        self.server.kill()
        self.server.wait(10)
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        self.server = None

    def workers(self) -> list[int]:
        assert self.server is not None
        pid = self.server.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def workers_killed(self) -> int:
        """How many workers the master saw end by signal 9."""
        return self.log().count("was sent SIGKILL!")

    # --- Clients -----------------------------------------------------------------------------------

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request on a line of its own, as the device; raises requests.ConnectionError when the line is cut."""
        headers = {"Authorization": f"Bearer {self.token}", "Connection": "close"} | options.pop("headers", {})
        headers |= {"X-Doomed": "yes"} if self.doomed else {}
        return requests.request(method, self.url + path, headers=headers, timeout=options.pop("timeout", 60), **options)

    def announce(self) -> int:
        answer = self.ask("POST", "/api/v1/media", json={"type": "image"})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    def upload(self, media: int, content: bytes, key: str = "", **options: Any) -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        files = {"file": ("picture.jpg", content, "image/jpeg")}
        return self.ask("POST", f"/api/v1/media/{media}/upload", files=files, headers=headers, **options)

    def content_of(self, media: int) -> bytes:
        """The bytes that a client gets now."""
        answer = self.ask("GET", f"/api/v1/media/{media}/url")
        assert answer.status_code == 200, answer.text
        file = requests.get(answer.json()["url"], timeout=30)
        assert file.status_code == 200, file.text
        return file.content

    # --- Afterwards --------------------------------------------------------------------------------

    def wait_until_healthy(self, path: str = "/healthz") -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(requests.RequestException):
                if requests.get(self.url + path, timeout=5).status_code == 200:
                    return
            assert time.monotonic() < deadline, f"not healthy after {PATIENCE} s: {self.log()[-3000:]}"
            time.sleep(0.05)

    def rows(self, query: str, *values: object) -> list[Any]:
        """What the database says, asked beside the service. Placeholders are %s."""
        with contextlib.closing(self._connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(query if self.postgres else query.replace("%s", "?"), values)
            found = list(cursor.fetchall()) if cursor.description else []
            connection.commit()
        return found

    def _connect(self) -> Any:
        if self.postgres:
            return psycopg2.connect(self.database_url)
        return sqlite3.connect(Path(self.environment["DATA_DIR"]) / "db.sqlite3", timeout=20)

    def run(self, module: str, *words: str) -> Any:
        """Run one of the rig's programs with the settings of production; what it prints, which is JSON."""
        usual = self.environment | {"DJANGO_SETTINGS_MODULE": "pyrostorage_site.settings"}
        command = [sys.executable, "-m", f"curation.tests.faults.{module}", *words]
        done = subprocess.run(command, cwd=ROOT, env=usual, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def recover(self) -> dict[str, Any]:
        """What an administrator's timers do; then what check_storage --full finds. In one process, for speed."""
        self.wait_until_healthy("/readyz")
        report: dict[str, Any] = self.run("recover")
        return report


@contextlib.contextmanager
def embedded(folder: Path) -> Iterator[House]:
    """SQLite and a folder."""
    house = at_home(folder, {})
    settle(house)
    with serving(house):
        yield house


@dataclass
class Servers:
    """A database server with a database for each house, and a store with a bucket for each."""

    postgres: testbed.PostgresServer
    store: testbed.S3Server


DATABASES = ("faults", "hosts")


@contextlib.contextmanager
def servers() -> Iterator[Servers]:
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(testbed.postgres_server(durable=True, databases=DATABASES))
        yield Servers(postgres, stack.enter_context(testbed.seaweedfs(testbed.find_weed(Path(sys.executable).parent))))


@dataclass
class Lines:
    """The ways from the service to its database and its store, and the variables that lead along them."""

    database: FaultProxy
    store: FaultProxy
    database_url: str  # beside the line
    variables: dict[str, str]


@contextlib.contextmanager
def lines(behind: Servers, name: str) -> Iterator[Lines]:
    """name: of the database and the bucket."""
    database_url = f"{behind.postgres.url.rpartition('/')[0]}/{name}"
    store = behind.store
    variables = testbed.variables(database_url, store, store.make_bucket(name))
    with contextlib.ExitStack() as stack:
        to_database = stack.enter_context(contextlib.closing(before(database_url)))
        to_store = stack.enter_context(contextlib.closing(before(store.endpoint)))
        variables["DATABASE_URL"] = through(database_url, to_database)
        variables["S3_ENDPOINT_URL"] = through(store.endpoint, to_store)
        variables["S3_PUBLIC_ENDPOINT_URL"] = store.endpoint
        yield Lines(to_database, to_store, database_url, variables)


@contextlib.contextmanager
def grown(folder: Path, behind: Servers) -> Iterator[House]:
    """PostgreSQL and SeaweedFS, each behind a proxy."""
    with lines(behind, "faults") as ways:
        house = on(ways, behind, folder, ways.variables)
        settle(house)
        with serving(house):
            yield house


def on(ways: Lines, behind: Servers, folder: Path, variables: dict[str, str]) -> House:
    """A house at these lines; nothing of it is started yet."""
    house = at_home(folder, variables)
    house.store, house.database = ways.store, ways.database
    house.postgres, house.database_url = behind.postgres, ways.database_url
    return house


def before(url: str) -> FaultProxy:
    address = urlsplit(url)
    return FaultProxy((str(address.hostname), int(address.port or 0)))


def through(url: str, proxy: FaultProxy) -> str:
    address = urlsplit(url)
    return url.replace(f"{address.hostname}:{address.port}", f"127.0.0.1:{proxy.port}")


def at_home(folder: Path, variables: dict[str, str]) -> House:
    """Settings and folders of one host; nothing of it is started yet."""
    port = testbed.free_ports(1)[0]
    for name in ("orders", "tmp"):
        (folder / name).mkdir(parents=True)
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "DATA_DIR": str(folder / "data")}
    rounds = os.environ.get("FAULT_ROUNDS", "1")
    environment |= {"FAULT_ROUNDS": rounds} | ({"DATABASE_SECONDS": "5"} if rounds == "1" else {})
    environment |= {"PORT": str(port), "WEB_WORKERS": "2", "TMPDIR": str(folder / "tmp")}
    environment |= {"KILL_ORDERS": str(folder / "orders"), "PYTHONPATH": str(ROOT)}
    environment |= {"DJANGO_SETTINGS_MODULE": "curation.tests.faults.deadly"}
    environment |= {"SUPERUSER_LOGIN": "root", "SUPERUSER_PWD": secrets.token_urlsafe(12)} | variables
    return House(folder, environment, f"http://127.0.0.1:{port}")


def settle(house: House) -> None:
    """Tables, the first admin, and who sends pictures and archives."""
    tokens = house.run("settle")
    house.token, house.curator = tokens["tower"], tokens["desk"]


@contextlib.contextmanager
def serving(house: House) -> Iterator[None]:
    house.start()
    try:
        yield
    finally:
        for proxy in (house.store, house.database):
            if proxy is not None:
                proxy.heal()
        house.stop()


def deadly(
    house: House, phase: str, deed: Callable[[], requests.Response], after: int = 50_000
) -> requests.Response | None:
    """Do it while the worker dies at `phase`; the answer, or None when the line was cut.

    after: bytes that reach the store before P4.
    """
    if phase == "P4" and house.store is not None:
        _cut_within_the_transfer(house, after)
    else:
        killing.order(house.folder / "orders", phase)
    before, house.doomed = house.workers_killed(), True
    try:
        answer: requests.Response | None = deed()
    except requests.ConnectionError:
        answer = None
    finally:
        house.doomed = False
    deadline = time.monotonic() + PATIENCE
    while house.workers_killed() == before:
        assert time.monotonic() < deadline, f"nobody died at {phase}"
        time.sleep(0.02)
    house.wait_until_healthy()
    return answer


def _cut_within_the_transfer(house: House, after: int) -> None:
    """The line to the store counts the bytes; in their midst all workers die, whoever of them sends."""
    assert house.store is not None

    def kill() -> None:
        for worker in house.workers():
            os.kill(worker, signal.SIGKILL)

    house.store.rules.at_cut = kill
    house.store.rules.cut_after = after
