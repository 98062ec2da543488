"""What tests of imports do again and again."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.actor import command
from curation.actions.importing.asked import Asked
from curation.actions.imports import Outcome, ingest
from curation.models import ImportItem, ImportRun
from curation.tests.pictures import LABEL, picture

NOBODY = Asked(command())
FRAME = "pyronear-sdis-07_brison_127_2024-03-06T06-45-{:02}"


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def sequence(count: int, *, first: int = 0) -> dict[str, bytes]:
    """Frames of one sequence with their labels, as the field lays them out."""
    home, files = FRAME.format(0), {}
    for number in range(first, first + count):
        name = FRAME.format(number % 60)
        files[f"{home}/images/{name}.jpg"] = picture(number)
        files[f"{home}/labels/{name}.txt"] = LABEL
    return files


def take(source: Path | str, asked: Asked = NOBODY) -> Outcome:
    return ingest(str(source), asked)


def verdicts(run: ImportRun | None = None) -> dict[str, tuple[str, str]]:
    """Verdict and reason of each file of a run, or of the last one."""
    rows = ImportItem.objects.filter(run=run or ImportRun.objects.latest("pk"))
    return {path: (verdict, reason) for path, verdict, reason in rows.values_list("path", "verdict", "reason")}


def told(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Exit code of the command, and what its last line says."""
    code = 0
    try:
        call_command("ingest", *words, "--json")
    except CommandError as error:
        code = error.returncode
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def tarred(files: dict[str, bytes], opened: str = "w", **fields: Any) -> bytes:
    """A TAR archive of `files`; `fields` are those of every header."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=opened) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            for field, value in fields.items():
                setattr(header, field, value)
            archive.addfile(header, io.BytesIO(content))
    return out.getvalue()
