"""The throw-away servers: real where their programs are installed."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psycopg2  # type: ignore[import-untyped]
import pytest

from pyrostorage_site import testbed

needs_postgres = pytest.mark.skipif(
    testbed.find_postgres() is None, reason=f"PostgreSQL is not installed ({testbed.INSTALL_POSTGRES})"
)
needs_weed = pytest.mark.skipif(
    testbed.find_weed() is None, reason=f"SeaweedFS is not installed ({testbed.INSTALL_WEED})"
)


@needs_postgres
def test_postgres_takes_its_role_alone_and_is_gone_afterwards() -> None:
    with testbed.postgres(databases=("pyro", "beside")) as url:
        connection = psycopg2.connect(url)
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper, rolcreatedb, current_setting('fsync') FROM pg_roles WHERE rolname = user")
            assert cursor.fetchone() == (False, True, "off")
            cursor.execute("SELECT datname FROM pg_database WHERE datname IN ('pyro', 'beside')")
            assert len(cursor.fetchall()) == 2
        connection.close()
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(url.replace("pyro:", "pyro:wrong"))
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        psycopg2.connect(url)


@needs_postgres
def test_a_durable_postgres_keeps_fsync() -> None:
    with testbed.postgres(durable=True) as url:
        connection = psycopg2.connect(url)
        with connection.cursor() as cursor:
            cursor.execute("SHOW fsync")
            assert cursor.fetchone() == ("on",)
        connection.close()


@needs_weed
def test_seaweedfs_checks_signatures_makes_buckets_and_is_gone_afterwards() -> None:
    with testbed.seaweedfs() as server:
        assert server.put("/absent/object", b"x") == 404
        assert server.make_bucket("pictures") == "pictures"
        assert server.make_bucket("pictures") == "pictures"
        assert server.put("/pictures/object", b"x") == 200
        assert replace(server, secret_key="wrong").put("/pictures/object", b"x") == 403
        assert replace(server, access_key="wrong").put("/pictures/object", b"x") == 403
    with pytest.raises(ConnectionRefusedError):
        server.put("/pictures/object", b"x")


def test_a_server_that_ends_early_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "weed"
    broken.write_text("#!/bin/sh\necho no such flag\nexit 2\n")
    broken.chmod(0o755)
    with (
        pytest.raises(testbed.UnavailableError, match="SeaweedFS ended before it was ready: no such flag"),
        testbed.seaweedfs(broken),
    ):
        pass


@needs_postgres
@needs_weed
def test_the_command_writes_its_variables_and_ends_with_sigterm(tmp_path: Path) -> None:
    env_file = tmp_path / "testbed.env"
    command = [sys.executable, "-m", "pyrostorage_site.testbed", "--env-file", str(env_file)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    written = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
    assert str(env_file) in told
    assert env_file.stat().st_mode & 0o777 == 0o600
    assert written["S3_REGION"] == "us-east-1"
    assert written["DATABASE_URL"].startswith("postgres://pyro:")
    assert len(written["SECRET_KEY"]) >= 50
