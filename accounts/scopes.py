"""What each scope may do: the one place where API rights and admin rights are written down.

Whether it may do it to a given row is the row's business (`visible_to`, `may_change`).
"""

from __future__ import annotations

from enum import StrEnum

from django.db.models import TextChoices


class Scope(TextChoices):
    USER = "user"
    DEVICE = "device"
    CURATOR = "curator"
    ADMIN = "admin"


class Sees(TextChoices):
    """Which rows an access sees beside those it owns."""

    OWN = "own"
    LISTED = "listed", "listed organisations"
    ALL = "all"


class TokenRights(TextChoices):
    ALL = "all"
    UPLOAD = "upload"
    READ = "read"


class Right(StrEnum):
    READ = "read"
    CREATE_MEDIA = "create media"
    UPLOAD_MEDIA = "upload media"
    DESCRIBE_MEDIA = "describe media"
    EDIT_MEDIA = "edit media"
    DELETE_MEDIA = "delete media"
    CREATE_ANNOTATION = "create annotation"
    UPLOAD_ANNOTATION = "upload annotation"
    EDIT_ANNOTATION = "edit annotation"
    DELETE_ANNOTATION = "delete annotation"
    CHANGE_PLACES = "change cameras, views and sequences"
    COLLECT = "put media into collections"
    IMPORT = "import"
    DECIDE = "decide"  # what a picture shows, as a person
    DECIDE_DUPLICATES = "decide about near-duplicates"
    EDIT_TAXONOMY = "edit taxonomy"
    MANAGE_OWN_ACCESS = "manage own access"
    MANAGE_ACCESSES = "manage accesses"


_SENDS = {
    Right.UPLOAD_MEDIA,
    Right.DESCRIBE_MEDIA,
    Right.CREATE_ANNOTATION,
    Right.UPLOAD_ANNOTATION,
}
_EVERYONE = _SENDS | {Right.READ, Right.MANAGE_OWN_ACCESS}
_CURATES = {
    Right.CREATE_MEDIA,
    Right.IMPORT,
    Right.EDIT_MEDIA,
    Right.EDIT_ANNOTATION,
    Right.DELETE_ANNOTATION,
    Right.DECIDE,
    Right.DECIDE_DUPLICATES,
    Right.EDIT_TAXONOMY,
    Right.CHANGE_PLACES,
    Right.COLLECT,
}

RIGHTS: dict[str, frozenset[Right]] = {
    Scope.USER: frozenset(_EVERYONE | {Right.DECIDE}),
    Scope.DEVICE: frozenset(_EVERYONE | {Right.CREATE_MEDIA}),
    Scope.CURATOR: frozenset(_EVERYONE | _CURATES),
    Scope.ADMIN: frozenset(Right),
}
TOKEN_RIGHTS: dict[str, frozenset[Right]] = {
    TokenRights.ALL: frozenset(Right),
    TokenRights.UPLOAD: frozenset(_SENDS | {Right.CREATE_MEDIA, Right.IMPORT}),
    TokenRights.READ: frozenset({Right.READ}),
}
SEES: dict[str, str] = {  # what a new access of the scope sees
    Scope.USER: Sees.OWN,
    Scope.DEVICE: Sees.OWN,
    Scope.CURATOR: Sees.ALL,
    Scope.ADMIN: Sees.ALL,
}
CHANGES_OTHERS = frozenset({Scope.CURATOR, Scope.ADMIN})  # may change rows that others own
ENTERS_ADMIN = frozenset({Scope.CURATOR, Scope.ADMIN})

# The admin site: permission code names (as Django spells them) of a curator; an admin has them all.
CURATOR_PAGES = frozenset(
    {
        "curation.view_media",
        "curation.add_media",
        "curation.change_media",
        "curation.view_annotation",
        "curation.add_annotation",
        "curation.change_annotation",
        "curation.delete_annotation",
        "curation.view_annotationrevision",
        "curation.view_camera",
        "curation.change_camera",
        "curation.view_view",
        "curation.change_view",
        "curation.view_sequence",
        "curation.change_sequence",
        "curation.view_cluster",
        "curation.change_cluster",
        "curation.view_collection",
        "curation.add_collection",
        "curation.change_collection",
        "curation.delete_collection",
        "curation.view_storedobject",
        "curation.view_job",
        "curation.change_job",
        "curation.view_upload",
        "curation.change_upload",
        "curation.view_importrun",
        "curation.add_importrun",
        "curation.view_annotationimport",
        "curation.add_annotationimport",
        "curation.view_label",
        "curation.add_label",
        "curation.change_label",
        "curation.view_mapping",
        "curation.add_mapping",
        "curation.view_taxonomyversion",
        "accounts.view_auditentry",
        "accounts.view_apitoken",
        "accounts.add_apitoken",
        "accounts.change_apitoken",
    }
)
READ_ONLY_PAGES = frozenset(  # for admins too
    {"auditentry", "annotationrevision", "storedobject", "idempotencykey", "taxonomyversion"}
)


def may(scope: str, right: Right, *, token_rights: str = TokenRights.ALL) -> bool:
    """Whether a scope, asking through a token with `token_rights`, has a right."""
    return right in RIGHTS[scope] and right in TOKEN_RIGHTS[token_rights]


def may_in_admin(scope: str, permission: str) -> bool:
    """Whether a scope holds an admin permission such as `curation.view_media`."""
    verb, _, model = permission.partition(".")[2].partition("_")
    if verb != "view" and model in READ_ONLY_PAGES:
        return False
    return scope == Scope.ADMIN or (scope == Scope.CURATOR and permission in CURATOR_PAGES)
