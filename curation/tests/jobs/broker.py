"""A real Redis."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import redis

from curation.actions import announce
from curation.tests.jobs.conftest import until
from pyrostorage_site import testbed

SERVER = shutil.which("redis-server")
NO_SERVER = "There is no redis-server; install Debian's package redis-server."


class Redis:
    """A redis-server of this test, which keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.port = testbed.free_ports(1)[0]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self.client = redis.Redis(port=self.port)

    def start(self) -> None:
        command = [str(SERVER), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        until(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False

    def stop(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def messages(self) -> int:
        return int(self.client.llen(announce.QUEUE))
