"""Kinds of jobs that only tests have. What they did stands in files of the folder that their payload names."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from accounts.refusals import Busy, Invalid
from curation.actions.working import Work
from curation.jobs.handlers import Handler


def wrote(folder: Path, word: str) -> int:
    """How often a job wrote this word."""
    path = folder / word
    return path.stat().st_size if path.exists() else 0


def _write(work: Work, word: str) -> None:
    """One byte more in the file of that name."""
    with (Path(work.payload["folder"]) / word).open("ab") as file:
        file.write(b".")


def note(work: Work) -> None:
    _write(work, "begun")
    work.progress(1, 2)
    work.progress(2)
    _write(work, "ended")


def nap(work: Work) -> None:
    time.sleep(0.25)


def slow(work: Work) -> None:
    """Goes on until a file `enough` appears."""
    _write(work, "begun")
    for step in range(6000):
        work.progress(step)
        time.sleep(0.01)
        if (Path(work.payload["folder"]) / "enough").exists():
            break
    _write(work, "ended")


def silent(work: Work) -> None:
    """As slow, without a word about its progress."""
    _write(work, "begun")
    while not (Path(work.payload["folder"]) / "enough").exists():
        time.sleep(0.01)
    _write(work, "ended")


def refuse(work: Work) -> None:
    raise Invalid("The archive is no archive.")


def busy(work: Work) -> None:
    raise Busy("The store does not answer; try again.")


def stumble(work: Work) -> None:
    raise ZeroDivisionError("secret: pyro_0123456789")


def die(work: Work) -> None:
    """Ends the process by the signal that the payload names."""
    _write(work, "begun")
    os.kill(os.getpid(), getattr(signal, work.payload["signal"]))
    time.sleep(600)


def mortal(work: Work) -> None:
    """Is killed once at the point that the payload names, and leaves the same as if it had not been."""
    folder = Path(work.payload["folder"])
    _write(work, "begun")
    _killed(folder, work.payload["at"] == "before")
    partial = folder / "partial"
    partial.write_bytes(b"half")
    _killed(folder, work.payload["at"] == "middle")
    partial.replace(folder / "effect")
    _killed(folder, work.payload["at"] == "after")


def _killed(folder: Path, here: bool) -> None:
    if here and wrote(folder, "begun") == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def freeze(work: Work) -> None:
    """Stops the whole process, with a program that it started."""
    program = subprocess.Popen(["sleep", "600"])
    (Path(work.payload["folder"]) / "program").write_text(str(program.pid))
    _write(work, "begun")
    os.kill(os.getpid(), signal.SIGSTOP)


KINDS = {
    "test.note": Handler(note, seconds=60, short=True),
    "test.nap": Handler(nap, seconds=60, short=True),
    "test.long": Handler(note, seconds=60),
    "test.slow": Handler(slow, seconds=60),
    "test.silent": Handler(silent, seconds=60),
    "test.brief": Handler(silent, seconds=1),
    "test.refuse": Handler(refuse, seconds=60, short=True),
    "test.busy": Handler(busy, seconds=60, short=True),
    "test.stumble": Handler(stumble, seconds=60, short=True),
    "test.die": Handler(die, seconds=60),
    "test.mortal": Handler(mortal, seconds=60),
    "test.freeze": Handler(freeze, seconds=1),
}
