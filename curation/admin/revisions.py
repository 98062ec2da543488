"""Annotations and their revisions as pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from accounts.models import Access
from curation.actions.links import may_have_file
from curation.admin.pictures import bare
from curation.models import Annotation, AnnotationRevision


@dataclass(frozen=True, slots=True)
class Line:
    """One revision."""

    number: int
    who: str
    at: datetime
    origin: str
    format: str
    size: int  # bytes
    note: str
    link: str  # "" for a file that the access may not have


@dataclass(frozen=True, slots=True)
class Layer:
    """One annotation with its newest revisions."""

    title: str
    address: str
    state: str
    origin: str
    owner: str
    lines: list[Line]


def line(revision: AnnotationRevision, access: Access) -> Line:
    return Line(
        number=revision.number,
        who=revision.author_login or "–",
        at=revision.created_at,
        origin=revision.origin,
        format=revision.format,
        size=revision.size,
        note=revision.note,
        link=bare(revision) if may_have_file(revision, access) else "",
    )


def layer(annotation: Annotation, revisions: Iterable[AnnotationRevision], access: Access) -> Layer:
    return Layer(
        title=str(annotation),
        address=reverse("admin:curation_annotation_change", args=[annotation.pk]),
        state=annotation.state,
        origin=annotation.origin,
        owner=str(annotation.owner or "–"),
        lines=[line(revision, access) for revision in revisions],
    )
