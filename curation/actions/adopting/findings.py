"""What there is to say about single rows: every one that is not taken over exactly as it was."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TextIO

from django.db.models import Q

from curation.models import AdoptionFinding

KEPT = 1000  # findings that are shown; the file holds all
BATCH = 1000  # findings written at once
COLUMNS = ("table", "id", "code", "verdict", "key", "sentence")


class Code(StrEnum):
    """Kinds of finding. The codes are an interface: programs read them."""

    # of accesses
    LOGIN_UNUSABLE = "login_unusable"  # empty, or longer than we keep
    SCOPE_UNKNOWN = "scope_unknown"
    PASSWORD_UNREADABLE = "password_unreadable"  # noqa: S105  # not the form that the old service wrote
    NO_ADMIN = "no_admin"
    # of media and annotations
    ID_UNUSABLE = "id_unusable"  # not above 0
    TIME_UNKNOWN = "time_unknown"
    TIME_DOUBTFUL = "time_doubtful"  # the clocks were changed in that hour
    TYPE_UNKNOWN = "type_unknown"  # and no content that tells it
    TYPE_FROM_CONTENT = "type_from_content"
    TYPE_DIFFERS = "type_differs"  # an image that holds a video, or the other way round
    MEDIA_NOT_NAMED = "media_not_named"
    MEDIA_UNKNOWN = "media_unknown"
    MEDIA_LEFT_OUT = "media_left_out"
    # of their files
    KEY_NOT_OURS = "key_not_ours"
    KEY_DIFFERS = "key_differs"  # the digest in the key is not that of the content
    KEY_SHARED = "key_shared"
    OBJECT_MISSING = "object_missing"
    FOREIGN_CONTENT = "foreign_content"
    TOO_LARGE = "too_large"
    # of everything else
    OBJECT_UNKNOWN = "object_unknown"
    UNFINISHED_WRITE = "unfinished_write"
    SOURCE_CHANGED = "source_changed"


class Verdict(StrEnum):
    KEPT = "kept"
    WITHOUT_FILE = "kept without file"
    LEFT_OUT = "left out"
    NOTED = "noted"  # no row is concerned


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. table and row_id are the source's; "" and 0 where no row is meant."""

    code: Code
    verdict: Verdict
    sentence: str
    table: str = ""
    row_id: int = 0
    key: str = ""


@dataclass(slots=True)
class Notes:
    """The findings about one row of the source."""

    table: str
    row_id: int
    key: str = ""
    found: list[Finding] = field(default_factory=list)

    def add(self, code: Code, sentence: str, verdict: Verdict = Verdict.KEPT) -> None:
        self.found.append(Finding(code, verdict, sentence, self.table, self.row_id, harmless(self.key)))

    def leave_out(self, code: Code, sentence: str) -> None:
        """The row is not taken over; what else there is to say about it does not matter any more."""
        self.found.clear()
        self.add(code, sentence, Verdict.LEFT_OUT)

    @property
    def left_out(self) -> bool:
        return any(finding.verdict == Verdict.LEFT_OUT for finding in self.found)


def harmless(text: str, length: int = 200) -> str:
    """Foreign text that can be kept and shown anywhere: no control characters, no NUL, not too long."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)[:length]


class Report:
    """Counts findings, keeps the first ones, and writes all of them into a CSV file when there is one."""

    def __init__(self, file: TextIO | None = None) -> None:
        self.counts: Counter[Code] = Counter()
        self.first: list[Finding] = []
        self._rows = csv.writer(file) if file else None
        if self._rows:
            self._rows.writerow(COLUMNS)

    def add(self, finding: Finding) -> None:
        self.counts[finding.code] += 1
        if len(self.first) < KEPT:
            self.first.append(finding)
        if self._rows:
            row_id = finding.row_id if finding.table else ""
            cells = (finding.table, row_id, finding.code, finding.verdict, _cell(finding.key), finding.sentence)
            self._rows.writerow(cells)


def _cell(text: str) -> str:
    """Foreign text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


# --- Those that are kept ---------------------------------------------------------------------------


def keep(findings: Iterable[Finding]) -> None:
    """Write findings into our database, a page at a time; known ones stay as they are."""
    found = iter(findings)
    while batch := [_row(finding) for finding in islice(found, BATCH)]:
        AdoptionFinding.objects.bulk_create(batch, ignore_conflicts=True)


def _row(finding: Finding) -> AdoptionFinding:
    return AdoptionFinding(
        table=finding.table,
        row_id=finding.row_id,
        code=finding.code,
        verdict=finding.verdict,
        key=finding.key,
        sentence=finding.sentence[:500],
    )


def forget(which: Q) -> None:
    AdoptionFinding.objects.filter(which).delete()


def kept(which: Q | None = None) -> Iterator[Finding]:
    """What former runs, and this one, have written; by table and id."""
    rows = AdoptionFinding.objects.filter(which or Q()).order_by("table", "row_id", "code", "key")
    for row in rows.iterator(BATCH):
        yield Finding(Code(row.code), Verdict(row.verdict), row.sentence, row.table, row.row_id, row.key)
