"""What is asked after each deed, and noted for the table of `make faults`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from curation.tests.faults.house import House

MULTIPROCESSING = "pymp-"  # an empty folder of each Celery worker


def note(house: House, phase: str, flow: str, outcome: str) -> None:
    """For the table of outcomes (`make faults`): written after all that is asked of one kill has held."""
    if report := os.environ.get("FAULT_REPORT"):
        kind = "folder" if house.store is None else "servers"
        with Path(report).open("a") as file:
            file.write(json.dumps({"house": kind, "flow": flow, "phase": phase, "outcome": outcome}) + "\n")


def clean(*houses: House) -> None:
    """Nothing is wrong in what these hosts share, and no file of a dead process is left on any of them."""
    report = houses[0].recover()
    assert report["clean"], report
    for house in houses:
        left = [path.name for path in (house.folder / "tmp").iterdir() if not path.name.startswith(MULTIPROCESSING)]
        assert not left, "files of dead processes are left"
