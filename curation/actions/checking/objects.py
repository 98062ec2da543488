"""Whether store and ledger agree, key by key."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from curation.actions.checking.rate import Rate
from curation.actions.checking.report import Code, Problem, Report
from curation.actions.references import referenced
from curation.actions.walking import Pair, side_by_side, unfinished
from curation.models import StoredObject
from curation.storage.base import ObjectStore
from curation.storage.errors import ObjectMissing
from curation.storage.keys import content_digest

BATCH = 500  # good objects whose ledger rows are noted at once ...
BATCH_BYTES = 256 * 1024 * 1024  # ... or fewer, when so much was read: what a killed run has to read again
State = StoredObject.State
LOST = (State.MISSING, State.DAMAGED)
AT_WORK = (State.WRITING, State.DELETING)

Progress = Callable[[str, int], None]


@dataclass(slots=True)
class Objects:
    """One pass over keys.

    full: read the objects, but not those found good after `since`. mark: note in the ledger what was found;
    with `since`, what was found good is noted in any case, so that a run that was killed can go on.
    """

    store: ObjectStore
    report: Report
    full: bool
    mark: bool
    progress: Progress
    since: datetime | None = None
    rate: Rate | None = None
    good: list[int] = field(default_factory=list)
    unnoted: int = 0  # bytes of the good ones

    def look(self) -> None:
        """At everything. Raises StoreUnavailable."""
        self.look_at(side_by_side(self.store))
        for incomplete in unfinished(self.store):
            sentence = f"A write begun at {incomplete.started:%Y-%m-%d %H:%M} UTC was never ended."
            self.report.add(Problem(Code.UNFINISHED_WRITE, sentence, incomplete.key))

    def look_at(self, pairs: Iterable[Pair]) -> None:
        try:
            for pair in pairs:
                self.count(pair)
                problem = self.judge(pair)
                # Others write and collect meanwhile: what looks wrong is looked at once more, alone.
                if problem is not None and (fresh := self.fresh(pair.key)):
                    self.found(self.judge(fresh), fresh)
                elif problem is None:
                    self.is_well(pair)
        finally:
            self.flush()

    def count(self, pair: Pair) -> None:
        checked = self.report.checked
        checked["objects"] += pair.stat is not None
        checked["bytes"] += pair.stat.size if pair.stat else 0
        checked["ledger_rows"] += pair.row is not None
        if pair.row is not None and not pair.is_referenced:
            checked[_waits_for(pair.row, timezone.now())] += 1
        self.progress("keys", checked["objects"])

    def fresh(self, key: str) -> Pair | None:
        row = StoredObject.objects.filter(key=key).first()
        stat = self.store.stat(key)
        return Pair(key, stat, row, key in referenced([key])) if row or stat else None

    # --- Judging -----------------------------------------------------------------------------------

    def judge(self, pair: Pair) -> Problem | None:
        """What is wrong with a key, if anything: one problem, the one nearest to its cause."""
        row, stat = pair.row, pair.stat
        if row is None:
            return Problem(Code.OBJECT_WITHOUT_LEDGER, "The ledger does not know this object.", pair.key)
        if row.state in AT_WORK and not pair.is_referenced:
            return _stale_lease(row, timezone.now())
        if stat is None:
            return _absent(pair)
        if not row.sha256.startswith(content_digest(row.key)):
            return _of_ledger(Code.KEY_DIFFERS, "The ledger's digest is not the one in the key.", row)
        return self.judge_bytes(row, stat.size) or self.judge_state(pair, row)

    def reads(self, row: StoredObject) -> bool:
        """Whether the bytes of this object are read, and not its size alone."""
        if self.since is None or row.verified_at is None or row.state in LOST:
            return self.full
        return self.full and row.verified_at < self.since

    def judge_bytes(self, row: StoredObject, size: int) -> Problem | None:
        sizes = f"The object has {size} bytes, the ledger says {row.size}."
        if not self.reads(row):
            return _of_ledger(Code.WRONG_SIZE, sizes, row) if size != row.size else None
        digest = self.digest(row)
        if digest == row.sha256:
            return _of_ledger(Code.LEDGER_SIZE_DIFFERS, sizes, row) if size != row.size else None
        if other := _whose_content(digest):
            return _of_ledger(Code.DIGEST_DIFFERS, f"The object holds the content of {other}.", row)
        if size != row.size:
            return _of_ledger(Code.WRONG_SIZE, sizes, row)
        return _of_ledger(Code.DIGEST_DIFFERS, "The bytes of the object are not those that were stored.", row)

    def judge_state(self, pair: Pair, row: StoredObject) -> Problem | None:
        """An object that is well, and recorded as lost: rows that need it answer that they have no file."""
        if row.state not in LOST or not pair.is_referenced or (self.full and self.mark):
            return None
        sentence = f"The object is recorded as {row.state}, and seems well; --full --mark makes sure."
        return _of_ledger(Code.REFERENCE_NOT_READY, sentence, row)

    def digest(self, row: StoredObject) -> str:
        """SHA-256 of the object; "" when it went away before it was read."""
        try:
            digest, size = self.store.digest(row.key, self.rate.take if self.rate else None)
        except ObjectMissing:
            return ""
        self.report.checked["objects_read"] += 1
        self.report.checked["bytes_read"] += size
        return digest

    # --- Marking -----------------------------------------------------------------------------------

    def found(self, problem: Problem | None, pair: Pair) -> None:
        if problem is None:
            return
        self.report.add(problem)
        if self.mark and problem.code in MARKS and pair.row is not None:
            self.update(pair.row, state=MARKS[problem.code])

    def is_well(self, pair: Pair) -> None:
        """Note when an object was last read and found good; it heals what was recorded as lost."""
        row, notes = pair.row, self.mark or self.since is not None
        if not notes or row is None or row.state in AT_WORK or not self.reads(row):
            return
        if row.state in LOST and self.mark:
            self.update(row, state=State.READY)
        self.good.append(row.pk)
        self.unnoted += row.size
        if len(self.good) >= BATCH or self.unnoted >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        if self.good:
            StoredObject.objects.filter(pk__in=self.good).update(verified_at=timezone.now())
            self.good.clear()
            self.unnoted = 0

    def update(self, row: StoredObject, **columns: Any) -> None:
        """Unless a writer has touched the row since: he knows better."""
        same = StoredObject.objects.filter(pk=row.pk, state=row.state, touched_at=row.touched_at)
        same.exclude(state__in=AT_WORK).update(**columns)


MARKS = {
    Code.OBJECT_MISSING: State.MISSING,
    Code.LEDGER_WITHOUT_OBJECT: State.MISSING,
    Code.WRONG_SIZE: State.DAMAGED,
    Code.DIGEST_DIFFERS: State.DAMAGED,
}


def _waits_for(row: StoredObject, now: datetime) -> str:
    """Why an object that no row refers to is still there."""
    if row.lease_until and row.lease_until > now:
        return "being_written"
    if row.hold_until and row.hold_until > now:
        return "held"
    return "waiting_to_be_collected"


def _stale_lease(row: StoredObject, now: datetime) -> Problem | None:
    """A lease that ran out. One that was given up ends at the last touch, and is work for the collector, no problem."""
    ended = row.lease_until
    if row.state != State.WRITING or ended is None or ended > now or ended == row.touched_at:
        return None
    return _of_ledger(Code.STALE_LEASE, f"Its writer's lease ran out at {ended:%Y-%m-%d %H:%M} UTC.", row)


def _absent(pair: Pair) -> Problem:
    if pair.is_referenced:
        return Problem(Code.OBJECT_MISSING, "Rows refer to this object, and the store does not have it.", pair.key)
    return Problem(Code.LEDGER_WITHOUT_OBJECT, "The ledger knows this object, and the store does not.", pair.key)


def _of_ledger(code: Code, sentence: str, row: StoredObject) -> Problem:
    return Problem(code, sentence, row.key, table="storedobject", row_id=row.pk)


def _whose_content(digest: str) -> str:
    """The key that the bytes found under another one belong to; "" when none is known."""
    other = StoredObject.objects.filter(sha256=digest).first() if digest else None
    return other.key if other else ""
