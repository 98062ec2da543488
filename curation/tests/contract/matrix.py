"""Who may do what: every route, method and role, written by hand, and the function that compares it with the service.

Roles: nobody brings no token; ana and tower own the rows that are asked for, olga and valley do not; off is ana's
switched-off twin; ada's tokens `upload` and `read` carry less than her scope.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver
from django.utils import timezone

from accounts.actor import command
from accounts.models import Access
from accounts.scopes import Scope, TokenRights
from accounts.tests.cast import PASSWORD, Cast, api, make_access, token_of, with_password
from curation.actions.derive import derive_now
from curation.models import Annotation, Collection, ImportRun, Job, Media, Upload
from curation.storage.keys import incoming_key
from curation.storage.stores import object_store
from curation.tests.contract.helpers import layer
from curation.tests.duplicates.rows import found, seen
from curation.tests.labels import SMOKE, box, predicted, say, ship_labels
from curation.tests.pictures import LABEL, part, picture, zipped
from curation.tests.places import resolved, taken
from curation.tests.senders import asked, begin

SENT = picture(8)  # by the link that everybody holds

ROLES = ("nobody", "ana", "olga", "tower", "valley", "carl", "ada", "off", "upload", "read")
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")

TABLE = """
route                            method  nobody  ana olga  tower valley  carl ada  off  upload read
/                                GET     200     200 200   200   200     200  200  200  200    200
/healthz                         GET     200     200 200   200   200     200  200  200  200    200
/readyz                          GET     200     200 200   200   200     200  200  200  200    200
/docs                            GET     200     200 200   200   200     200  200  200  200    200
/redoc                           GET     200     200 200   200   200     200  200  200  200    200
/openapi.json                    GET     200     200 200   200   200     200  200  200  200    200
/.well-known/security.txt        GET     200     200 200   200   200     200  200  200  200    200
/files/{key}                     GET     200     200 200   200   200     200  200  200  200    200
/incoming/{name}                 PUT     200     200 200   200   200     200  200  200  200    200
/login/access-token              POST    200     200 200   200   200     200  200  200  200    200
/accesses                        GET     401     403 403   403   403     403  200  401  403    403
/accesses                        POST    401     403 403   403   403     403  201  401  403    403
/accesses/{access_id}            GET     401     403 403   403   403     403  200  401  403    403
/accesses/{access_id}            PUT     401     403 403   403   403     403  200  401  403    403
/accesses/{access_id}            DELETE  401     403 403   403   403     403  200  401  403    403
/accesses/me                     GET     401     200 200   200   200     200  200  401  403    200
/accesses/me                     PUT     401     200 200   200   200     200  200  401  403    403
/tokens                          GET     401     200 200   200   200     200  200  401  403    200
/tokens                          POST    401     201 201   201   201     201  201  401  403    403
/tokens/{token_id}               DELETE  401     200 403   200   403     403  200  401  403    403
/media                           GET     401     200 200   200   200     200  200  401  403    200
/media                           POST    401     403 403   201   201     201  201  401  201    403
/media/{media_id}                GET     401     200 403   200   403     200  200  401  403    200
/media/{media_id}                PUT     401     403 403   403   403     200  200  401  403    403
/media/{media_id}                PATCH   401     200 403   200   403     200  200  401  200    403
/media/{media_id}                DELETE  401     403 403   403   403     403  200  401  403    403
/media/{media_id}/upload         POST    401     200 403   200   403     200  200  401  200    403
/media/{media_id}/url            GET     401     200 403   200   403     200  200  401  403    200
/media/{media_id}/thumbnail      GET     401     200 403   200   403     200  200  401  403    200
/media/{media_id}/regions        GET     401     200 403   200   403     200  200  401  403    200
/media/{media_id}/regions        PUT     401     200 403   403   403     200  200  401  403    403
/annotations                     GET     401     200 200   200   200     200  200  401  403    200
/annotations                     POST    401     201 201   201   403     201  201  401  201    403
/annotations/{annotation_id}     GET     401     200 403   200   403     200  200  401  403    200
/annotations/{annotation_id}     PUT     401     403 403   403   403     200  200  401  403    403
/annotations/{annotation_id}     DELETE  401     403 403   403   403     200  200  401  403    403
/annotations/{annotation_id}/upload  POST  401   200 403   200   403     200  200  401  200    403
/annotations/{annotation_id}/url  GET    401     200 403   200   403     200  200  401  403    200
/annotations/{annotation_id}/regions  GET  401   200 403   200   403     200  200  401  403    200
/annotations/{annotation_id}/export  GET  401   200 403   200   403     200  200  401  403    200
/annotations/{annotation_id}/revisions  GET  401  200 403  200   403     200  200  401  403    200
/annotations/{annotation_id}/diff  GET   401     200 403   200   403     200  200  401  403    200
/annotations/{annotation_id}/accept  POST  401   201 403   403   403     201  201  401  403    403
/annotations/{annotation_id}/restore  POST  401  200 403   403   403     200  200  401  403    403
/jobs/{job_id}                   GET     401     200 403   200   403     200  200  401  403    200
/imports                         POST    401     403 403   403   403     202  202  401  202    403
/imports/{import_id}             GET     401     200 403   200   403     200  200  401  403    200
/imports/{import_id}/items       GET     401     200 403   200   403     200  200  401  403    200
/imports/{import_id}/report.csv  GET     401     200 403   200   403     200  200  401  403    200
/annotation-imports              POST    401     403 403   403   403     202  202  401  202    403
/labels                          GET     401     200 200   200   200     200  200  401  403    200
/taxonomy                        GET     401     200 200   200   200     200  200  401  403    200
/mappings                        GET     401     200 200   200   200     200  200  401  403    200
/mappings                        POST    401     403 403   403   403     201  201  401  403    403
/cameras                         GET     401     200 200   200   200     200  200  401  403    200
/cameras/{camera_id}             GET     401     200 403   200   403     200  200  401  403    200
/cameras/{camera_id}             PATCH   401     403 403   403   403     200  200  401  403    403
/views                           GET     401     200 200   200   200     200  200  401  403    200
/views/{view_id}                 GET     401     200 403   200   403     200  200  401  403    200
/views/{view_id}                 PATCH   401     403 403   403   403     200  200  401  403    403
/views/{view_id}/merge           POST    401     403 403   403   403     200  200  401  403    403
/views/{view_id}/merge           DELETE  401     403 403   403   403     409  409  401  403    403
/sequences                       GET     401     200 200   200   200     200  200  401  403    200
/sequences/{sequence_id}         GET     401     200 403   200   403     200  200  401  403    200
/sequences/{sequence_id}         PATCH   401     403 403   403   403     200  200  401  403    403
/sequences/{sequence_id}/media   GET     401     200 403   200   403     200  200  401  403    200
/sequences/{sequence_id}/merge   POST    401     403 403   403   403     200  200  401  403    403
/sequences/{sequence_id}/merge   DELETE  401     403 403   403   403     409  409  401  403    403
/sequences/{sequence_id}/accept  POST    401     201 403   403   403     201  201  401  403    403
/sequences/{sequence_id}/split   POST    401     403 403   403   403     201  201  401  403    403
/clusters                        GET     401     200 200   200   200     200  200  401  403    200
/clusters/{cluster_id}           GET     401     200 403   200   403     200  200  401  403    200
/clusters/{cluster_id}/items     GET     401     200 403   200   403     200  200  401  403    200
/clusters/{cluster_id}/decision  POST    401     403 403   403   403     200  200  401  403    403
/clusters/{cluster_id}/decision  DELETE  401     403 403   403   403     409  409  401  403    403
/collections                     GET     401     200 200   200   200     200  200  401  403    200
/collections                     POST    401     403 403   403   403     201  201  401  403    403
/collections/{collection_id}     GET     401     200 403   200   403     200  200  401  403    200
/collections/{collection_id}     PATCH   401     403 403   403   403     200  200  401  403    403
/collections/{collection_id}     DELETE  401     403 403   403   403     200  200  401  403    403
/collections/{collection_id}/media  GET  401     200 403   200   403     200  200  401  403    200
/collections/{collection_id}/media  POST  401    403 403   403   403     200  200  401  403    403
/collections/{collection_id}/freeze  POST  401   403 403   403   403     200  200  401  403    403
/entries                         POST    401     403 403   201   201     201  201  401  201    403
/uploads                         POST    401     403 403   201   201     201  201  401  201    403
/uploads/batch                   POST    401     403 403   201   201     201  201  401  201    403
/uploads/batch/complete          POST    401     200 200   200   200     200  200  401  200    403
/uploads/{upload_id}             GET     401     200 403   200   403     404  404  401  404    403
/uploads/{upload_id}             DELETE  401     200 403   200   403     404  404  401  404    403
/uploads/{upload_id}/complete    POST    401     200 403   200   403     404  404  401  404    403
"""
PUBLIC = {  # what needs no token; everything else answers 401 before it says which methods it has
    "/", "/healthz", "/readyz", "/docs", "/redoc", "/openapi.json", "/.well-known/security.txt", "/files/{key}",
    "/login/access-token", "/incoming/{name}",
}  # fmt: skip

QUERIES = {  # what a route must be asked
    ("/annotations/{annotation_id}/diff", "GET"): "?from=2&to=3",
    ("/annotations/{annotation_id}/diff", "HEAD"): "?from=2&to=3",
    ("/annotations/{annotation_id}/export", "GET"): "?format=csv",
    ("/annotations/{annotation_id}/export", "HEAD"): "?format=csv",
}

Table = dict[tuple[str, str], dict[str, int]]


def parsed(text: str = TABLE) -> Table:
    head, *lines = (line.split() for line in text.strip().splitlines())
    assert head == ["route", "method", *ROLES]
    return {(route, method): dict(zip(ROLES, map(int, rest), strict=True)) for route, method, *rest in lines}


def routes(patterns: Iterable[URLPattern | URLResolver], prefix: str = "/") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every route of a URL configuration as `/media/{media_id}`, with its view; the admin site's own left out."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern).replace("<str:", "{").replace("<path:", "{").replace(">", "}")
        if isinstance(pattern, URLResolver):
            if not route.startswith("/admin/"):
                yield from routes(pattern.url_patterns, route)
        elif pattern.callback is not None:
            yield route, pattern.callback


def canonical(route: str) -> str:
    """The one spelling that the table uses of the four (or two) that a view answers to."""
    route = "/" + route.removeprefix("/api/v1/").removeprefix("/")
    return route.rstrip("/") or "/"


@dataclass
class Scene:
    """The rows that are asked for, and who asks with which token."""

    cast: Cast
    link: str = ""
    put_link: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    targets: dict[str, dict[str, int]] = field(default_factory=dict)  # owner -> ids of its rows
    people: dict[str, Access] = field(default_factory=dict)

    def ids(self, role: str, *, bare: bool) -> dict[str, int]:
        """The path parameters that `role` asks with; `bare`: a media that nothing refers to."""
        owner = "tower" if role in {"tower", "valley"} else "ana"
        mine = self.targets[owner]
        return mine | {"media_id": mine["bare"] if bare else mine["media_id"]}


def make_scene(cast: Cast) -> Scene:
    scene = Scene(cast)
    off = make_access("off", Scope.USER, is_active=False)
    scene.people = {
        "ana": cast.ana, "olga": cast.olga, "tower": cast.tower, "valley": cast.other_tower, "carl": cast.carl,
        "ada": cast.ada, "off": off, "upload": cast.ada, "read": cast.ada,
    }  # fmt: skip
    with_password(cast.ana)
    Access.objects.exclude(pk=cast.ana.pk).update(password=cast.ana.password)
    rights = {"upload": TokenRights.UPLOAD, "read": TokenRights.READ}
    for role, access in scene.people.items():
        access.refresh_from_db()
        known = {"last_used_at": timezone.now()}  # so that asking alone writes nothing
        scene.tokens[role] = token_of(access, rights=rights.get(role, TokenRights.ALL), **known)
    media, annotation = _sent_by_the_tower(cast)
    scene.targets["tower"] = _rows(media, annotation, cast.tower)
    hers = _copy(media, cast.ana)
    scene.targets["ana"] = _rows(hers, Annotation.objects.get(pk=layer(api(cast.ana), hers.pk)), cast.ana)
    scene.put_link = _link_to_put(cast)
    scene.link = api(cast.tower).get(f"/media/{media.pk}/url").json()["url"].partition("/files/")[2]
    return scene


def _link_to_put(cast: Cast) -> str:
    return str(begin(api(cast.tower), SENT)["put"]["url"]).partition("/incoming/")[2]


def _arrived(owner: Access) -> Upload:
    """An upload of `owner` that waits to be completed, whatever his scope may begin."""
    content = picture(owner.pk + 100)
    row = Upload.objects.create(
        owner=owner, makes_media=True, type="image", name="a.jpg", size=len(content), incoming_key=incoming_key(),
        sha256=hashlib.sha256(content).hexdigest(), expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    object_store().put(row.incoming_key, BytesIO(content), size=row.size, sha256=row.sha256, content_type="image/jpeg")
    return row


def _sent_by_the_tower(cast: Cast) -> tuple[Media, Annotation]:
    files = {"file": part(picture(1)), "annotation": part(LABEL, "a.txt")}
    entry = api(cast.tower).post("/entries", files, format="multipart").json()
    return Media.objects.get(pk=entry["media"]["id"]), Annotation.objects.get(pk=entry["annotation"]["id"])


def _copy(media: Media, owner: Access) -> Media:
    """A media of `owner` with the same file: people of scope `user` create none themselves."""
    copy = Media.objects.get(pk=media.pk)
    copy.pk, copy._state.adding, copy.owner = None, True, owner
    copy.save()
    return copy


def _rows(media: Media, annotation: Annotation, owner: Access) -> dict[str, int]:
    token_of(owner, name="to be revoked")
    derive_now(media, by=command())
    ship_labels()
    for regions in ([box()], [box(x=0.15)]):
        say(Annotation.objects.get(pk=annotation.pk), regions)
    return {
        "media_id": media.pk,
        "bare": _copy(media, owner).pk,
        "annotation_id": annotation.pk,
        "import_id": ImportRun.objects.create(owner=owner, source="folder").pk,
        "access_id": _spare().pk,
        **_places(owner),
        "cluster_id": _cluster(owner),
        "collection_id": Collection.objects.create(
            name=f"of {owner.login}", owner=owner, organisation=owner.organisation
        ).pk,
        "upload_id": _arrived(owner).pk,
        "job_id": Job.objects.create(kind="import", key=owner.login, requested_by=owner).pk,
        "token_id": owner.tokens.get(name="to be revoked").pk,
    }


def _places(owner: Access) -> dict[str, int]:
    """Ids of a camera of the owner's organisation, of a view and a sequence of it, and of others to merge them into."""
    of = {"owner": owner, "organisation": owner.organisation, "camera": f"mast of {owner.login}"}
    one, two, other = resolved(taken(0, **of), taken(1, **of), taken(2, azimuth=127, **of))
    assert one.view is not None
    predicted(two, [box()], owner=owner)
    return {
        "camera_id": one.view.camera_id, "view_id": one.view.pk, "into_view": other.view_id or 0,
        "sequence_id": one.item.sequence_id, "into_sequence": other.item.sequence_id, "second": two.pk,
    }  # fmt: skip


def _cluster(owner: Access) -> int:
    """Of two media of the owner that look the same."""
    one, _ = seen(owner.pk, owner=owner, short=owner.pk), seen(owner.pk, owner=owner, short=owner.pk)
    found()
    return int(one.cluster_item.cluster_id)


def _spare() -> Access:
    return make_access(f"spare-{Access.objects.count()}", Scope.USER)


def body_of(route: str, method: str, ids: dict[str, int]) -> dict[str, Any]:
    """A request body that is in order, so that only rights decide."""
    json, multipart = "application/json", "multipart"
    month = (timezone.now() + timedelta(days=30)).isoformat()
    own = {"password": "another long phrase", "current_password": PASSWORD}
    bodies: dict[tuple[str, str], tuple[Any, str]] = {
        ("/login/access-token", "POST"): (f"username=ana&password={PASSWORD}", "application/x-www-form-urlencoded"),
        ("/accesses", "POST"): ({"login": "new", "password": PASSWORD}, json),
        ("/accesses/{access_id}", "PUT"): ({"password": PASSWORD}, json),
        ("/accesses/me", "PUT"): (own, json),
        ("/tokens", "POST"): ({"name": "one more", "expires_at": month}, json),
        ("/media", "POST"): ({"type": "image"}, json),
        ("/media/{media_id}", "PUT"): ({"type": "image"}, json),
        ("/media/{media_id}", "PATCH"): ({"camera": "mast 7"}, json),
        ("/media/{media_id}/upload", "POST"): ({"file": part(picture(2))}, multipart),
        ("/annotations", "POST"): ({"media_id": ids["media_id"]}, json),
        ("/annotations/{annotation_id}", "PUT"): ({"media_id": ids["media_id"]}, json),
        ("/media/{media_id}/regions", "PUT"): ({"regions": [SMOKE]}, json),
        ("/annotations/{annotation_id}/restore", "POST"): ({"revision": 2}, json),
        ("/annotations/{annotation_id}/upload", "POST"): ({"file": part(b"[]", "a.json")}, multipart),
        ("/uploads", "POST"): (asked(picture(6)), json),
        ("/uploads/batch", "POST"): ({"uploads": [asked(picture(6)), asked(picture(7))]}, json),
        ("/uploads/batch/complete", "POST"): ({"ids": [ids["upload_id"]]}, json),
        ("/incoming/{name}", "PUT"): (SENT, "application/octet-stream"),
        ("/mappings", "POST"): ({"name": "theirs", "rules": {"Fire": "drop"}}, json),
        ("/imports", "POST"): ({"file": part(zipped({}), "a.zip")}, multipart),
        ("/annotation-imports", "POST"): ({"file": part(b"[]", "a.json"), "mapping": "smoke=smoke"}, multipart),
        ("/cameras/{camera_id}", "PATCH"): ({"elevation": 812}, json),
        ("/views/{view_id}", "PATCH"): ({"azimuth": 111}, json),
        ("/views/{view_id}/merge", "POST"): ({"into": ids["into_view"]}, json),
        ("/clusters/{cluster_id}/decision", "POST"): ({"decision": "keep_all"}, json),
        ("/sequences/{sequence_id}", "PATCH"): ({"name": "smoke"}, json),
        ("/sequences/{sequence_id}/merge", "POST"): ({"into": ids["into_sequence"]}, json),
        ("/sequences/{sequence_id}/split", "POST"): ({"media_id": ids["second"]}, json),
        ("/collections", "POST"): ({"name": "smoke", "query": {"label": "smoke"}}, json),
        ("/collections/{collection_id}", "PATCH"): ({"name": "fires"}, json),
        ("/collections/{collection_id}/media", "POST"): ({"add": [ids["media_id"]]}, json),
        ("/entries", "POST"): ({"file": part(picture(3)), "annotation": part(b"{}", "a.json")}, multipart),
    }
    data, kind = bodies.get((route, method), ({}, json))
    return {"data": data} if kind == multipart else {"data": data, "content_type": kind}


@contextmanager
def undone() -> Iterator[None]:
    """What is done inside has not happened; `make hosts` undoes what hosts have committed."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def ask(scene: Scene, route: str, method: str, role: str) -> Any:
    """The answer to one request, whose effects are undone."""
    ids = scene.ids(role, bare=method == "DELETE")
    path = route.format(**ids, key=scene.link, name=scene.put_link) + QUERIES.get((route, method), "")
    headers = {"Authorization": f"Bearer {scene.tokens[role]}"} if role in scene.tokens else {}
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    with undone():
        extra = body_of(route, method, ids) if method in {"POST", "PUT", "PATCH", "DELETE"} else {}
        answer: Any = getattr(client, method.lower())(path, headers=headers, **extra)
    if answer.streaming:
        list(answer)  # closes the file
    return answer


def differences(
    scene: Scene, patterns: Iterable[URLPattern | URLResolver], table: Table | None = None, only: str = ""
) -> list[str]:
    """What the service does and the table does not say, as sentences. `only`: a part of the route's name."""
    table = parsed() if table is None else table
    found = [f"{route} has no row" for route in _unwritten(patterns, table)]
    for route in sorted({route for route, _ in table}):
        for method in METHODS if only in route else ():
            for role in ROLES:
                found += _compared(scene, table, route, method, role)
    return found


def _unwritten(patterns: Iterable[URLPattern | URLResolver], table: Table) -> list[str]:
    written = {route for route, _ in table}
    return sorted({canonical(route) for route, _ in routes(patterns)} - written)


def _compared(scene: Scene, table: Table, route: str, method: str, role: str) -> list[str]:
    row = table.get((route, "GET" if method == "HEAD" else method))
    expected = row[role] if row else _of_an_undeclared_method(route, role)
    answer = ask(scene, route, method, role)
    problems = [f"{method} {route} as {role}: {answer.status_code}, not {expected}"] * (answer.status_code != expected)
    if row is None and expected == 405 and _allowed(answer) != _declared(table, route):
        problems.append(f"{method} {route} as {role}: Allow is {answer.get('Allow')}")
    return problems


def _of_an_undeclared_method(route: str, role: str) -> int:
    return 401 if role in {"nobody", "off"} and route not in PUBLIC else 405


def _allowed(answer: HttpResponse) -> set[str]:
    return set(filter(None, str(answer.get("Allow", "")).replace(" ", "").split(",")))


def _declared(table: Table, route: str) -> set[str]:
    methods = {method for path, method in table if path == route}
    return methods | ({"HEAD"} if "GET" in methods else set())
