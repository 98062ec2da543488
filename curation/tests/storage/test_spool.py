from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytest_django import Settings

from curation.storage import spool as spool_module
from curation.storage.errors import DigestMismatch, DiskFull, TooLarge
from curation.storage.folder import FolderStore
from curation.storage.spool import SMALL, STEP, Spool, ensure_room, spool

LIMIT = 100


def full() -> object:
    """A device that has no room for anything."""
    return Path("/dev/full").open("w+b", buffering=0)


def open_files(folder: Path) -> list[str]:
    """What this process has open in `folder`, named or not."""
    targets = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [target for target in targets if target.startswith(str(folder))]


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1])
def test_what_arrived_is_counted_hashed_and_ready_to_read(size: int) -> None:
    data = b"x" * size
    with spool([data[:1], b"", data[1:]], limit=size) as spooled:
        assert (spooled.size, spooled.sha256) == (size, hashlib.sha256(data).hexdigest())
        assert spooled.file.read() == data
    assert spooled.file.closed


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_a_file_up_to_the_limit_is_taken(size: int) -> None:
    with spool([b"x" * size], limit=LIMIT) as spooled:
        assert spooled.size == size


def test_the_stream_is_left_at_the_first_byte_over_the_limit() -> None:
    taken: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield b"x"

    with pytest.raises(TooLarge, match=r"^The file is larger than 100 bytes\.$"), spool(endless(), limit=LIMIT):
        pass
    assert len(taken) == LIMIT + 1


def test_the_limit_is_told_as_people_write_it() -> None:
    with pytest.raises(TooLarge, match=r"64 MiB\."):
        Spool(limit=64 * 1024 * 1024).write(b"x" * (64 * 1024 * 1024 + 1))


@pytest.mark.parametrize("change", [str.lower, str.upper])
def test_the_declared_digest_may_be_in_either_case(change: object) -> None:
    assert callable(change)
    with spool([b"smoke"], limit=LIMIT, expected=change(hashlib.sha256(b"smoke").hexdigest())) as spooled:
        assert spooled.size == 5


@pytest.mark.parametrize(
    "expected",
    ["0" * 64, hashlib.sha256(b"smoke").hexdigest()[:-1], hashlib.md5(b"smoke").hexdigest(), " ", "é", "\ud800"],
)
def test_another_digest_is_refused_and_nothing_is_kept(expected: str) -> None:
    spooling = Spool(LIMIT)
    spooling.write(b"smoke")
    with pytest.raises(DigestMismatch):
        spooling.finish(expected)
    with pytest.raises(ValueError, match="closed"):
        spooling._file.read()


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "temporary_file", full)
    with pytest.raises(DiskFull, match=r"^The disk is full\.$"), spool([b"x"], limit=LIMIT):
        pass


def test_small_files_stay_in_memory_and_large_ones_have_no_name(tmp_path: Path, settings: Settings) -> None:
    settings.SPOOL_DIR = tmp_path
    with Spool(limit=2 * SMALL) as spooling:
        spooling.write(b"x" * SMALL)
        assert open_files(tmp_path) == []
        spooling.write(b"x")
        assert len(open_files(tmp_path)) == 1
        assert list(tmp_path.iterdir()) == []


def test_closing_twice_is_harmless() -> None:
    spooled = Spool(LIMIT).finish()
    spooled.close()
    spooled.close()
    assert spooled.file.closed


def test_room_is_looked_for_again_while_bytes_arrive_whose_length_nobody_told(
    folder: FolderStore, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SPOOL_DIR = tmp_path  # the same disk as the folder: the bytes are there twice
    settings.DISK_RESERVE_BYTES = 0
    room = SimpleNamespace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room)
    with Spool(limit=4 * STEP) as spooling:
        spooling.write(b"x" * SMALL)  # stays in memory
        room.free = 2 * (STEP + 1)
        spooling.write(b"x")
        room.free -= 1
        spooling.write(b"x" * STEP)  # was seen to fit
        with pytest.raises(DiskFull):
            spooling.write(b"x")
        assert open_files(tmp_path) == []


def test_room_is_refused_when_the_reserve_would_be_touched(
    folder: FolderStore, settings: Settings, tmp_path: Path
) -> None:
    settings.SPOOL_DIR = tmp_path  # the same disk as the folder: the bytes are there twice
    settings.DISK_RESERVE_BYTES = 0
    free = shutil.disk_usage(tmp_path).free
    ensure_room(0)
    ensure_room(free // 4)
    with pytest.raises(DiskFull):
        ensure_room(free // 2 + 256 * 1024 * 1024)
    settings.DISK_RESERVE_BYTES = free * 2
    with pytest.raises(DiskFull):
        ensure_room(0)
