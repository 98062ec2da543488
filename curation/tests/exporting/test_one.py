"""One layer goes out as a file: over the API, in the words of a mapping, noted in its history."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import AuditEntry
from accounts.tests.cast import Cast, api
from curation.actions.meaning.rules import chosen
from curation.actions.taxonomy import new_mapping
from curation.formats.table import FORMATS
from curation.models import Annotation, Label, Media, Origin
from curation.tests.deeds import NOBODY
from curation.tests.importing.helpers import fill
from curation.tests.labels import box, predicted, ship_labels
from curation.tests.meaning.helpers import named, only_layer, take

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _labels() -> None:
    ship_labels()


def imported(media: Media, *codes: str, **columns: Any) -> Annotation:
    regions = [box(code, x=0.1 * number) for number, code in enumerate(codes)]
    return predicted(media, regions, **({"origin": Origin.IMPORTED} | columns))


def out(cast: Cast, layer: Annotation, **query: str) -> Any:
    return api(cast.carl).get(f"/api/v1/annotations/{layer.pk}/export", query)


def problem(answer: Any) -> tuple[int, Any]:
    detail = answer.json()["detail"]
    return answer.status_code, detail if isinstance(detail, str) else (detail[0]["loc"], detail[0]["msg"])


def test_it_is_a_download_in_the_words_of_a_mapping(cast: Cast) -> None:
    new_mapping("theirs", {"fumée": "smoke", "feu": "wildfire"}, on_unknown="refuse", by=NOBODY)
    layer = imported(named("été.jpg", 1), "smoke", "wildfire")
    answer = out(cast, layer, format="voc", mapping="theirs")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/xml"
    assert answer["Content-Disposition"] == "attachment; filename=\"ete.xml\"; filename*=UTF-8''%C3%A9t%C3%A9.xml"
    assert answer["X-Content-Type-Options"] == "nosniff"
    text = answer.content.decode()
    assert text.count("<name>fumée</name>") == text.count("<name>feu</name>") == 1


def test_without_a_mapping_codes_stay_as_they_are(cast: Cast) -> None:
    layer = imported(named("a.jpg", 1), "antenna")
    text = out(cast, layer, format="csv").content.decode()
    assert ",box,antenna," in text


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_has_its_type_and_extension(cast: Cast, name: str) -> None:
    columns = {"origin": Origin.PREDICTION} if name == "pyronear_predictions" else {}
    layer = imported(named("a.jpg", 1), **columns)
    answer = out(cast, layer, format=name)
    assert answer.status_code == 200
    assert answer["Content-Type"].partition(";")[0] == FORMATS[name].content_type
    assert answer["Content-Disposition"] == f'attachment; filename="a.{FORMATS[name].extension}"'


def test_history_says_what_went_out_by_which_mapping(cast: Cast) -> None:
    new_mapping("theirs", {"fumée": "smoke"}, on_unknown="drop", by=NOBODY)
    layer = imported(named("a.jpg", 1), "smoke", "antenna")
    answer = out(cast, layer, format="yolo", mapping="theirs@1")
    entry: Any = AuditEntry.objects.get(action="annotation.export")
    assert (entry.table, entry.row_id, entry.actor, entry.door) == ("annotation", layer.pk, cast.carl, "api")
    digest = chosen("theirs").digest
    assert entry.after["mapping"] == {"name": "theirs", "version": 1, "on_unknown": "drop", "digest": digest}
    assert (entry.after["written"], entry.after["renamed"], entry.after["dropped"]) == (1, 1, 1)
    assert (entry.after["revision"], entry.after["classes"]) == (1, ["fumée"])
    assert f'"{entry.after["sha256"]}"' == answer["ETag"]


def test_who_has_it_already_is_told_so_and_nothing_is_noted(cast: Cast) -> None:
    layer = imported(named("a.jpg", 1), "smoke")
    tag = out(cast, layer, format="csv")["ETag"]
    address = f"/api/v1/annotations/{layer.pk}/export?format=csv"
    assert api(cast.carl).get(address, HTTP_IF_NONE_MATCH=tag).status_code == 304
    assert api(cast.carl).head(address)["ETag"] == tag
    assert AuditEntry.objects.filter(action="annotation.export").count() == 1
    assert api(cast.carl).get(address, HTTP_IF_NONE_MATCH='"another"').status_code == 200


def test_classes_are_numbered_by_their_names_unless_told(cast: Cast) -> None:
    layer = imported(named("a.jpg", 1), "smoke")
    rules = {"mapping": "zeta=smoke,alpha=wildfire,beta=drop"}
    assert out(cast, layer, format="yolo", **rules).content.startswith(b"1 ")
    assert out(cast, layer, format="yolo", classes="alpha,beta,zeta", **rules).content.startswith(b"2 ")
    codes = list(Label.objects.order_by("pk").values_list("code", flat=True))
    assert out(cast, layer, format="yolo").content.startswith(f"{codes.index('smoke')} ".encode())


@pytest.mark.parametrize(
    ("codes", "query", "what"),
    [
        ("antenna", {"mapping": "smoke=smoke"}, "The mapping makes antenna of no class."),
        ("smoke", {"mapping": "a=smoke,b=smoke"}, "The mapping makes smoke of several classes."),
        ("antenna", {"mapping": "antenna=smoke", "unmapped": "keep"}, "The mapping makes antenna of no class."),
        ("smoke", {"format": "yolo", "classes": "fire"}, "YOLO numbers its classes, and the list of names has no"),
    ],
)
def test_what_has_no_word_is_refused_and_not_noted(cast: Cast, codes: str, query: dict[str, str], what: str) -> None:
    layer = imported(named("a.jpg", 1), codes)
    status, said = problem(out(cast, layer, **({"format": "csv"} | query)))
    assert status == 409
    assert said.startswith(what)
    assert not AuditEntry.objects.filter(action="annotation.export").exists()


def test_a_mapping_may_keep_or_drop_what_it_does_not_name(cast: Cast) -> None:
    layer = imported(named("a.jpg", 1), "smoke", "antenna")
    kept = out(cast, layer, format="csv", mapping="fumée=smoke", unmapped="keep").content.decode()
    assert ",box,fumée," in kept
    assert ",box,antenna," in kept
    dropped = out(cast, layer, format="csv", mapping="fumée=smoke,default=drop").content.decode()
    assert ",box,fumée," in dropped
    assert "antenna" not in dropped


def test_what_another_mapping_made_is_not_called_by_its_word(cast: Cast, tmp_path: Any) -> None:
    """A class that this mapping keeps unmapped would not become the code again."""
    media = named("a.jpg", 1)
    take(fill(tmp_path, {"labels/a.txt": b"0 0.5 0.5 0.1 0.1\n"}), "nube=high_cloud", names={0: "nube"})
    text = out(cast, only_layer(media), format="csv", mapping="cloud=high_cloud,default=keep").content.decode()
    assert ",box,cloud," in text
    assert "nube" not in text


def test_polygons_become_boxes_only_when_asked(cast: Cast) -> None:
    outline = box("smoke", kind="polygon", points=((0.1, 0.1), (0.3, 0.1), (0.2, 0.3)))
    layer = predicted(named("a.jpg", 1), [outline], origin=Origin.IMPORTED)
    assert problem(out(cast, layer, format="voc"))[0] == 409
    assert out(cast, layer, format="voc", polygons="box").status_code == 200


def test_a_prediction_without_a_score_never_goes_out_as_truth(cast: Cast) -> None:
    """Its layer is a model's, whatever its lines say."""
    layer = imported(named("a.jpg", 1), "smoke", origin=Origin.PREDICTION)
    assert problem(out(cast, layer, format="yolo")) == (
        409,
        "A prediction without a score would read as truth in YOLO.",
    )
    assert ",true," in out(cast, layer, format="csv").content.decode()


def test_a_layer_that_nobody_understood_is_no_empty_one(cast: Cast) -> None:
    layer = Annotation.objects.create(media=named("a.jpg", 1), origin=Origin.IMPORTED)
    assert problem(out(cast, layer, format="yolo"))[0] == 409
    assert out(cast, imported(layer.media), format="yolo").content == b""


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({}, "format"),
        ({"format": "word"}, "format"),
        ({"format": "csv", "mapping": "none such"}, "mapping"),
        ({"format": "csv", "mapping": ""}, "mapping"),
        ({"format": "csv", "mapping": "a=none"}, "mapping"),
        ({"format": "csv", "unmapped": "keep"}, "unmapped"),
        ({"format": "csv", "mapping": "a=smoke", "unmapped": "guess"}, "unmapped"),
        ({"format": "csv", "classes": "smoke"}, "classes"),
        ({"format": "yolo", "polygons": "oval"}, "polygons"),
        ({"format": "csv", "split": "train"}, "split"),
    ],
)
def test_what_cannot_be_asked_is_told_by_name(cast: Cast, query: dict[str, str], where: str) -> None:
    status, (loc, _) = problem(out(cast, imported(named("a.jpg", 1)), **query))
    assert (status, loc) == (422, ["query", where])


def test_a_retired_label_still_goes_out(cast: Cast) -> None:
    layer = imported(named("a.jpg", 1), "antenna")
    Label.objects.filter(code="antenna").update(retired_at=layer.created_at)
    assert ",box,mast," in out(cast, layer, format="csv", mapping="mast=antenna").content.decode()


def test_who_does_not_see_the_picture_is_not_told_its_name(cast: Cast) -> None:
    """People annotate any media; their layer is theirs, the file of the picture is not."""
    layer = imported(named("secret.jpg", 1, owner=cast.tower), "smoke", owner=cast.ana)
    assert api(cast.ana).get(f"/annotations/{layer.pk}").status_code == 200
    assert api(cast.ana).get(f"/annotations/{layer.pk}/export?format=csv").status_code == 403
