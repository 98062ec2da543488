"""What media can be asked for: declared filters, understood once, for the API, the workbench, collections and commands.

A search is said as texts by name, as in the query of an address. Its conditions hold together; those about regions
hold for one and the same region of a media.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q
from django_filters.fields import IsoDateTimeField

from accounts.ids import LARGEST_ID
from accounts.models import Access
from accounts.refusals import Invalid
from accounts.scopes import Sees
from curation.models import Annotation, Cluster, ClusterItem, Label, Media, Origin, Sequence, View
from curation.models.media import MediaQuerySet

LONGEST = 100  # characters of a value
WHOLE = re.compile(r"[0-9]{1,19}")
DECIMAL = re.compile(r"[0-9]{1,10}(\.[0-9]{0,20})?")
DIGEST = re.compile(r"[0-9a-fA-F]{64}")
SPOKEN = {"true": True, "false": False}
UNKNOWN = "unknown"  # light of a media whose time or place is not known


class IdField(forms.CharField):
    """A positive whole number that fits the column, in ASCII digits."""

    smallest = 1

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        if not WHOLE.fullmatch(text) or not self.smallest <= int(text) <= LARGEST_ID:
            raise ValidationError("value is not a valid id" if self.smallest else "value is not a whole number")
        return int(text)


class BytesField(IdField):
    smallest = 0


class MomentField(IsoDateTimeField):
    """A time that is still one in UTC: Python's calendar ends on both sides."""

    def clean(self, value: Any) -> datetime | None:
        try:
            moment: datetime | None = super().clean(value)
            return moment.astimezone(UTC) if moment else None
        except OverflowError as error:
            raise ValidationError("value is out of range") from error


class SpokenField(forms.CharField):
    """true or false."""

    def clean(self, value: Any) -> bool | None:
        text = super().clean(value).lower()
        if text and text not in SPOKEN:
            raise ValidationError("must be true or false")
        return SPOKEN.get(text)


class DigestField(forms.CharField):
    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if text and not DIGEST.fullmatch(text):
            raise ValidationError("must be 64 hex digits")
        return text.lower()


class ScoreField(forms.CharField):
    """A number from 0 to 1."""

    def clean(self, value: Any) -> float | None:
        text = super().clean(value)
        if text and (not DECIMAL.fullmatch(text) or float(text) > 1):
            raise ValidationError("must be a number from 0 to 1")
        return float(text) if text else None


def _choice(choices: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=choices, required=False)


class MediaFilters(forms.Form):
    """The filters, by name. `_from` is at or after; `_to` before for times, at most for scores and sizes."""

    type = _choice(Media.Type.choices)
    uploaded = SpokenField(required=False)
    sha256 = DigestField(required=False)
    owner = IdField(required=False)
    organisation = IdField(required=False)
    captured_from = MomentField(required=False)
    captured_to = MomentField(required=False)
    created_from = MomentField(required=False)
    created_to = MomentField(required=False)
    updated_since = MomentField(required=False)
    size_from = BytesField(required=False)
    size_to = BytesField(required=False)
    light = _choice([*Media.Light.choices, (UNKNOWN, "unknown")])
    camera = IdField(required=False)
    view = IdField(required=False)
    sequence = IdField(required=False)
    near_duplicate = SpokenField(required=False)
    state = _choice(Annotation.State.choices)
    label = forms.ModelChoiceField(Label.objects.order_by("code"), to_field_name="code", required=False)
    label_kind = _choice(Label.Kind.choices)
    origin = _choice(Origin.choices)
    truth = SpokenField(required=False)
    score_from = ScoreField(required=False)
    score_to = ScoreField(required=False)


NAMES: tuple[str, ...] = tuple(MediaFilters.base_fields)
PLAIN = {  # filter: what it asks of a column of the media
    "type": "type",
    "sha256": "sha256",
    "owner": "owner",
    "organisation": "organisation",
    "camera": "taken_by",
    "captured_from": "captured_at__gte",
    "captured_to": "captured_at__lt",
    "created_from": "created_at__gte",
    "created_to": "created_at__lt",
    "updated_since": "updated_at__gte",
    "size_from": "size__gte",
    "size_to": "size__lte",
}
OF_A_REGION = {  # and of one region
    "label": "label",
    "label_kind": "label__in",
    "origin": "origin",
    "truth": "is_truth",
    "score_from": "score__gte",
    "score_to": "score__lte",
}
SCORES = frozenset({"score_from", "score_to"})
CAPTURE = frozenset({"captured_from", "captured_to"})


@dataclass(frozen=True)
class Search:
    """said: the filters as texts, by name. wanted: what each means."""

    said: dict[str, str]
    wanted: dict[str, Any]

    @property
    def asks_regions(self) -> bool:
        return bool(OF_A_REGION.keys() & self.wanted.keys())

    @property
    def finds_twice(self) -> bool:
        """Whether rows() meets a media once for each region or annotation that fits."""
        return self.asks_regions or "state" in self.wanted

    @property
    def asks_capture(self) -> bool:
        """Whether a span of capture times is asked for, which the order of capture alone finds at once."""
        return bool(CAPTURE & self.wanted.keys())

    @property
    def asks_scores(self) -> bool:
        return bool(SCORES & self.wanted.keys())

    @property
    def score_fits(self) -> Q:
        """What is asked of the score of a region that media are joined with; nothing is asked of no score."""
        return Q(regions__score__isnull=False) & Q(
            **{f"regions__{OF_A_REGION[name]}": self.wanted[name] for name in SCORES if name in self.wanted}
        )

    def without_scores(self) -> Search:
        said, wanted = (
            {name: value for name, value in each.items() if name not in SCORES} for each in (self.said, self.wanted)
        )
        return Search(said, wanted)

    def rows(self, access: Access | None, *, with_regions: bool = False) -> MediaQuerySet:
        """The living media that `access` sees (None: all) and that fit. See `finds_twice`: ask for distinct ones.

        What others said of a picture and the access may not see does not make it fit. with_regions: those that have
        a region, joined with it, even where none is asked for.
        """
        rows: Any = Media.objects.living() if access is None else Media.objects.visible_to(access)
        found: MediaQuerySet = self.narrow(rows, access, with_regions=with_regions)
        return found

    def narrow(self, rows: Any, access: Access | None, *, with_regions: bool = False) -> Any:
        """Those of `rows`, which the access sees, that fit."""
        rows = rows.filter(self._of_the_media())
        if "near_duplicate" in self.wanted:
            alike = _looks_like_another(access)
            rows = rows.filter(alike if self.wanted["near_duplicate"] else ~alike)
        if "state" in self.wanted:
            living = Q(annotations__state=self.wanted["state"], annotations__deleted_at=None)
            rows = rows.filter(living & _seen("annotations", access))
        if self.asks_regions or with_regions:
            rows = rows.filter(self._of_a_region() & _seen("regions__annotation", access))
        return rows

    def _of_the_media(self) -> Q:
        wanted = self.wanted
        fits = Q(**{column: wanted[name] for name, column in PLAIN.items() if name in wanted})
        if "uploaded" in wanted:
            fits &= Q(sha256__gt="") if wanted["uploaded"] else Q(sha256="")
        if "light" in wanted:
            fits &= Q(light="" if wanted["light"] == UNKNOWN else wanted["light"])
        if "view" in wanted:
            fits &= Q(view__in=_ids(View.objects.shown_as(wanted["view"])))
        if "sequence" in wanted:
            fits &= Q(item__sequence__in=_ids(Sequence.objects.shown_as(wanted["sequence"])))
        return fits

    def _of_a_region(self) -> Q:
        wanted = {name: self.wanted[name] for name in OF_A_REGION if name in self.wanted}
        if "label_kind" in wanted:
            wanted["label_kind"] = _ids(Label.objects.filter(kind=wanted["label_kind"]))
        there_is_one = Q(regions__isnull=False)
        return there_is_one & Q(**{f"regions__{OF_A_REGION[name]}": value for name, value in wanted.items()})


def beyond(at: datetime, media_id: int, *, later: bool) -> Q:
    """What comes after, or before, a place in the order of capture."""
    side = "gt" if later else "lt"
    tie = Q(captured_at=at) & Q(**{f"id__{side}": media_id})
    return Q(**{f"captured_at__{side}e": at}) & (Q(**{f"captured_at__{side}": at}) | tie)  # the first is for the index


def _looks_like_another(access: Access | None) -> Exists:
    """It is in a cluster of near-duplicates, or frozen pictures, that nobody found to be none, with another media
    that the access sees: one alone would tell of media that it may not see.
    """
    others: Any = ClusterItem.objects.filter(media__deleted_at=None)
    if access is not None:
        others = ClusterItem.objects.visible_to(access)
    beside = others.filter(cluster=OuterRef("cluster")).exclude(media=OuterRef("media"))
    mine = ClusterItem.objects.filter(media=OuterRef("pk"), cluster__kind__in=[Cluster.Kind.NEAR, Cluster.Kind.FROZEN])
    return Exists(mine.exclude(cluster__decision=Cluster.Decision.NOT_DUPLICATES).filter(Exists(beside)))


def _ids(rows: Any) -> list[int]:
    """Few ones, found beforehand; [0] for none, so that the condition stays one that the database can answer."""
    return list(rows.values_list("pk", flat=True)) or [0]


def _seen(annotations: str, access: Access | None) -> Q:
    """As Annotation.visible_to says it, of annotations that media are joined with."""
    if access is None or access.sees == Sees.ALL:
        return Q()
    own = Q(**{f"{annotations}__owner": access})
    if access.sees == Sees.LISTED:
        own |= Q(organisation__in=access.listed.values("pk"))
    return own


def understood(said: Mapping[str, Any], *place: str) -> Search:
    """The search that these texts ask for, which stand at `place` (in the query of an address, unless told).

    Raises Invalid for an unknown filter and for a value that cannot be.
    """
    place = place or ("query",)
    for name, value in said.items():
        if name not in NAMES:
            raise Invalid("unknown parameter", *place, str(name)[:100], kind="value_error.extra")
        if not isinstance(value, str) or not value.strip() or len(value) > LONGEST or "\0" in value:
            raise Invalid("value is empty, too long or unreadable", *place, name)
    form = _form(said)
    if not form.is_valid():
        name, messages = next(iter(form.errors.items()))
        raise Invalid(str(messages[0]), *place, name)
    return Search(dict(said), {name: form.cleaned_data[name] for name in said})


def _form(said: Mapping[str, Any]) -> MediaFilters:
    """With the fields that are asked for alone: making a form copies each of its fields."""
    asked = type("Asked", (forms.Form,), {name: MediaFilters.base_fields[name] for name in NAMES if name in said})
    form: Any = asked(dict(said))
    return form  # type: ignore[no-any-return]


def heeded(said: Mapping[str, Any]) -> Search:
    """As `understood`, without what cannot be understood: for addresses that people type."""
    texts = {name: str(said[name]) for name in NAMES if str(said.get(name, "")).strip() and "\0" not in str(said[name])}
    bad = set(_form(texts).errors) | {name for name, value in texts.items() if len(value) > LONGEST}
    return understood({name: value for name, value in texts.items() if name not in bad})
