"""Each filter and each search of each list can be answered by an index, so that no list reads a whole table."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.rest.paging import PARAMETERS
from accounts.tests.cast import Cast, api
from accounts.tests.test_admin import enter
from benchmarks.plans import Statement, conditions, nodes, plan_of, statement_of
from benchmarks.questions import ADMIN, DIGEST, QUESTIONS, Question
from curation.admin.media import ways_to
from curation.models import ImportRun, Media
from curation.tests.labels import ship_labels

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="Plans are PostgreSQL's.")


def asked_of_the_api() -> set[tuple[str, str]]:
    """The parameters of all lists, as the OpenAPI document declares them."""
    document: dict[str, Any] = Client().get("/openapi.json").json()
    found = set()
    for path, operations in document["paths"].items():
        declared = operations.get("get", {}).get("parameters", [])
        names = {parameter["name"] for parameter in declared if parameter["in"] == "query"}
        if names >= set(PARAMETERS):
            found |= {(path, name) for name in names - {*PARAMETERS, "at"}}  # which is a part of after and before
    return found


def parameters_of(one: Any) -> tuple[str, ...]:
    """Of a span its two ends; of any other filter the one that it has."""
    return getattr(one, "names", ()) or (getattr(one, "parameter_name", f"{one}__exact"),)


def asked_of_the_workbench() -> set[tuple[str, str]]:
    found = set()
    for model, room in admin.site._registry.items():
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        filters: Any = room.list_filter
        found |= {(path, name) for one in filters for name in parameters_of(one)}
        found |= {(path, "q")} if room.search_fields else set()
    return found


def test_every_filter_and_search_stands_in_the_table(db: None) -> None:
    declared = asked_of_the_api() | asked_of_the_workbench()
    assert len(declared) > 25
    assert declared == {(question.path, question.parameter) for question in QUESTIONS}


def test_who_names_no_column_says_why() -> None:
    assert [question for question in QUESTIONS if bool(question.columns) is bool(question.walks)] == []


def test_no_list_of_the_workbench_has_choices_by_date(db: None) -> None:
    """Those would look for the years that occur, in the whole table."""
    assert [room for room in admin.site._registry.values() if room.date_hierarchy] == []


@pytest.fixture
def _indexes_only(db: None) -> None:
    """The planner reads a whole table, or sorts one to merge it, only where there is no other way."""
    with connection.cursor() as cursor:
        for way in ("seqscan", "mergejoin", "hashjoin"):
            cursor.execute(f"SET LOCAL enable_{way} = off")


def statement(cast: Cast, question: Question) -> Statement:
    """What is sent where a row is found in every way that there is."""
    Media.objects.create(
        type="image", file=f"media/{DIGEST[:32]}.jpg", sha256=DIGEST, size=1, name_folded=DIGEST[:8], camera=DIGEST[:8]
    )
    ship_labels()
    client = enter(cast.ada) if question.path.startswith(ADMIN) else api(cast.ada)
    run = ImportRun.objects.create(source="folder").pk
    return statement_of(lambda: client.get(question.address(organisation=cast.carl.organisation_id, run=run)))


def untouched_plan_of(sent: Statement) -> Any:
    """The plan for tables as they are made: what earlier tests left in the statistics would sway the planner.

    Temporary tables of the same names, with the same indexes, stand before the real ones.
    """
    tables = {model._meta.db_table for model in apps.get_models() if f'"{model._meta.db_table}"' in sent.sql}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'CREATE TEMP TABLE "{table}" (LIKE public."{table}" INCLUDING ALL) ON COMMIT DROP')
        plan = plan_of(sent)
        for table in tables:
            cursor.execute(f'DROP TABLE pg_temp."{table}"')
    return plan


def compared(column: str, asked: str) -> bool:
    """Whether index scans are asked for values of the column; being another table's partner is not that."""
    return re.search(rf'\("?{column}\b', asked) is not None


@on_postgresql
@pytest.mark.usefixtures("_indexes_only")
@pytest.mark.parametrize(
    "question", [one for one in QUESTIONS if one.columns], ids=lambda one: f"{one.path}?{one.parameter}={one.value}"
)
def test_an_index_finds_the_rows(cast: Cast, question: Question) -> None:
    plan = untouched_plan_of(statement(cast, question).of_all_rows())
    assert [column for column in question.columns if not compared(column, conditions(plan))] == [], [
        (node["Node Type"], node.get("Index Name"), node.get("Index Cond")) for node in nodes(plan)
    ]


@on_postgresql
@pytest.mark.usefixtures("_indexes_only")
def test_each_way_of_searching_media_has_its_index() -> None:
    ways = ways_to(DIGEST[:8])
    for column, way in zip(("name_folded", "camera", "sha256"), ways, strict=True):
        sql, values = Media.objects.filter(way).values_list("pk").query.sql_with_params()
        assert compared(column, conditions(untouched_plan_of(Statement(sql, values))))


@on_postgresql
@pytest.mark.usefixtures("_indexes_only")
def test_a_filter_without_an_index_is_found_out(cast: Cast) -> None:
    client = enter(cast.ada)
    sent = statement_of(lambda: client.get(f"{ADMIN}curation/media/?source=ridge"))
    assert not compared("source", conditions(untouched_plan_of(sent.of_all_rows())))


def test_a_column_that_is_merely_joined_is_not_compared() -> None:
    assert compared("owner_id", "(owner_id = 2)")
    assert compared("key", "((key)::text = 'media/1.jpg'::text)")
    assert not compared("owner_id", "(id = curation_media.owner_id)")
