"""What the processes of a running service may use, taken away and given back."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

from curation.tests.faults.house import House


@contextlib.contextmanager
def limited(house: House, what: int, most: int | Callable[[int], int]) -> Iterator[None]:
    """Every worker lives with `most` of `what` (resource.RLIMIT_...), until the end of the block.

    most: the same for all, or told for each pid.
    """
    before = {pid: resource.prlimit(pid, what) for pid in house.workers()}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, what, (most(pid) if callable(most) else most, hard))
    try:
        yield
    finally:
        for pid, usual in before.items():
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, what, usual)


def memory_taken(pid: int) -> int:
    """Bytes of address space that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def open_files(house: House) -> int:
    """File descriptors of all workers together."""
    return sum(len([*Path(f"/proc/{pid}/fd").iterdir()]) for pid in house.workers())


def temporary_files(house: House) -> list[str]:
    """What workers hold open in TMPDIR, with or without a name, and names that lie there."""
    folder = house.environment["TMPDIR"]
    held = []
    for pid in house.workers():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                held.append(str(link.readlink()))
    return [name for name in held if name.startswith(folder)] + [path.name for path in Path(folder).iterdir()]
