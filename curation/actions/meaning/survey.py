"""What lies beside labels: lists of class names, and the digests of pictures."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from typing import Final

from curation.actions.importing import plan
from curation.actions.importing.plan import Kind
from curation.actions.importing.reading import Reader
from curation.actions.meaning.finding import Wanted
from curation.formats.classnames import LONGEST, NAMES_KEY, read_names
from curation.formats.refusals import Refused
from curation.storage.sources.base import Alive, Entry, EntryRefused, Source, SourceRefused

YAML: Final = (".yaml", ".yml")
LISTS: Final = ("classes.txt", "obj.names", "classes.names", "_darknet.labels")
MOST_LISTS: Final = 1000
TWO_LISTS: Final = "Two lists of classes in {} differ; say the classes."


class Survey:
    """One walk through a source. Keeps some 150 bytes for each picture."""

    def __init__(self) -> None:
        self._names: dict[str, Mapping[int, str]] = {}  # by folder
        self._digests: dict[int, bytes] = {}  # of pictures, by the hash of their path

    def look(self, source: Source, executor: Executor, *, at_once: int, pictures: bool, alive: Alive) -> None:
        """pictures: whether their bytes are read. Raises SourceRefused."""
        entries = self._others(source, alive)
        if not pictures:
            for _ in entries:
                pass
        elif source.is_local:
            reader = Reader(source, executor, at_once=at_once, limit=0, alive=alive)
            for batch in reader.hashed(entries):
                self._digests.update({hash(each.entry.path): bytes.fromhex(each.sha256) for each in batch})
        else:  # an archive gives an entry until the next is asked for
            for entry in entries:
                alive()
                self._digests[hash(entry.path)] = _digest(source, entry)

    def _others(self, source: Source, alive: Alive) -> Iterator[Entry]:
        """Pictures; lists of names are read in passing."""
        for number, entry in enumerate(source.entries()):
            if number % 1000 == 0:
                alive()
            if not entry.refusal and _may_name(entry.path):
                self._read_names(source, entry)
            elif plan.kind_of(entry.path)[0] is Kind.PICTURE and _is_picture(entry.path):
                yield entry

    def _read_names(self, source: Source, entry: Entry) -> None:
        content = _beginning(source, entry)
        if entry.path.lower().endswith(YAML) and not NAMES_KEY.search(content):
            return
        try:
            names = read_names(io.BytesIO(content))
        except Refused:
            return
        folder = entry.path.rpartition("/")[0]
        if self._names.setdefault(folder, names) != names:
            raise SourceRefused(TWO_LISTS.format(folder or "the topmost folder"))
        if len(self._names) > MOST_LISTS:
            raise SourceRefused(f"There are more than {MOST_LISTS} lists of classes.")

    def names(self, path: str) -> Mapping[int, str] | None:
        """The nearest list of names above a label."""
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            if folder in self._names:
                return self._names[folder]
        return None

    def wanted(self, path: str) -> Wanted:
        """How the picture of the label at `path` is named: by its bytes where it lies beside."""
        places = [place for step in plan.pictures_of(path) for place in step]
        for place in places:
            if digest := self._digests.get(hash(place)):
                return Wanted((place,), digest.hex())
        return Wanted(tuple(places))


def _may_name(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return name.endswith(YAML) or name in LISTS


def _is_picture(path: str) -> bool:
    return path.rpartition(".")[2].lower() in plan.PICTURES


def _beginning(source: Source, entry: Entry) -> bytes:
    """Enough to see that a list is too long."""
    content = bytearray()
    try:
        for piece in source.read(entry):
            content += piece
            if len(content) > LONGEST:
                break
    except EntryRefused:
        return b""
    return bytes(content[: LONGEST + 1])


def _digest(source: Source, entry: Entry) -> bytes:
    """b"" for a picture that cannot be read."""
    sha = hashlib.sha256()
    if entry.refusal:
        return b""
    try:
        for piece in source.read(entry):
            sha.update(piece)
    except EntryRefused:
        return b""
    return sha.digest()
