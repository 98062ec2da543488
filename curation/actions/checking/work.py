"""Whether work that was begun comes to its end (I7): jobs, direct uploads, imports, and what was made from media.

Told from the rows alone, with patience: what a worker or the nightly collector will do anyway is no problem yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import CharField, Exists, F, Model, OuterRef, Q, Value
from django.db.models.functions import Cast, Concat, Substr
from django.utils import timezone

from curation.actions.checking.report import Code, Problem, Report
from curation.models import Derived, Fingerprint, ImportRun, Job, MediaFact, Upload

LEASE_PATIENCE = timedelta(hours=1)  # for the sweeper of dead leases
DAY_PATIENCE = timedelta(days=2)  # for what is tidied up once a day
OPEN = (Job.State.WAITING, Job.State.RUNNING)
MADE_FROM_MEDIA: tuple[type[Model], ...] = (Derived, Fingerprint, MediaFact)


def look(report: Report) -> None:
    now = timezone.now()
    for problems in (_jobs(now), _uploads(now), _imports(now), _derived()):
        for problem in problems:
            report.add(problem)


def _jobs(now: datetime) -> Iterator[Problem]:
    for job in Job.objects.abandoned(now - LEASE_PATIENCE).order_by("pk").iterator():
        sentence = f"The worker of this {job.kind} job died at about {job.lease_until:%Y-%m-%d %H:%M} UTC."
        yield Problem(Code.JOB_ABANDONED, sentence, "", "job", job.pk)
    for job in Job.objects.due(now - DAY_PATIENCE).order_by("pk").iterator():
        sentence = f"This {job.kind} job waits since {job.not_before:%Y-%m-%d %H:%M} UTC. Does a worker run?"
        yield Problem(Code.JOB_NOT_BEGUN, sentence, "", "job", job.pk)


def _uploads(now: datetime) -> Iterator[Problem]:
    late = Upload.objects.filter(state=Upload.State.OPEN, expires_at__lt=now - DAY_PATIENCE)
    for upload in late.order_by("pk").iterator():
        sentence = f"This upload expired at {upload.expires_at:%Y-%m-%d %H:%M} UTC and is still open."
        yield Problem(Code.UPLOAD_NOT_ENDED, sentence, upload.incoming_key, "upload", upload.pk)


def _imports(now: datetime) -> Iterator[Problem]:
    ended = ImportRun.objects.filter(state=ImportRun.State.DONE, finished_at__lt=now - DAY_PATIENCE)
    left = ended.exclude(archive="").exclude(archive__startswith="annotations/")  # files of labels stay
    for run in left.order_by("pk").iterator():
        sentence = "This import has ended, and the archive that was sent for it is still kept."
        yield Problem(Code.IMPORT_KEEPS_ARCHIVE, sentence, run.archive.name or "", "importrun", run.pk)


def _derived() -> Iterator[Problem]:
    """Stale rows that no open job is about to renew: its key names the media and the bytes it has now."""
    key = Concat(
        Cast(OuterRef("media_id"), CharField()), Value(":"), Substr(OuterRef("media__sha256"), 1, 16),
        output_field=CharField(),
    )  # fmt: skip
    renewed = Exists(Job.objects.filter(kind="derive", state__in=OPEN, key=key))
    for model in MADE_FROM_MEDIA:
        stale = model._default_manager.filter(~Q(media_sha256=F("media__sha256"))).exclude(renewed)
        for row_id, media_id in stale.order_by("pk").values_list("pk", "media_id").iterator():
            sentence = f"It was made from other bytes than media {media_id} has now, and no job renews it."
            yield Problem(Code.DERIVED_STALE, sentence, "", str(model._meta.model_name), row_id)
