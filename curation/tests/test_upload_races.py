"""Direct uploads with many at once: real threads, real commits (C25, C26, C30)."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Access
from accounts.refusals import Conflict, Refusal
from accounts.scopes import Scope
from accounts.tests.cast import make_access
from curation.actions import completing, leftovers, media, uploads
from curation.actions.check import examine
from curation.actions.uploads import Wanted
from curation.models import Media, StoredObject, Upload
from curation.storage.stores import object_store
from curation.tests.deeds import NOBODY, actor, collect_now, key_of, stored_media
from curation.tests.pictures import picture
from curation.tests.senders import Attempt, follow, movie
from curation.tests.threads import patiently, together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tower() -> Access:
    return make_access("tower", Scope.DEVICE)


def arrived(tower: Access, content: bytes, target: Media | None = None, kind: str = "image") -> Upload:
    """An upload of which everything has arrived."""
    sha256 = hashlib.sha256(content).hexdigest()
    [upload] = uploads.begin([Wanted("a", len(content), sha256, kind, target)], by=actor(tower))
    assert isinstance(upload, Upload)
    for each in uploads.progress(upload).links:
        start = (each.number - 1) * (upload.part_size or 0) if each.number else 0
        assert follow(each.link.url, content[start : start + each.size], each.link.headers) == 200
    return upload


def complete(tower: Access, upload: Upload) -> Any:
    return patiently(lambda: completing.complete(Upload.objects.get(pk=upload.pk), by=actor(tower)))


def agree() -> None:
    assert examine(full=True).clean
    leftovers.sweep(now=timezone.now() + leftovers.LATE * 30)  # gives up what lost the race and was not tried again
    collect_now()
    assert {stat.key for stat in object_store().walk()} == set(Media.objects.stored().values_list("file", flat=True))


def test_of_many_who_complete_one_upload_all_get_the_one_media(tower: Access) -> None:
    for n in range(5):
        upload = arrived(tower, picture(n))
        results = together([partial(complete, tower, upload)] * 6)
        assert {type(result) for result in results} == {Media}
        assert {result.pk for result in results} == {Upload.objects.get(pk=upload.pk).media_id}
    assert Media.objects.count() == 5
    agree()


def test_so_do_they_when_it_comes_in_parts(tower: Access, settings: Any) -> None:
    settings.UPLOAD_PUT_MAX_BYTES = 100
    for n in range(3):
        upload = arrived(tower, picture(n))
        results = together([partial(complete, tower, upload)] * 4)
        assert {result.pk for result in results} == {Upload.objects.get(pk=upload.pk).media_id}
    agree()


def test_completed_or_cancelled_but_never_both(tower: Access) -> None:
    for n in range(10):
        upload = arrived(tower, picture(n))
        cancel = partial(lambda pk: uploads.cancel(Upload.objects.get(pk=pk), by=NOBODY), upload.pk)
        done, cancelled = together([partial(complete, tower, upload), cancel])
        upload.refresh_from_db()
        if upload.state == "done":
            assert isinstance(done, Media)
            assert isinstance(cancelled, Conflict)
        else:
            assert isinstance(done, Conflict)
            assert not Media.objects.filter(sha256=upload.sha256).exists()
    agree()


def test_batches_in_either_order_and_a_cancellation_leave_each_upload_with_one_end(tower: Access) -> None:
    for n in range(5):
        rows = [arrived(tower, picture(10 * n + k)) for k in range(4)]
        ids = [row.pk for row in rows]
        batches = [partial(completing.complete_many, order, by=actor(tower)) for order in (ids, ids[::-1])]
        cancel = partial(lambda pk: uploads.cancel(Upload.objects.get(pk=pk), by=NOBODY), ids[2])
        one, other, cancelled = together([partial(patiently, batch) for batch in batches] + [cancel])
        ended = {row.pk: row for row in Upload.objects.filter(pk__in=ids)}
        assert [ended[pk].state for pk in ids if pk != ids[2]] == ["done"] * 3
        assert (ended[ids[2]].state == "done") == isinstance(cancelled, Conflict)
        for pk in ids:
            if ended[pk].state == "done":
                assert isinstance(one[pk], Media)
                assert one[pk].pk == other[pk].pk == ended[pk].media_id
            else:
                assert isinstance(one[pk], Refusal)
    agree()


def test_a_job_and_a_cancellation_do_not_meet(tower: Access, settings: Any) -> None:
    settings.UPLOAD_INLINE_MAX_BYTES = 0
    for n in range(5):
        upload = arrived(tower, movie(300, n), kind="video")
        complete(tower, upload)

        def work(pk: int = upload.pk) -> None:
            completing.complete_upload(Attempt({"upload": pk}))

        cancel = partial(lambda pk: uploads.cancel(Upload.objects.get(pk=pk), by=NOBODY), upload.pk)
        together([work, work, cancel, leftovers.sweep])
        upload.refresh_from_db()
        assert Media.objects.filter(sha256=upload.sha256).count() == (upload.state == "done")
    agree()


def test_two_uploads_to_one_media_leave_the_one_or_the_other(tower: Access) -> None:
    row = media.create(by=actor(tower))
    ups = [arrived(tower, picture(n), row) for n in range(6)]
    results = together([partial(complete, tower, upload) for upload in ups])
    won = [result for result in results if isinstance(result, Media)]
    assert won
    assert all(isinstance(result, Conflict) for result in results if not isinstance(result, Media))
    row.refresh_from_db()
    assert row.version == 1 + len(won)
    StoredObject.objects.update(hold_until=None)
    agree()


def test_bytes_that_need_not_travel_meet_the_collector(tower: Access) -> None:
    """The last media with the bytes goes while another one is to share them: it shares them, or they are sent."""
    for n in range(10):
        last = stored_media(n, by=actor(tower))
        sha256 = last.sha256
        wanted = Wanted("a", last.size or 0, sha256, "image")

        def free(pk: int = last.pk) -> None:
            Media.objects.filter(pk=pk).update(file="", sha256="", size=None)
            collect_now()

        begun, freed = together([partial(uploads.begin, [wanted], by=actor(tower)), free])
        assert not isinstance(begun, Refusal), begun
        assert freed is None
        if isinstance(begun[0], Media):
            assert object_store().digest(key_of(begun[0]))[0] == sha256
        assert examine(full=True).clean
