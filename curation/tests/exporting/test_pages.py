"""A layer is downloaded from its page in the workbench."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import AuditEntry
from accounts.tests.cast import Cast
from accounts.tests.test_admin import enter, page, text
from curation.actions.taxonomy import new_mapping
from curation.models import Annotation, Media, Origin
from curation.tests.deeds import NOBODY, stored_annotation, stored_media
from curation.tests.labels import box, predicted, ship_labels
from curation.tests.meaning.helpers import named


@pytest.fixture(autouse=True)
def _labels(db: None) -> None:
    ship_labels()


def layer(media: Media) -> Annotation:
    return predicted(media, [box("smoke")], origin=Origin.IMPORTED)


def download(client: Any, row: Annotation, **fields: str) -> Any:
    return client.post(page("curation_annotation_export", row.pk), fields, follow=True)


def test_the_page_offers_formats_and_mappings(cast: Cast) -> None:
    new_mapping("theirs", {"fumée": "smoke"}, on_unknown="refuse", by=NOBODY)
    new_mapping("theirs", {"fumée": "smoke", "feu": "wildfire"}, on_unknown="refuse", by=NOBODY)
    seen = text(enter(cast.carl).get(page("curation_annotation_change", layer(stored_media()).pk)))
    assert seen.count('<option value="theirs">') == 1
    assert '<option value="voc">Pascal VOC</option>' in seen
    unread = stored_annotation(stored_media(2))
    assert "export-format" not in text(enter(cast.carl).get(page("curation_annotation_change", unread.pk)))


def test_a_curator_downloads_a_layer_in_the_words_of_a_mapping(cast: Cast) -> None:
    new_mapping("theirs", {"fumée": "smoke"}, on_unknown="refuse", by=NOBODY)
    row = layer(named("a.jpg", 1))
    fields = {"format": "voc", "mapping": "theirs", "classes": "", "polygons": "box"}
    answer = download(enter(cast.carl), row, **fields)
    assert answer["Content-Disposition"] == 'attachment; filename="a.xml"'
    assert "<name>fumée</name>" in answer.content.decode()
    entry: Any = AuditEntry.objects.get(action="annotation.export")
    assert (entry.row_id, entry.door, entry.actor) == (row.pk, "admin", cast.carl)
    assert entry.after["mapping"]["name"] == "theirs"
    assert "annotation.export" in text(enter(cast.carl).get(page("curation_annotation_change", row.pk)))


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"format": "voc", "mapping": "feu=wildfire"}, "The mapping makes smoke of no class."),
        ({"format": "voc", "mapping": "none such"}, "There is no mapping none such."),
        ({"format": "voc", "classes": "smoke"}, "Pascal VOC does not number its classes."),
        ({}, "Field required"),
    ],
)
def test_what_cannot_be_is_told_on_the_page(cast: Cast, fields: dict[str, str], what: str) -> None:
    answer = download(enter(cast.carl), layer(stored_media()), **fields)
    assert what in text(answer)
    assert not AuditEntry.objects.filter(action="annotation.export").exists()


def test_nobody_else_downloads_it(cast: Cast) -> None:
    row = layer(stored_media())
    for person in (cast.ana, cast.tower):
        client = enter(cast.carl)
        client.logout()
        client.force_login(person)
        assert client.post(page("curation_annotation_export", row.pk), {"format": "csv"}).status_code in (302, 403)
    assert enter(cast.carl).get(page("curation_annotation_export", row.pk)).status_code == 405
    assert not AuditEntry.objects.filter(action="annotation.export").exists()
