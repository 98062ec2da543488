"""Direct uploads as the API reads and shows them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.rest.schema import with_example
from accounts.rest.times import moment
from curation.actions.uploads import Progress, is_expired
from curation.api.rows import Row, media_row
from curation.api.serializers import DIGEST, DescribeIn, MediaOut
from curation.models import Media, Upload

EXAMPLE = {
    "name": "ridge.jpg",
    "size": 104857,
    "sha256": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    "captured_at": "2026-06-01T09:30:00+02:00",
    "camera": "mast 7",
}
BATCH = 100  # uploads that one request may begin, or complete


@with_example(EXAMPLE)
class BeginIn(DescribeIn):
    """A file to be sent. `media`: one that was announced before; without it the upload makes one, described by this."""

    name = serializers.CharField(required=False, allow_blank=True, default="", max_length=1000)
    size = serializers.IntegerField(min_value=1, max_value=2**60, help_text="bytes")
    sha256 = serializers.RegexField(DIGEST)
    type = serializers.ChoiceField(choices=Media.Type.choices, required=False, help_text="image, or as the media's")
    media = serializers.IntegerField(required=False, allow_null=True, min_value=1)


@with_example({"uploads": [EXAMPLE]})
class BeginManyIn(serializers.Serializer[Any]):
    uploads = serializers.ListField(child=BeginIn(), allow_empty=False, max_length=BATCH)


@with_example({"ids": [1, 2, 3]})
class CompleteManyIn(serializers.Serializer[Any]):
    ids = serializers.ListField(child=serializers.IntegerField(min_value=1), allow_empty=False, max_length=BATCH)


class PutOut(serializers.Serializer[Any]):
    url = serializers.URLField()
    headers = serializers.DictField(child=serializers.CharField(), help_text="to be sent as they stand")


class PartOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    size = serializers.IntegerField(help_text="bytes")
    url = serializers.URLField()


class ArrivedOut(serializers.Serializer[Any]):
    parts = serializers.IntegerField()
    bytes = serializers.IntegerField()


class UploadOut(serializers.Serializer[Any]):
    id = serializers.IntegerField(allow_null=True, help_text="null where nothing has to be uploaded")
    state = serializers.ChoiceField(choices=Upload.State.choices)
    uploaded = serializers.BooleanField(help_text="false in state done: the bytes were there already")
    name = serializers.CharField(allow_null=True)
    type = serializers.ChoiceField(choices=Media.Type.choices)
    size = serializers.IntegerField(help_text="bytes")
    sha256 = serializers.CharField()
    error = serializers.CharField(allow_null=True, help_text="why it was refused")
    expires_at = serializers.DateTimeField(allow_null=True, help_text="unless it is asked for again")
    arrived = ArrivedOut(allow_null=True)
    put = PutOut(allow_null=True, help_text="one PUT of the whole file")
    part_size = serializers.IntegerField(allow_null=True, help_text="bytes of each part but the last")
    parts_count = serializers.IntegerField()
    parts = PartOut(many=True, help_text="missing parts, each to be PUT to its address")
    next_after = serializers.IntegerField(allow_null=True, help_text="`after` of the next page of missing parts")
    media_id = serializers.IntegerField(allow_null=True)
    media = MediaOut(allow_null=True)


class ManyOut(serializers.Serializer[Any]):
    uploads = UploadOut(many=True)


class OutcomeOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    status = serializers.IntegerField(help_text="what completing it alone would have answered")
    detail = serializers.CharField(allow_null=True, help_text="why not")
    media = MediaOut(allow_null=True)


class OutcomesOut(serializers.Serializer[Any]):
    uploads = OutcomeOut(many=True)


def upload_row(progress: Progress, media: Media | None = None) -> Row:
    """One upload; links only while bytes are missing."""
    upload, links = progress.upload, progress.links
    one = next((link for link in links if not link.number), None)
    parts = [{"number": link.number, "size": link.size, "url": link.link.url} for link in links if link.number]
    is_open = upload.state == Upload.State.OPEN and not is_expired(upload)
    return {
        "id": upload.pk,
        "state": Upload.State.EXPIRED if is_expired(upload) else upload.state,
        "uploaded": upload.state == Upload.State.DONE,
        **_asked(upload.name, upload.type, upload.size, upload.sha256),
        "error": upload.error or None,
        "expires_at": moment(upload.expires_at) if is_open else None,
        "arrived": {"parts": progress.arrived.parts, "bytes": progress.arrived.size} if is_open else None,
        "put": {"url": one.link.url, "headers": one.link.headers} if one else None,
        "part_size": upload.part_size,
        "parts_count": upload.parts_count,
        "parts": parts,
        "next_after": parts[-1]["number"] if progress.more else None,
        "media_id": upload.media_id,
        "media": media_row(media) if media else None,
    }


def row_without_upload(media: Media) -> Row:
    """What is answered where the bytes were there already."""
    return {
        "id": None,
        "state": Upload.State.DONE,
        "uploaded": False,
        **_asked(media.original_name, media.type, media.size or 0, media.sha256),
        **dict.fromkeys(("error", "expires_at", "arrived", "put", "part_size", "next_after")),
        "parts_count": 0,
        "parts": [],
        "media_id": media.pk,
        "media": media_row(media),
    }


def _asked(name: str, type: str, size: int, sha256: str) -> Row:
    return {"name": name or None, "type": type, "size": size, "sha256": sha256}
