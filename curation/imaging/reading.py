"""Reading a header without trusting it: small pieces, a budget, and never past the end."""

from typing import IO, Final

from curation.imaging.content import CutShort, Unreadable

MOST_BYTES: Final = 1 << 20  # no camera writes a header of 1 MiB
MOST_READS: Final = 20_000  # ends a walk along a million tiny chunks within a tenth of a second
PIECE: Final = 64 * 1024


class HeaderReader:
    """A seekable file seen as numbered bytes, with a budget for all reads together.

    noun: how a sentence calls the file, for example "JPEG picture".
    """

    def __init__(self, file: IO[bytes], noun: str) -> None:
        self.noun = noun
        self.size = file.seek(0, 2)
        self._file = file
        self._bytes_left = MOST_BYTES
        self._reads_left = MOST_READS

    def at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`; raise CutShort past the end, Unreadable over the budget."""
        if offset + length > self.size:
            raise self.cut_short()
        self._bytes_left -= length
        self._reads_left -= 1
        if self._bytes_left < 0 or self._reads_left < 0:
            raise self.broken("its header goes on without end")
        return self._read(offset, length)

    def contains(self, needle: bytes, start: int, length: int) -> bool:
        """Tell whether `needle` stands within `length` bytes from `start`, reading one piece at a time.

        Stands apart from the budget: the caller bounds it by `length`.
        """
        end, kept = min(start + length, self.size), b""
        while start < end:
            piece = self._read(start, min(PIECE, end - start))
            if needle in kept + piece:
                return True
            kept, start = piece[1 - len(needle) :], start + len(piece)
        return False

    def cut_short(self) -> CutShort:
        return CutShort(f"This {self.noun} looks cut short: it ends before it is complete. Please send it again.")

    def broken(self, why: str) -> Unreadable:
        return Unreadable(f"This {self.noun} is broken: {why}.")

    def _read(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(length)
        if len(data) != length:
            raise self.cut_short()
        return data
