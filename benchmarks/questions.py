"""What every list can be asked, and the columns by which an index finds the answer.

A test keeps the table complete: each declared filter and each search stands here, and PostgreSQL can serve it by an
index. `make benchmark PARTS=lists` asks the same of a million rows. The values are such as few rows have there.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

DIGEST = "00000000" + "ab" * 28
LONG_AGO = "2020-01-02T00:00:00Z"
AHEAD = "2100-01-01T00:00:00Z"


@dataclass(frozen=True)
class Question:
    """`columns`: those that the conditions of index scans must name, all of them.

    `walks`: why there are none, and the newest rows are looked through instead.
    """

    path: str
    parameter: str
    value: str
    columns: tuple[str, ...] = ()
    walks: str = ""

    def address(self, *, organisation: int | None, run: int | None) -> str:
        """The ids of an organisation and of an import that there are: the first may stand in the value as
        `{organisation}`, the other in the path.
        """
        value = self.value.format(organisation=organisation)
        return f"{self.path.format(import_id=run)}?{urlencode({self.parameter: value})}"


MEDIA, ANNOTATIONS, TOKENS = "/api/v1/media", "/api/v1/annotations", "/api/v1/tokens"
ADMIN = "/admin/"

QUESTIONS = [
    Question(MEDIA, "type", "video", ("type",)),
    Question(MEDIA, "uploaded", "false", walks="The index that is read holds these alone."),
    Question(MEDIA, "uploaded", "true", ("sha256",)),
    Question(MEDIA, "sha256", DIGEST, ("sha256",)),
    Question(MEDIA, "owner", "2", ("owner_id",)),
    Question(MEDIA, "captured_from", AHEAD, ("captured_at",)),
    Question(MEDIA, "captured_to", LONG_AGO, ("captured_at",)),
    Question(MEDIA, "created_from", AHEAD, ("created_at",)),
    Question(MEDIA, "created_to", LONG_AGO, ("created_at",)),
    Question(MEDIA, "updated_since", AHEAD, ("updated_at",)),
    Question(MEDIA, "near_duplicate", "true", ("kind",)),
    Question(MEDIA, "near_duplicate", "false", walks="Nearly every media is none."),
    Question(MEDIA, "order", "captured", ("captured_at",)),
    Question(MEDIA, "organisation", "{organisation}", ("organisation_id",)),
    Question(MEDIA, "size_from", "9000000000", ("size",)),
    Question(MEDIA, "size_to", "7", ("size",)),
    Question(MEDIA, "light", "twilight", ("light",)),
    Question(MEDIA, "state", "problem", ("state",)),
    Question(MEDIA, "label", "wildfire", ("label_id",)),
    Question(MEDIA, "label_kind", "other", ("label_id",)),
    Question(MEDIA, "origin", "human", ("origin",)),
    Question(MEDIA, "truth", "true", walks="One of two values; an index serves the one that statistics know as rare."),
    Question(MEDIA, "score_from", "0.999", ("score",)),
    Question(MEDIA, "score_to", "0.001", ("score",)),
    Question(MEDIA, "camera", "7", ("taken_by_id",)),
    Question(MEDIA, "view", "7", ("view_id",)),
    Question(MEDIA, "sequence", "7", ("sequence_id",)),
    Question("/api/v1/cameras", "organisation", "{organisation}", ("organisation_id",)),
    Question("/api/v1/views", "camera", "7", ("camera_id",)),
    Question("/api/v1/sequences", "view", "7", ("view_id",)),
    Question("/api/v1/sequences", "origin", "human", ("origin",)),
    Question("/api/v1/clusters", "kind", "frozen", ("kind",)),
    Question("/api/v1/clusters", "decision", "keep_one", ("decision",)),
    Question("/api/v1/clusters", "awaits", "true", ("awaits",)),
    Question("/api/v1/clusters", "media", "7", ("media_id",)),
    Question(ANNOTATIONS, "media_id", "7", ("media_id",)),
    Question(ANNOTATIONS, "origin", "prediction", ("origin",)),
    Question(ANNOTATIONS, "state", "problem", ("state",)),
    Question(ANNOTATIONS, "format", "voc", ("format",)),
    Question("/api/v1/mappings", "name", "none", ("name",)),
    Question(TOKENS, "access", "2", ("access_id",)),
    Question("/api/v1/imports/{import_id}/items", "verdict", "refused", ("run_id",)),
    Question(f"{ADMIN}curation/importrun/", "state", "failed", ("state",)),
    Question(f"{ADMIN}curation/annotationimport/", "state", "failed", ("state",)),
    Question(f"{ADMIN}curation/media/", "type", "video", ("type",)),
    Question(f"{ADMIN}curation/media/", "uploaded", "yes", ("sha256",)),
    Question(f"{ADMIN}curation/media/", "uploaded", "no", walks="The index that is read holds these alone."),
    Question(f"{ADMIN}curation/media/", "organisation", "{organisation}", ("organisation_id",)),
    Question(f"{ADMIN}curation/media/", "q", DIGEST[:8], ("id",)),  # found beforehand, each way by its index
    Question(f"{ADMIN}curation/annotation/", "state", "problem", ("state",)),
    Question(f"{ADMIN}curation/annotation/", "origin", "prediction", ("origin",)),
    Question(f"{ADMIN}curation/annotationrevision/", "origin", "human", ("origin",)),
    Question(f"{ADMIN}curation/camera/", "q", "bri", ("name_folded",)),
    Question(f"{ADMIN}curation/sequence/", "origin", "human", ("origin",)),
    Question(f"{ADMIN}curation/sequence/", "q", "fire", ("name_folded",)),
    Question(f"{ADMIN}curation/media/", "camera", "7", ("taken_by_id",)),
    Question(f"{ADMIN}curation/media/", "label", "wildfire", ("label_id",)),
    Question(f"{ADMIN}curation/media/", "label_kind", "other", ("label_id",)),
    Question(f"{ADMIN}curation/media/", "origin", "human", ("origin",)),
    Question(f"{ADMIN}curation/media/", "truth", "true", walks="As over the API."),
    Question(f"{ADMIN}curation/media/", "score_from", "0.999", ("score",)),
    Question(f"{ADMIN}curation/media/", "score_to", "0.001", ("score",)),
    Question(f"{ADMIN}curation/media/", "state", "problem", ("state",)),
    Question(f"{ADMIN}curation/media/", "near_duplicate", "true", ("kind",)),
    Question(f"{ADMIN}curation/media/", "light", "twilight", ("light",)),
    Question(f"{ADMIN}curation/media/", "captured_from", "2100-01-01T00:00", ("captured_at",)),
    Question(f"{ADMIN}curation/media/", "captured_to", "2020-01-02T00:00", ("captured_at",)),
    Question(f"{ADMIN}curation/media/", "size_from", "9000000000", ("size",)),
    Question(f"{ADMIN}curation/media/", "size_to", "7", ("size",)),
    Question(f"{ADMIN}curation/collection/", "q", "fire", ("name_folded",)),
    Question(f"{ADMIN}curation/media/", "view", "7", ("view_id",)),
    Question(f"{ADMIN}curation/media/", "in_sequence", "7", ("sequence_id",)),
    Question(f"{ADMIN}curation/cluster/", "kind", "frozen", ("kind",)),
    Question(f"{ADMIN}curation/cluster/", "decision", "keep_one", ("decision",)),
    Question(f"{ADMIN}curation/cluster/", "awaits", "yes", ("awaits",)),
    Question(f"{ADMIN}curation/cluster/", "q", "7", ("media_id",)),
    Question(f"{ADMIN}curation/job/", "state", "dead", ("state",)),
    Question(f"{ADMIN}curation/job/", "kind", "import", ("kind",)),
    Question(f"{ADMIN}curation/job/", "q", "7", ("key",)),
    Question(f"{ADMIN}curation/upload/", "state", "refused", ("state",)),
    Question(f"{ADMIN}curation/upload/", "q", "tower-1", ("owner_id",)),
    Question(f"{ADMIN}curation/label/", "kind", "other", ("kind",)),
    Question(f"{ADMIN}curation/storedobject/", "state", "damaged", ("state",)),
    Question(f"{ADMIN}curation/storedobject/", "q", "media/none.jpg", ("key",)),
    Question(f"{ADMIN}curation/storedobject/", "q", DIGEST[:8], ("sha256",)),
    Question(f"{ADMIN}accounts/access/", "scope", "admin", ("scope",)),
    Question(f"{ADMIN}accounts/access/", "is_active__exact", "0", ("is_active",)),
    Question(f"{ADMIN}accounts/access/", "q", "tow", ("login_key",)),
    Question(f"{ADMIN}accounts/organisation/", "q", "for", ("name_folded",)),
    Question(f"{ADMIN}accounts/apitoken/", "state", "living", ("revoked_at",)),
    Question(f"{ADMIN}accounts/apitoken/", "state", "revoked", ("revoked_at",)),
    Question(f"{ADMIN}accounts/apitoken/", "state", "expired", ("revoked_at", "expires_at")),
    Question(f"{ADMIN}accounts/apitoken/", "kind", "device", ("kind",)),
    Question(f"{ADMIN}accounts/apitoken/", "q", "tower-1", ("access_id", "name", "prefix")),
    Question(f"{ADMIN}accounts/auditentry/", "door", "command", ("door",)),
    Question(f"{ADMIN}accounts/auditentry/", "table", "organisation", ("table",)),
    Question(f"{ADMIN}accounts/auditentry/", "action", "organisation.rename", ("action",)),
    Question(f"{ADMIN}accounts/auditentry/", "q", "7", ("actor_login", "table", "row_id")),
]
