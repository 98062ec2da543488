"""Collections: searches that are kept, lists that curators fill, samples; and what freezes them for good."""

from __future__ import annotations

from collections.abc import Collection as Ids
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actions.audit import record
from accounts.actor import Actor
from accounts.models import Access
from accounts.names import fold
from accounts.refusals import Conflict, Invalid
from curation.actions import queue, sampling, searching
from curation.actions.sampling import Drawn, Sampling
from curation.actions.searching import Search
from curation.actions.working import Work
from curation.models import Collection, CollectionItem, Media

AT_ONCE = 1000  # media that are frozen within a request, and that may be put in at once
FOUND_MAX = 100_000  # media that are found, and put in or taken out at once
BATCH = 2000  # items that a job writes in one transaction
FASTER = "Somebody else changed this collection a moment ago; look again."
FROZEN = "This collection is frozen; it never changes again."


def create(
    name: str,
    *,
    description: str = "",
    query: dict[str, Any] | None = None,
    sample: dict[str, Any] | None = None,
    by: Actor,
) -> Collection:
    """Keep a search, a sample of one, or an empty list under a name. Raises Invalid, Conflict."""
    if sample is not None and query is None:
        raise Invalid("A sample is drawn from what a query finds.", "body", "query")
    drawn = None if sample is None else sampling.sampling_of(sample)
    collection = Collection(
        name=_named(name),
        description=description,
        owner=by.access,
        organisation_id=by.access.organisation_id if by.access else None,
        query=None if query is None else searching.understood(query, "body", "query").said,
        sample=drawn and {name: value for name, value in drawn.as_json().items() if name != "seed"},
        seed=drawn.seed if drawn else 0,
    )
    with _one_name(), transaction.atomic():
        collection.save()
        after = {"name": collection.name, "query": collection.query, "sample": sample}
        record("collection.create", collection, by=by, after=after)
    return collection


def describe(collection: Collection, columns: dict[str, str], *, by: Actor) -> Collection:
    """Set name and description, of a frozen one too. Raises Invalid, Conflict."""
    if "name" in columns:
        columns = columns | {"name": _named(columns["name"])}
    columns = {name: value for name, value in columns.items() if value != getattr(collection, name)}
    if not columns:
        return collection
    before = {name: getattr(collection, name) for name in columns}
    folded = {"name_folded": fold(columns["name"])[:200]} if "name" in columns else {}
    with _one_name(), transaction.atomic():
        _change(collection, columns | folded)
        record("collection.describe", collection, by=by, before=before, after=columns)
    return collection


def delete(collection: Collection, *, by: Actor) -> None:
    """Mark it as deleted; its name may be given again. Raises Conflict."""
    with transaction.atomic():
        _change(collection, {"deleted_at": timezone.now(), "deleted_by": by.access})
        record("collection.delete", collection, by=by, before={"name": collection.name})


def change_items(collection: Collection, *, add: Ids[int] = (), remove: Ids[int] = (), by: Actor) -> tuple[int, int]:
    """Put media into a list, and take others out; return how many came and went. Twice is as once.

    Raises Conflict for what is no list or frozen, Invalid for media that `by` does not see.
    """
    _check_items(add, remove, by)
    with transaction.atomic():
        collection = _open_list(collection)
        new = set(add) - set(collection.items.filter(media__in=add).values_list("media", flat=True))
        _write(collection, sorted(new))
        gone, _ = collection.items.filter(media__in=remove).delete()
        _note_items(collection, [*sorted(new), *sorted(remove)], added=len(new), removed=gone, by=by)
    return len(new), gone


def add_found(into: Collection | str, found: QuerySet[Media], *, by: Actor) -> tuple[Collection, int]:
    """Put the media of `found`, which `by` sees, into a list, or into a new one of that name; return how many came.

    All of them, or nothing. Raises Invalid for more than FOUND_MAX, Conflict.
    """
    with transaction.atomic():
        collection = _open_list(create(into, by=by) if isinstance(into, str) else into)
        came: list[int] = []
        count = 0
        for page in _few(found):
            new = sorted(set(page) - set(collection.items.filter(media__in=page).values_list("media", flat=True)))
            _write(collection, new)
            came, count = came or new, count + len(new)
        _note_items(collection, came, added=count, by=by)
    return collection, count


def remove_found(collection: Collection, found: QuerySet[Media], *, by: Actor) -> int:
    """Take the media of `found` out of a list; return how many went. As `add_found`."""
    with transaction.atomic():
        collection = _open_list(collection)
        went: list[int] = []
        count = 0
        for page in _few(found.filter(collected__collection=collection)):
            gone, _ = collection.items.filter(media__in=page).delete()
            went, count = went or page, count + gone
        _note_items(collection, went, removed=count, by=by)
    return count


def _few(found: QuerySet[Media]) -> Iterator[list[int]]:
    """Pages of ids. Raises Invalid once they are more than FOUND_MAX."""
    count, ids = 0, found.prefetch_related(None).order_by("pk").values_list("pk", flat=True).distinct()
    for page in _in_order(ids, BATCH):
        count += len(page)
        if count > FOUND_MAX:
            raise Invalid(f"At most {FOUND_MAX:,} media at once; keep the search as a collection.", "body", "add")
        yield page


def _note_items(collection: Collection, of: list[int], *, added: int = 0, removed: int = 0, by: Actor) -> None:
    if added or removed:
        _change(collection, {})
        after = {"added": added, "removed": removed, "of": of[:100]}
        record("collection.items", collection, by=by, after=after)


def _check_items(add: Ids[int], remove: Ids[int], by: Actor) -> None:
    if both := sorted(set(add) & set(remove)):
        raise Invalid(f"Media {both[0]} is to be added and removed.", "body", "remove")
    if max(len(add), len(remove)) > AT_ONCE:
        raise Invalid(f"At most {AT_ONCE} media at once.", "body", "add" if len(add) > AT_ONCE else "remove")
    rows = Media.objects.visible_to(by.access) if by.access else Media.objects.living()
    if unknown := sorted(set(add) - set(rows.filter(pk__in=add).values_list("pk", flat=True))):
        raise Invalid(f"There is no media {unknown[0]} that you see.", "body", "add")


def _open_list(collection: Collection) -> Collection:
    """As it is now, locked. Raises Conflict."""
    current = _locked(collection)
    if current.frozen_at is not None:
        raise Conflict(FROZEN)
    if current.query is not None:
        raise Conflict("This collection is a query; what it finds is put in by nobody.")
    return current


def _locked(collection: Collection) -> Collection:
    found: Collection | None = (
        Collection.objects.living().select_for_update(no_key=True).filter(pk=collection.pk).first()
    )
    if found is None:
        raise Conflict("This collection was deleted a moment ago.")
    return found


# --- Frozen ----------------------------------------------------------------------------------------


def freeze(collection: Collection, *, by: Actor) -> Collection:
    """Let it be what it is now, for good: at once when that is little, else by a job. Raises Conflict.

    What a query finds for `by` is frozen: media that `by` does not see are not among it.
    """
    with transaction.atomic():
        current = _locked(collection)
        if current.frozen_at is not None:
            raise Conflict(FROZEN)
        if current.query is None:
            return _frozen(current, by=by)
        found = [] if current.sample is not None else _first_of(current, by)
        if current.sample is None and len(found) <= AT_ONCE:
            _write(current, found)
            return _frozen(current, by=by)
        queue.put("freeze", str(current.pk), {"collection": current.pk, "access": by.access and by.access.pk}, by=by)
    return current


def _first_of(collection: Collection, by: Actor) -> list[int]:
    return next(_pages(_search(collection), by.access, AT_ONCE + 1), [])


def _search(collection: Collection) -> Search:
    """Raises Invalid when a filter means nothing any more."""
    return searching.understood(collection.query or {}, "body", "query")


def _pages(search: Search, access: Access | None, size: int) -> Iterator[list[int]]:
    """Ids of what a search finds, in order, read anew for each page."""
    return _in_order(search.rows(access).order_by("pk").values_list("pk", flat=True).distinct(), size)


def _in_order(rows: Any, size: int) -> Iterator[list[int]]:
    last = 0
    while page := list(rows.filter(pk__gt=last)[:size]):
        yield page
        last = page[-1]


def media_of(collection: Collection, size: int) -> Iterator[list[int]]:
    """Ids of the living media of a list, or of what a query finds now, page by page. Raises Conflict, Invalid."""
    if collection.is_list:
        rows = Media.objects.living().filter(collected__collection=collection)
        yield from _in_order(rows.order_by("pk").values_list("pk", flat=True), size)
    elif collection.sample is not None:
        raise Conflict("A sample is drawn when it is frozen, and this one is not frozen yet.")
    else:
        yield from _pages(_search(collection), None, size)


def work(job: Work) -> None:
    """The job: payload {"collection": id, "access": id or None}. An attempt that was ended is begun anew."""
    collection = Collection.objects.living().filter(pk=job.payload["collection"], frozen_at=None).first()
    if collection is None:
        return
    access = _whoever_asked(job.payload["access"])
    _empty(collection)
    report = None
    if collection.sample is None:
        pages = _pages(_search(collection), access, BATCH)
    else:
        drawn = sampling.draw(_search(collection), sampling_in(collection), access=access, progress=job.progress)
        pages, report = _batches(sorted(drawn.ids)), drawn.report
    _write_all(collection, pages, job)
    with transaction.atomic():
        _frozen(_locked(collection), by=Actor(access=access, door="job"), report=report)


def keep(name: str, *, query: dict[str, Any], sample: dict[str, Any], drawn: Drawn, by: Actor) -> Collection:
    """Keep a sample that was drawn already as a frozen collection. Raises Invalid, Conflict."""
    with transaction.atomic():
        collection = create(name, query=query, sample=sample, by=by)
        for page in _batches(sorted(drawn.ids)):
            _write(collection, page)
        return _frozen(collection, by=by, report=drawn.report)


def sampling_in(collection: Collection) -> Sampling:
    return Sampling(**(collection.sample or {}), seed=collection.seed)


def _whoever_asked(access_id: int | None) -> Access | None:
    if access_id is None:
        return None
    access: Access | None = Access.objects.living().filter(pk=access_id, is_active=True).first()
    if access is None:
        raise Conflict("Whoever asked for this has no access any more.")
    return access


def _batches(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _empty(collection: Collection) -> None:
    """Remove what an attempt wrote that came to no end."""
    while ids := list(collection.items.values_list("pk", flat=True)[:BATCH]):
        CollectionItem.objects.filter(pk__in=ids).delete()


def _write_all(collection: Collection, pages: Iterator[list[int]], job: Work) -> None:
    """A transaction for each page, which others need not wait for long."""
    written = 0
    for page in pages:
        _write(collection, page)
        written += len(page)
        job.progress(written)


def _write(collection: Collection, media_ids: Iterable[int]) -> None:
    items = [CollectionItem(collection=collection, media_id=pk) for pk in media_ids]
    CollectionItem.objects.bulk_create(items, ignore_conflicts=True)


def _frozen(collection: Collection, *, by: Actor, report: dict[str, int] | None = None) -> Collection:
    """Within a transaction that holds it: its items are what it is from now on. Raises Conflict."""
    if collection.frozen_at is not None:
        raise Conflict(FROZEN)
    size = collection.items.count()
    _change(collection, {"frozen_at": timezone.now(), "size": size, "report": report})
    record("collection.freeze", collection, by=by, after={"size": size, "report": report})
    return collection


def _named(name: str) -> str:
    if not fold(name):
        raise Invalid("A collection has a name.", "body", "name")
    return name.strip()


@contextmanager
def _one_name() -> Iterator[None]:
    """The database says when a name is taken."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict("There is a collection of this name already.") from error


def _change(collection: Collection, columns: dict[str, Any]) -> None:
    """Set columns from the state that was read. Raises Conflict."""
    changed = columns | {"version": collection.version + 1, "updated_at": timezone.now()}
    if not Collection.objects.living().filter(pk=collection.pk, version=collection.version).update(**changed):
        raise Conflict(FASTER)
    for name, value in changed.items():
        setattr(collection, name, value)
