"""The real command in a process of its own, killed in the middle, and begun again."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from curation.tests.adopting.conftest import postgres_url
from curation.tests.adopting.test_killed import Home, databases
from curation.tests.importing.helpers import fill
from curation.tests.importing.test_killed import count, prepare
from curation.tests.meaning.helpers import coco
from curation.tests.pictures import picture

PICTURES, EACH = 60, 400  # a transaction takes 13 of them
PATIENCE = 60
WORDS = ("--mapping", "smoke=smoke,Fire=drop", "--truth")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An installation, whose rows are kept as those of this run of the tests."""
    if connection.vendor == "sqlite":
        yield Home(tmp_path / "home")
        return
    with databases(postgres_url(), f"meaning_{os.getpid()}") as url:
        yield Home(tmp_path / "home", url[0])


def kill_when(home: Home, path: Path, enough: Callable[[], bool]) -> None:
    with home.command("import_annotations", str(path), *WORDS) as process:
        deadline = time.monotonic() + PATIENCE
        while not enough() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()
        assert process.wait() == -signal.SIGKILL, "it had ended before it was killed"


def taken(home: Home, path: Path) -> dict[str, int]:
    code, out, err = home.run("import_annotations", str(path), *WORDS, "--json")
    assert code == 0, err
    said: dict[str, int] = json.loads(out.splitlines()[-1])
    return said


@pytest.mark.timeout(6 * PATIENCE)
def test_killed_in_the_middle_it_ends_as_an_undisturbed_run_does(home: Home, tmp_path: Path) -> None:
    names = [f"{number:02}.jpg" for number in range(PICTURES)]
    source = fill(tmp_path / "in", {name: picture(number) for number, name in enumerate(names)})
    images = [{"id": number, "file_name": name} for number, name in enumerate(names)]
    boxes = [(image, 1 + 2 * (number % 2)) for image in range(PICTURES) for number in range(EACH)]
    path = fill(tmp_path, {"boxes.json": coco(images, boxes)}) / "boxes.json"
    prepare(home)
    assert home.run("ingest", str(source))[0] == 0
    kill_when(home, path, lambda: count(home, "curation_region") > 0)
    made = count(home, "curation_annotation")
    assert 0 < made < PICTURES
    said = taken(home, path)
    assert (said["layers_created"], said["layers_unchanged"]) == (PICTURES - made, made)
    assert (said["regions_kept"], said["regions_dropped"]) == (PICTURES * EACH // 2, PICTURES * EACH // 2)
    assert count(home, "curation_annotation") == count(home, "curation_annotationrevision") == PICTURES
    each = home.rows("SELECT count(*) FROM curation_region GROUP BY annotation_id, revision_id, media_id")
    assert each == [(EACH // 2,)] * PICTURES
    states = [state for (state,) in home.rows("SELECT state FROM curation_importrun ORDER BY id")]
    assert states == ["done", "cancelled", "done"]
    problems = json.loads(home.run("check_storage", "--full", "--json")[1])["problems"]
    assert {problem["code"] for problem in problems} <= {"unfinished_write"}
