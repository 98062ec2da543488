"""What the benchmarks share: real servers, the service behind gunicorn, clients, and honest clocks."""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from pyrostorage_site import testbed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROOT = Path(__file__).resolve().parents[1]
PROCESSES, THREADS = 2, 4  # of the clients: eight at a time, and no interpreter lock between all of them
RATES = ("LINK_RATE", "RATE_USER", "RATE_DEVICE", "RATE_CURATOR", "RATE_ADMIN")  # none: the service itself is measured
BOUNDARY = "----benchmark"
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Service:
    """A running service: its address, a device's token, and what it costs."""

    url: str
    token: str
    environment: dict[str, str]
    pid: int
    admin_password: str

    def cpu_seconds(self) -> float:
        """Processor time of all its processes so far."""
        return sum(_times(pid) for pid in family(self.pid))

    def resident_bytes(self) -> int:
        return sum(_resident(pid) for pid in family(self.pid))


def store_client(environment: dict[str, str]) -> S3Client:
    """boto3's own client of the store, for what is compared with us."""
    return boto3.client(
        "s3",
        endpoint_url=environment["S3_ENDPOINT_URL"],
        aws_access_key_id=environment["S3_ACCESS_KEY"],
        aws_secret_access_key=environment["S3_SECRET_KEY"],
        region_name=environment["S3_REGION"],
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]


def _times(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


@contextlib.contextmanager
def servers() -> Iterator[dict[str, str]]:
    """PostgreSQL that really commits to disk, and SeaweedFS; the variables that lead to them."""
    with (
        testbed.postgres(durable=True) as url,
        testbed.seaweedfs(testbed.find_weed(Path(sys.executable).parent)) as store,
    ):
        yield testbed.variables(url, store, store.make_bucket("pyro"))


@contextlib.contextmanager
def service(variables: dict[str, str]) -> Iterator[Service]:
    """`prepare` and gunicorn with 2 workers of 8 threads, as `make run` starts it."""
    port = testbed.free_ports(1)[0]
    with tempfile.TemporaryDirectory(prefix="pyro-benchmark-") as folder:
        environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "DATA_DIR": folder, "PORT": str(port)}
        environment |= variables | dict.fromkeys(RATES, "") | {"LOG_LEVEL": "WARNING"}
        password = "benchmark pass phrase"
        manage(environment | {"SUPERUSER_LOGIN": "root", "SUPERUSER_PWD": password}, "prepare")
        manage(environment, "register_user", "tower", "--scope", "device", "--no-password")
        token = manage(environment, "create_token", "tower", "benchmark").strip()
        command = [sys.executable, "-m", "gunicorn", "-c", "pyrostorage_site/gunicorn_conf.py"]
        command += ["--access-logfile", os.devnull, "pyrostorage_site.wsgi:application"]
        with (Path(folder) / "server.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            running = Service(f"http://127.0.0.1:{port}", token, environment, process.pid, password)
            _wait(running)
            yield running
        finally:
            process.terminate()
            process.wait()


def manage(environment: dict[str, str], *arguments: str, stdin: str = "") -> str:
    command = [sys.executable, "manage.py", *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=environment, check=True, input=stdin, capture_output=True, text=True)
    return ended.stdout


def _wait(running: Service) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            if Caller(running).get("/readyz")[0] == 200:
                return
        time.sleep(0.1)
    raise SystemExit("The service did not start.")


class Caller:
    """A client with one kept connection and as little of its own as possible."""

    def __init__(self, running: Service) -> None:
        self.netloc = urlsplit(running.url).netloc
        self.token = running.token
        self.connection = http.client.HTTPConnection(self.netloc, timeout=60)

    def call(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Content-Type": kind} if body is not None else {})
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def get(self, path: str) -> tuple[int, bytes]:
        return self.call("GET", path)

    def post(self, path: str, value: Any) -> Any:
        return self._ok(*self.call("POST", path, json.dumps(value).encode()))

    def upload(self, path: str, **files: bytes) -> Any:
        return self._ok(*self.call("POST", path, multipart(files), f"multipart/form-data; boundary={BOUNDARY}"))

    def _ok(self, status: int, body: bytes) -> Any:
        if status not in (200, 201):
            raise RuntimeError(f"{status} {body[:200]!r}")
        return json.loads(body)


def multipart(files: dict[str, bytes]) -> bytes:
    parts = []
    for name, content in files.items():
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\n'.encode())
        parts += [content, b"\r\n"]
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


@dataclass
class Measured:
    """One run: how often per second, and how long each took (seconds)."""

    rate: float
    durations: list[float] = field(repr=False, default_factory=list)

    @property
    def closed_rate(self) -> float:
        """As `rate`, from how long the steps took: true as well where single steps outlast the end of the run."""
        return PROCESSES * THREADS * len(self.durations) / sum(self.durations)

    @property
    def p95(self) -> float:
        return sorted(self.durations)[int(len(self.durations) * 0.95)]


Work = Callable[[], Callable[[], None]]  # makes, once per thread, what is then repeated


def hammer(work: Work, seconds: float) -> Measured:
    """Eight clients repeat the work for so long; a rate over the time between first start and last end."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    starting = context.Barrier(PROCESSES)
    children = [context.Process(target=_child, args=(work, seconds, starting, queue)) for _ in range(PROCESSES)]
    for child in children:
        child.start()
    found = [queue.get() for _ in children]
    for child in children:
        child.join()
    durations = [duration for part in found for duration in part]
    return Measured(len(durations) / seconds, durations)


def _child(work: Work, seconds: float, starting: Any, queue: Any) -> None:
    durations: list[float] = []
    failures: list[BaseException] = []
    ready = threading.Barrier(THREADS + 1)
    threads = [
        threading.Thread(target=_repeat, args=(work, seconds, ready, durations, failures)) for _ in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    starting.wait()
    ready.wait()
    for thread in threads:
        thread.join()
    if failures:
        sys.stderr.write(f"A client failed: {failures[0]!r}\n")
    queue.put(durations)


def _repeat(work: Work, seconds: float, ready: Any, durations: list[float], failures: list[BaseException]) -> None:
    try:
        step = work()
        step()  # warm
    except Exception as error:  # noqa: BLE001  # shown, and the figure is short by it
        failures.append(error)
        ready.wait()
        return
    ready.wait()
    end = time.perf_counter() + seconds
    try:
        while (now := time.perf_counter()) < end:
            step()
            durations.append(time.perf_counter() - now)
    except Exception as error:  # noqa: BLE001
        failures.append(error)


def latency(step: Callable[[], object], times: int) -> float:
    """Median seconds of one call by one client."""
    step()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        step()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def show(name: str, value: str, verdict: str = "") -> None:
    sys.stdout.write(f"{name:<46}{value:>26}   {verdict}\n")
    sys.stdout.flush()


def verdict(ratio: float, bound: float, *, at_least: bool) -> str:
    holds = ratio >= bound if at_least else ratio <= bound
    return f"{ratio:5.2f} {'>=' if at_least else '<='} {bound:.2f}  {'holds' if holds else 'MISSED'}"
