"""Form fields that more than one page has."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from django import forms
from django.contrib import admin


def moment(label: str, *, help_text: str = "") -> forms.DateTimeField:
    """A point in time, UTC, in the browser's own picker: by keyboard, by thumb, without a script."""
    widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M:%S", attrs={"type": "datetime-local", "step": "1"})
    return forms.DateTimeField(label=f"{label} (UTC)", required=False, widget=widget, help_text=help_text)


@cache  # one and the same for `fields` and `readonly_fields`
def when(column: str, words: str = "") -> Any:
    """A column of times, UTC, to the second; `words` head it. A function of a row, which Django takes for a name."""

    @admin.display(description=f"{words or column.replace('_', ' ')} (UTC)")
    def shown(row: Any) -> str:
        at: datetime | None = getattr(row, column)
        return "–" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"

    shown.__name__ = f"when_{column}"  # the class of its cells
    return shown
