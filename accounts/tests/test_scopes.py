"""The one table of rights, as sentences."""

from __future__ import annotations

import pytest

from accounts.refusals import Refusal
from accounts.rest.errors import STATUS, explain
from accounts.scopes import (
    CURATOR_PAGES,
    READ_ONLY_PAGES,
    RIGHTS,
    SEES,
    TOKEN_RIGHTS,
    Right,
    Scope,
    Sees,
    TokenRights,
    may,
    may_in_admin,
)


def test_every_scope_and_every_kind_of_token_has_its_rights_written_down() -> None:
    assert set(RIGHTS) == set(SEES) == set(Scope.values)
    assert set(TOKEN_RIGHTS) == set(TokenRights.values)


def test_an_admin_may_everything() -> None:
    assert RIGHTS[Scope.ADMIN] == set(Right)


@pytest.mark.parametrize(
    ("scope", "forbidden"),
    [
        (Scope.USER, {Right.CREATE_MEDIA, Right.EDIT_MEDIA, Right.DELETE_MEDIA, Right.EDIT_ANNOTATION,
                      Right.DELETE_ANNOTATION, Right.IMPORT, Right.MANAGE_ACCESSES, Right.EDIT_TAXONOMY,
                      Right.CHANGE_PLACES, Right.COLLECT, Right.DECIDE_DUPLICATES}),
        (Scope.DEVICE, {Right.EDIT_MEDIA, Right.DELETE_MEDIA, Right.EDIT_ANNOTATION, Right.DELETE_ANNOTATION,
                        Right.IMPORT, Right.MANAGE_ACCESSES, Right.EDIT_TAXONOMY, Right.DECIDE,
                        Right.CHANGE_PLACES, Right.COLLECT, Right.DECIDE_DUPLICATES}),
        (Scope.CURATOR, {Right.DELETE_MEDIA, Right.MANAGE_ACCESSES}),
    ],
)  # fmt: skip
def test_what_the_others_may_not(scope: str, forbidden: set[Right]) -> None:
    assert set(Right) - RIGHTS[scope] == forbidden


@pytest.mark.parametrize("scope", Scope.values)
@pytest.mark.parametrize("rights", TokenRights.values)
def test_a_token_narrows_a_scope_and_never_widens_it(scope: str, rights: str) -> None:
    allowed = {right for right in Right if may(scope, right, token_rights=rights)}
    assert allowed == RIGHTS[scope] & TOKEN_RIGHTS[rights]


def test_users_and_devices_see_their_own() -> None:
    assert {scope for scope, sees in SEES.items() if sees == Sees.OWN} == {Scope.USER, Scope.DEVICE}


@pytest.mark.parametrize("model", sorted(READ_ONLY_PAGES))
@pytest.mark.parametrize("verb", ["add", "change", "delete"])
def test_history_is_changed_by_nobody(model: str, verb: str) -> None:
    assert not may_in_admin(Scope.ADMIN, f"curation.{verb}_{model}")


def test_only_curators_and_admins_hold_admin_permissions() -> None:
    for permission in CURATOR_PAGES:
        assert may_in_admin(Scope.CURATOR, permission)
        assert not may_in_admin(Scope.USER, permission)
        assert not may_in_admin(Scope.DEVICE, permission)
    assert not may_in_admin(Scope.CURATOR, "accounts.view_access")


def _families(kind: type[Exception]) -> set[type[Exception]]:
    return {kind} | {grand for child in kind.__subclasses__() for grand in _families(child)}


def test_every_refusal_has_a_status() -> None:
    known = tuple(STATUS)
    orphans = {kind.__name__ for kind in _families(Refusal) - {Refusal} if not issubclass(kind, known)}
    assert orphans == {"Invalid"}  # answered as 422, with its place


def test_what_is_no_refusal_is_left_to_the_answer_for_bugs() -> None:
    assert explain(ValueError("a bug"), {}) is None
