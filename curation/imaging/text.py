"""Whether an annotation file is text, and of which family: read once, in pieces, never parsed.

Any UTF-8 text is kept as it is, known format or not. The first character that is not white space names the family;
whether JSON or XML are well formed is found out where they are read, within limits of its own.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from curation.imaging.signatures import ENOUGH, by_signature

PIECE: Final = 64 * 1024
CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")  # all of C0 but tab, line feed, form feed, carriage return
BYTE_ORDER_MARK: Final = "\ufeff"
DOS_END: Final = b"\x1a"  # tolerated as the very last byte, where old tools put it
TEXT_THAT_IS_NONE: Final = (b"%PDF-",)  # may be plain ASCII throughout


class NotText(ValueError):
    """The content is not UTF-8 text; the sentence says what it looks like, or where it stops being text."""


@dataclass(frozen=True, slots=True)
class TextContent:
    """The family of a text: `format` is json, xml, text, or empty when it holds nothing but white space."""

    content_type: str
    extension: str
    format: str


FAMILIES: Final = {
    "": TextContent("text/plain", "txt", "empty"),
    "{": TextContent("application/json", "json", "json"),
    "[": TextContent("application/json", "json", "json"),
    "<": TextContent("application/xml", "xml", "xml"),
}
OTHER: Final = TextContent("text/plain", "txt", "text")


def identify_text(file: IO[bytes]) -> TextContent:
    """Tell the family of a text, reading all of it in constant memory.

    file: seekable, at any position; left at 0.
    Raises NotText for invalid UTF-8, for control characters, and for a PDF.
    """
    try:
        return _identify(file)
    finally:
        file.seek(0)


def _identify(file: IO[bytes]) -> TextContent:
    file.seek(0)
    head = file.read(ENOUGH)
    if head.startswith(TEXT_THAT_IS_NONE):
        raise _refusal(head, "")
    first = ""
    for text in _texts(file, head):
        first = first or text.removeprefix(BYTE_ORDER_MARK).lstrip()[:1]
    return FAMILIES.get(first, OTHER)


def _texts(file: IO[bytes], head: bytes) -> Iterator[str]:
    """Yield the decoded text, piece by piece; raise NotText where it stops being text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    size, offset = file.seek(0, 2), 0
    file.seek(0)
    while piece := file.read(PIECE):
        is_last = offset + len(piece) >= size
        _check_controls(piece, offset, head, is_last=is_last)
        begun = len(decoder.getstate()[0])  # bytes of a character that began in the piece before
        try:
            yield decoder.decode(piece, final=is_last)
        except UnicodeDecodeError as error:
            raise _refusal(head, f"it is not UTF-8 at byte {offset - begun + error.start}") from error
        offset += len(piece)


def _check_controls(piece: bytes, offset: int, head: bytes, *, is_last: bool) -> None:
    found = CONTROLS.search(piece.removesuffix(DOS_END) if is_last else piece)
    if found:
        raise _refusal(head, f"a control character (0x{found[0][0]:02x}) stands at byte {offset + found.start()}")


def _refusal(head: bytes, why: str) -> NotText:
    if known := by_signature(head):
        return NotText(f"This looks like {known}; an annotation must be UTF-8 text.")
    return NotText(f"An annotation must be UTF-8 text: {why}.")
