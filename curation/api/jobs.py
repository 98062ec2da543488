"""REST: how far a job is."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.rest.methods import Methods
from accounts.rest.requests import asking, no_unknown_parameters, row_id
from accounts.scopes import Right
from curation.actions import find
from curation.api.rows import job_row
from curation.api.serializers import JobOut
from curation.models import Job


class JobViewSet(Methods, GenericViewSet[Job]):
    """What the service does on its own; who asked for it, and who sees everything, may look."""

    queryset = Job.objects.all()
    serializer_class = JobOut
    lookup_field = "job_id"
    rights: ClassVar[dict[str, Right]] = {"retrieve": Right.READ}
    refuses: ClassVar[dict[str, list[str]]] = {"retrieve": ["404"]}

    @extend_schema(responses=JobOut, tags=["jobs"])
    def retrieve(self, request: Request, job_id: str) -> Response:
        """Show how far a job is, and why it failed."""
        no_unknown_parameters(request)
        return Response(job_row(find.job(row_id(job_id, "job_id"), access=asking(request))))
