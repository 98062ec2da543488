"""What regions may be called: labels, the versions of their list, and mappings of classes from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from django.db import Error, IntegrityError, connection, transaction
from django.test import Client

from accounts.models import AuditEntry
from accounts.refusals import Conflict, Invalid
from accounts.tests.cast import Cast, api
from accounts.tests.test_admin import enter, page, text
from curation.actions import taxonomy
from curation.actions.taxonomy import Described
from curation.models import Label, Mapping, TaxonomyVersion
from curation.tests.deeds import NOBODY
from curation.tests.labels import ship_labels
from curation.tests.threads import together

FOG = Described("fog", "brouillard", "niebla", "#aabbcc")


@pytest.fixture(autouse=True)
def _labels(db: None) -> None:
    ship_labels()


def label(code: str = "tree") -> Label:
    return Label.objects.get(code=code)


def newest() -> TaxonomyVersion:
    found: TaxonomyVersion = TaxonomyVersion.objects.order_by("-number")[0]
    return found


def add_fog(code: str = "fog", what: Described = FOG) -> Label:
    return taxonomy.add(code, "false_positive", what, by=NOBODY)


def test_it_begins_with_the_words_of_the_field() -> None:
    by_kind = {kind: set(Label.objects.filter(kind=kind).values_list("code", flat=True)) for kind in Label.Kind.values}
    assert by_kind["smoke"] == {"smoke", "wildfire", "industrial", "other_smoke"}
    assert by_kind["other"] == {"uncertain"}
    assert by_kind["false_positive"] == {
        "antenna", "building", "cliff", "combine_harvester", "dark", "dust", "high_cloud", "low_cloud", "lens_flare",
        "lens_droplet", "light", "rain", "trail", "road", "sky", "tree", "water_body", "other_false_positive",
        "unlabeled",
    }  # fmt: skip
    assert set(Label.objects.exclude(parent=None).values_list("parent__code", flat=True)) == {"smoke"}
    assert newest().number == 1
    assert newest().labels == taxonomy.labels_now()


def test_each_change_appends_a_version_of_the_whole_list(cast: Cast) -> None:
    fog = add_fog()
    fog = taxonomy.rename(fog, replace(FOG, name_en="mist"), by=NOBODY)
    fog = taxonomy.retire(fog, by=NOBODY)
    fog = taxonomy.bring_back(fog, by=NOBODY)

    assert fog.version == 4
    told = [
        next((row for row in version.labels if row["code"] == "fog"), None)
        for version in TaxonomyVersion.objects.order_by("number")
    ]
    assert [row and (row["names"]["en"], row["retired"]) for row in told] == [
        None, ("fog", False), ("mist", False), ("mist", True), ("mist", False),
    ]  # fmt: skip
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "label.create", "label.rename", "label.retire", "label.retire",
    ]  # fmt: skip
    renamed = AuditEntry.objects.get(action="label.rename")
    assert (renamed.before, renamed.after) == ({"name_en": "fog"}, {"name_en": "mist"})


def test_the_same_again_changes_nothing() -> None:
    tree = label()
    taxonomy.rename(tree, taxonomy.described(tree), by=NOBODY)
    taxonomy.bring_back(tree, by=NOBODY)
    taxonomy.retire(taxonomy.retire(tree, by=NOBODY), by=NOBODY)
    assert newest().number == 2


@pytest.mark.parametrize(
    ("code", "sentence"),
    [("", "1 to 50"), ("Fog", "1 to 50"), ("fog!", "1 to 50"), ("7fog", "1 to 50"), ("f" * 51, "1 to 50"),
     ("drop", "no verdict"), ("refuse", "no verdict")],
)  # fmt: skip
def test_a_code_is_plain(code: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        add_fog(code)
    assert newest().number == 1


def test_a_code_may_be_as_long_as_its_column() -> None:
    assert add_fog("f" * 50).code == "f" * 50


def test_a_code_is_given_once() -> None:
    with pytest.raises(Conflict, match="label tree already"):
        add_fog("tree")


@pytest.mark.parametrize(
    "wrong",
    [{"name_en": " "}, {"name_fr": ""}, {"name_es": "x" * 101}, {"name_es": "two\nlines"}, {"colour": "red"},
     {"colour": "#AABBCC"}],
)  # fmt: skip
def test_names_and_colours_are_as_they_are_written(wrong: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        add_fog(what=replace(FOG, **wrong))  # type: ignore[arg-type]
    assert not Label.objects.filter(code="fog").exists()


def test_the_longest_name_is_taken() -> None:
    assert add_fog(what=replace(FOG, name_es="x" * 100)).name_es == "x" * 100


def test_a_parent_is_of_the_same_kind_and_has_none_itself() -> None:
    for parent in ("smoke", "wildfire"):
        with pytest.raises(Invalid, match="parent"):
            add_fog(what=replace(FOG, parent=label(parent)))
    for code, parent in (("smoke", "smoke"), ("smoke", "other_smoke"), ("industrial", "wildfire")):
        row = label(code)
        with pytest.raises(Invalid, match="parent has no parent"):
            taxonomy.rename(row, replace(taxonomy.described(row), parent=label(parent)), by=NOBODY)
    assert add_fog(what=replace(FOG, parent=label("low_cloud"))).parent == label("low_cloud")


def test_there_is_an_end_to_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taxonomy, "LABELS_MAX", Label.objects.count() + 1)
    add_fog("fog")
    with pytest.raises(Conflict, match="labels already"):
        add_fog("fog2")


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [({"code": ""}, "label_has_a_code"), ({"code": "drop"}, "label_code_is_no_verdict"),
     ({"kind": "poem"}, "label_kind_is_known"), ({"name_fr": ""}, "label_is_named_in_each_language")],
)  # fmt: skip
def test_the_database_knows_the_rules_of_labels(columns: dict[str, str], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Label.objects.filter(code="tree").update(**columns)


def test_a_label_is_not_its_own_parent() -> None:
    with pytest.raises(IntegrityError, match="label_is_not_its_own_parent"), transaction.atomic():
        Label.objects.filter(code="tree").update(parent=label())


@pytest.mark.parametrize("history", [TaxonomyVersion, Mapping])
def test_versions_and_mappings_are_never_changed(history: Any) -> None:
    taxonomy.new_mapping("theirs", {"Fire": "drop"}, "refuse", by=NOBODY)
    row = history.objects.order_by("pk")[0]
    for act in (row.save, row.delete, history.objects.all().delete, partial(history.objects.update, author_login="x")):
        with pytest.raises(TypeError):
            act()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite relies on the managers.")
@pytest.mark.parametrize("table", ["curation_taxonomyversion", "curation_mapping"])
def test_nor_behind_the_back_of_the_managers(table: str) -> None:
    taxonomy.new_mapping("theirs", {"Fire": "drop"}, "refuse", by=NOBODY)
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET author_login = 'x'")


@pytest.mark.django_db(transaction=True)
def test_of_many_changes_at_once_each_is_a_version_or_a_conflict() -> None:
    rows = [label(code) for code in ("tree", "sky", "road", "tree", "sky", "road")]
    acts = [
        partial(taxonomy.rename, row, replace(taxonomy.described(row), name_en=f"name {n}"), by=NOBODY)
        for n, row in enumerate(rows)
    ]
    results = together(acts)
    won = [result for result in results if isinstance(result, Label)]
    assert len(won) + sum(isinstance(result, Conflict) for result in results) == 6
    assert 1 <= len(won) <= 3
    assert list(TaxonomyVersion.objects.order_by("number").values_list("number", flat=True)) == list(
        range(1, len(won) + 2)
    )
    assert newest().labels == taxonomy.labels_now()


# --- Mappings --------------------------------------------------------------------------------------

RULES = {"smoke": "smoke", "Fire": "drop", "default": "refuse"}


def test_a_mapping_says_what_becomes_of_each_class() -> None:
    mapping = taxonomy.new_mapping("sample", RULES, "list", by=NOBODY)
    assert [mapping.verdict(name) for name in ("smoke", "Fire", "default", "Smoke", "")] == [
        "smoke", "drop", "refuse", "list", "list",
    ]  # fmt: skip


def test_a_change_of_a_mapping_is_its_next_version_and_the_same_is_none(cast: Cast) -> None:
    one = taxonomy.new_mapping("sample", RULES, "refuse", by=NOBODY)
    same = taxonomy.new_mapping("sample", dict(reversed(RULES.items())), "refuse", by=NOBODY)
    two = taxonomy.new_mapping("sample", RULES, "drop", by=NOBODY)
    other = taxonomy.new_mapping("other", RULES, "drop", by=NOBODY)
    assert (one.version, same.pk, two.version, other.version) == (1, one.pk, 2, 1)
    assert AuditEntry.objects.filter(action="mapping.create").count() == 3


@pytest.mark.parametrize(
    ("name", "rules", "on_unknown", "sentence"),
    [
        ("", RULES, "refuse", "A name is"),
        ("x" * 101, RULES, "refuse", "A name is"),
        ("a/b", RULES, "refuse", "A name is"),
        ("a", RULES, "guess", "refused, dropped or listed"),
        ("a", {}, "refuse", "1 to 1000 rules"),
        ("a", {f"class {n}": "drop" for n in range(1001)}, "refuse", "1 to 1000 rules"),
        ("a", {"Fire": "fire"}, "refuse", "no living label fire"),
        ("a", {"": "drop"}, "refuse", "1 to 200 printable"),
        ("a", {"x" * 201: "drop"}, "refuse", "1 to 200 printable"),
        ("a", {"a\0": "drop"}, "refuse", "1 to 200 printable"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(name: str, rules: Any, on_unknown: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        taxonomy.new_mapping(name, rules, on_unknown, by=NOBODY)
    assert not Mapping.objects.exists()


def test_a_mapping_at_its_limits_is_taken() -> None:
    rules = {f"class {n}": "drop" for n in range(999)} | {"x" * 200: "tree"}
    assert len(taxonomy.new_mapping("x" * 100, rules, "drop", by=NOBODY).rules) == 1000


def test_a_retired_label_is_given_to_no_new_mapping() -> None:
    taxonomy.retire(label(), by=NOBODY)
    with pytest.raises(Invalid, match="no living label tree"):
        taxonomy.new_mapping("sample", {"Tree": "tree"}, "refuse", by=NOBODY)


@pytest.mark.django_db(transaction=True)
def test_of_two_next_versions_at_once_one_is_a_conflict_or_the_next_but_one() -> None:
    acts = [partial(taxonomy.new_mapping, "sample", {f"class {n}": "drop"}, "drop", by=NOBODY) for n in range(4)]
    results = together(acts)
    won = sum(not isinstance(result, Conflict) for result in results)
    assert won >= 1
    assert sorted(Mapping.objects.values_list("version", flat=True)) == list(range(1, won + 1))


# --- The doors -------------------------------------------------------------------------------------


def test_the_api_shows_labels_and_versions(cast: Cast) -> None:
    client = api(cast.ana)
    rows = client.get("/labels?limit=1000").json()
    wildfire = next(row for row in rows if row["code"] == "wildfire")
    assert wildfire["names"] == {"en": "wildfire", "fr": "feu de forêt", "es": "incendio forestal"}
    assert (wildfire["parent"], wildfire["retired_at"], wildfire["kind"]) == ("smoke", None, "smoke")
    taxonomy.retire(label(), by=NOBODY)
    assert client.get("/taxonomy").json()["version"] == 2
    first = client.get("/taxonomy?version=1").json()
    assert [row["retired"] for row in first["labels"] if row["code"] == "tree"] == [False]
    for unknown in ("3", "9" * 30):
        assert client.get(f"/taxonomy?version={unknown}").json() == {
            "detail": "There is no such version of the taxonomy."
        }
    assert client.get("/taxonomy?version=0").status_code == 422
    assert client.get("/labels?kind=smoke").status_code == 422


def test_a_curator_adds_a_mapping_over_the_api(cast: Cast) -> None:
    body = {"name": "sample", "rules": RULES}
    answer = api(cast.carl).post("/mappings", body, format="json")
    assert answer.status_code == 201
    assert (answer.json()["version"], answer.json()["on_unknown"], answer.json()["author"]) == (1, "refuse", "carl")
    assert api(cast.ana).get("/mappings?name=sample").json() == [answer.json()]
    assert api(cast.ana).get("/mappings?name=other").json() == []
    wrong = api(cast.carl).post("/mappings", body | {"rules": {"Fire": "fire"}}, format="json")
    assert wrong.status_code == 422
    assert wrong.json()["detail"][0]["loc"] == ["body", "rules", "Fire"]


def form_of(row: Label, **changes: Any) -> dict[str, Any]:
    names = {name: getattr(row, name) for name in ("name_en", "name_fr", "name_es", "colour")}
    return names | {"parent": row.parent_id or "", "seen": row.version} | changes


def save(client: Client, row: Label, **changes: Any) -> Any:
    return client.post(page("curation_label_change", row.pk), form_of(row, **changes))


def test_a_curator_adds_names_and_retires_a_label_in_the_workbench(cast: Cast) -> None:
    client = enter(cast.carl)
    new = {"code": "fog", "kind": "false_positive", "parent": "", **form_of(Label(code="fog", **_fog()))}
    assert client.post(page("curation_label_add"), new).status_code == 302
    fog = label("fog")
    save(client, fog, name_fr="brume", retired="on")
    fog.refresh_from_db()
    assert (fog.name_fr, fog.retired_at is not None, fog.version) == ("brume", True, 3)
    late = save(client, Label.objects.get(pk=fog.pk), name_fr="late", seen=1)
    assert "Somebody else changed the taxonomy" in text(late)
    assert "fog" in text(client.get(page("curation_label_changelist")))
    versions = text(client.get(page("curation_taxonomyversion_change", newest().pk)))
    assert "<code>fog</code> fog (false positive, retired)" in versions


def _fog() -> dict[str, str]:
    return {"name_en": "fog", "name_fr": "brouillard", "name_es": "niebla", "colour": "#aabbcc"}


def test_a_curator_writes_a_mapping_as_lines(cast: Cast) -> None:
    client = enter(cast.carl)
    lines = "smoke = smoke\r\n\r\nFire=drop\r\n a = b = refuse"
    client.post(page("curation_mapping_add"), {"name": "sample", "lines": lines, "on_unknown": "list"})
    mapping = Mapping.objects.get()
    assert mapping.rules == {"smoke": "smoke", "Fire": "drop", "a = b": "refuse"}
    assert "Fire = <code>drop</code>" in text(client.get(page("curation_mapping_change", mapping.pk)))


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [("smoke", "Line 1 is not written"), ("a = drop\na = refuse", "Line 2 gives a a second rule"),
     ("Fire = fire", "no living label fire")],
)  # fmt: skip
def test_a_line_that_is_no_rule_comes_back_with_its_sentence(cast: Cast, lines: str, sentence: str) -> None:
    form = {"name": "sample", "lines": lines, "on_unknown": "drop"}
    answer = enter(cast.carl).post(page("curation_mapping_add"), form)
    assert sentence in text(answer)
    assert not Mapping.objects.exists()


def test_nobody_deletes_or_rewrites_in_the_workbench(cast: Cast) -> None:
    mapping = taxonomy.new_mapping("sample", RULES, "refuse", by=NOBODY)
    client = enter(cast.ada)
    assert client.post(page("curation_label_delete", label().pk), {"post": "yes"}).status_code == 403
    assert client.post(page("curation_mapping_change", mapping.pk), {"name": "x"}).status_code == 403
    assert client.post(page("curation_taxonomyversion_change", newest().pk), {"number": 9}).status_code == 403
    assert client.get(page("curation_taxonomyversion_add")).status_code == 403
