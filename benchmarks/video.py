"""A video of 1 GiB through the service, beside boto3's upload_file alone to the same store."""

from __future__ import annotations

import http.client
import os
import statistics
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.rig import BOUNDARY, Caller, Service, show, store_client, verdict

GIB = 1024**3
SIZE = GIB  # bytes
PIECE = 1024 * 1024
ROUNDS = 3


def make(path: Path) -> None:
    """A real short video, and a box of noise behind it that players pass over."""
    small = path.with_suffix(".small.mp4")
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=d=1:s=320x240:r=5", str(small)]
    subprocess.run(command, check=True)
    with path.open("wb") as file:
        file.write(small.read_bytes())
        rest = SIZE - file.tell()
        file.write(struct.pack(">I4sQ", 1, b"free", rest))
        for _ in range((rest - 16) // PIECE):
            file.write(os.urandom(PIECE))
        file.write(os.urandom((rest - 16) % PIECE))


def body(path: Path) -> tuple[int, Iterator[bytes]]:
    """The length and the pieces of a multipart body."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="v.mp4"\r\n\r\n'.encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()

    def pieces() -> Iterator[bytes]:
        yield head
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
        yield tail

    return len(head) + path.stat().st_size + len(tail), pieces()


def through_service(running: Service, path: Path) -> None:
    caller = Caller(running)
    media = caller.post("/media", {"type": "video"})["id"]
    length, pieces = body(path)
    connection = http.client.HTTPConnection(caller.netloc, timeout=600)
    headers = {
        "Authorization": f"Bearer {running.token}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(length),
    }
    connection.request("POST", f"/media/{media}/upload", pieces, headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status} {answer.read()[:200]!r}")
    answer.read()


def alone(running: Service, path: Path) -> None:
    environment = running.environment
    client = store_client(environment)
    client.upload_file(str(path), environment["BUCKET_NAME"], f"raw/{os.urandom(8).hex()}.mp4")


class Others:
    """What other clients feel meanwhile: one that reads a list again and again."""

    def __init__(self, running: Service) -> None:
        self.caller = Caller(running)
        self.durations: list[float] = []
        self.peak = 0
        self.running = running
        self._over = threading.Event()

    def __enter__(self) -> Others:
        self.threads = [threading.Thread(target=self._ask), threading.Thread(target=self._watch)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self.threads:
            thread.join()

    def _ask(self) -> None:
        while not self._over.is_set():
            started = time.perf_counter()
            self.caller.get("/media?limit=10")
            self.durations.append(time.perf_counter() - started)
            time.sleep(0.01)

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self.peak = max(self.peak, self.running.resident_bytes())

    @property
    def p95(self) -> float:
        return sorted(self.durations)[int(len(self.durations) * 0.95)]


def run(running: Service) -> None:
    with tempfile.TemporaryDirectory(prefix="pyro-video-") as folder:
        path = Path(folder) / "v.mp4"
        make(path)
        ways: dict[str, Callable[[Service, Path], None]] = {
            "upload_file alone": alone,
            "through the service": through_service,
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        others: dict[str, list[float]] = {name: [] for name in ways}
        added: list[int] = []
        for number in range(ROUNDS):
            _touch(path, number)
            for name, way in ways.items():
                resting = running.resident_bytes()
                with Others(running) as others_now:
                    started = time.perf_counter()
                    way(running, path)
                    seconds[name].append(time.perf_counter() - started)
                others[name].append(others_now.p95)
                if way is through_service:
                    added.append(others_now.peak - resting)
        _tell(seconds, others, added)


def _touch(path: Path, number: int) -> None:
    """Other bytes each round: the same ones would be known, and not be sent again."""
    with path.open("r+b") as file:
        file.seek(-16, os.SEEK_END)
        file.write(os.urandom(15) + bytes([number]))


def _tell(seconds: dict[str, list[float]], others: dict[str, list[float]], added: list[int]) -> None:
    alone_, ours = (statistics.median(seconds[name]) for name in ("upload_file alone", "through the service"))
    show("upload_file alone, 1 GiB", f"{alone_:.1f} s")
    show("through the service, 1 GiB", f"{ours:.1f} s", verdict(alone_ / ours, 0.4, at_least=True))
    mib = statistics.median(added) / 2**20
    show("added memory, all processes", f"{mib:.0f} MiB", verdict(mib / 64, 1.0, at_least=False))
    bare, ours = (statistics.median(others[name]) for name in ("upload_file alone", "through the service"))
    show(
        "p95 of others meanwhile",
        f"{ours * 1000:.1f} ms ({bare * 1000:.1f} ms)",
        verdict(ours / bare, 1.5, at_least=False),
    )
