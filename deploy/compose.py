"""Start and stop the containers: `make docker-run`, `make docker-stop`. Standard library only."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

ROOT = Path(__file__).resolve().parents[1]
LEAST_COMPOSE = (2, 24)  # the first that lets .env be absent
READY_WITHIN = 120.0  # seconds from "all containers are started" to a ready answer
ASKED_WITHIN = 30.0  # seconds that the daemon may take to say that it is there
ONCE = ("secrets", "bucket", "prepare")


class RefusalError(Exception):
    """The message is one sentence for the person who typed the command."""


def run() -> None:
    """Build and start everything, wait until it is ready, tell the address and the first admin. Raises RefusalError."""
    require_docker()
    began = datetime.now(UTC).isoformat()
    if _compose("up", "--detach", "--build", "--remove-orphans") != 0:
        _compose("logs", "--no-log-prefix", "--tail", "20", "--since", began, *ONCE)
        raise RefusalError("The containers did not start; the lines above say why.")
    address = _address()
    _wait_until_ready(address)
    _say(_first_admin(began) + f"pyro-storage is running at {address}")
    _say(f"The admin is at {address}/admin/ - `docker compose logs` shows the logs, `make docker-stop` ends it.")


def stop() -> None:
    """End and remove the containers; the volumes, and with them all data, stay. Raises RefusalError."""
    require_docker()
    if _compose("down", "--remove-orphans") != 0:
        raise RefusalError("The containers could not be stopped; the lines above say why.")
    _say("pyro-storage is stopped; its data stays in the volumes.")


def require_docker() -> None:
    """Docker, Compose and the daemon, each with its own sentence. Raises RefusalError."""
    if shutil.which("docker") is None:
        raise RefusalError("Docker is not installed here; `make run` starts the service without it.")
    version = _ask("compose", "version", "--short")
    if version is None:
        raise RefusalError("Docker Compose is not installed here: apt-get install docker-compose-plugin.")
    if _numbers(version) < LEAST_COMPOSE:
        wanted = ".".join(map(str, LEAST_COMPOSE))
        raise RefusalError(f"Docker Compose {wanted} or later is needed, and this is {version}.")
    if not _ask("info", "--format", "{{.ServerVersion}}"):
        raise RefusalError("The Docker daemon does not answer: it is not running, or this account may not use it.")


def _numbers(version: str) -> tuple[int, ...]:
    """(2, 24) of "v2.24.5-desktop.1"."""
    parts = version.removeprefix("v").split(".")[:2]
    return tuple(int(part) if part.isdigit() else 0 for part in parts)


def _ask(*words: str) -> str | None:
    """What `docker words` prints; None when it fails or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603  # our own words
            ["docker", *words],  # noqa: S607  # the docker that the person would have typed
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=ASKED_WITHIN,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _compose(*words: str) -> int:
    return subprocess.call(["docker", "compose", *words], cwd=ROOT)  # noqa: S603, S607  # as above


def _address() -> str:
    """Where the proxy is published, as a browser on this machine writes it."""
    host, _, port = (_ask("compose", "port", "proxy", "8080") or "").rpartition(":")
    if not port.isdigit():
        raise RefusalError("The proxy is not published; `docker compose ps` shows what runs.")
    return f"http://{'localhost' if host in {'0.0.0.0', '127.0.0.1', '[::]', '[::1]'} else host}:{port}"  # noqa: S104


def _wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    opener = build_opener(ProxyHandler({}))
    while True:
        try:
            opener.open(f"{address}/readyz", timeout=5).close()
        except OSError as error:
            if time.monotonic() > deadline:
                told = f"HTTP {error.code}" if isinstance(error, HTTPError) else "no answer"
                raise RefusalError(
                    f"The service was not ready within {READY_WITHIN:.0f} seconds ({told}); "
                    "`docker compose logs backend` may say why."
                ) from error
            time.sleep(0.5)
        else:
            return


def _first_admin(began: str) -> str:
    """What `prepare` said about the first admin in this start; "" when there was one already."""
    said = _ask("compose", "logs", "--no-log-prefix", "--since", began, "prepare") or ""
    return "".join(f"{line}\n" for line in said.splitlines() if line.startswith(("First admin:", "Password:")))


def _say(sentence: str) -> None:
    """Print at once: what Docker prints must come after it, also into a pipe."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def main() -> None:
    doings = {"run": run, "stop": stop}
    doing = doings.get(sys.argv[1] if len(sys.argv) == 2 else "")
    if doing is None:
        sys.exit("usage: python3 -m deploy.compose run|stop")
    try:
        doing()
    except RefusalError as refusal:
        sys.exit(str(refusal))
    except KeyboardInterrupt:
        sys.exit("Interrupted; `make docker-stop` ends what runs already.")


if __name__ == "__main__":
    main()
