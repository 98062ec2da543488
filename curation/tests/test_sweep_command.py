"""`manage.py sweep_uploads`: give up, delete, count, and say what could not be done."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.tests.cast import Cast, api
from curation.models import Upload
from curation.storage.errors import StoreUnavailable
from curation.storage.stores import object_store
from curation.tests.pictures import picture
from curation.tests.senders import begin, put
from curation.tests.stage import fail, on_stage

ASIDE = "picture"  # a name that tells no type: a bucket, too, takes such a file aside first


def swept(*options: str) -> dict[str, int]:
    out = StringIO()
    call_command("sweep_uploads", "--json", *options, stdout=out)
    return dict(json.loads(out.getvalue()))


def test_it_counts_first_and_deletes_when_told(cast: Cast) -> None:
    put(begin(api(cast.tower), picture(1), name=ASIDE), picture(1))
    past = timezone.now() - timedelta(hours=3)
    Upload.objects.update(expires_at=past)
    assert swept("--dry-run") == {"expired": 1, "cleared": 0, "failed": 0}
    assert swept() == {"expired": 1, "cleared": 0, "failed": 0}
    assert len(list(object_store().walk())) == 1  # its link may still be followed
    Upload.objects.update(finished_at=past)
    assert swept("--dry-run") == {"expired": 0, "cleared": 1, "failed": 0}
    assert swept() == {"expired": 0, "cleared": 1, "failed": 0}
    assert swept() == {"expired": 0, "cleared": 0, "failed": 0}
    assert not list(object_store().walk())


@pytest.mark.parametrize(("minutes", "cleared"), [(119, 0), (121, 1)])
def test_nothing_is_deleted_while_a_link_may_still_write_it(cast: Cast, minutes: int, cleared: int) -> None:
    put(begin(api(cast.tower), picture(1), name=ASIDE), picture(1))
    Upload.objects.update(state="cancelled", finished_at=timezone.now() - timedelta(minutes=minutes))
    assert swept()["cleared"] == cleared


def test_a_store_that_does_not_delete_is_told_and_tried_again(cast: Cast, settings: Settings) -> None:
    put(begin(api(cast.tower), picture(1), name=ASIDE), picture(1))
    Upload.objects.update(state="cancelled", finished_at=timezone.now() - timedelta(hours=3))
    cues = on_stage(settings)
    cues["before remove"] = fail(StoreUnavailable("The store does not answer."))
    with pytest.raises(CommandError, match="could not delete everything"):
        swept()
    cues.clear()
    assert swept()["cleared"] == 1
