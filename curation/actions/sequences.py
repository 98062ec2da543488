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

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.names import fold
from curation.models import Media, Sequence, SequenceItem, View

GAP = timedelta(minutes=30)  # the longest pause within a sequence
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEFORE_ALL = -(2**62)  # position of a media whose capture time is unknown
NEIGHBOURS = 5  # sequences that begin before a picture and may reach it
ASKED = 100  # spans that one statement asks for
NEAR = """
SELECT * FROM (
    SELECT {number} AS number, id FROM curation_sequence
    WHERE view_id = %s AND origin IN ('time', 'human') AND started_at >= %s AND started_at <= %s
) AS beginning
UNION ALL SELECT * FROM (
    SELECT {number} AS number, id FROM curation_sequence
    WHERE view_id = %s AND origin IN ('time', 'human') AND started_at < %s ORDER BY started_at DESC LIMIT %s
) AS earlier
"""

Origin = Sequence.Origin


Joining = tuple[Sequence, list[Media]]


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
    """Within a transaction: put media whose views are known into their sequences. Twice is as once.

    The statements are those of a page, however many views and sequences its media mix.
    """
    named: dict[tuple[int | None, str], list[Media]] = defaultdict(list)
    timed: dict[int, list[Media]] = defaultdict(list)
    for media in _homeless(rows):
        if text := fold(media.sequence)[:500]:
            named[media.organisation_id, text].append(media)
        elif media.view_id and media.captured_at:
            timed[media.view_id].append(media)
    _add([*_by_name(named), *_by_time(timed)])


def _homeless(rows: Iterable[Media]) -> list[Media]:
    """Those that are in no sequence, or in one that their texts no longer lead to. A person's decision stays."""
    by_id = {row.pk: row for row in rows}
    gone, moved = [], []
    for item in SequenceItem.objects.filter(media__in=by_id).select_related("sequence"):
        if not _fits(item.sequence, by_id[item.media_id]):
            gone.append(item.pk)
            continue
        media = by_id.pop(item.media_id)
        if item.position != (now := position(media.captured_at)):
            item.position = now
            moved.append((item, media))
    SequenceItem.objects.bulk_update([item for item, _ in moved], ["position"])
    _stretch([(item.sequence_id, [media]) for item, media in moved])
    SequenceItem.objects.filter(pk__in=gone).delete()
    return list(by_id.values())


def _fits(sequence: Sequence, media: Media) -> bool:
    if sequence.origin == Origin.NAME:
        return sequence.name_folded == fold(media.sequence)[:500]
    return sequence.origin == Origin.HUMAN or (not fold(media.sequence) and sequence.view_id == media.view_id)


def _by_name(named: dict[tuple[int | None, str], list[Media]]) -> list[Joining]:
    rows = Sequence.objects.filter(origin=Origin.NAME, name_folded__in={text for _, text in named}) if named else []
    known = {(row.organisation_id, row.name_folded): row for row in rows}
    return [
        (known.get(key) or _named(*key, first=group[0]), group)
        for key, group in sorted(named.items(), key=lambda item: (item[0][0] or 0, item[0][1]))
    ]


def _named(organisation_id: int | None, text: str, *, first: Media) -> Sequence:
    """A new sequence of that name; whoever was faster has made it."""
    name = first.sequence.strip()
    try:
        with transaction.atomic():
            sequence = Sequence(organisation_id=organisation_id, name=name, origin=Origin.NAME, view_id=first.view_id)
            sequence.save()
    except IntegrityError:
        return Sequence.objects.get(origin=Origin.NAME, organisation=organisation_id, name_folded=text)
    return sequence


def _add(joining: Rows[Joining]) -> None:
    items = [
        SequenceItem(sequence=sequence, media=media, position=position(media.captured_at))
        for sequence, group in joining
        for media in group
    ]
    SequenceItem.objects.bulk_create(items, ignore_conflicts=True)
    _stretch([(sequence.pk, group) for sequence, group in joining])


def _stretch(groups: Iterable[tuple[int, Rows[Media]]]) -> None:
    """Let the spans of sequences hold these media too, and their view be theirs, or none when they differ.

    groups: media by the id of their sequence, which may come more than once.
    """
    media_of: dict[int, list[Media]] = defaultdict(list)
    for sequence_id, group in groups:
        media_of[sequence_id] += group
    if not media_of:
        return
    rows = Sequence.objects.select_for_update(no_key=True, of=("self",)).select_related("view__camera")
    stretched = list(rows.filter(pk__in=media_of).order_by("pk"))
    for sequence in stretched:
        _stretch_one(sequence, media_of[sequence.pk])
    Sequence.objects.bulk_update(stretched, STRETCHED)


STRETCHED = ("started_at", "ended_at", "view", "name", "name_folded", "updated_at", "version")


def _stretch_one(sequence: Sequence, group: Rows[Media]) -> None:
    times = [media.captured_at for media in group if media.captured_at]
    times += [at for at in (sequence.started_at, sequence.ended_at) if at]
    if times and sequence.origin == Origin.TIME and sequence.view:
        sequence.name = _name(sequence.view, min(times))  # one that begins earlier than before is called so
        sequence.name_folded = fold(sequence.name)[:500]
    sequence.started_at, sequence.ended_at = min(times, default=None), max(times, default=None)
    if any(media.view_id != sequence.view_id for media in group):
        sequence.view = None
    sequence.version, sequence.updated_at = sequence.version + 1, timezone.now()


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


def _by_time(timed: dict[int, list[Media]]) -> list[Joining]:
    """Where media join, or what they begin. One page at a time for each view: two would make two sequences of one."""
    if not timed:
        return []
    views = View.objects.select_for_update(no_key=True, of=("self",)).select_related("camera")
    wanted = [(view, span) for view in views.filter(pk__in=timed).order_by("pk") for span in spans(timed[view.pk])]
    joining, alone, homes = [], [], Homes()
    for (view, span), found in zip(wanted, _near(wanted), strict=True):
        near = homes.of(found)
        if any(map(_is_decided, near)):  # its media may belong on either side of a cut
            _one_by_one(view, span, homes)
        elif near:
            joining.append((homes.joined(near, span), span.media))
        else:
            alone.append((view, span))
    _begin(alone)
    return [(homes.of([home])[0], media) for home, media in joining]  # some were swallowed by a later one


class Homes:
    """Sequences as they become while the spans of a page join them: what was swallowed is what swallowed it."""

    def __init__(self) -> None:
        self._known: dict[int, Sequence] = {}

    def of(self, found: Rows[Sequence]) -> list[Sequence]:
        """Each once, as it is by now."""
        now = [self._known.setdefault(one.pk, one) for one in found]
        return list({one.pk: one for one in now}.values())

    def joined(self, near: Rows[Sequence], span: Span) -> Sequence:
        """The nearest one, which the others join as well, because the span brings them near. None is decided."""
        home = min(near, key=lambda one: (_pause(one, span), one.pk))
        self.swallow(home, [one for one in near if one.pk != home.pk])
        home.started_at = min(at for at in (span.start, *(one.started_at for one in near)) if at)
        home.ended_at = max(at for at in (span.end, *(one.ended_at for one in near)) if at)
        return home

    def swallow(self, home: Sequence, others: Rows[Sequence]) -> None:
        _swallow(home, others)
        gone = {one.pk for one in others}
        self._known = {pk: home if one.pk in gone else one for pk, one in self._known.items()} | {home.pk: home}


def _begin(alone: Rows[tuple[View, Span]]) -> None:
    """Sequences of their own, all at once."""
    begun = [_begun(view, span) for view, span in alone]
    Sequence.objects.bulk_create(begun)
    items = [
        SequenceItem(sequence=sequence, media=media, position=position(media.captured_at))
        for sequence, (_, span) in zip(begun, alone, strict=True)
        for media in span.media
    ]
    SequenceItem.objects.bulk_create(items, ignore_conflicts=True)


def _one_by_one(view: View, span: Span, homes: Homes) -> None:
    """Beside what a person has decided, each media joins what it is nearest to by itself."""
    for media in span.media:
        alone = Span(_at(media), _at(media), [media])
        near = homes.of(_near([(view, alone)])[0])
        if not near:
            _begin([(view, alone)])
            continue
        home = min(near, key=lambda one: (_pause(one, alone), one.pk))
        if not _is_decided(home):
            homes.swallow(home, [one for one in near if one.pk != home.pk and not _is_decided(one)])
        _add([(home, [media])])


def _near(wanted: Rows[tuple[View, Span]]) -> list[list[Sequence]]:
    """For each span, the sequences of its view that are no longer than GAP away."""
    found: list[tuple[int, int]] = []
    for start in range(0, len(wanted), ASKED):
        found += _numbers_near(wanted[start : start + ASKED], start)
    rows = Sequence.objects.filter(pk__in={pk for _, pk in found})
    by_id = {row.pk: row for row in rows.annotate(absorbed=Exists(Sequence.objects.filter(merged_into=OuterRef("pk"))))}
    near: list[list[Sequence]] = [[] for _ in wanted]
    for number, pk in found:
        ended_at = by_id[pk].ended_at
        if ended_at and ended_at >= wanted[number][1].start - GAP:
            near[number].append(by_id[pk])
    return near


def _numbers_near(wanted: Rows[tuple[View, Span]], first: int) -> list[tuple[int, int]]:
    """By one statement: (number of a span, id of a sequence) of those that begin near a span, or just before it."""
    moment, values = connection.ops.adapt_datetimefield_value, []
    for view, span in wanted:
        since = moment(span.start - GAP)
        values += [view.pk, since, moment(span.end + GAP), view.pk, since, NEIGHBOURS]
    parts = (NEAR.format(number=first + number) for number in range(len(wanted)))
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        return [(number, pk) for number, pk in cursor.fetchall()]


def _pause(sequence: Sequence, span: Span) -> timedelta:
    start, end = sequence.started_at or span.start, sequence.ended_at or span.end
    return max(start - span.end, span.start - end, timedelta(0))


def _is_decided(sequence: Sequence) -> bool:
    """Whether a person has cut or merged it, so that it is left as it is."""
    absorbed = getattr(sequence, "absorbed", False)
    return sequence.origin == Origin.HUMAN or sequence.merged_into_id is not None or absorbed


def _begun(view: View, span: Span) -> Sequence:
    name = _name(view, span.start)
    return Sequence(
        view=view, organisation_id=view.camera.organisation_id, name=name, name_folded=fold(name)[:500],
        origin=Origin.TIME, started_at=span.start, ended_at=span.end,
    )  # fmt: skip


def _name(view: View, start: datetime) -> str:
    return f"{view} {start:%Y-%m-%d %H:%M:%S}"


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
