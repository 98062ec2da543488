"""Label files beside pictures of the same import: kept as annotations of them, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from itertools import islice

from django.conf import settings
from django.db import transaction

from accounts.actions.rights import recheck
from accounts.refusals import NotSupported
from curation.actions import annotations as layers
from curation.actions.content import annotation as identify
from curation.actions.importing import plan
from curation.actions.importing.asked import Asked
from curation.actions.importing.chunks import in_chunks
from curation.actions.importing.journal import Journal, Verdict, judged
from curation.actions.importing.reading import MOST_FILES, Reader, Received
from curation.actions.many import commit_all
from curation.actions.objects import Content
from curation.imaging.text import TextContent
from curation.models import Annotation, Media, Origin
from curation.storage.sources.base import Alive, Entry, Source
from curation.storage.spool import Spooled

HEAD = 256 * 1024  # bytes of a JSON file that show whether it is about several pictures
NO_PICTURE = "No picture of this name lies beside it, or it was refused."
NO_LABEL = "Neither a picture nor the label of one."
GONE = "Its picture was deleted meanwhile."
ANOTHER = "The picture has another imported layer already."
CHANGED = "The file has changed: revision {} of its layer."


class Label:
    """One file that may be the label of a picture, and what becomes of it."""

    def __init__(self, received: Received, media_id: int) -> None:
        self.media_id = media_id
        self.item = judged(received.entry.path, Verdict.REFUSED, received.refusal)
        self.content: Content | None = None
        if received.spooled is None:
            return
        self.spooled: Spooled = received.spooled
        self.item.sha256, self.item.size = self.spooled.sha256, self.spooled.size
        self._identify()

    def _identify(self) -> None:
        try:
            self.identified: TextContent = identify(self.spooled)
        except NotSupported as refusal:
            return self.refuse(str(refusal))
        if plan.describes_several(_parts(self.spooled)):
            return self.refuse(plan.SEVERAL_PICTURES)
        self.content = layers.content_of(self.identified, self.spooled)
        return None

    @property
    def is_wanted(self) -> bool:
        return self.content is not None

    @property
    def place(self) -> tuple[int, str]:
        """What makes a label the same as one that was imported before."""
        return self.media_id, self.spooled.sha256

    def refuse(self, reason: str) -> None:
        self.item.verdict, self.item.reason, self.content = Verdict.REFUSED, reason, None
        self.item.media_id = self.item.annotation_id = None

    def is_kept_as(self, annotation_id: int, verdict: str, note: str = "") -> None:
        """annotation_id: 0 in a trial."""
        self.item.verdict, self.item.reason = verdict, note
        self.item.media_id, self.item.annotation_id = self.media_id or None, annotation_id or None


def _parts(spooled: Spooled) -> bytes:
    """The beginning and the end of a file."""
    spooled.file.seek(0)
    head = spooled.file.read(HEAD)
    spooled.file.seek(max(len(head), spooled.size - HEAD))
    return head + spooled.file.read(HEAD)


class Labels:
    """Takes in label files, once all pictures are."""

    def __init__(self, asked: Asked, journal: Journal, source: Source, executor: Executor, alive: Alive) -> None:
        self._asked, self._journal, self._source, self._executor = asked, journal, source, executor
        limit = settings.ANNOTATION_MAX_BYTES
        self._reader = Reader(source, executor, at_once=asked.parallel, limit=limit, alive=alive)

    def take(self, entries: Iterable[Entry]) -> Iterator[int]:
        """Judge every label among `entries`; yields how many more were, now and then."""
        coming = iter(entries)
        if not self._source.reads_at_once:
            yield from self._one_by_one(coming)
            return
        while page := list(islice(coming, MOST_FILES)):
            pictures = self._pictures(page)
            yield self._leave([entry for entry in page if entry.path not in pictures])
            beside = (entry for entry in page if entry.path in pictures)
            for batch in self._reader.batches(beside):
                self._keep([Label(received, pictures[received.entry.path]) for received in batch])
                yield len(batch)

    def _one_by_one(self, coming: Iterator[Entry]) -> Iterator[int]:
        """An archive goes on when the next entry is asked for: all labels are read, and those without picture left."""
        for batch in self._reader.batches(coming):
            pictures = self._pictures([received.entry for received in batch])
            found = [received for received in batch if received.entry.path in pictures]
            self._leave_read([received for received in batch if received.entry.path not in pictures])
            self._keep([Label(received, pictures[received.entry.path]) for received in found])
            yield len(batch)

    def _pictures(self, page: Sequence[Entry]) -> dict[str, int]:
        """The media of each label by its path, as far as there is one."""
        found: dict[str, int] = {}
        places = {entry.path: plan.pictures_of(entry.path) for entry in page if not entry.refusal}
        for step in range(2):
            missed = {path: steps[step] for path, steps in places.items() if path not in found}
            media = self._journal.media_at(place for wanted in missed.values() for place in wanted)
            for path, wanted in missed.items():
                if place := next((place for place in wanted if place in media), None):
                    found[path] = media[place]
        return found

    # --- Without a picture -------------------------------------------------------------------------

    def _leave(self, entries: Sequence[Entry]) -> int:
        """Say why files without a picture are left; JSON is looked into, because it may be about several."""
        of_json = [entry for entry in entries if entry.path.lower().endswith(".json") and not entry.refusal]
        chosen = {entry.path for entry in of_json}
        for batch in self._reader.batches(of_json):
            self._leave_read(batch)
        self._leave_read([Received(entry, refusal=entry.refusal) for entry in entries if entry.path not in chosen])
        return len(entries)

    def _leave_read(self, files: Sequence[Received]) -> None:
        items = [judged(received.entry.path, *_why_left(received)) for received in files]
        if items:
            with transaction.atomic():
                self._journal.keep(items)

    # --- With a picture ----------------------------------------------------------------------------

    def _keep(self, files: Sequence[Label]) -> None:
        known = self._known(files)
        for file in files:
            if file.is_wanted and file.place in known:
                file.is_kept_as(known[file.place], Verdict.UNCHANGED)
        new = [file for file in files if file.is_wanted and file.place not in known]
        kept = {id(file) for file in new}
        items = [file.item for file in files if id(file) not in kept]
        if items:
            with transaction.atomic():
                self._journal.keep(items)
        in_chunks(new, self._commit)

    def _known(self, files: Sequence[Label]) -> dict[tuple[int, str], int]:
        """The living annotations that are these files."""
        wanted = [file for file in files if file.is_wanted]
        rows = Annotation.objects.filter(
            deleted_at=None,
            media__in={file.media_id for file in wanted},
            sha256__in={file.spooled.sha256 for file in wanted},
        )
        return {(media, sha256): pk for media, sha256, pk in rows.values_list("media", "sha256", "pk")}

    def _commit(self, files: Sequence[Label]) -> None:
        if self._asked.dry_run:
            for file in files:
                file.is_kept_as(0, Verdict.CREATED)
            return self._journal.keep([file.item for file in files])
        contents = [file.content for file in files if file.content]
        return commit_all(contents, rows=lambda: self._rows(files), executor=self._executor)

    def _rows(self, files: Sequence[Label]) -> None:
        """Within the transaction. The media are held still: neither deleted, nor given the same label twice."""
        recheck(self._asked.by)
        rows = Media.objects.living().select_for_update(no_key=True).filter(pk__in={file.media_id for file in files})
        media = {row.pk: row for row in rows.order_by("pk")}
        known = self._known(files)
        layered = set(
            Annotation.objects.filter(deleted_at=None, media__in=media).values_list("media", flat=True).distinct()
        )
        changed = self._changed([file for file in files if file.media_id in layered and file.place not in known])
        for file in files:
            if file.media_id not in media:
                file.refuse(GONE)
            elif file.place in known:
                file.is_kept_as(known[file.place], Verdict.UNCHANGED)
            elif file.content and (before := changed.get((file.media_id, file.item.path))):
                revision = layers.append(before, file.content, file.identified, by=self._asked.by)
                known[file.place] = before.pk
                file.is_kept_as(before.pk, Verdict.CREATED, CHANGED.format(revision.number))
            elif file.content:
                layer = layers.new(media[file.media_id], by=self._asked.by)
                layers.append(layer, file.content, file.identified, by=self._asked.by)
                known[file.place] = layer.pk
                file.is_kept_as(layer.pk, Verdict.CREATED, ANOTHER if file.media_id in layered else "")
        self._journal.keep([file.item for file in files])

    def _changed(self, files: Sequence[Label]) -> dict[tuple[int, str], Annotation]:
        """The layers that these files made when they were other ones, by media and path, as far as they take files."""
        by = self._asked.by.access
        found = self._journal.layers_at([(file.media_id, file.item.path) for file in files]) if files else {}
        rows = Annotation.objects.living().exclude(origin=Origin.HUMAN).filter(pk__in=found.values())
        layers_by_id = {
            row.pk: row
            for row in rows.select_related("current").defer("current__regions", "current__report")
            if by is None or row.may_be_changed_by(by)
        }
        return {place: layers_by_id[pk] for place, pk in found.items() if pk in layers_by_id}


def _why_left(received: Received) -> tuple[str, str]:
    """Verdict and reason of a file that looks like a label, and has no picture."""
    path = received.entry.path
    if received.refusal:
        return Verdict.REFUSED, received.refusal
    if received.spooled and path.lower().endswith(".json") and plan.describes_several(_parts(received.spooled)):
        return Verdict.REFUSED, plan.SEVERAL_PICTURES
    return (Verdict.REFUSED, NO_PICTURE) if plan.is_in_labels(path) else (Verdict.SKIPPED, NO_LABEL)
