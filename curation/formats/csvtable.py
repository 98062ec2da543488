"""CSV, our own: one line per region, for spreadsheets. docs/formats.md describes each column.

UTF-8, commas, double quotes, a header. A picture without regions has one line with an empty `kind`. Coordinates are
fractions. Cells that a spreadsheet would take for a formula begin with an apostrophe, which is taken off again. Columns
that we do not know go along as attributes. Says everything of a region, and of a picture all but its attributes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Final

import orjson

from curation.formats.carried import TOO_DEEP
from curation.formats.collecting import Collecting, Labels, Said, text
from curation.formats.groups import Groups
from curation.formats.head import Head
from curation.formats.limits import LIMITS, Limits
from curation.formats.lines import lines
from curation.formats.refusals import NotOfFormat, TooComplex
from curation.formats.regions import BOX, POLYGON, Item, PictureRef, PictureSize, Region, in_order
from curation.formats.writing import PLAIN, Options, Written
from curation.formats.yolo import CLASS, NUMBER

PICTURE: Final = ("path", "id", "sha256", "width", "height")
CORNERS: Final = ("x1", "y1", "x2", "y2")
REGION: Final = ("kind", "label", "class_id", *CORNERS, "points", "score")
COLUMNS: Final = (*PICTURE, *REGION, "is_prediction", "object_id", "frame", "attributes")
NO_REGION: Final = [""] * (len(COLUMNS) - len(PICTURE))
NEEDED: Final = frozenset({"path", "kind", *CORNERS})
FORMULA: Final = tuple("=+-@\t\r\n'")  # a cell that begins so gets an apostrophe in front


def read(
    stream: IO[bytes],
    *,
    picture: PictureSize | None = None,  # fractions need none
    names: Mapping[int, str] | None = None,
    limits: Limits = LIMITS,
) -> Iterator[Item]:
    """Yield each picture, in the order of first mention. Raises NotOfFormat, TooComplex."""
    owners: dict[str, int] = {}
    with Groups() as rows:
        for number, row in _rows(stream, limits):
            key = orjson.dumps([_shown(row, "path"), _shown(row, "id")]).decode()
            owner = owners.setdefault(key, len(owners))
            if owner >= limits.pictures:
                raise TooComplex(f"The file is about more than {limits.pictures:,} pictures.")
            rows.put(owner, orjson.dumps([number, row]))
        rows.arrange(len(owners))
        labels = Labels(limits)
        for owner in owners.values():
            yield _picture(Collecting(limits, labels=labels, names=names), rows.of(owner))


def looks_like(head: Head) -> bool:
    """By its header."""
    return set(next(csv.reader(head.text.splitlines()[:1]), [])) >= NEEDED


def _rows(stream: IO[bytes], limits: Limits) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column; empty lines are passed over."""
    table = csv.reader(line + "\n" for _, line in lines(stream, longest=limits.line, most=limits.lines))
    try:
        header = [name.strip() for name in next(table, [])]
        if not set(header) >= NEEDED or len(set(header)) < len(header):
            raise NotOfFormat("The file is not our CSV: its header lacks columns, or has one twice.")
        if len(header) > limits.xml_attributes:
            raise TooComplex(f"The table has more than {limits.xml_attributes} columns.")
        for cells in table:
            if cells and cells != ["\x1a"]:
                row = dict(zip(header, map(text, cells), strict=False))
                yield table.line_num, row | ({"": "yes"} if len(cells) != len(header) else {})
    except csv.Error as error:
        raise TooComplex(f"Line {table.line_num} is no line of a table: {error}.") from error


def _picture(found: Collecting, rows: Iterable[bytes]) -> Item:
    for order, record in enumerate(rows):
        number, row = orjson.loads(record)
        if not order:
            found.picture = PictureRef(
                path=_shown(row, "path")[:1000],
                id=_shown(row, "id")[:100],
                sha256=_shown(row, "sha256").lower()[:64],
                width=_whole(row, "width") or None,
                height=_whole(row, "height") or None,
            )
        _region(found, f"line {number}", row)
    return found.parsed()


def _region(found: Collecting, where: str, row: dict[str, str]) -> None:
    if row.pop("", ""):
        return found.problem(where, "The line has more or fewer cells than the header, and is left out.")
    kind = _shown(row, "kind")
    if kind == "":
        return None
    if kind not in (BOX, POLYGON):
        return found.problem(where, f"The kind is neither {BOX} nor {POLYGON}; the line is left out.")
    said = _said(found, where, row)
    if kind == BOX:
        return found.box(where, (_number(row.get(corner, "")) for corner in CORNERS), said)
    numbers = [_number(word) for word in row.get("points", "").split()]
    return found.polygon(where, [numbers[at : at + 2] for at in range(0, len(numbers), 2)], said)


def _said(found: Collecting, where: str, row: Mapping[str, str]) -> Said:
    class_id, score = row.get("class_id", ""), row.get("score", "")
    return Said(
        _shown(row, "label"),
        class_id=None if not class_id else int(class_id) if CLASS.fullmatch(class_id) else -1,
        score=_number(score) if score else None,
        object_id=_shown(row, "object_id"),
        frame=_whole(row, "frame"),
        is_prediction=_shown(row, "is_prediction").lower() in ("1", "true", "yes"),
        fields=_attributes(found, where, row),
    )


def _attributes(found: Collecting, where: str, row: Mapping[str, str]) -> dict[str, Any]:
    others = {name: _shown(row, name) for name in row if name not in COLUMNS and row[name]}
    try:
        attributes = json.loads(_shown(row, "attributes") or "{}")
    except RecursionError as error:
        raise TooComplex(TOO_DEEP) from error
    except ValueError:
        attributes = None
    if not isinstance(attributes, dict):
        found.problem(where, "The attributes are no JSON object, and are left out.")
        return others
    return others | attributes


def _shown(row: Mapping[str, str], column: str) -> str:
    """A cell without the apostrophe that keeps it from being a formula."""
    cell = row.get(column, "")
    return cell[1:] if cell[:1] == "'" and cell[1:2] in FORMULA else cell


def _number(cell: str) -> float | str:
    return float(cell) if NUMBER.fullmatch(cell) else cell


def _whole(row: Mapping[str, str], column: str) -> int | None:
    cell = row.get(column, "")
    return int(cell) if CLASS.fullmatch(cell) else None


# --- Writing -----------------------------------------------------------------------------------------------


def write(stream: IO[bytes], pictures: Iterable[Written], options: Options = PLAIN) -> None:
    """Write all pictures; refuses nothing."""
    lines_ = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    try:
        table = csv.writer(lines_, lineterminator="\n")
        table.writerow(COLUMNS)
        for picture, regions in pictures:
            about = [picture.path, picture.id, picture.sha256, picture.width, picture.height]
            for told in [_told(region, options) for region in in_order(regions)] or [NO_REGION]:
                table.writerow(map(_cell, [*about, *told]))
    finally:
        lines_.detach()


def _told(region: Region, options: Options) -> list[Any]:
    kept = options.predictions == "keep" or not region.is_prediction
    attributes = json.dumps(dict(region.attributes), sort_keys=True, ensure_ascii=False) if region.attributes else ""
    points = " ".join(repr(value) for point in region.points for value in point)
    told = [region.kind, region.label, region.class_id, *map(repr, region[:4]), points]
    said = [region.score if kept else None, "true" if region.is_prediction and kept else ""]
    return [*told, *said, region.object_id, region.frame, attributes]


def _cell(value: Any) -> str:
    cell = "" if value is None else str(value)
    return f"'{cell}" if cell.startswith(FORMULA) else cell
