"""Settings refuse nonsense at start, in one sentence that never shows the value."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEY = "Zk3-9vQw_7Lr1TxYb8Nc4Hf6Jd2Mg5Ps0AaUuEeIiOoVvWwXxYy12"
S3 = {
    "BUCKET_NAME": "pictures",
    "S3_ACCESS_KEY": "AKexample1",
    "S3_SECRET_KEY": "s3cr3t-canary-value",
    "S3_REGION": "us-east-1",
    "S3_ENDPOINT_URL": "http://127.0.0.1:1",
}


def start(tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` in a process of its own, with nothing but these settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    settings = {"ENV_FILE": os.devnull, "DATA_DIR": str(tmp_path / "var")} | env
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT, env=kept | settings, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_nothing_set_starts_with_a_key_of_its_own_that_only_the_owner_reads(tmp_path: Path) -> None:
    assert start(tmp_path).returncode == 0
    kept = tmp_path / "var" / "secret_key"
    first = kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(first) >= 50
    assert start(tmp_path).returncode == 0
    assert kept.read_text() == first


REFUSED = [
    ({"DATABASE_URL": "postgres://a:canary-pw@localhost/x"}, "SECRET_KEY must be set"),
    ({**S3}, "SECRET_KEY must be set"),
    ({"SECRET_KEY": "0" * 36}, "SECRET_KEY is too short or well known"),
    ({"SECRET_KEY": "0" * 60}, "SECRET_KEY is too short or well known"),
    ({"SECRET_KEY": "secret"}, "SECRET_KEY is too short or well known"),
    ({"SECRET_KEY": KEY[:49]}, "SECRET_KEY is too short or well known"),
    ({"SECRET_KEY": "change-me-" + KEY}, "SECRET_KEY is too short or well known"),
    ({**S3, "SECRET_KEY": KEY, "S3_SECRET_KEY": ""}, "S3_SECRET_KEY must be set as well"),
    ({"S3_ENDPOINT_URL": "http://127.0.0.1:1", "SECRET_KEY": KEY}, "BUCKET_NAME, S3_ACCESS_KEY"),
    ({**S3, "SECRET_KEY": KEY, "S3_SECRET_KEY": "minioadmin"}, "pyrostorage.E003"),
    ({"DATABASE_URL": "mysql://a:canary-pw@localhost/x", "SECRET_KEY": KEY}, "DATABASE_URL must begin with postgres://"),
    ({"PORT": "eighty"}, "PORT must be a whole number"),
    ({"PORT": "65536"}, "PORT must be a whole number"),
    ({"DEBUG": "perhaps"}, "DEBUG must be 1 or 0"),
    ({"DEBUG": "1", "ALLOWED_HOSTS": "pictures.example.org"}, "pyrostorage.E001"),
    ({"PUBLIC_URL": "pictures.example.org"}, "PUBLIC_URL must be an address"),
    ({"TRUSTED_PROXIES": "proxy"}, "TRUSTED_PROXIES must be a list"),
    ({"SUPERUSER_LOGIN": "root"}, "pyrostorage.E002"),
    ({"SUPERUSER_LOGIN": "root", "SUPERUSER_PWD": "superuser_pwd"}, "pyrostorage.E002"),
    ({"CORS_ORIGIN": "app.example.org"}, "pyrostorage.E004"),
    ({"LINK_RATE": "many"}, "pyrostorage.E006"),
    ({"RATE_DEVICE": "0/min"}, "RATE_DEVICE must be written like 3000/min"),
    ({"LINK_SECONDS": "3601"}, "LINK_SECONDS must be a whole number from 1 to 3600"),
    ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL must be one of"),
]  # fmt: skip


@pytest.mark.parametrize(("env", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_nonsense_refuses_to_start_and_says_which_variable(tmp_path: Path, env: dict[str, str], sentence: str) -> None:
    ended = start(tmp_path, **env)
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert sentence in said
    assert "canary" not in said


@pytest.mark.parametrize(
    "env",
    [
        {"SECRET_KEY": KEY[:50]},
        {**S3, "SECRET_KEY": KEY},
        {"RATE_DEVICE": "", "RATE_ADMIN": "1/day", "LINK_RATE": "999999999/sec"},
        {"LINK_SECONDS": "3600", "PORT": "65535", "CORS_ORIGIN": "https://a.example.org, https://b.example.org:8443"},
        {"TRUSTED_PROXIES": "10.0.0.0/8, ::1", "DEBUG": "1"},
        {"SUPERUSER_LOGIN": "root", "SUPERUSER_PWD": "a phrase of one's own"},
    ],
    ids=str,
)
def test_sense_starts(tmp_path: Path, env: dict[str, str]) -> None:
    ended = start(tmp_path, **env)
    assert ended.returncode == 0, ended.stderr


def test_production_settings_are_clean_under_check_deploy(tmp_path: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env = {
        "ENV_FILE": os.devnull,
        "DATA_DIR": str(tmp_path),
        "PUBLIC_URL": "https://pictures.example.org",
        "SECRET_KEY": KEY,
    }
    ended = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=kept | env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("PORT=eighty\n")
    assert "PORT must be" in start(tmp_path, ENV_FILE=str(file)).stderr
    assert start(tmp_path, ENV_FILE=str(file), PORT="8081").returncode == 0
