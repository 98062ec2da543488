"""A row found by prepared SQL is the row that the ORM finds, column by column."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from accounts.models import Access
from accounts.refusals import NotFound, NotYours
from accounts.tests.cast import Cast, api
from curation.actions import find
from curation.models import Annotation, Media, StoredObject
from curation.tests.contract.helpers import layer, stored


def columns(row: models.Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.mark.parametrize("who", ["tower", "carl", "ada"])
def test_every_column_is_in_its_place(cast: Cast, who: str) -> None:
    access: Access = getattr(cast, who)
    media = stored(api(cast.tower))
    annotation = layer(api(cast.tower), media)
    Media.objects.filter(pk=media).update(latitude=43.5, captured_basis="client", captured_at="2026-07-14T15:42:10Z")
    assert columns(find.media(media, access=access)) == columns(Media.objects.get(pk=media))
    assert columns(find.annotation(annotation, access=access)) == columns(Annotation.objects.get(pk=annotation))


def test_each_way_of_seeing_keeps_its_own_sql(cast: Cast) -> None:
    media = stored(api(cast.tower))
    for _ in range(2):
        assert find.media(media, access=cast.carl).pk == media
        with pytest.raises(NotYours):
            find.media(media, access=cast.other_tower)
        assert find.media(media, access=cast.tower).pk == media


@pytest.mark.parametrize("row_id", [2**63 - 1, 2**63, 10**30])
def test_an_id_beyond_the_column_is_merely_unknown(cast: Cast, row_id: int) -> None:
    with pytest.raises(NotFound):
        find.media(row_id, access=cast.carl)
    with pytest.raises(NotYours):
        find.media(row_id, access=cast.tower)


@pytest.mark.damages_storage
def test_a_link_looks_at_the_ledger_each_time(cast: Cast) -> None:
    client = api(cast.tower)
    media = stored(client)
    assert client.get(f"/media/{media}/url").status_code == 200
    StoredObject.objects.update(state="missing")
    assert client.get(f"/media/{media}/url").status_code == 404
    StoredObject.objects.update(state="ready")
    assert client.get(f"/media/{media}/url").status_code == 200
