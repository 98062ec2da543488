"""Start, find and stop the one gunicorn and the one run_worker that belong to this project and DATA_DIR."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from pyrostorage_site.launch import environment
from pyrostorage_site.launch.config import EVERYWHERE, LOCAL, ROOT, Config, LaunchError, parse_port, say

READY_WITHIN = 60.0  # seconds from gunicorn's start to a ready answer
TROUBLE_WITHIN = 2.0  # seconds that a running server may need to answer again
STOP_WITHIN = 65.0  # seconds; gunicorn itself gives uploads under way 60
PORT_FREE_WITHIN = 3.0  # seconds that workers whose master was killed may need to let go of the port
LEAST_FREE = 50 * 2**20  # bytes in DATA_DIR
LOG_LINES = 15


def run(config: Config) -> int:
    """Bring the server up, from nothing if need be, and tell its address; leave a running one alone."""
    _make_folders(config)
    with environment.locked(config.run_dir / "lock"):
        pid = running_pid(config)
        if pid:
            say("It runs already; `make stop` first to restart it with changed code or settings.")
            bound = _address_of(pid, config)
            _check_ready(bound)
        else:
            bound = config
            _start(config)
        if worker_pid(config) is None:
            _start_worker(bound)
    say(f"pyro-storage is running at {_url(bound)}")
    say(f"The admin is at {_url(bound)}/admin/ - `make logs` shows the logs, `make stop` ends it.")
    return 0


def stop(config: Config) -> int:
    """End the server and wait for its end; nothing to do is fine."""
    if not config.run_dir.is_dir():
        say("pyro-storage was not running.")
        return 0
    with environment.locked(config.run_dir / "lock"):
        pids = [pid for pid in (running_pid(config), worker_pid(config)) if pid is not None]
        if not pids:
            say("pyro-storage was not running.")
            return 0
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        _end_within(pids, time.monotonic() + STOP_WITHIN)
        for file in (config.pid_file, config.worker_pid_file):
            file.unlink(missing_ok=True)
    say("pyro-storage has stopped.")
    return 0


def _end_within(pids: list[int], deadline: float) -> None:
    for pid in pids:
        if not _ends(pid, deadline - time.monotonic()):
            say(f"It did not end within {STOP_WITHIN:.0f} seconds; it is killed now.")
            _signal_group(pid, signal.SIGKILL)
            _ends(pid, 5)


def logs(config: Config) -> int:
    """Show the last lines of all logs and follow them until Ctrl-C."""
    files = [str(path) for path in (config.server_log, config.worker_log, config.access_log) if path.exists()]
    if not files:
        raise LaunchError(f"There are no logs in {config.log_dir}; `make run` writes them.")
    return subprocess.call(["tail", "-n", "40", "-F", *files])


# --- Before the start ------------------------------------------------------------


def _make_folders(config: Config) -> None:
    """Make DATA_DIR with log/ and run/, and try that files can be written there."""
    try:
        for folder in (config.log_dir, config.run_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"x")
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or str(error)).lower()
        raise LaunchError(f"DATA_DIR ({config.data_dir}) cannot be written: {reason}.") from error
    free = shutil.disk_usage(config.data_dir).free
    if free < LEAST_FREE:
        raise LaunchError(f"The disk is full: {free >> 20} MiB are free in DATA_DIR ({config.data_dir}).")


def _check_port(config: Config, patience: float) -> None:
    """Bind and let go, as gunicorn will: the sentence is better here than in its log."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return _try_port(config)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise LaunchError(_port_sentence(config, error)) from error
        time.sleep(0.1)


def _try_port(config: Config) -> None:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((config.host, config.port))


def _port_sentence(config: Config, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {config.port} is taken by another program; choose a free one, for example `PORT=8081 make run`."
    if error.errno == errno.EACCES:
        return f"Port {config.port} is reserved for the administrator; choose one above 1023."
    return f"HOST ({config.host}) is not an address of this machine."


# --- The start -------------------------------------------------------------------


def _start(config: Config) -> None:
    _check_port(config, patience=PORT_FREE_WITHIN if config.pid_file.exists() else 0)
    config.pid_file.unlink(missing_ok=True)  # stale; gunicorn would stumble over a pid that lives
    environment.install(environment.RUNTIME)
    variables = _variables(config)
    # `prepare` says itself, in one sentence, why it refuses.
    prepared = subprocess.call([str(environment.RUNTIME.python), "manage.py", "prepare"], cwd=ROOT, env=variables)
    if prepared != 0:
        sys.exit(prepared if prepared > 0 else 1)
    process = _spawn(config, variables)
    try:
        _wait_until_ready(config, process)
    except BaseException:  # a refusal as much as Ctrl-C: nothing half-started stays
        _give_up(process)
        config.pid_file.unlink(missing_ok=True)
        raise


def _spawn(config: Config, variables: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start gunicorn in a session of its own with nothing of ours open, so that it outlives us and our pipes."""
    command = [str(environment.RUNTIME.python), "-m", "gunicorn", "--config", "pyrostorage_site/gunicorn_conf.py"]
    command += ["--bind", config.bind, "--pid", str(config.pid_file), "--access-logfile", str(config.access_log)]
    return _detached([*command, "pyrostorage_site.wsgi:application"], config.server_log, variables)


def _start_worker(config: Config) -> None:
    """Start run_worker beside the server, and see that it lives."""
    config.worker_pid_file.unlink(missing_ok=True)
    command = [str(environment.RUNTIME.python), "manage.py", "run_worker", "--pid-file", str(config.worker_pid_file)]
    process = _detached(command, config.worker_log, _variables(config))
    deadline = time.monotonic() + READY_WITHIN
    while worker_pid(config) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            _give_up(process)
            tail = _tail(config.worker_log)
            raise LaunchError(f"The server runs, but its worker ended at once; the end of {config.worker_log}:\n{tail}")
        time.sleep(0.05)


def _variables(config: Config) -> dict[str, str]:
    return os.environ | {"HOST": config.host, "PORT": str(config.port), "DATA_DIR": str(config.data_dir)}


def _detached(command: list[str], log_file: Path, variables: dict[str, str]) -> subprocess.Popen[bytes]:
    """Run `command` in a session of its own; what it prints goes to a file."""
    with log_file.open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=variables,
            start_new_session=True,
        )


def _give_up(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_ready(config: Config, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while (obstacle := _obstacle(config)) is not None:
        if process.poll() is not None:
            raise LaunchError(f"The server ended at once; the end of {config.server_log}:\n{_tail(config.server_log)}")
        if time.monotonic() > deadline:
            raise LaunchError(f"The server was not ready within {READY_WITHIN:.0f} seconds: /readyz {obstacle}.")
        time.sleep(0.1)


def _check_ready(config: Config) -> None:
    """Refuse when a server that has started well is not ready any more; allow it one moment of trouble."""
    deadline = time.monotonic() + TROUBLE_WITHIN
    while (obstacle := _obstacle(config)) is not None:
        if time.monotonic() > deadline:
            raise LaunchError(f"pyro-storage runs at {_url(config)} but is not ready: /readyz {obstacle}.")
        time.sleep(0.1)


def _obstacle(config: Config) -> str | None:
    """What keeps /readyz from answering 200, None when nothing does.

    It is asked under the name that browsers use, which is one the application allows.
    """
    connection = http.client.HTTPConnection(EVERYWHERE.get(config.host, config.host), config.port, timeout=5)
    name = urlsplit(config.public_url).netloc or f"localhost:{config.port}"
    try:
        connection.request("GET", "/readyz", headers={"Host": name})
        answer = connection.getresponse()
        body = answer.read(500).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return "does not answer"
    finally:
        connection.close()
    return None if answer.status == http.HTTPStatus.OK else f"answers {answer.status} {body}"


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-LOG_LINES:])


def _url(config: Config) -> str:
    if config.public_url:
        return config.public_url
    return f"http://localhost:{config.port}" if config.host in LOCAL else f"http://{config.bind}"


# --- Which process is ours -------------------------------------------------------


def running_pid(config: Config) -> int | None:
    """The pid of our gunicorn, None when it does not run."""
    return _pid_in(config.pid_file, "gunicorn")


def worker_pid(config: Config) -> int | None:
    """The pid of our run_worker, None when it does not run."""
    return _pid_in(config.worker_pid_file, "run_worker")


def _pid_in(file: Path, program: str) -> int | None:
    """A pid file outlives a killed program and its number may be another program's by now.

    Only a process whose command line names the program and this very pid file is ours.
    """
    try:
        pid = int(file.read_text())
    except (OSError, ValueError):
        return None
    words = _command_line(pid)
    ours = program in words and str(file) in words and _is_alive(pid)
    return pid if ours else None


def _command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _address_of(pid: int, config: Config) -> Config:
    """The configuration with the address that the running server was started with."""
    words = _command_line(pid)
    host, _, port = words[words.index("--bind") + 1].rpartition(":")
    return Config(host.strip("[]"), parse_port(port), config.data_dir, config.public_url)


def _is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def _ends(pid: int, within: float) -> bool:
    deadline = time.monotonic() + within
    while _is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended in the meantime
        os.killpg(pid, number)
