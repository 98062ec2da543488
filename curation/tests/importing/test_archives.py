"""B80-B92: archives that lie, built here; each is refused whole, with a sentence that names what is wrong."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import AuditEntry
from curation.actions.imports import CannotRead
from curation.models import ImportItem, ImportRun, Media, StoredObject
from curation.storage.sources import limits
from curation.storage.sources.base import SourceRefused
from curation.storage.sources.opening import open_archive
from curation.tests.importing.helpers import take, tarred, verdicts
from curation.tests.pictures import picture, zipped

GOOD = {"a.jpg": picture(1), "b/c.jpg": picture(2)}


def read(content: bytes) -> dict[str, bytes]:
    """Everything in an archive, as an import reads it."""
    source = open_archive(io.BytesIO(content))
    source.check()
    first = {entry.path: b"".join(source.read(entry)) for entry in source.entries()}
    assert [entry.path for entry in source.entries()] == list(first)  # and once more
    return first


def entry(name: str, *, mode: int = 0o100644, system: int = 3, flags: int = 0) -> bytes:
    """A ZIP archive with a picture and one more entry."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.jpg", picture(1))
        info = zipfile.ZipInfo("x")
        info.filename = name  # as it stands, which the constructor would not leave
        info.external_attr, info.create_system = mode << 16, system
        archive.writestr(info, picture(2))
    content = out.getvalue()
    if flags:
        content = set_flags(content, flags)
    return content


def set_flags(content: bytes, flags: int) -> bytes:
    """Set flags of every entry, in both places."""
    changed = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            changed[at + offset] |= flags
            at = content.find(mark, at + 1)
    return bytes(changed)


def patched(content: bytes, mark: bytes, offset: int, form: str, value: int) -> bytes:
    """`content` with a number behind the last `mark` overwritten."""
    changed = bytearray(content)
    struct.pack_into(form, changed, content.rindex(mark) + offset, value)
    return bytes(changed)


def overlapping() -> bytes:
    """Two names for one entry's bytes."""
    plain = zipped({"a.jpg": picture(1), "b.jpg": picture(1)})
    return patched(plain, b"PK\x01\x02", 42, "<L", 0)


def twice() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.jpg", picture(1))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.jpg", picture(2))
    return out.getvalue()


def damaged() -> bytes:
    plain = bytearray(zipped(GOOD, zipfile.ZIP_STORED))
    plain[200] ^= 1
    return bytes(plain)


ZIPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "traversal": (lambda: entry("../x.jpg"), "leads out of it: ../x.jpg"),
    "traversal inside": (lambda: entry("a/../../x.jpg"), "leads out of it"),
    "two hundred": (lambda: entry("../" * 200 + "x.jpg"), "leads out of it"),
    "backslashes": (lambda: entry("a\\..\\..\\x.jpg"), "leads out of it"),
    "absolute": (lambda: entry("/etc/x.jpg"), "absolute path"),
    "absolute share": (lambda: entry("\\\\host\\x.jpg"), "absolute path"),
    "drive": (lambda: entry("C:\\x.jpg"), "absolute path: C:"),
    "link": (lambda: entry("x.jpg", mode=0o120777), "a link or a device"),
    "device": (lambda: entry("x.jpg", mode=0o020666), "a link or a device"),
    "pipe": (lambda: entry("x.jpg", mode=0o010666), "a link or a device"),
    "setuid": (lambda: entry("x.jpg", mode=0o104755), "rights of its own"),
    "long path": (lambda: entry("/".join(["d" * 100] * 5) + "/" + "x" * 8), "longer than 512 bytes"),
    "long part": (lambda: entry("x" * 256), "longer than 255 bytes"),
    "twice": (twice, "two entries of one name: a.jpg"),
    "overlapping": (overlapping, "overlap"),
    "encrypted": (lambda: entry("x.jpg", flags=1), "encrypted"),
    "bzip2": (lambda: zipped(GOOD, zipfile.ZIP_BZIP2), "not supported"),
    "lzma": (lambda: zipped(GOOD, zipfile.ZIP_LZMA), "not supported"),
    "nested": (lambda: zipped(GOOD | {"in.zip": zipped(GOOD)}), "another archive, which is not opened: in.zip"),
    "nested tar": (lambda: zipped(GOOD | {"x.jpg": tarred(GOOD)}), "another archive"),
    "damaged": (damaged, "damaged: a.jpg"),
    "cut": (lambda: zipped(GOOD)[:-1], "cut short"),
    "no directory": (lambda: zipped(GOOD)[:300], "cut short"),
    "prefix": (lambda: b"PK\x03\x04" + zipped(GOOD), "added"),
    "suffix": (lambda: zipped(GOOD) + b"more", "added behind its end"),
    "long comment": (lambda: zipped(GOOD) + bytes(65_536), "added behind its end"),
    "two ends": (lambda: zipped(GOOD) + b"PK\x05\x06" + bytes(18), "added"),
    "count": (lambda: patched(zipped(GOOD), b"PK\x05\x06", 10, "<H", 1), "split in parts"),
    "size lies": (lambda: patched(zipped(GOOD), b"PK\x01\x02", 24, "<L", 5), "describe an entry differently"),
    "name lies": (lambda: patched(zipped(GOOD), b"PK\x01\x02", 46, "<B", 120), "describe an entry differently"),
    "zip64 lies": (lambda: patched(zipped(GOOD), b"PK\x01\x02", 24, "<L", 0xFFFFFFFF), "contradict each other"),
    "zip64 count": (lambda: patched(zipped(GOOD), b"PK\x05\x06", 12, "<L", 0xFFFFFFFF), "contradict each other"),
    "far away": (lambda: patched(zipped(GOOD), b"PK\x01\x02", 42, "<L", 0x7FFFFFFF), "points at no entry|belong to no"),
}


@pytest.mark.parametrize("what", ZIPS)
def test_a_zip_that_lies_is_refused_with_a_sentence(what: str) -> None:
    make, why = ZIPS[what]
    with pytest.raises(SourceRefused, match=why):
        read(make())


def two_tars() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for _ in range(2):
            archive.addfile(tarfile.TarInfo("a.jpg"))
    return out.getvalue()


def member(**fields: Any) -> bytes:
    return tarred({"x.jpg": b""}, **fields)


TARS: dict[str, tuple[Callable[[], bytes], str]] = {
    "traversal": (lambda: tarred({"../x.jpg": b"x"}), "leads out of it"),
    "absolute": (lambda: tarred({"/x.jpg": b"x"}), "absolute path"),
    "drive": (lambda: tarred({"C:/x.jpg": b"x"}), "absolute path"),
    "link": (lambda: member(type=tarfile.SYMTYPE, linkname="/etc/passwd"), "a link"),
    "hard link": (lambda: member(type=tarfile.LNKTYPE, linkname="a.jpg"), "a link"),
    "device": (lambda: member(type=tarfile.CHRTYPE), "a device"),
    "pipe": (lambda: member(type=tarfile.FIFOTYPE), "a device"),
    "holes": (lambda: member(type=tarfile.GNUTYPE_SPARSE), "holes"),
    "holes by PAX": (lambda: member(pax_headers={"GNU.sparse.major": "1"}), "holes"),
    "setuid": (lambda: member(mode=0o4755), "rights of its own"),
    "path by PAX": (lambda: member(pax_headers={"path": "../x.jpg"}), "leads out of it"),
    "unknown PAX": (lambda: member(pax_headers={"run": "me"}), "says something unknown: 'run'"),
    "long PAX": (lambda: member(pax_headers={"comment": "x" * 70_000}), "too long"),
    "sum": (lambda: b"z" + tarred(GOOD)[1:], "wrong sum"),
    "cut": (lambda: tarred(GOOD)[:1500], "cut short"),
    "no end": (lambda: tarred(GOOD).rstrip(b"\0"), "cut short"),
    "added": (lambda: tarred(GOOD) + b"more", "added behind the end"),
    "two of them": (lambda: tarred(GOOD) + tarred(GOOD), "added behind the end"),
    "polyglot": (lambda: tarred(GOOD) + zipped(GOOD), "added behind the end"),
    "twice": (two_tars, "two entries of one name"),
    "nested": (lambda: tarred({"x.jpg": gzip.compress(b"x")}), "another archive"),
    "gzip cut": (lambda: tarred(GOOD, "w:gz")[:-20], "cut short"),
    "gzip damaged": (lambda: tarred(GOOD, "w:gz")[:60] + bytes(60) + tarred(GOOD, "w:gz")[120:], "damaged|cut short"),
    "gzip added": (lambda: tarred(GOOD, "w:gz") + b"more", "added behind the end"),
    "gzip of text": (lambda: gzip.compress(b"hello"), "cut short"),
}


@pytest.mark.parametrize("what", TARS)
def test_a_tar_that_lies_is_refused_with_a_sentence(what: str) -> None:
    make, why = TARS[what]
    with pytest.raises(SourceRefused, match=why):
        read(make())


@pytest.mark.parametrize("content", [b"", b"hello", picture(1), b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07"])
def test_what_is_no_archive_is_not_opened(content: bytes) -> None:
    with pytest.raises(SourceRefused, match="no archive that we open"):
        read(content)


@pytest.mark.parametrize("make", [zipped, tarred, lambda files: tarred(files, "w:gz")])
def test_an_honest_archive_gives_back_its_files(make: Callable[[dict[str, bytes]], bytes]) -> None:
    files = GOOD | {"é/" + "n" * 200 + ".txt": b"", "large.bin": bytes(range(256)) * 4096}
    assert read(make(files)) == files


def test_an_empty_archive_is_no_fault() -> None:
    assert read(zipped({})) == {}


def test_a_zip_that_was_written_to_a_pipe_is_read() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in GOOD.items():
            archive.writestr(name, content)
    assert read(out.getvalue()) == GOOD
    with pytest.raises(SourceRefused, match="describe an entry differently"):
        read(out.getvalue().replace(b"PK\x07\x08", b"PK\x07\x09"))


def test_folders_and_names_that_differ_in_case_are_no_fault() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.mkdir("b")
        archive.writestr("b/A.jpg", b"1")
        archive.writestr("b/a.jpg", b"2")
    source = open_archive(io.BytesIO(out.getvalue()))
    source.check()
    assert [(entry.path, bool(entry.note)) for entry in source.entries()] == [("b/A.jpg", False), ("b/a.jpg", True)]


def test_a_name_in_an_unknown_encoding_is_read_as_the_format_says_and_noted() -> None:
    content = zipped({"caf_.jpg": b"x"}).replace(b"caf_", b"caf\x82")
    source = open_archive(io.BytesIO(content))
    source.check()
    [found] = source.entries()
    assert found.path == "café.jpg"
    assert "code page 437" in found.note


@pytest.mark.parametrize("make", [zipped, tarred])
@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_so_many_entries_and_no_more(
    make: Callable[[dict[str, bytes]], bytes], spare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("limits", "zips"):
        monkeypatch.setattr(f"curation.storage.sources.{module}.MOST_ENTRIES", 5)
    files = {f"{number}.txt": b"x" for number in range(5 + spare)}
    if spare <= 0:
        assert read(make(files)) == files
        return
    with pytest.raises(SourceRefused, match="more than 5 entries"):
        read(make(files))


def test_a_hundred_thousand_and_one_entries_are_refused_at_once_in_little_memory() -> None:
    files = zipped({f"{number}.txt": b"" for number in range(100_001)}, zipfile.ZIP_STORED)
    tracemalloc.start()
    with pytest.raises(SourceRefused, match="more than 100000 entries"):
        read(files)
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("make", [zipped, lambda files: tarred(files, "w:gz")])
def test_what_unpacks_to_fifty_times_its_size_is_refused_from_64_mib_on(
    make: Callable[[dict[str, bytes]], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RATIO_FROM", 4 * 2**20)
    assert len(read(make({"a.txt": bytes(3 * 2**20)}))["a.txt"]) == 3 * 2**20
    with pytest.raises(SourceRefused, match="more than 50 times"):
        read(make({"a.txt": bytes(5 * 2**20)}))


@pytest.mark.parametrize("make", [zipped, tarred])
def test_so_many_bytes_and_no_more(make: Callable[[dict[str, bytes]], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    content = make({"a.bin": bytes(range(256)) * 1024})
    assert read(content)
    monkeypatch.setattr(limits, "MOST_BYTES", 200 * 1024)
    with pytest.raises(SourceRefused, match="GiB of files"):
        read(content)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content",
    [entry("../x.jpg"), damaged(), zipped(GOOD | {"z.zip": zipped({})}), tarred({"a.jpg": picture(1), "../b": b""})],
)
def test_nothing_of_a_refused_archive_is_kept(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hostile.bin"
    path.write_bytes(content)
    with pytest.raises(CannotRead, match="archive"):
        take(path)
    assert not Media.objects.exists()
    assert not StoredObject.objects.exists()
    assert not ImportItem.objects.exists()
    assert ImportRun.objects.get().state == "failed"
    assert set(AuditEntry.objects.values_list("action", flat=True)) == {"import.create"}
    assert list(tmp_path.rglob("*")) == [path]


@pytest.mark.django_db
@pytest.mark.parametrize("make", [zipped, tarred, lambda files: tarred(files, "w:gz")])
def test_an_archive_is_taken_in_like_the_folder_that_it_was(
    make: Callable[[dict[str, bytes]], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "good.archive"
    path.write_bytes(make(GOOD | {"b/c.txt": b"0 .5 .5 .1 .1", "notes.pdf": b"%PDF-1.4", "Thumbs.db": b"x"}))
    assert take(path).counts == {"created": 3, "unchanged": 0, "refused": 1, "skipped": 1}
    assert "a PDF" in verdicts()["notes.pdf"][1]
    assert take(path).counts == {"created": 0, "unchanged": 3, "refused": 1, "skipped": 1}
