"""Pictures and videos of an import: looked up, identified, stored, and kept as media."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from accounts.actions.rights import recheck
from accounts.refusals import NotSupported, TooLarge
from curation.actions.content import either
from curation.actions.importing.asked import Asked
from curation.actions.importing.chunks import in_chunks
from curation.actions.importing.journal import Journal, Verdict, judged
from curation.actions.importing.reading import Hashed, Received
from curation.actions.many import commit_all
from curation.actions.media import file_columns, new_many
from curation.actions.objects import Content
from curation.formats import names
from curation.models import Media
from curation.storage.headers import clean_name
from curation.storage.sources.base import Entry
from curation.storage.spool import Spooled

SAME_FILE = "The same file lies at {} as well."
SAME_BYTES = "Media {} has the same bytes under another name."


class Picture:
    """One file that may be a picture, and what becomes of it."""

    spooled: Spooled

    def __init__(self, entry: Entry, asked: Asked, *, sha256: str = "", size: int = 0, refusal: str = "") -> None:
        self.path, self._notes = entry.path, [entry.note]
        self.item = judged(self.path, Verdict.REFUSED, refusal)
        self.columns: dict[str, Any] = {}
        self.content: Content | None = None
        self.identity = ""
        if sha256:
            self.name = clean_name(self.path) or "file"
            self.identity = asked.identity(sha256, self.name)
            self.item.sha256, self.item.size = sha256, size

    @classmethod
    def of(cls, received: Received, asked: Asked) -> Picture:
        """One whose bytes are here, or why they are not."""
        if received.spooled is None:
            return cls(received.entry, asked, refusal=received.refusal)
        picture = cls(received.entry, asked, sha256=received.spooled.sha256, size=received.spooled.size)
        picture.spooled = received.spooled
        return picture

    def refuse(self, reason: str) -> None:
        self.item.verdict, self.item.reason, self.item.media_id = Verdict.REFUSED, reason, None
        self.columns, self.content, self.identity = {}, None, ""

    def is_there(self, media_id: int, note: str = "") -> None:
        """The file was imported before, or lies twice in the source."""
        self._judge(Verdict.UNCHANGED, note)
        self.item.media_id = media_id or None  # none in a trial

    def is_new(self, media: Media | None, note: str = "") -> None:
        self._judge(Verdict.CREATED, note)
        self.item.media = media

    def _judge(self, verdict: str, note: str) -> None:
        self.item.verdict = verdict
        self.item.reason = " ".join(filter(None, [note, *self._notes]))[:500]

    def identify(self, asked: Asked) -> None:
        """Find out what the bytes are and what the name says; refuse what is no picture."""
        try:
            identified = either(self.spooled)
        except (NotSupported, TooLarge) as refusal:
            return self.refuse(str(refusal))
        said = names.read(self.path, settings.INGEST_NAME_PATTERNS)
        self._notes.append(said.note)
        self.columns = file_columns(identified, self.spooled, self.name) | {
            "type": identified.kind,
            "import_identity": self.identity,
            "captured_at": said.captured_at,
            "captured_basis": Media.Basis.NAME_UTC_ASSUMED if said.captured_at else Media.Basis.NONE,
            "source": asked.source or said.source,
            "camera": said.camera,
            "azimuth": said.azimuth,
            "sequence": said.sequence,
        }
        self.content = Content(self.columns["file"], self.spooled, identified.content_type)
        return None

    def lies_at(self, key: str) -> None:
        """Its bytes are there already, under that key."""
        if self.content:
            self.columns["file"], self.content = key, replace(self.content, key=key)


class Pictures:
    """Takes in batches of pictures."""

    def __init__(self, asked: Asked, journal: Journal, executor: Executor) -> None:
        self._asked, self._journal, self._executor = asked, journal, executor
        self._pretended: set[int] = set()  # hashes of identities that a trial would have made

    def recognise(self, batch: Sequence[Hashed]) -> list[Entry]:
        """Judge the files that were imported before, and return the others."""
        files = [Picture(each.entry, self._asked, sha256=each.sha256, size=each.size) for each in batch]
        known = self._known(files)
        self._keep([file for file in files if file.identity in known], known)
        return [each.entry for each, file in zip(batch, files, strict=True) if file.identity not in known]

    def take(self, batch: Sequence[Received]) -> None:
        """Judge every file of a batch. What is there already costs two queries for all of them."""
        files = [Picture.of(received, self._asked) for received in batch]
        known = self._known(files)
        new = [file for file in files if file.identity and file.identity not in known]
        for file in new:
            file.identify(self._asked)
        new = [file for file in new if file.columns]
        settled = {id(file) for file in new}
        self._keep([file for file in files if id(file) not in settled], known)
        in_chunks(new, self._commit)

    def _known(self, files: Sequence[Picture]) -> dict[str, int]:
        """The living media of an import that are these files, by identity."""
        wanted = [file.identity for file in files if file.identity]
        # The exclusion says what the index has.
        rows = Media.objects.living().exclude(import_identity="").filter(import_identity__in=wanted)
        known = dict(rows.values_list("import_identity", "pk"))
        return known | {identity: 0 for identity in wanted if hash(identity) in self._pretended}

    def _keep(self, files: Sequence[Picture], known: dict[str, int]) -> None:
        for file in files:
            if file.identity in known:
                file.is_there(known[file.identity])
        if files:
            with transaction.atomic():
                self._journal.keep([file.item for file in files])

    def _commit(self, files: Sequence[Picture]) -> None:
        known = self._known(files)
        new = self._firsts([file for file in files if file.columns and file.identity not in known])
        for file in files:
            if file.identity in known:
                file.is_there(known[file.identity])
        notes = self._share(new)
        if self._asked.dry_run:
            return self._pretend(files, new, notes)
        contents = [file.content for file in new if file.content]
        return commit_all(contents, rows=lambda: self._rows(files, new, notes), executor=self._executor)

    def _firsts(self, files: Sequence[Picture]) -> list[Picture]:
        """One file of each identity: the first."""
        firsts: dict[str, Picture] = {}
        for file in files:
            firsts.setdefault(file.identity, file)
        return list(firsts.values())

    def _share(self, new: Sequence[Picture]) -> dict[str, str]:
        """Refer to the object that a media of the same organisation has; a note for each such digest."""
        digests = [file.spooled.sha256 for file in new]
        rows = Media.objects.living().filter(sha256__in=digests, organisation=self._asked.organisation_id)
        notes, keys = {}, {}
        found = rows.order_by().values_list("sha256").annotate(first=Min("pk"), key=Min("file"))
        for sha256, first, key in found:
            notes[sha256], keys[sha256] = SAME_BYTES.format(first), key
        for file in new:
            if key := keys.get(file.spooled.sha256):
                file.lies_at(key)
        return notes

    def _pretend(self, files: Sequence[Picture], new: Sequence[Picture], notes: dict[str, str]) -> None:
        for file in new:
            file.is_new(None, notes.get(file.spooled.sha256, ""))
            self._pretended.add(hash(file.identity))
        self._repeat(files, new)
        self._journal.keep([file.item for file in files])

    def _rows(self, files: Sequence[Picture], new: Sequence[Picture], notes: dict[str, str]) -> None:
        """Within the transaction: the media, and the verdict on every file."""
        recheck(self._asked.by)
        made = new_many([file.columns for file in new], organisation_id=self._asked.organisation_id, by=self._asked.by)
        for file, media in zip(new, made, strict=True):
            file.is_new(media, notes.setdefault(file.spooled.sha256, ""))
            notes[file.spooled.sha256] = notes[file.spooled.sha256] or SAME_BYTES.format(media.pk)
        self._repeat(files, new)
        self._journal.keep([file.item for file in files])

    def _repeat(self, files: Sequence[Picture], new: Sequence[Picture]) -> None:
        """Files whose like was made a moment ago."""
        first = {file.identity: file for file in new}
        for file in files:
            if file.columns and (made := first.get(file.identity)) is not None and made is not file:
                file.is_there(made.item.media_id or 0, SAME_FILE.format(made.path))
