"""Media that belong together, in the order of their capture: by the text that came with them, or by time.

By time: pictures of one view with no pause longer than GAP are one sequence, in whatever order they arrive. Only spans
are compared, so that a camera that never rests costs no more than any other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Sequence as Rows
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from accounts.names import fold
from curation.models import Media, Sequence, SequenceItem, View

GAP = timedelta(minutes=30)  # the longest pause within a sequence
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEFORE_ALL = -(2**62)  # position of a media whose capture time is unknown
NEIGHBOURS = 5  # sequences that begin before a picture and may reach it

Origin = Sequence.Origin


class Span(NamedTuple):
    """Media that follow each other without a long pause, and when the first and the last were taken."""

    start: datetime
    end: datetime
    media: list[Media]


def count() -> int:
    return Sequence.objects.count()


def position(captured_at: datetime | None) -> int:
    """Where a media stands in its sequence: microseconds since 1970."""
    return BEFORE_ALL if captured_at is None else (captured_at - EPOCH) // timedelta(microseconds=1)


def place(rows: Iterable[Media]) -> None:
    """Within a transaction: put media whose views are known into their sequences. Twice is as once."""
    named: dict[tuple[int | None, str], list[Media]] = defaultdict(list)
    timed: dict[int, list[Media]] = defaultdict(list)
    for media in _homeless(rows):
        if text := fold(media.sequence)[:500]:
            named[media.organisation_id, text].append(media)
        elif media.view_id and media.captured_at:
            timed[media.view_id].append(media)
    for (organisation_id, text), group in sorted(named.items(), key=lambda item: (item[0][0] or 0, item[0][1])):
        _add(_named(organisation_id, text, group[0]), group)
    for view_id in sorted(timed):
        _place_by_time(view_id, timed[view_id])


def _homeless(rows: Iterable[Media]) -> list[Media]:
    """Those that are in no sequence, or in one that their texts no longer lead to. A person's decision stays."""
    by_id = {row.pk: row for row in rows}
    gone = []
    for item in SequenceItem.objects.filter(media__in=by_id).select_related("sequence"):
        if not _fits(item.sequence, by_id[item.media_id]):
            gone.append(item.pk)
            continue
        media = by_id.pop(item.media_id)
        if item.position != (now := position(media.captured_at)):
            SequenceItem.objects.filter(pk=item.pk).update(position=now)
            _stretch(item.sequence, [media])
    SequenceItem.objects.filter(pk__in=gone).delete()
    return list(by_id.values())


def _fits(sequence: Sequence, media: Media) -> bool:
    if sequence.origin == Origin.NAME:
        return sequence.name_folded == fold(media.sequence)[:500]
    return sequence.origin == Origin.HUMAN or (not fold(media.sequence) and sequence.view_id == media.view_id)


def _named(organisation_id: int | None, text: str, first: Media) -> Sequence:
    """The sequence of that name; whoever was faster has made it."""
    rows = Sequence.objects.filter(origin=Origin.NAME, organisation=organisation_id, name_folded=text)
    if found := rows.first():
        return found
    name = first.sequence.strip()
    try:
        with transaction.atomic():
            sequence = Sequence(organisation_id=organisation_id, name=name, origin=Origin.NAME, view_id=first.view_id)
            sequence.save()
    except IntegrityError:
        return rows.get()
    return sequence


def _add(sequence: Sequence, group: Rows[Media]) -> None:
    items = [SequenceItem(sequence=sequence, media=media, position=position(media.captured_at)) for media in group]
    SequenceItem.objects.bulk_create(items, ignore_conflicts=True)
    _stretch(sequence, group)


def _stretch(sequence: Sequence, group: Rows[Media]) -> None:
    """Let the span of a sequence hold these media too, and its view be theirs, or none when they differ."""
    sequence = Sequence.objects.select_for_update(no_key=True).get(pk=sequence.pk)
    times = [media.captured_at for media in group if media.captured_at]
    times += [at for at in (sequence.started_at, sequence.ended_at) if at]
    is_of_one_view = all(media.view_id == sequence.view_id for media in group)
    columns = {
        "started_at": min(times, default=None),
        "ended_at": max(times, default=None),
        "view_id": sequence.view_id if is_of_one_view else None,
    }
    Sequence.objects.filter(pk=sequence.pk).update(updated_at=timezone.now(), version=F("version") + 1, **columns)


# --- By time ---------------------------------------------------------------------------------------


def spans(group: Iterable[Media]) -> list[Span]:
    """Media (all with a capture time) cut where a pause is longer than GAP."""
    ordered = sorted(group, key=lambda media: (position(media.captured_at), media.name_folded, media.pk))
    cuts = [number for number, (one, other) in enumerate(pairwise(ordered), 1) if _at(other) - _at(one) > GAP]
    edges = pairwise([0, *cuts, len(ordered)])
    return [Span(_at(ordered[a]), _at(ordered[b - 1]), ordered[a:b]) for a, b in edges]


def _at(media: Media) -> datetime:
    assert media.captured_at is not None  # none is placed by time without one
    return media.captured_at


def _place_by_time(view_id: int, group: Rows[Media]) -> None:
    """One at a time for each view: two at once would make two sequences of one."""
    view = View.objects.select_for_update(no_key=True, of=("self",)).select_related("camera").get(pk=view_id)
    for span in spans(group):
        near = _near(view, span)
        if any(map(_is_decided, near)):  # its media may belong on either side of a cut
            for media in span.media:
                alone = Span(_at(media), _at(media), [media])
                _settle(view, alone, _near(view, alone))
        else:
            _settle(view, span, near)


def _settle(view: View, span: Span, near: Rows[Sequence]) -> None:
    """Let media that belong together join the nearest sequence, and the others join it that this brings near."""
    home = min(near, key=lambda one: (_pause(one, span), one.pk)) if near else _begun(view, span)
    if not _is_decided(home):
        _swallow(home, [one for one in near if one.pk != home.pk and not _is_decided(one)])
    _add(home, span.media)
    _rename(home, view)


def _near(view: View, span: Span) -> list[Sequence]:
    """Sequences of the view that are no longer than GAP away."""
    rows = Sequence.objects.filter(view=view, origin__in=[Origin.TIME, Origin.HUMAN])
    rows = rows.annotate(absorbed=Exists(Sequence.objects.filter(merged_into=OuterRef("pk"))))
    within = rows.filter(started_at__gte=span.start - GAP, started_at__lte=span.end + GAP)
    before = rows.filter(started_at__lt=span.start - GAP).order_by("-started_at")[:NEIGHBOURS]
    return [*within, *(one for one in before if one.ended_at and one.ended_at >= span.start - GAP)]


def _pause(sequence: Sequence, span: Span) -> timedelta:
    start, end = sequence.started_at or span.start, sequence.ended_at or span.end
    return max(start - span.end, span.start - end, timedelta(0))


def _is_decided(sequence: Sequence) -> bool:
    """Whether a person has cut or merged it, so that it is left as it is."""
    absorbed = getattr(sequence, "absorbed", False)
    return sequence.origin == Origin.HUMAN or sequence.merged_into_id is not None or absorbed


def _begun(view: View, span: Span) -> Sequence:
    sequence = Sequence(
        view=view, organisation_id=view.camera.organisation_id, name=_name(view, span.start), origin=Origin.TIME,
        started_at=span.start, ended_at=span.end,
    )  # fmt: skip
    sequence.save()
    return sequence


def _name(view: View, start: datetime) -> str:
    return f"{view} {start:%Y-%m-%d %H:%M:%S}"


def _rename(sequence: Sequence, view: View) -> None:
    """One that begins earlier than before is called so."""
    if sequence.origin != Origin.TIME:
        return
    sequence.refresh_from_db()
    if sequence.started_at and sequence.name != (name := _name(view, sequence.started_at)):
        Sequence.objects.filter(pk=sequence.pk).update(name=name, name_folded=fold(name))


def _swallow(home: Sequence, others: Rows[Sequence]) -> None:
    """A picture came that closes the pause between them."""
    if not others:
        return
    ids = [one.pk for one in others]
    SequenceItem.objects.filter(sequence__in=ids).update(sequence=home)
    times = [at for one in others for at in (one.started_at, one.ended_at) if at]
    Sequence.objects.filter(pk__in=ids).delete()
    Sequence.objects.filter(pk=home.pk).update(
        started_at=min([*times, home.started_at or times[0]]), ended_at=max([*times, home.ended_at or times[0]])
    )
