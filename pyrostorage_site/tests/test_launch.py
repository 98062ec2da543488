"""The launcher, tried with real processes on a small stand-in project."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from pyrostorage_site import testbed
from pyrostorage_site.launch import environment, server, suite
from pyrostorage_site.launch.config import Config, LaunchError, read_config, read_env_file

SITE = Path(__file__).resolve().parents[1]
MANAGE = """
import os, sys, time
if "run_worker" in sys.argv:
    with open(sys.argv[-1], "w") as file:
        file.write(str(os.getpid()))
    time.sleep(600)
print("prepared", flush=True)
"""
READY = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


@dataclass
class Project:
    """A checkout whose application only says ok; its environment borrows the packages of ours."""

    root: Path
    port: int

    @property
    def config(self) -> Config:
        return Config("127.0.0.1", self.port, self.root / "var", "")

    def launch(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*arguments),
            cwd=self.root,
            env=self._variables(variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command(*arguments), cwd=self.root, env=self._variables({}), stdout=subprocess.PIPE, text=True
        )

    def pid(self) -> int:
        return int(self.config.pid_file.read_text())

    def fetch(self, path: str) -> int:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "pyrostorage_site.launch", *arguments]

    def _variables(self, more: dict[str, str]) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "PORT": str(self.port), "WEB_WORKERS": "1"} | more


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "checkout"
    shutil.copytree(SITE / "launch", root / "pyrostorage_site/launch", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("gunicorn_conf.py", "logs.py", "pace.py", "testbed.py"):
        shutil.copy(SITE / name, root / "pyrostorage_site" / name)
    (root / "pyrostorage_site/wsgi.py").write_text(READY)
    (root / "manage.py").write_text(MANAGE)
    (root / "requirements.txt").write_text("")
    _borrow_environment(root)
    standing = Project(root, testbed.free_ports(1)[0])
    yield standing
    standing.launch("stop")


@pytest.fixture
def whole_project(tmp_path: Path) -> Iterator[Project]:
    """A second checkout of the real thing: code that finds its place by `__file__` is copied, the rest linked."""
    root = tmp_path / "checkout"
    root.mkdir()
    for entry in SITE.parent.iterdir():
        if entry.is_dir() and not entry.name.startswith(".") and entry.name not in {"pyrostorage_site", "var"}:
            (root / entry.name).symlink_to(entry)
    shutil.copytree(SITE, root / "pyrostorage_site", ignore=shutil.ignore_patterns("__pycache__", "tests"))
    for name in ("manage.py", "requirements.txt"):
        shutil.copy(SITE.parent / name, root)
    _borrow_environment(root)
    whole = Project(root, testbed.free_ports(1)[0])
    yield whole
    whole.launch("stop")


def _borrow_environment(root: Path) -> None:
    """An installed `.venv` without the minute it takes: its packages are those that run this test."""
    borrowed = environment.Environment(root / ".venv", root / "requirements.txt")
    borrowed.python.parent.mkdir(parents=True)
    borrowed.python.symlink_to(sys.executable)
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", borrowed.folder)
    (borrowed.folder / "lib").symlink_to(Path(sys.prefix) / "lib")
    borrowed.stamp.write_text(environment.fingerprint(borrowed.requirements))


# --- Configuration ---------------------------------------------------------------


def test_nothing_set_means_loopback_port_8080_and_var_in_the_project(tmp_path: Path) -> None:
    assert read_config({}, tmp_path) == Config("127.0.0.1", 8080, tmp_path / "var", "")


def test_the_environment_wins_over_the_env_file_and_blank_counts_as_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nHOST=0.0.0.0\nDATA_DIR=/srv/pyro\nPUBLIC_URL=https://pyro.example/\n")
    config = read_config({"PORT": "9001", "HOST": ""}, tmp_path)
    assert config == Config("127.0.0.1", 9001, Path("/srv/pyro"), "https://pyro.example")


def test_env_file_names_another_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\n")
    assert read_config({"ENV_FILE": os.devnull}, tmp_path).port == 8080
    assert read_config({}, tmp_path).port == 9000


def test_env_lines_are_read_without_inline_comments(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# PORT=1\n\nA=1\nexport B = 'two words' \nC=\"x=y\"\nD=z # kept\nno line\nE=\n  # F=1\n")
    assert read_env_file(file) == {"A": "1", "B": "two words", "C": "x=y", "D": "z # kept", "E": ""}


def test_an_env_file_in_another_encoding_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=\xff\n")
    with pytest.raises(LaunchError, match=r"\.env cannot be read: it is not UTF-8\.$"):
        read_config({}, tmp_path)


@pytest.mark.parametrize("port", ["1", "65535"])
def test_the_first_and_last_port_are_taken(tmp_path: Path, port: str) -> None:
    assert read_config({"PORT": port}, tmp_path).port == int(port)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "8080.0", "٨", "9" * 5000])
def test_other_ports_are_refused(tmp_path: Path, port: str) -> None:
    with pytest.raises(LaunchError, match="whole number from 1 to 65535"):
        read_config({"PORT": port}, tmp_path)


def test_an_ipv6_host_is_bound_in_brackets(tmp_path: Path) -> None:
    assert read_config({"HOST": "::1"}, tmp_path).bind == "[::1]:8080"


# --- Start and stop --------------------------------------------------------------


def test_the_server_starts_once_answers_and_stops(project: Project) -> None:
    first = project.launch("run")
    pid = project.pid()
    began = time.monotonic()
    second = project.launch("run")
    took = time.monotonic() - began

    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith(f"prepared\npyro-storage is running at http://localhost:{project.port}\n")
    assert "/admin/" in first.stdout
    assert second.returncode == 0
    assert f"pyro-storage is running at http://localhost:{project.port}\n" in second.stdout
    assert "prepared" not in second.stdout
    assert took < 3
    assert project.pid() == pid

    stopped = project.launch("stop")
    assert (stopped.returncode, stopped.stdout) == (0, "pyro-storage has stopped.\n")
    with pytest.raises(ConnectionRefusedError):
        project.fetch("/")
    assert project.launch("stop").stdout == "pyro-storage was not running.\n"


def test_install_makes_the_environment_and_starts_nothing(project: Project) -> None:
    stamp = project.root / ".venv/.installed"
    stamp.unlink()
    installed = project.launch("install")
    assert (installed.returncode, installed.stderr) == (0, "")
    assert installed.stdout.startswith("Installing what requirements.txt locks into .venv")
    assert stamp.is_file()
    assert not project.config.data_dir.exists()


def test_a_running_server_tells_the_address_it_was_started_with(project: Project) -> None:
    project.launch("run")
    again = project.launch("run", PORT=str(project.port + 1))
    assert f"http://localhost:{project.port}\n" in again.stdout


def test_concurrent_first_starts_wait_and_both_end_with_the_address(project: Project) -> None:
    starts = [project.begin("run") for _ in range(3)]
    outputs = [start.communicate(timeout=60)[0] for start in starts]

    assert [start.returncode for start in starts] == [0, 0, 0]
    assert sum("prepared" in output for output in outputs) == 1
    assert all(f"running at http://localhost:{project.port}\n" in output for output in outputs)


def test_concurrent_first_starts_of_the_real_project_print_one_password_and_serve(whole_project: Project) -> None:
    starts = [whole_project.begin("run") for _ in range(2)]
    outputs = [start.communicate(timeout=90)[0] for start in starts]

    assert [start.returncode for start in starts] == [0, 0], outputs
    assert sum("Password:" in output for output in outputs) == 1
    assert all(f"running at http://localhost:{whole_project.port}\n" in output for output in outputs)
    assert whole_project.fetch("/readyz") == 200
    logs = whole_project.config.server_log.read_text() + whole_project.config.access_log.read_text()
    assert "Password" not in logs


def test_the_access_log_keeps_no_query_and_no_forged_line(project: Project) -> None:
    project.launch("run")
    assert project.fetch("/file?signature=s3cr3t") == 200
    assert project.fetch("/a%0aforged") == 200
    project.launch("stop")

    lines = project.config.access_log.read_text().splitlines()
    assert any('"GET /file HTTP/1.1" 200 2 ' in line for line in lines)
    assert any("/a%0aforged" in line for line in lines)
    assert not any("s3cr3t" in line for line in lines)


def test_a_stale_pid_file_is_no_running_server(project: Project) -> None:
    project.config.run_dir.mkdir(parents=True)
    project.config.pid_file.write_text(f"{os.getpid()}\n")  # a living process, but not a gunicorn

    assert project.launch("stop").stdout == "pyro-storage was not running.\n"
    assert project.launch("run").returncode == 0
    assert project.pid() != os.getpid()


def test_a_killed_server_is_started_anew(project: Project) -> None:
    project.launch("run")
    os.kill(project.pid(), signal.SIGKILL)
    again = project.launch("run")
    assert again.returncode == 0, again.stderr
    assert "prepared" in again.stdout


def test_a_worker_runs_beside_the_server_once_and_ends_with_it(project: Project) -> None:
    project.launch("run")
    worker = server.worker_pid(project.config)
    assert worker is not None
    project.launch("run")
    assert server.worker_pid(project.config) == worker

    project.launch("stop")
    assert server.worker_pid(project.config) is None
    assert not server._is_alive(worker)


def test_a_worker_that_was_killed_is_started_anew_beside_the_running_server(project: Project) -> None:
    project.launch("run")
    first, pid = server.worker_pid(project.config), project.pid()
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert project.launch("run").returncode == 0
    assert server.worker_pid(project.config) not in {None, first}
    assert project.pid() == pid


def test_a_worker_that_dies_shows_the_end_of_its_log(project: Project) -> None:
    (project.root / "manage.py").write_text("import sys\nif 'run_worker' in sys.argv: sys.exit('no jobs today')\n")
    refused = project.launch("run")
    assert refused.returncode == 1
    assert refused.stderr.startswith("The server runs, but its worker ended at once")
    assert "no jobs today" in refused.stderr
    assert project.fetch("/") == 200


def test_the_real_worker_runs_beside_the_real_server_and_ends_with_it(whole_project: Project) -> None:
    started = whole_project.launch("run")
    assert started.returncode == 0, started.stderr
    worker = server.worker_pid(whole_project.config)
    assert worker is not None
    assert whole_project.launch("stop").returncode == 0
    assert not server._is_alive(worker)
    said = [json.loads(line) for line in whole_project.config.worker_log.read_text().splitlines()]
    assert [line for line in said if line["level"] != "info"] == []  # chores may have been run


def test_a_server_that_will_not_end_is_killed(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "STOP_WITHIN", 0.3)
    project.config.run_dir.mkdir(parents=True)
    command = [sys.executable, "-c", STUBBORN, "gunicorn", str(project.config.pid_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        project.config.pid_file.write_text(str(process.pid))
        assert server.stop(project.config) == 0
        assert process.wait(timeout=5) == -signal.SIGKILL
    assert "it is killed now" in capsys.readouterr().out


# --- Refusals --------------------------------------------------------------------


def test_a_taken_port_is_one_sentence(project: Project) -> None:
    with socket.create_server(("127.0.0.1", project.port)):
        refused = project.launch("run")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Port {project.port} is taken by another program;")
    assert len(refused.stderr.splitlines()) == 1
    assert refused.stdout == ""


def test_a_host_of_another_machine_is_one_sentence(project: Project) -> None:
    refused = project.launch("run", HOST="192.0.2.77")
    assert (refused.returncode, refused.stderr) == (1, "HOST (192.0.2.77) is not an address of this machine.\n")


def test_a_data_dir_that_cannot_be_written_is_one_sentence(project: Project) -> None:
    in_the_way = project.root / "a-file"
    in_the_way.write_text("")
    for place in (in_the_way, in_the_way / "deeper"):
        refused = project.launch("run", DATA_DIR=str(place))
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"DATA_DIR ({place}) cannot be written: ")
        assert len(refused.stderr.splitlines()) == 1


def test_a_full_disk_is_one_sentence(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LEAST_FREE", 2**62)
    with pytest.raises(LaunchError, match=r"^The disk is full: \d+ MiB are free in DATA_DIR"):
        server.run(project.config)


def test_a_refusal_to_prepare_is_passed_on_and_nothing_starts(project: Project) -> None:
    (project.root / "manage.py").write_text("import sys\nsys.exit('SECRET_KEY must be set.')\n")
    refused = project.launch("run")
    assert (refused.returncode, refused.stderr) == (1, "SECRET_KEY must be set.\n")
    assert not project.config.pid_file.exists()


def test_a_server_that_dies_shows_the_end_of_its_log(project: Project) -> None:
    (project.root / "pyrostorage_site/wsgi.py").write_text("raise RuntimeError('no application today')\n")
    refused = project.launch("run")
    assert refused.returncode == 1
    assert refused.stderr.startswith("The server ended at once")
    assert "no application today" in refused.stderr
    assert not project.config.pid_file.exists()


def test_a_server_that_is_never_ready_is_ended_and_says_what_readyz_said(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "pyrostorage_site/wsgi.py").write_text(READY.replace("200 OK", "503 Unavailable"))
    monkeypatch.setattr(server, "READY_WITHIN", 1.0)
    monkeypatch.setattr(server, "ROOT", project.root)
    monkeypatch.setattr(
        environment, "RUNTIME", environment.Environment(project.root / ".venv", project.root / "requirements.txt")
    )
    with pytest.raises(LaunchError, match=r"not ready within 1 seconds: /readyz answers 503 ok\.$"):
        server.run(project.config)
    assert server.running_pid(project.config) is None


def test_an_unknown_command_is_one_sentence(project: Project) -> None:
    refused = project.launch("dance")
    assert refused.returncode == 1
    assert refused.stderr.startswith("The launcher knows: run, stop, logs")


# --- Environments ----------------------------------------------------------------


def _environment(folder: Path) -> environment.Environment:
    (folder / "requirements.txt").write_text("")
    return environment.Environment(folder / ".venv", folder / "requirements.txt")


def test_an_interrupted_install_is_repaired_and_a_finished_one_left_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made = _environment(tmp_path)
    made.folder.mkdir()
    (made.folder / "half").write_text("what a killed install left")

    environment.install(made)
    assert not (made.folder / "half").exists()
    assert subprocess.call([str(made.python), "-c", "import pip"]) == 0
    assert "Installing" in capfd.readouterr().out

    environment.install(made)
    assert capfd.readouterr().out == ""


def test_a_changed_lock_is_installed_anew_and_a_failure_is_one_sentence(tmp_path: Path) -> None:
    made = _environment(tmp_path)
    made.python.parent.mkdir(parents=True)
    made.python.touch()
    made.stamp.write_text(environment.fingerprint(made.requirements))
    environment.install(made)  # nothing to do
    made.requirements.write_text("a-package-without-hash==1.0\n")
    with pytest.raises(LaunchError) as refusal:
        environment.install(made)
    assert str(refusal.value).startswith("The installation failed: ")
    assert len(str(refusal.value).splitlines()) == 1
    assert not made.stamp.exists()


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(LaunchError, match=r"lacks `ensurepip`: install it with `apt-get install python3-venv"):
        environment.install(_environment(tmp_path))


def test_an_install_on_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "LEAST_FREE", 2**62)
    with pytest.raises(LaunchError, match=r"^The disk is full: \d+ MiB are free at "):
        environment.install(_environment(tmp_path))


def test_a_lock_ends_with_its_holder(tmp_path: Path) -> None:
    held = tmp_path / "lock"
    code = "import sys, time\nfrom pathlib import Path\nfrom pyrostorage_site.launch.environment import locked\n"
    code += "with locked(Path(sys.argv[1])):\n    print(flush=True)\n    time.sleep(60)\n"
    with subprocess.Popen([sys.executable, "-c", code, str(held)], stdout=subprocess.PIPE, cwd=SITE.parent) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
    with environment.locked(held):
        assert held.exists()


# --- Tests of the tests ----------------------------------------------------------


def test_the_callers_settings_do_not_reach_the_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("S3_SECRET_KEY", "DATABASE_URL", "SECRET_KEY", "SUPERUSER_PWD", "REDIS_URL", "SENTRY_DSN", "PORT"):
        monkeypatch.setenv(name, "the-real-one")
    clean = suite.clean_environment(tmp_path)
    assert "the-real-one" not in clean.values()
    assert clean["PATH"] == os.environ["PATH"]
    assert (clean["ENV_FILE"], clean["DATA_DIR"]) == (os.devnull, str(tmp_path))
