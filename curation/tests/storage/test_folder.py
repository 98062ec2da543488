"""What only the folder has: names on a disk, writers that die, disks that fill."""

from __future__ import annotations

import io
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from curation.storage import folder as folder_module
from curation.storage.base import Incomplete
from curation.storage.errors import DiskFull, ObjectMissing, StoreUnavailable
from curation.storage.folder import FolderStore
from curation.tests.storage.conftest import Sample

PREAMBLE = """
import hashlib, io, resource, sys
from django.conf import settings
memory = {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
settings.configure(SPOOL_DIR=None, DISK_RESERVE_BYTES=0, STORAGES=memory)
from curation.storage.errors import DiskFull
from curation.storage.folder import FolderStore
from curation.storage.spool import Spool
"""

# Writes the first of two pieces, says so by doing it, and waits for ever.
DYING_WRITER = """
class Endless(io.BytesIO):
    def read(self, size=-1):
        piece = super().read(size)
        return piece if piece else sys.stdin.buffer.read()

FolderStore(sys.argv[1]).put("media/" + "0" * 32 + ".jpg", Endless(b"x" * 4_000_000), size=9_000_000,
    sha256="0" * 64, content_type="image/jpeg")
"""

SMALL_DISK = """
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
data = b"x" * 3_000_000
try:
    FolderStore(sys.argv[1]).put("media/" + "0" * 32 + ".jpg", io.BytesIO(data), size=len(data),
        sha256=hashlib.sha256(data).hexdigest(), content_type="image/jpeg")
except DiskFull as error:
    print("put:", error)
try:
    with Spool(limit=len(data)) as spool:
        spool.write(data)
        spool.finish()
except DiskFull as error:
    print("spool:", error)
"""


def start(script: str, store: FolderStore) -> subprocess.Popen[str]:
    root = Path(__file__).parents[3]
    code = PREAMBLE + textwrap.dedent(script)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code, str(store.folder)], cwd=root, text=True, **pipes)  # type: ignore[call-overload,no-any-return]


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end, "It did not happen in time."
        time.sleep(0.02)


def test_a_writer_killed_in_the_middle_leaves_one_temporary_file_that_can_be_cleared(folder: FolderStore) -> None:
    def written() -> list[Path]:
        return [path for path in folder.folder.glob("media/.tmp-*") if path.stat().st_size > 1_000_000]

    with start(DYING_WRITER, folder) as writer:
        wait_for(lambda: bool(written()))
        assert list(folder.incomplete()) == []  # its writer lives
        writer.send_signal(signal.SIGKILL)
    (left,) = folder.incomplete()
    assert abs(left.started - datetime.now(UTC)) < timedelta(minutes=1)
    assert folder.is_empty()
    folder.abort(left)
    folder.abort(left)
    assert written() == []
    assert list(folder.incomplete()) == []


def test_the_reserve_of_the_disk_is_not_touched(folder: FolderStore, settings: Settings, picture: Sample) -> None:
    settings.DISK_RESERVE_BYTES = 2**60
    with pytest.raises(DiskFull):
        picture.put_into(folder)
    assert list(folder.walk()) == []


def test_a_full_disk_is_told_and_leaves_nothing(folder: FolderStore) -> None:
    with start(SMALL_DISK, folder) as child:
        told, _ = child.communicate(timeout=30)
    assert told.splitlines() == ["put: The disk is full.", "spool: The disk is full."]
    assert [path for path in folder.folder.rglob("*") if path.is_file()] == []


def test_only_unfinished_writes_can_be_aborted(folder: FolderStore, picture: Sample, tmp_path: Path) -> None:
    picture.put_into(folder)
    for key in (picture.key, "../.tmp-1", "media/../../.tmp-1", ".tmp-1", ""):
        with pytest.raises(ValueError, match="unfinished"):
            folder.abort(Incomplete(key, "", datetime.now(UTC)))
    assert folder.stat(picture.key)


def test_a_folder_that_is_not_there_is_an_outage_and_not_an_empty_store(picture: Sample, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "not-mounted")
    for ask in (
        store.ping,
        store.is_empty,
        lambda: store.stat(picture.key),
        lambda: store.fetch(picture.key),
        lambda: store.remove(picture.key),
        lambda: list(store.incomplete()),
        lambda: picture.put_into(store),
    ):
        with pytest.raises(StoreUnavailable):
            ask()
    assert not store.folder.exists()
    store.prepare()
    assert store.stat(picture.key) is None


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable):
        FolderStore(tmp_path / "file" / "objects").prepare()


def test_objects_are_readable_by_owner_and_group_alone(folder: FolderStore, picture: Sample) -> None:
    picture.put_into(folder)
    path = folder.folder / picture.key
    assert stat.S_IMODE(path.stat().st_mode) & ~0o640 == 0
    assert stat.S_IMODE(path.parent.stat().st_mode) & ~0o750 == 0


def test_a_link_on_the_disk_is_never_followed(folder: FolderStore, picture: Sample, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    path = folder.folder / picture.key
    path.parent.mkdir()
    path.symlink_to(secret)
    assert folder.stat(picture.key) is None
    assert folder.is_empty()
    with pytest.raises(ObjectMissing):
        folder.fetch(picture.key)
    picture.put_into(folder)
    assert folder.digest(picture.key)[0] == picture.sha256
    assert secret.read_text() == "secret"


def test_a_linked_folder_is_refused(folder: FolderStore, picture: Sample, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder.folder / "media").symlink_to(tmp_path / "elsewhere")
    attempts: list[Callable[[], object]] = [lambda: folder.stat(picture.key), lambda: picture.put_into(folder)]
    for ask in attempts:
        with pytest.raises(StoreUnavailable, match="symbolic link"):
            ask()
    assert folder.is_empty()
    assert list(folder.incomplete()) == []


def test_a_reader_keeps_its_bytes_while_the_object_goes(folder: FolderStore) -> None:
    large = Sample(b"smoke" * 1_000_000)
    large.put_into(folder)
    chunks = folder.read_chunks(large.key)
    first = next(chunks)
    folder.remove(large.key)
    assert first + b"".join(chunks) == large.data


def test_a_walk_reads_names_page_by_page_and_reports_strangers(
    folder: FolderStore, picture: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "PAGE", 2)
    keys = ["exports/a", "media-x", "media/" + "1" * 32, "media/deep/er/file", "media/z", "media0", "notes.txt"]
    for key in keys:
        path = folder.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1")
    (folder.folder / "media/.tmp-1").write_bytes(b"")
    assert keys == sorted(keys)
    assert [found.key for found in folder.walk()] == keys
    assert [found.key for found in folder.walk("media/")] == keys[2:5]
    for place, key in enumerate(keys):
        assert [found.key for found in folder.walk(after=key)] == keys[place + 1 :]


def test_an_unreadable_source_is_not_half_an_object(folder: FolderStore, picture: Sample) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(StoreUnavailable):
        picture.put_into(folder, Broken())
    assert folder.is_empty()
    assert list(folder.incomplete()) == []
