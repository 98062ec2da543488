"""What media and annotations have in common: a time, perhaps a key, and what is behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Generic

from django.utils import timezone

from accounts.refusals import Refusal
from curation.actions.adopting.contents import Identified, Look
from curation.actions.adopting.findings import Code, Notes, Verdict
from curation.actions.adopting.source import OldFile
from curation.actions.adopting.times import moment
from curation.models import StoredObject
from curation.storage.keys import UNKNOWN, content_digest, is_ours
from curation.storage.spool import in_words


@dataclass(frozen=True, slots=True)
class File(Generic[Identified]):
    """A file that a row will have."""

    key: str
    look: Look[Identified]

    @property
    def content_type(self) -> str:
        return self.look.content.content_type if self.look.content else UNKNOWN

    @property
    def columns(self) -> dict[str, Any]:
        """The columns that media, annotations, revisions and the ledger share."""
        return {"sha256": self.look.sha256, "size": self.look.size, "content_type": self.content_type}


def usable_key(old: OldFile) -> str:
    """The key of a row when it is one that the old service made of a content, else ""."""
    return old.key if old.key and is_content_key(old.key) else ""


def is_content_key(key: str) -> bool:
    return is_ours(key) and content_digest(key) != ""


def file_of(old: OldFile, looks: dict[str, Look[Identified]], notes: Notes) -> File[Identified] | None:
    """The file that the row will have, with what there is to say about it; None when it will have none."""
    if not old.key:
        return None
    if not usable_key(old):
        notes.add(Code.KEY_NOT_OURS, "Its key is none that the service could have made.", Verdict.WITHOUT_FILE)
        return None
    file = File(old.key, looks[old.key])
    if not file.look.is_there:
        notes.add(Code.OBJECT_MISSING, "Its object is not in the store.", Verdict.WITHOUT_FILE)
        return None
    if old.first_with_key not in {None, old.id}:
        notes.add(Code.KEY_SHARED, f"Its object is that of {notes.table} {old.first_with_key} too.")
    if file.look.was_read:
        _say_what_is_odd(file, notes)
    return file


def _say_what_is_odd(file: File[Identified], notes: Notes) -> None:
    if not file.look.sha256.startswith(content_digest(file.key)):
        notes.add(Code.KEY_DIFFERS, "The bytes of its object are not those that its key is made of.")
    if file.look.content is None:
        notes.add(Code.FOREIGN_CONTENT, file.look.strangeness)


def check_size(file: File[Identified], limit: int, notes: Notes) -> bool:
    """Whether the file is one that could be uploaded today; says so when it is larger. limit: bytes."""
    if file.look.size > limit:
        notes.add(Code.TOO_LARGE, f"Its file is larger than {in_words(limit)}, the limit of today.")
    return file.look.size <= limit


def created_at(old: OldFile, zone: tzinfo, notes: Notes) -> datetime:
    """When the old service made the row; now, where it does not say."""
    found = moment(old.created_at, zone)
    if found.value is None:
        notes.add(Code.TIME_UNKNOWN, "The source does not say when it was made; the time of taking over stands there.")
        return timezone.now()
    if found.doubtful:
        notes.add(Code.TIME_DOUBTFUL, "Clocks were changed in the hour of its making; the earlier reading was taken.")
    return found.value


def check_id(old_id: int | None, notes: Notes) -> bool:
    if not old_id or old_id < 1:
        notes.leave_out(Code.ID_UNUSABLE, "Its id is not above 0.")
    return not notes.left_out


def enter_into_ledger(files: list[File[Any]]) -> None:
    """Make the ledger know the objects of these files, within a transaction of the caller."""
    now = timezone.now()
    by_key = {file.key: file for file in sorted(files, key=lambda file: file.key)}
    rows = [
        StoredObject(key=key, state=StoredObject.State.READY, touched_at=now, verified_at=now, **file.columns)
        for key, file in by_key.items()
    ]
    StoredObject.objects.bulk_create(rows, ignore_conflicts=True)
    known = StoredObject.objects.filter(key__in=by_key).values_list("key", "sha256")
    if any(by_key[key].look.sha256 != sha256 for key, sha256 in known):
        raise Refusal("An object in the store changed while it was read; is the old service at work? Stop it first.")
