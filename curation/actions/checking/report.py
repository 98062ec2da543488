"""What a check finds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

KEPT = 10_000  # problems that are kept in full; beyond that they are only counted
CHECKED = (  # what is counted on the way; the last three are objects that no row refers to
    "objects", "bytes", "objects_read", "bytes_read", "ledger_rows", "references", "annotations",
    "being_written", "held", "waiting_to_be_collected",
)  # fmt: skip


class Code(StrEnum):
    """Kinds of problem. The codes are an interface: programs read them."""

    OBJECT_MISSING = "object_missing"  # rows need it, the store has it not
    WRONG_SIZE = "wrong_size"  # the object is shorter or longer than recorded
    DIGEST_DIFFERS = "digest_differs"  # the object's bytes are not those recorded (only with full)
    KEY_DIFFERS = "key_differs"  # the ledger's digest is not the one that the key is made of
    LEDGER_SIZE_DIFFERS = "ledger_size_differs"  # the bytes are right, the recorded size is not (only with full)
    LEDGER_WITHOUT_OBJECT = "ledger_without_object"  # nothing needs it, and it is not there
    OBJECT_WITHOUT_LEDGER = "object_without_ledger"
    STALE_LEASE = "stale_lease"  # its writer died
    UNFINISHED_WRITE = "unfinished_write"  # an open multipart upload, or a leftover temporary file
    NOT_IN_LEDGER = "not_in_ledger"  # a row refers to a key without ledger row
    REFERENCE_NOT_READY = "reference_not_ready"  # a row refers to a key that is not in state ready
    ROW_SIZE_DIFFERS = "row_size_differs"  # a row's size is not the ledger's
    ROW_DIGEST_DIFFERS = "row_digest_differs"  # a row's digest is not the ledger's
    CURRENT_DIFFERS = "current_differs"  # an annotation's file is not that of its current revision
    REVISION_GAP = "revision_gap"  # an annotation's revisions are not numbered 1, 2, 3
    REGIONS_WITHOUT_SOURCE = "regions_without_source"  # an annotation counts regions that its revision does not hold
    REGIONS_DIGEST_DIFFERS = "regions_digest_differs"  # a revision's regions are not those that were digested
    REGIONS_COUNT_DIFFERS = "regions_count_differs"  # an annotation counts others than its revision has
    REGIONS_NOT_INDEXED = "regions_not_indexed"  # the index does not agree; `reindex_regions --missing` mends it
    CLUSTER_DIFFERS = "cluster_differs"  # it counts other media than it has; `find_duplicates --again` mends it
    HISTORY_UNGUARDED = "history_unguarded"  # the database would let history be rewritten
    JOB_ABANDONED = "job_abandoned"  # its worker died long ago, and nobody took it over
    JOB_NOT_BEGUN = "job_not_begun"  # it waits since long after its time: no worker runs
    UPLOAD_NOT_ENDED = "upload_not_ended"  # its time was over long ago, and it is still open
    DERIVED_STALE = "derived_stale"  # made from bytes that the media has no longer, and no job renews it
    IMPORT_KEEPS_ARCHIVE = "import_keeps_archive"  # it ended well long ago, and what was sent is still there


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, for the operator's eyes: keys are named here as nowhere else."""

    code: Code
    sentence: str
    key: str = ""  # of the object
    table: str = ""  # of the row, where one is to blame
    row_id: int | None = None


@dataclass(slots=True)
class Report:
    """checked: how much was looked at, and what waits for the collector; counts: problems by code, all of them."""

    problems: list[Problem] = field(default_factory=list)  # the first KEPT
    counts: Counter[Code] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        return not self.counts

    @property
    def unsure(self) -> set[str]:
        """Keys whose ledger rows are themselves at fault, so that nothing can be compared with them."""
        return {p.key for p in self.problems if p.code in (Code.KEY_DIFFERS, Code.LEDGER_SIZE_DIFFERS)}

    def add(self, problem: Problem) -> None:
        self.counts[problem.code] += 1
        if len(self.problems) < KEPT:
            self.problems.append(problem)

    def as_json(self, *, limit: int = KEPT) -> dict[str, Any]:
        """{"clean", "checked": {what: n}, "counts": {code: n}, "problems": [the first `limit`]}."""
        return {
            "clean": self.clean,
            "checked": {what: self.checked[what] for what in CHECKED},
            "counts": {str(code): count for code, count in sorted(self.counts.items())},
            "problems": [
                {"code": str(p.code), "key": p.key, "table": p.table, "row_id": p.row_id, "sentence": p.sentence}
                for p in self.problems[:limit]
            ],
        }
