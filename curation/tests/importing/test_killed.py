"""C49: the real command in a process of its own, killed anywhere, and begun again."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from curation.tests.adopting.conftest import postgres_url
from curation.tests.adopting.test_killed import Home, databases
from curation.tests.importing.helpers import fill, sequence
from curation.tests.pictures import picture

COUNT = int(os.environ.get("IMPORT_KILLED_COUNT", "300"))
PATIENCE = 60 + COUNT / 5
WRITTEN = {  # what does not depend on when a run happened, nor on the order of its threads
    "curation_media": (
        "type, file, sha256, size, original_name, captured_at, source, camera, azimuth, sequence, import_identity"
    ),
    "curation_annotation": "sha256, origin, state, (SELECT import_identity FROM curation_media WHERE id = media_id)",
    "curation_storedobject": "key, sha256, size, state, lease_until",
    "curation_annotationrevision": "number, file, sha256",
    "accounts_auditentry": 'action, "table", door',
}


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[tuple[Home, Home]]:
    """Two installations, whose rows are kept as those of this run of the tests."""
    folders = (tmp_path / "calm", tmp_path / "disturbed")
    if connection.vendor == "sqlite":
        yield Home(folders[0]), Home(folders[1])
        return
    names = [f"importing_{os.getpid()}_{number}" for number in range(2)]
    with databases(postgres_url(), names[0]) as one, databases(postgres_url(), names[1]) as other:
        yield Home(folders[0], one[0]), Home(folders[1], other[0])


def prepare(home: Home) -> None:
    (home.folder / "objects").mkdir(parents=True)
    code, _, err = home.run("migrate", "--verbosity", "0")
    assert code == 0, err


def ingest(home: Home, source: Path) -> tuple[int, dict[str, Any]]:
    code, out, err = home.run("ingest", str(source), "--json")
    assert code in {0, 1}, err
    return code, json.loads(out.splitlines()[-1])


def kill_when(home: Home, source: Path, enough: Callable[[], bool]) -> None:
    with home.command("ingest", str(source)) as process:
        deadline = time.monotonic() + PATIENCE
        while not enough() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()
        assert process.wait() == -signal.SIGKILL, "it had ended before it was killed"


def count(home: Home, table: str) -> int:
    return int(home.rows(f"SELECT count(*) FROM {table}")[0][0])


def dump(home: Home) -> dict[str, list[str]]:
    found = {table: sorted(map(repr, home.rows(f"SELECT {what} FROM {table}"))) for table, what in WRITTEN.items()}
    found["accounts_auditentry"] = [line for line in found["accounts_auditentry"] if "import.create" not in line]
    return found


@pytest.mark.timeout(int(6 * PATIENCE))
def test_killed_again_and_again_it_ends_as_an_undisturbed_run_does(homes: tuple[Home, Home], tmp_path: Path) -> None:
    calm, disturbed = homes
    many = {f"many/{number:04}.jpg": picture(number) for number in range(COUNT)}
    labels = {f"many/{number:04}.txt": b"" for number in range(0, COUNT, 2)}
    source = fill(tmp_path / "source", many | labels | sequence(5, first=COUNT) | {"bad.jpg": b"no picture"})
    for home in homes:
        prepare(home)
    code, told = ingest(calm, source)
    assert (code, told["created"], len(told["refused"])) == (1, COUNT + len(labels) + 10, 1)
    kill_when(disturbed, source, lambda: count(disturbed, "curation_storedobject") > 0)
    kill_when(disturbed, source, lambda: count(disturbed, "curation_media") > COUNT // 2)
    assert count(disturbed, "curation_media") > 0
    kill_when(disturbed, source, lambda: count(disturbed, "curation_annotation") > 0)
    before = count(disturbed, "curation_media") + count(disturbed, "curation_annotation")
    code, after = ingest(disturbed, source)
    assert (code, after["seen"], after["refused"]) == (1, told["seen"], told["refused"])
    assert (after["created"], after["unchanged"]) == (told["created"] - before, before)
    assert dump(disturbed) == dump(calm)
    states = disturbed.rows("SELECT state FROM curation_importrun ORDER BY id")
    assert [state for (state,) in states] == ["cancelled", "cancelled", "cancelled", "done"]
    problems = json.loads(disturbed.run("check_storage", "--full", "--json")[1])["problems"]
    assert {problem["code"] for problem in problems} <= {"unfinished_write"}  # of the killed, for the collector
