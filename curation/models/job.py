from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Access
from accounts.scopes import Sees


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, access: Access) -> JobQuerySet:
        """Those that the access asked for; all of them for who sees everything."""
        return self if access.sees == Sees.ALL else self.filter(requested_by=access)

    def due(self, now: datetime) -> JobQuerySet:
        """Waiting, and its time has come."""
        return self.filter(state=Job.State.WAITING, not_before__lte=now)

    def abandoned(self, now: datetime) -> JobQuerySet:
        """Running as far as the row says, but its worker's lease has run out."""
        return self.filter(state=Job.State.RUNNING, lease_until__lt=now)

    def unsent(self, before: datetime) -> JobQuerySet:
        """Whose message was never sent, or so long ago that it may be lost."""
        return self.filter(Q(sent_at=None) | Q(sent_at__lt=before))

    def finished_before(self, moment: datetime) -> JobQuerySet:
        return self.filter(finished_at__lt=moment).exclude(state__in=[Job.State.WAITING, Job.State.RUNNING])


class Job(models.Model):
    """Work to do after a commit. The row is the truth; a broker only carries its id."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"  # its input is at fault; trying again would change nothing
        DEAD = "dead"  # tried as often as allowed
        CANCELLED = "cancelled"

    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=200, db_index=True)  # what it is about; one such job at most waits or runs
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)  # to the broker, where there is one
    lease_until = models.DateTimeField(null=True)
    lease = models.CharField(max_length=32, blank=True)  # drawn by the worker that holds it
    done = models.PositiveBigIntegerField(default=0)  # progress: so much ...
    total = models.PositiveBigIntegerField(null=True)  # ... of so much, NULL = not known
    error = models.CharField(max_length=1000, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)  # the last attempt
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Job]] = models.Manager.from_queryset(JobQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key"], condition=Q(state__in=["waiting", "running"]), name="one_open_job_per_key"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running", "done", "failed", "dead", "cancelled"]),
                name="job_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(state="running", lease_until__isnull=False)
                | (~Q(state="running") & Q(lease_until=None, lease="")),
                name="a_running_job_has_a_lease_and_no_other",
            ),
            models.CheckConstraint(condition=Q(total=None) | Q(done__lte=F("total")), name="job_progress_in_range"),
        ]
        indexes = [
            models.Index(fields=["not_before", "id"], condition=Q(state="waiting"), name="jobs_waiting"),
            models.Index(fields=["lease_until"], condition=Q(state="running"), name="jobs_running"),
            models.Index(fields=["state", "id"], name="jobs_by_state"),
            models.Index(fields=["kind", "id"], name="jobs_by_kind"),
            models.Index(fields=["finished_at"], name="jobs_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"


class WorkerQuerySet(models.QuerySet["Worker"]):
    def last_seen(self) -> datetime | None:
        """When any worker last gave a sign of life."""
        return self.order_by("-seen_at").values_list("seen_at", flat=True).first()


class Worker(models.Model):
    """A process that runs jobs, and when it last said so."""

    name = models.CharField(max_length=200, unique=True)  # host and process
    seen_at = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager[Worker]] = models.Manager.from_queryset(WorkerQuerySet)()

    def __str__(self) -> str:
        return self.name
