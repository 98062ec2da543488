"""make docker-run and make docker-stop."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pyrostorage_site.tests.containers.helpers import (
    ROOT,
)

FAKE_DOCKER = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in
  "compose version --short") echo "${COMPOSE_SAYS-2.40.3}"; exit ${COMPOSE_ENDS-0} ;;
  info*) echo 28; exit ${DAEMON_ENDS-0} ;;
  "compose port proxy 8080") echo "0.0.0.0:$PORT" ;;
  "compose up"*) exit ${UP_ENDS-0} ;;
  "compose logs"*prepare) printf "First admin: admin\\nelse\\nPassword:    pw   (shown this once)\\n" ;;
esac
"""


@dataclass
class Desk:
    """A folder with a program `docker` that says what it is told to say and notes how it was called."""

    folder: Path

    def type(self, word: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "deploy.compose", word],
            cwd=ROOT,
            env={"PATH": f"{self.folder}:/bin", "CALLS": str(self.folder / "calls")} | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    docker = tmp_path / "docker"
    docker.write_text(FAKE_DOCKER)
    docker.chmod(0o755)
    return Desk(tmp_path)


def test_without_docker_one_sentence(tmp_path: Path) -> None:
    for word in ("run", "stop"):
        done = Desk(tmp_path).type(word, PATH=str(tmp_path))
        assert done.returncode == 1
        assert done.stderr == "Docker is not installed here; `make run` starts the service without it.\n"


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"COMPOSE_ENDS": "1"}, "Docker Compose is not installed here: apt-get install docker-compose-plugin."),
        ({"COMPOSE_SAYS": "2.23.9"}, "Docker Compose 2.24 or later is needed, and this is 2.23.9."),
        (
            {"DAEMON_ENDS": "1"},
            "The Docker daemon does not answer: it is not running, or this account may not use it.",
        ),
    ],
)
def test_each_missing_part_of_docker_has_its_sentence(desk: Desk, variables: dict[str, str], sentence: str) -> None:
    done = desk.type("run", **variables)
    assert (done.returncode, done.stderr) == (1, f"{sentence}\n")
    assert not [call for call in desk.calls if call.startswith("compose up")]


def test_a_start_waits_until_ready_and_tells_the_first_admin(desk: Desk) -> None:
    class Readiness(BaseHTTPRequestHandler):
        statuses: Iterator[int] = iter([503, 200])

        def do_GET(self) -> None:
            self.send_response(next(self.statuses))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Readiness) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = desk.type("run", PORT=str(server.server_port), COMPOSE_SAYS="v2.24.0")
        server.shutdown()
    assert done.stderr == ""
    assert done.stdout.splitlines()[:3] == [
        "First admin: admin",
        "Password:    pw   (shown this once)",
        f"pyro-storage is running at http://localhost:{server.server_port}",
    ]


def test_a_start_that_fails_shows_what_was_said_and_ends_with_one_sentence(desk: Desk) -> None:
    done = desk.type("run", UP_ENDS="1")
    assert done.returncode == 1
    assert done.stderr == "The containers did not start; the lines above say why.\n"
    assert desk.calls[-1].startswith("compose logs")


def test_a_stop_keeps_the_volumes(desk: Desk) -> None:
    done = desk.type("stop")
    assert done.stdout == "pyro-storage is stopped; its data stays in the volumes.\n"
    assert desk.calls[-1] == "compose down --remove-orphans"
