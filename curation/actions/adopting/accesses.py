"""Who may ask: logins and passwords keep working, whatever today's rules say of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from accounts.actions.audit import record_all
from accounts.actor import Actor
from accounts.models import Access
from accounts.names import NEW_LOGIN, fold
from accounts.scopes import SEES, Scope
from curation.actions.adopting.address import SourceRefused
from curation.actions.adopting.files import check_id
from curation.actions.adopting.findings import Code, Finding, Notes, Verdict, harmless
from curation.actions.adopting.source import OldAccess, Source
from curation.actions.adopting.step import Judged

LONGEST_LOGIN, LONGEST_KEY = 50, 100  # characters: the columns
NOTHING_OPENS = "!"  # Django's mark of a password that was never set
# Rounds beyond 2^16 would keep a server busy for half a minute at each login.
BCRYPT = re.compile(r"\$2[aby]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}")
TWINS_SHOWN = 10


@dataclass(slots=True)
class Accesses:
    """The table accesses. renames: new login by old one."""

    source: Source
    renames: dict[str, str]
    by: Actor
    table: str = "accesses"
    admins: int = 0
    left_out: set[int] = field(default_factory=set)

    def rows(self) -> Iterator[OldAccess]:
        return self.source.accesses()

    def known(self, ids: list[int]) -> set[int]:
        return set(Access.objects.filter(pk__in=ids).values_list("pk", flat=True))

    def judge(self, olds: list[OldAccess], *, read: bool) -> list[Judged[Access]]:
        return [self._judge(old) for old in olds]

    def _judge(self, old: OldAccess) -> Judged[Access]:
        notes = Notes(self.table, old.id or 0)
        login = login_of(old, self.renames)
        if not check_id(old.id, notes) or not _check_login(login, notes):
            return Judged(None, notes)
        scope = _scope(old.scope, notes)
        columns = {"login": login, "login_key": fold(login), "scope": scope, "sees": SEES[scope]}
        return Judged(Access(pk=old.id, password=_password(old.hashed_password, notes), **columns), notes)

    def write(self, judged: list[Judged[Access]]) -> None:
        accesses = [one.row for one in judged if one.row is not None]
        Access.objects.bulk_create(accesses)
        after = {access.pk: {"login": access.login, "scope": access.scope} for access in accesses}
        record_all("access.adopt", "access", after, by=self.by)


def login_of(old: OldAccess, renames: dict[str, str]) -> str:
    login = old.login or ""
    return renames.get(login, login)


def _check_login(login: str, notes: Notes) -> bool:
    if not fold(login) or "\0" in login:
        notes.leave_out(Code.LOGIN_UNUSABLE, "It has no login.")
    elif len(login) > LONGEST_LOGIN or len(fold(login)) > LONGEST_KEY:
        notes.leave_out(Code.LOGIN_UNUSABLE, "Its login is too long; --rename gives it another one.")
    return not notes.left_out


def _scope(found: str | None, notes: Notes) -> str:
    """The original knew users and admins. Nobody is given more than that by a word that we happen to use."""
    if found in (Scope.USER, Scope.ADMIN):
        return found
    notes.add(Code.SCOPE_UNKNOWN, f"Its scope {harmless(found or '', 50)!r} is none of user and admin; it is a user.")
    return Scope.USER


def _password(hashed: str | None, notes: Notes) -> str:
    """passlib's hash as Django spells it; it is checked by accounts.hashers.AdoptedBcrypt and replaced at a login."""
    if hashed and BCRYPT.fullmatch(hashed):
        return f"bcrypt${hashed}"
    notes.add(Code.PASSWORD_UNREADABLE, "Its password is not kept in a form that we can check; set another one.")
    return NOTHING_OPENS


# --- Before anything is written --------------------------------------------------------------------


def check_logins(source: Source, renames: dict[str, str]) -> bool:
    """Refuse logins that would be one, and renames that make no sense; return whether there will be an admin."""
    logins, has_admin = [], False
    for old in source.accesses():
        logins.append(old.login or "")
        has_admin |= old.scope == Scope.ADMIN
    _check_renames(renames, set(logins))
    by_key: dict[str, list[str]] = {}
    for login in logins:
        by_key.setdefault(fold(renames.get(login, login)), []).append(login)
    twins = [" and ".join(map(repr, same)) for key, same in by_key.items() if key and len(same) > 1]
    if twins:
        raise SourceRefused(
            f"These logins are the same when case and width of letters do not count: {'; '.join(twins[:TWINS_SHOWN])}"
            f"{' ...' if len(twins) > TWINS_SHOWN else ''}. Give one of each another login: --rename old=new."
        )
    return has_admin


def _check_renames(renames: dict[str, str], logins: set[str]) -> None:
    for old, new in renames.items():
        if old not in logins:
            raise SourceRefused(f"--rename: the source has no login {old!r}.")
        if not NEW_LOGIN.fullmatch(new):
            raise SourceRefused(f"--rename: the new login {new!r} must be 3 to 50 letters, digits or ._@+-")


def no_admin() -> Finding:
    sentence = "No admin comes with the source; make one: manage.py register_user, or manage.py set_scope."
    return Finding(Code.NO_ADMIN, Verdict.NOTED, sentence)
