"""How the OpenAPI document is made from the views: what they say of themselves, and what holds for all."""

from __future__ import annotations

import inspect
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, build_parameter_type
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema_serializer

from accounts.rest.permissions import needed

JSON = "application/json"
NULL = {(200, JSON): {"type": "object", "nullable": True, "description": "always null"}}  # as the original answered
ROW_ID: dict[str, Any] = {"type": "integer", "format": "int64", "minimum": 1}
ETAG = OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200], description="for a later If-Match")
LINK = OpenApiParameter(
    "Link",
    str,
    OpenApiParameter.HEADER,
    response=[200],
    description='rel="prev" leads to older rows, rel="next" to newer ones; absent where there are none',
)


def with_example(body: dict[str, Any], media_type: str = JSON) -> Any:
    """Decorates a serializer of request bodies with one that can be tried as it stands."""
    return extend_schema_serializer(
        examples=[OpenApiExample("example", body, request_only=True, media_type=media_type)]
    )


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The password flow, so that the Authorize button of /docs logs in."""

    target_class = "accounts.rest.authentication.BearerAuthentication"
    name = "password"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        flow = {"tokenUrl": "/login/access-token", "scopes": {}}
        return {"type": "oauth2", "flows": {"password": flow}}


def one_spelling(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Each route once: the one below /api/v1/, without a slash at the end."""
    kept = {}
    for path, pattern, method, callback in endpoints:
        if path.startswith("/api/v1/") and not path.endswith("/"):
            kept[path, method] = (path, pattern, method, callback)
    return list(kept.values())


class Operation(AutoSchema):
    """One route and method. Its docstring's first line is the summary, the rest the description.

    Refusals are those of every route, those of routes with a body or a right, and those that the view lists in
    `refuses` under the action (or the method, where a view has no actions).
    """

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            for status in self._refusals():
                operation["responses"].setdefault(status, self._refusal(status))
        return operation

    def _name(self) -> str:
        return str(getattr(self.view, "action", "") or self.method.lower())

    def _refusals(self) -> list[str]:
        found = {"400", "422", "429", "500", "503", *getattr(self.view, "refuses", {}).get(self._name(), ())}
        if self.method in {"POST", "PUT", "PATCH"}:
            found |= {"413", "415"}
        if needed(self.view, self.method):
            found |= {"401", "403"}
        return sorted(found)

    def _refusal(self, status: str) -> dict[str, Any]:
        """The answer of one status, its body a shared component."""
        name = {"422": "Problems", "500": "Bug"}.get(status, "Refusal")
        body = ResolvedComponent(name, ResolvedComponent.SCHEMA, SCHEMAS[name], name)  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(body)
        answer: dict[str, Any] = {"description": REFUSALS[status], "content": {JSON: {"schema": body.ref}}}
        if header := HEADERS.get(status):
            answer["headers"] = {header: {"schema": {"type": "string"}}}
        return answer

    def _lines(self) -> list[str]:
        said = inspect.getdoc(getattr(self.view, self._name(), None)) or ""
        return said.splitlines()

    def get_summary(self) -> str | None:
        return next((line.rstrip(".") for line in self._lines()), None)

    def get_description(self) -> str:  # type: ignore[override]  # as AutoSchema has it
        return "\n".join(self._lines()[1:]).strip()

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        """Every variable of a path is the id of a row."""
        return [build_parameter_type(name=name, schema=ROW_ID, location="path", required=True) for name in variables]


REFUSALS = {
    "400": "The request cannot be read.",
    "401": "No token, or one that is not valid now.",
    "403": "The scope, or the row, does not allow it.",
    "404": "No such row, or no file.",
    "409": "The present state does not allow it, or somebody else was faster.",
    "412": "The row changed since the caller looked.",
    "413": "Larger than the limit.",
    "415": "The content is not what the row promises, or the body is of another media type.",
    "422": "A value that cannot be; `detail` lists each with its path.",
    "429": "Too often; see Retry-After.",
    "500": "A bug; `request_id` finds it in the log.",
    "503": "The store or the database does not answer; see Retry-After.",
    "507": "The disk is full; see Retry-After.",
}
HEADERS = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After", "507": "Retry-After"}
_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "properties": {
        "loc": {"type": "array", "items": {}, "example": ["body", "type"]},
        "msg": _TEXT,
        "type": _TEXT,
    },
    "required": ["loc", "msg", "type"],
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "Refusal": {"type": "object", "properties": {"detail": _TEXT}, "required": ["detail"]},
    "Problems": {
        "type": "object",
        "properties": {"detail": {"type": "array", "items": _PROBLEM}},
        "required": ["detail"],
    },
    "Bug": {
        "type": "object",
        "properties": {"detail": _TEXT, "request_id": _TEXT},
        "required": ["detail", "request_id"],
    },
}
