"""How large an archive may be once it is unpacked, counted while it is."""

from __future__ import annotations

from dataclasses import dataclass

from curation.imaging.signatures import by_signature
from curation.storage.sources.base import SourceRefused

MIB = 1024 * 1024
MOST_ENTRIES = 100_000
MOST_BYTES = 40 * 1024 * MIB  # unpacked
MOST_RATIO, RATIO_FROM = 50, 64 * MIB  # unpacked bytes for each packed one, looked at from so many on
HEAD = 512  # bytes that show what an entry is
ARCHIVES = {
    "a ZIP archive", "a gzip archive", "a bzip2 archive", "an xz archive", "a Zstandard archive", "a 7z archive",
    "a RAR archive",
}  # fmt: skip
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257


@dataclass(slots=True)
class Unpacked:
    """What came out of an archive so far, and out of how much. Its methods raise SourceRefused."""

    entries: int = 0
    bytes: int = 0

    def one_more(self) -> None:
        self.entries += 1
        if self.entries > MOST_ENTRIES:
            raise SourceRefused(f"The archive holds more than {MOST_ENTRIES} entries.")

    def add(self, count: int, packed: int) -> None:
        """packed: bytes of the archive that all of it came out of."""
        self.bytes += count
        if self.bytes > MOST_BYTES:
            raise SourceRefused(f"The archive holds more than {MOST_BYTES // (1024 * MIB)} GiB of files.")
        if self.bytes > RATIO_FROM and self.bytes > MOST_RATIO * packed:
            raise SourceRefused(f"The archive unpacks to more than {MOST_RATIO} times its size, as no picture does.")


def refuse_nested(path: str, head: bytes) -> None:
    """Raise SourceRefused for an archive inside the archive. head: the first HEAD bytes of an entry."""
    is_tar = head[TAR_MAGIC_AT : TAR_MAGIC_AT + len(TAR_MAGIC)] == TAR_MAGIC
    if is_tar or by_signature(head) in ARCHIVES:
        raise SourceRefused(f"The archive holds another archive, which is not opened: {path}")
