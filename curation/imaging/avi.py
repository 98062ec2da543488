"""AVI: a RIFF file that begins with its header list and tells its own length.

Source: AVI RIFF File Reference (Microsoft). A file shorter than its first RIFF says was cut by a broken line and is
refused so that the sender tries again; a recorder that could not go back to write the length left 0, which is kept.
"""

from curation.imaging.content import Content, video
from curation.imaging.reading import HeaderReader


def starts(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"AVI "


def read(reader: HeaderReader) -> Content:
    """Describe an AVI; raise Unreadable without a header list, CutShort when bytes are missing."""
    start = reader.at(0, 24)
    if start[12:16] != b"LIST" or start[20:24] != b"hdrl":
        raise reader.broken("it does not begin with its header list")
    if 8 + int.from_bytes(start[4:8], "little") > reader.size:
        raise reader.cut_short()
    return video("avi")
