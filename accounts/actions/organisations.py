"""Name the organisations that run cameras or curate. They are never deleted: history and pictures carry their names."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.actions.audit import record
from accounts.actor import Actor
from accounts.models import Organisation
from accounts.names import fold
from accounts.refusals import Conflict, Invalid

LONGEST = 100  # characters


def create(name: str, *, by: Actor) -> Organisation:
    """Raises Invalid for an empty or long name, Conflict when one of that name, or one that reads alike, exists."""
    return _save(Organisation(), name, action="organisation.create", by=by)


def rename(organisation: Organisation, name: str, *, by: Actor) -> Organisation:
    """Raises as `create` does. The same name again changes nothing."""
    if name == organisation.name:
        return organisation
    return _save(organisation, name, action="organisation.rename", by=by)


def named(name: str, *, by: Actor) -> Organisation:
    """The organisation of that name (or one that reads alike), created when there is none. Raises Invalid."""
    found = Organisation.objects.filter(name_folded=fold(name)).first()
    return found or create(name.strip(), by=by)


def _save(organisation: Organisation, name: str, *, action: str, by: Actor) -> Organisation:
    if not fold(name) or max(len(name), len(fold(name))) > LONGEST:
        raise Invalid(f"A name has 1 to {LONGEST} characters.", "body", "name")
    before = {"name": organisation.name} if organisation.pk else None
    organisation.name = name
    try:
        with transaction.atomic():
            organisation.save()
            record(action, organisation, by=by, before=before, after={"name": name})
    except IntegrityError as error:
        raise Conflict(f"An organisation named {name} (or one that reads alike) exists already.") from error
    return organisation
