"""How the OpenAPI document is made from the views."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from accounts.rest.permissions import needed


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
    """Adds to each operation the refusals that every route may answer."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            for status in self.refusals():
                operation["responses"].setdefault(status, REFUSALS[status])
        return operation

    def refusals(self) -> list[str]:
        common = ["400", "413", "415", "422", "429", "500", "503"]
        return (
            common
            + (["401", "403"] if needed(self.view, self.method) else [])
            + sorted(
                getattr(self.view, "refuses", {}).get(self.view.action if hasattr(self.view, "action") else "", [])
            )
        )


def _refusal(description: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"detail": {}}, "required": ["detail"]}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


REFUSALS = {
    "400": _refusal("The request cannot be read."),
    "401": _refusal("No token, or one that is not valid now."),
    "403": _refusal("The scope, or the row, does not allow it."),
    "404": _refusal("No such row, or no file."),
    "409": _refusal("The present state does not allow it."),
    "412": _refusal("The row changed since the caller looked."),
    "413": _refusal("Larger than the limit."),
    "415": _refusal("The content is not what the row promises, or the body is of another media type."),
    "422": _refusal("A value that cannot be; `detail` lists each with its path."),
    "429": _refusal("Too often; see Retry-After."),
    "500": _refusal("A bug; `request_id` finds it in the log."),
    "503": _refusal("The store or the database does not answer; see Retry-After."),
    "507": _refusal("The disk is full."),
}
