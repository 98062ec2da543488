"""One import of annotations from its beginning to its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import IO

from django.conf import settings
from django.db import transaction

from curation.actions.importing import plan
from curation.actions.importing.journal import Verdict, judged
from curation.actions.importing.plan import Kind
from curation.actions.importing.reading import Reader, Received
from curation.actions.importing.run import Progress, no_progress
from curation.actions.meaning.asked import Asked, Claim
from curation.actions.meaning.files import CPU, SECONDS, Files, Unreadable, kept, meanings
from curation.actions.meaning.finding import Found, Wanted, find
from curation.actions.meaning.journal import Journal
from curation.actions.meaning.meant import Meant
from curation.actions.meaning.survey import Survey
from curation.actions.meaning.writing import Original, Picture, Writer
from curation.actions.refusing import store_errors
from curation.formats.parser import Parser
from curation.formats.regions import PictureSize
from curation.models import ImportItem
from curation.storage.sources.base import Entry, Source
from curation.storage.sources.folder import FileSource
from curation.storage.sources.one import OneFile
from curation.storage.sources.paths import shown

PICTURES, REGIONS = 500, 5000  # of one transaction, about
PREDICTED, TRUE = "labels_predictions", "labels_ground_truth"  # folders that say what their files are
AMONG_PREDICTIONS = "It lies among predictions, and is never truth."
AMONG_TRUTH = "It lies among ground truth, and is no prediction."
TWICE = "The file says something of this media twice; the first of them counts."
NO_LABEL = "It is no file of labels that we read."


class Meanings:
    """Takes every file of labels of a source; what each picture of it becomes is judged in `journal`."""

    def __init__(
        self,
        source: Source,
        asked: Asked,
        journal: Journal,
        progress: Progress = no_progress,
        *,
        run_id: int | None = None,
        reads_pictures: bool = True,
    ) -> None:
        """reads_pictures: whether pictures beside labels are read, to find their media by their bytes."""
        self._source, self._asked, self._journal, self._progress = source, asked, journal, progress
        self._run_id, self._reads_pictures = run_id, reads_pictures
        self._is_one_file = isinstance(source, (FileSource, OneFile))
        self._survey = Survey()
        self._done = 0
        self.files = 0

    def go(self) -> None:
        """Stopped anywhere, it can be begun again. Raises SourceRefused, Busy, Full, Superseded."""
        parallel = max(1, min(self._asked.parallel, settings.STORE_SLOTS))
        with (
            store_errors(),
            ThreadPoolExecutor(parallel, thread_name_prefix="import") as executor,
            Parser(cpu=CPU, seconds=SECONDS) as parser,
        ):
            self._source.check(lambda: self._progress("checking", 0))
            self._survey.look(
                self._source, executor, at_once=parallel, pictures=self._reads_pictures, alive=self._alive
            )
            self._take_all(executor, parallel, Files(parser))

    def _take_all(self, executor: Executor, parallel: int, files: Files) -> None:
        self._files = files
        self._writer = Writer(self._asked, self._journal, executor, self._run_id)
        limit = settings.IMPORT_MAX_BYTES
        reader = Reader(self._source, executor, at_once=parallel, limit=limit, alive=self._alive)
        for batch in reader.batches(self._labels()):
            self._take(batch)

    def _labels(self) -> Iterator[Entry]:
        """Entries that may be files of labels; those about several pictures among them."""
        return (entry for entry in self._source.entries() if self._is_one_file or may_be_labels(entry.path))

    def _take(self, batch: Sequence[Received]) -> None:
        wanted = [self._survey.wanted(received.entry.path) for received in batch]
        pictures: list[Picture] = []
        for received, found in zip(batch, find(wanted, self._asked.media()), strict=True):
            pictures += self._pictures(received, found)
            self._alive()
        self._writer.write(pictures)
        self._tell(len(batch))

    def _pictures(self, received: Received, found: Found) -> list[Picture]:
        """What one file says of its picture; one about several is taken at once."""
        path, spooled = received.entry.path, received.spooled
        if spooled is None:
            self._judge(judged(path, Verdict.REFUSED, received.refusal))
            return []
        self.files += 1
        asked = self._by_folder(path)
        if asked is None:
            self._judge(judged(path, Verdict.REFUSED, _misplaced(path)))
            return []
        names = self._asked.names if self._asked.names is not None else self._survey.names(path)
        size = PictureSize(found.width, found.height) if found.width and found.height and _is_of_one(path) else None
        try:
            original, lines = self._files.read(path, spooled, asked, size=size, names=names, alive=self._alive)
        except Unreadable as refusal:
            return self._unread(received, found, refusal)
        with closing(lines):
            if original.many:
                self._take_several(original, lines)
                return []
            return [Picture(path, original, meant, found) for meant in meanings(lines)]

    def _by_folder(self, path: str) -> Asked | None:
        """What was asked, as the folder of a file has it; None where both disagree."""
        folders, claim = path.split("/")[:-1], self._asked.claim
        if PREDICTED in folders and claim is Claim.NOTHING:
            return replace(self._asked, claim=Claim.PREDICTIONS)
        is_wrong = (PREDICTED in folders and claim is Claim.TRUTH) or (TRUE in folders and claim is Claim.PREDICTIONS)
        return None if is_wrong else self._asked

    def _unread(self, received: Received, found: Found, refusal: Unreadable) -> list[Picture]:
        """A file that nobody understood is kept beside its picture, and otherwise left with the reason."""
        path, spooled = received.entry.path, received.spooled
        original = kept(path, spooled) if spooled and found.media_id else None
        if original is not None:
            return [Picture(path, original, Meant("", refusal=str(refusal)), found)]
        is_other = refusal.is_other and not (plan.is_in_labels(path) or found.media_id or self._is_one_file)
        verdict, why = (Verdict.SKIPPED, NO_LABEL) if is_other else (Verdict.REFUSED, str(refusal))
        self._judge(judged(path, verdict, why))
        return []

    # --- A file about several pictures -----------------------------------------------------------------

    def _take_several(self, original: Original, lines: IO[bytes]) -> None:
        """Its pictures in batches; a media that it names twice counts once."""
        seen: set[int] = set()
        names = _Names(original.path)
        for batch in _batches(meanings(lines)):
            of_file = [meant for meant in batch if not (meant.path or meant.id or meant.sha256)]
            for meant in of_file:
                self._judge(_of_no_picture(names(meant), meant))
            told = [meant for meant in batch if meant.path or meant.id or meant.sha256]
            wanted = [Wanted((meant.path,) if meant.path else (), meant.sha256) for meant in told]
            found = find(wanted, self._asked.media())
            pictures = [
                Picture(names(meant), original, meant, _once(one, seen)) for meant, one in zip(told, found, strict=True)
            ]
            self._writer.write(pictures)
            self._tell(len(pictures))

    # --- Telling ---------------------------------------------------------------------------------------

    def _judge(self, item: ImportItem) -> None:
        with transaction.atomic():
            self._journal.keep([item])

    def _alive(self) -> None:
        self._tell(0)

    def _tell(self, count: int) -> None:
        self._done += count
        self._progress("pictures", self._done)


def may_be_labels(path: str) -> bool:
    kind, _ = plan.kind_of(path)
    extension = path.rpartition(".")[2].lower()
    return kind is Kind.LABEL or (extension in plan.SEVERAL and extension != "parquet")


def _is_of_one(path: str) -> bool:
    return path.rpartition(".")[2].lower() in ("txt", "xml")


def _misplaced(path: str) -> str:
    return AMONG_PREDICTIONS if PREDICTED in path.split("/") else AMONG_TRUTH


def _once(found: Found, seen: set[int]) -> Found:
    if not found.media_id:
        return found
    if found.media_id in seen:
        return Found(reason=TWICE, is_ambiguous=True)
    seen.add(found.media_id)
    return found


def _of_no_picture(path: str, meant: Meant) -> ImportItem:
    item = judged(path, Verdict.REFUSED, meant.refusal or "It names no picture.")
    item.told, item.problems = [list(line) for line in meant.told], meant.problems
    return item


class _Names:
    """Calls the pictures of one file apart, with the file in front."""

    def __init__(self, file: str) -> None:
        self._file, self._taken, self._number = file, set[int](), 0

    def __call__(self, meant: Meant) -> str:
        self._number += 1
        name = shown(f"{self._file}: {meant.path or meant.id or 'part'}")
        if hash(name) in self._taken:
            name = f"{name} ({self._number})"
        self._taken.add(hash(name))
        return name


def _batches(meant: Iterator[Meant]) -> Iterator[list[Meant]]:
    batch: list[Meant] = []
    size = 0
    for one in meant:
        batch.append(one)
        size += one.kept
        if len(batch) >= PICTURES or size >= REGIONS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
