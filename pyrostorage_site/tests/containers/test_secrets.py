"""Secrets are made once, never replaced, and refused when well known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyrostorage_site.tests.containers.helpers import (
    ROOT,
)

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
