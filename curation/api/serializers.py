"""Bodies in, rows out (the latter for the schema: lists and items are built by `rows`)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.rest.schema import with_example
from curation.models import Annotation, Job, Media, Origin

DIGEST = "^[0-9a-fA-F]{64}$"  # a SHA-256, in hex of either case


def azimuth_of(azimuth: int | None) -> int | None:
    """360 is 0, 999 is unknown."""
    if azimuth is None or azimuth == 999:
        return None
    if azimuth > 360:
        raise serializers.ValidationError("must be 0 to 360, or 999 for unknown")
    return azimuth % 360


@with_example({"captured_at": "2026-06-01T09:30:00+02:00", "camera": "mast 7", "latitude": 44.5, "longitude": 4.4})
class DescribeIn(serializers.Serializer[Any]):
    """What a client may say about a picture. Azimuth in degrees: 360 is 0, 999 is unknown."""

    captured_at = serializers.DateTimeField(required=False, allow_null=True)
    source = serializers.CharField(required=False, allow_blank=True, max_length=100)  # type: ignore[assignment]
    camera = serializers.CharField(required=False, allow_blank=True, max_length=100)
    azimuth = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=999)
    sequence = serializers.CharField(required=False, allow_blank=True, max_length=255)
    latitude = serializers.FloatField(required=False, allow_null=True, min_value=-90, max_value=90)
    longitude = serializers.FloatField(required=False, allow_null=True, min_value=-180, max_value=180)

    def validate_azimuth(self, azimuth: int | None) -> int | None:
        return azimuth_of(azimuth)


@with_example({"type": "video"})
class TypeIn(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=Media.Type.choices, default=Media.Type.IMAGE)


@with_example({"type": "image", "captured_at": "2026-06-01T09:30:00+02:00", "camera": "mast 7", "azimuth": 270})
class MediaIn(TypeIn, DescribeIn):
    """A media to announce."""


class ShownViewOut(serializers.Serializer[Any]):
    """The view that a media is shown with: where views were merged, the one that was kept."""

    id = serializers.IntegerField()
    camera = serializers.IntegerField()
    azimuth = serializers.IntegerField(allow_null=True, help_text="degrees, 0 to 359; that of the media stays as given")


class MediaOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    type = serializers.ChoiceField(choices=Media.Type.choices)
    uploaded = serializers.BooleanField()
    sha256 = serializers.CharField(allow_null=True)
    content_type = serializers.CharField(allow_null=True)
    original_name = serializers.CharField(allow_null=True)
    source = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    camera = serializers.CharField(allow_null=True)
    sequence = serializers.CharField(allow_null=True)
    size = serializers.IntegerField(allow_null=True, help_text="bytes")
    width = serializers.IntegerField(allow_null=True, help_text="pixels of the upright picture")
    height = serializers.IntegerField(allow_null=True, help_text="pixels of the upright picture")
    duration = serializers.FloatField(allow_null=True, help_text="seconds")
    captured_basis = serializers.ChoiceField(choices=Media.Basis.choices)
    azimuth = serializers.IntegerField(allow_null=True, help_text="degrees, 0 to 359")
    captured_at = serializers.DateTimeField(allow_null=True)
    latitude = serializers.FloatField(allow_null=True)
    longitude = serializers.FloatField(allow_null=True)
    light = serializers.ChoiceField(
        choices=Media.Light.choices, allow_null=True, help_text="by the sun over it; null: time or place are not known"
    )
    owner = serializers.IntegerField(allow_null=True)
    organisation = serializers.IntegerField(allow_null=True)
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField()
    view = ShownViewOut(allow_null=True)


@with_example({"media_id": 7})
class AnnotationIn(serializers.Serializer[Any]):
    media_id = serializers.IntegerField(min_value=1)


class AnnotationOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    media_id = serializers.IntegerField()
    uploaded = serializers.BooleanField()
    sha256 = serializers.CharField(allow_null=True)
    content_type = serializers.CharField(allow_null=True)
    format = serializers.CharField(allow_null=True)
    size = serializers.IntegerField(allow_null=True, help_text="bytes")
    state = serializers.ChoiceField(choices=Annotation.State.choices)
    origin = serializers.ChoiceField(choices=Origin.choices)
    is_truth = serializers.BooleanField()
    regions = serializers.IntegerField()
    owner = serializers.IntegerField(allow_null=True)
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class UploadIn(serializers.Serializer[Any]):
    file = serializers.FileField()
    sha256 = serializers.RegexField(DIGEST, required=False, help_text="declared digest of `file`")


class EntryIn(serializers.Serializer[Any]):
    file = serializers.FileField()
    annotation = serializers.FileField()
    type = serializers.ChoiceField(choices=Media.Type.choices, default=Media.Type.IMAGE)
    sha256 = serializers.RegexField(DIGEST, required=False, help_text="declared digest of `file`")


class EntryOut(serializers.Serializer[Any]):
    media = MediaOut()
    annotation = AnnotationOut()


class UrlOut(serializers.Serializer[Any]):
    url = serializers.URLField()


class JobOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=Job.State.choices)
    attempts = serializers.IntegerField()
    done = serializers.IntegerField(help_text="so much of `total`")
    total = serializers.IntegerField(allow_null=True, help_text="null: not known yet")
    error = serializers.CharField(allow_null=True, help_text="why it failed, or why the last attempt did")
    started_at = serializers.DateTimeField(allow_null=True, help_text="the last attempt")
    finished_at = serializers.DateTimeField(allow_null=True)
