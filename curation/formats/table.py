"""Every format that is read and written. A new one is a module with `read`, `looks_like`, `write`, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Final, NamedTuple, Protocol

from curation.formats import (
    coco,
    csvtable,
    labelstudio,
    pyronear_manifest,
    pyronear_predictions,
    pyronear_sequence,
    voc,
    yolo,
)
from curation.formats.head import Head
from curation.formats.limits import LIMITS, Limits
from curation.formats.regions import Item, PictureSize
from curation.formats.writing import PLAIN, Options, Written


class Reader(Protocol):
    """Reads a file from where it stands, streaming, into items; nothing counts before the last one was yielded.

    picture: size of the upright picture, where it is known and the file is about one.
    names: labels by class number, where the format counts its classes.
    Raises NotOfFormat, TooComplex; everything smaller is a Problem.
    """

    def __call__(
        self,
        stream: IO[bytes],
        *,
        picture: PictureSize | None = None,
        names: Mapping[int, str] | None = None,
        limits: Limits = LIMITS,
    ) -> Iterator[Item]: ...


class Writer(Protocol):
    """Writes pictures, streaming; the same regions are the same bytes, in whatever order. Raises CannotSay."""

    def __call__(self, stream: IO[bytes], pictures: Iterable[Written], options: Options = PLAIN) -> None: ...


class Format(NamedTuple):
    name: str  # in the database and in requests
    title: str  # for people
    extension: str
    content_type: str
    many: bool  # one file is about many pictures
    read: Reader
    looks_like: Callable[[Head], bool]
    write: Writer
    version: int = 1  # of our reading: raised when the same file is understood better


class Module(Protocol):
    """What a format's module has."""

    @property
    def read(self) -> Reader: ...
    @property
    def looks_like(self) -> Callable[[Head], bool]: ...
    @property
    def write(self) -> Writer: ...


def _format(name: str, title: str, extension: str, module: Module, *, many: bool) -> Format:
    return Format(name, title, extension, TYPES[extension], many, module.read, module.looks_like, module.write)


TYPES: Final = {
    "txt": "text/plain",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "xml": "application/xml",
    "csv": "text/csv",
}
FORMATS: Final = {
    format_.name: format_
    for format_ in (
        _format("coco", "COCO", "json", coco, many=True),
        _format("labelstudio", "Label Studio", "json", labelstudio, many=True),
        _format("pyronear_sequence", "Pyronear sequence", "json", pyronear_sequence, many=True),
        _format("pyronear_predictions", "Pyronear predictions", "json", pyronear_predictions, many=False),
        _format("pyronear_manifest", "Pyronear manifest", "jsonl", pyronear_manifest, many=True),
        _format("voc", "Pascal VOC", "xml", voc, many=False),
        _format("csv", "CSV", "csv", csvtable, many=True),
        _format("yolo", "YOLO", "txt", yolo, many=False),
    )
}
