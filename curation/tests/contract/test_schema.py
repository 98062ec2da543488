"""The OpenAPI document says what is so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.rest.paging import PARAMETERS
from curation.actions.searching import NAMES
from curation.api.filters import AnnotationFilters
from curation.tests.contract.matrix import parsed

OPERATIONS = {
    "accesses_create", "accesses_destroy", "accesses_list", "accesses_me_retrieve", "accesses_me_update",
    "accesses_retrieve", "accesses_update", "annotations_accept_create", "annotations_create",
    "annotations_diff_retrieve", "annotations_export", "annotation_imports_create",
    "annotations_regions_retrieve", "annotations_restore_create", "annotations_revisions_list", "media_regions_update",
    "annotations_destroy", "annotations_list",
    "annotations_retrieve", "annotations_update", "annotations_upload_create", "annotations_url_retrieve",
    "collections_create", "collections_destroy", "collections_freeze", "collections_list", "collections_media_change",
    "collections_media_list", "collections_partial_update", "collections_retrieve", "media_regions_list",
    "cameras_list", "cameras_partial_update", "cameras_retrieve", "sequences_list", "sequences_media_list",
    "clusters_list", "clusters_retrieve", "clusters_items_list", "clusters_decide", "clusters_undo",
    "sequences_accept",
    "sequences_merge", "sequences_merge_undo", "sequences_partial_update", "sequences_retrieve", "sequences_split",
    "views_list", "views_merge", "views_merge_undo", "views_partial_update", "views_retrieve",
    "entries_create", "imports_create", "imports_items_list", "imports_report", "imports_retrieve",
    "jobs_retrieve", "labels_list", "mappings_create", "mappings_list", "taxonomy_retrieve",
    "login_access_token_create", "media_create", "media_destroy", "media_list",
    "media_partial_update", "media_retrieve", "media_thumbnail_retrieve", "media_update", "media_upload_create",
    "media_url_retrieve", "tokens_create", "tokens_destroy", "tokens_list", "uploads_batch_complete_create",
    "uploads_batch_create", "uploads_complete_create", "uploads_create", "uploads_destroy", "uploads_retrieve",
}  # fmt: skip
NO_OPERATION = ("/files/", "/incoming/", "/docs", "/redoc", "/openapi", "/healthz", "/readyz", "/.well")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = Client().get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (path, method.upper()): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_it_is_made_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yml"))


def test_it_lists_every_route_and_method_of_the_api_and_no_other(document: dict[str, Any]) -> None:
    written = {
        (f"/api/v1{route}", method) for route, method in parsed() if route != "/" and not route.startswith(NO_OPERATION)
    }
    assert set(operations(document)) == written


def test_names_of_operations_are_those_that_clients_were_generated_from(document: dict[str, Any]) -> None:
    assert {operation["operationId"] for operation in operations(document).values()} == OPERATIONS


def test_every_operation_says_what_it_does_to_a_person(document: dict[str, Any]) -> None:
    summaries = [operation["summary"] for operation in operations(document).values()]
    assert len(set(summaries)) == len(summaries)
    for summary in summaries:
        assert 10 < len(summary) < 90
        assert summary[0].isupper()
        assert not summary.endswith(".")
    assert all(operation["tags"] for operation in operations(document).values())


def test_every_json_and_form_body_has_an_example(document: dict[str, Any]) -> None:
    for operation in operations(document).values():
        for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
            if media_type != "multipart/form-data":
                assert body.get("examples"), operation["operationId"]


def test_files_are_binary(document: dict[str, Any]) -> None:
    for name in ("UploadInRequest", "EntryInRequest", "ImportInRequest"):
        assert document["components"]["schemas"][name]["properties"]["file"]["format"] == "binary"


@pytest.mark.parametrize(
    ("path", "filters"), [("/media", {*NAMES, "order", "at"}), ("/annotations", {*AnnotationFilters.base_filters})]
)
def test_lists_show_their_filters_and_their_links(document: dict[str, Any], path: str, filters: Any) -> None:
    operation = document["paths"][f"/api/v1{path}"]["get"]
    shown = {parameter["name"] for parameter in operation["parameters"]}
    assert shown == filters | {*PARAMETERS}
    assert "Link" in operation["responses"]["200"]["headers"]


def test_refusals_stand_where_they_can_happen(document: dict[str, Any]) -> None:
    found = operations(document)
    for (path, method), operation in found.items():
        statuses = set(operation["responses"])
        assert {"400", "422", "429", "500", "503"} <= statuses
        assert ({"413", "415"} <= statuses) == (method in {"POST", "PUT", "PATCH"})
        assert ("403" in statuses) == ("login" not in path)
        assert "401" in statuses
        if "_id}" in path:
            assert "404" in statuses
    assert "412" in found["/api/v1/media/{media_id}", "DELETE"]["responses"]
    assert "409" in found["/api/v1/accesses", "POST"]["responses"]


def test_everything_needs_a_token_but_the_login(document: dict[str, Any]) -> None:
    for (path, _), operation in operations(document).items():
        assert operation.get("security") == ([] if "login" in path else [{"password": []}]) or (
            "login" in path and not operation.get("security")
        )
    assert document["components"]["securitySchemes"]["password"]["flows"]["password"]["tokenUrl"]


def test_no_example_is_a_secret_that_works(document: dict[str, Any]) -> None:
    """B14."""
    assert "pyro_" not in json.dumps(document)
