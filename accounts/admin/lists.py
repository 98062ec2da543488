"""Lists of big tables: one order, pages by key, few filters, and never a count of everything."""

from __future__ import annotations

import re
from typing import Any, ClassVar, NamedTuple

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.ids import LARGEST_ID

CURSOR = re.compile(r"(before|after)-(\S{1,60})")
PK = re.compile(r"[1-9][0-9]{0,18}")


class Shown(NamedTuple):
    """The rows of one page, newest first, and whether there are others on either side of them."""

    rows: list[Any]
    newer: bool
    older: bool


class KeysetList(ChangeList):
    """Newest first, by primary key: page 10,000 costs what the first one costs.

    A page is asked for by a row beside it: `p=before-7` (older than 7) or `p=after-7`. Whatever else stands there,
    and whatever leads beyond the rows there are, is answered by the first page. `newest`, `newer` and `older` are
    the addresses of other pages, "" where there are none; filters and the search stay in them.
    """

    newest = newer = older = ""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """One order: every other one of a big table would sort it anew for each page."""
        return list(self.model_admin.get_ordering(request))

    def get_results(self, request: HttpRequest) -> None:
        shown = self._shown(request.GET.get(PAGE_VAR, ""))
        self.result_list: Any = shown.rows
        # Both the same: the number beside the search would be taken for that of all rows found.
        self.result_count = self.full_result_count = len(shown.rows)
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = bool(shown.rows)
        if shown.newer:
            self.newest, self.newer = self.get_query_string(), self._address("after", shown.rows[0])
        if shown.older:
            self.older = self._address("before", shown.rows[-1])

    def _shown(self, cursor: str) -> Shown:
        found = CURSOR.fullmatch(cursor)
        place = self.place_of(found[2]) if found else None
        if found is None or place is None:
            return self._first()
        return self._after(place) if found[1] == "after" else self._before(place)

    def _first(self) -> Shown:
        rows = self._read(self.queryset)
        return Shown(rows[: self.list_per_page], newer=False, older=len(rows) > self.list_per_page)

    def _before(self, place: Any) -> Shown:
        rows = self._read(self.older_than(place))
        if not rows:
            return self._first()
        return Shown(rows[: self.list_per_page], newer=True, older=len(rows) > self.list_per_page)

    def _after(self, place: Any) -> Shown:
        rows = self._read(self.newer_than(place))
        if len(rows) <= self.list_per_page:  # nothing newer is left out: these are the newest
            return self._first()
        return Shown(rows[self.list_per_page - 1 :: -1], newer=True, older=True)

    # --- The order: these four agree with `get_queryset` ---------------------------------------------------

    def place_of(self, text: str) -> Any | None:
        """The place in the order that a cursor names; None where it names none."""
        return int(text) if PK.fullmatch(text) and int(text) <= LARGEST_ID else None

    def older_than(self, place: Any) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.queryset.filter(pk__lt=place)
        return rows

    def newer_than(self, place: Any) -> QuerySet[Any]:
        """The nearest first."""
        rows: QuerySet[Any] = self.queryset.filter(pk__gt=place).order_by("pk")
        return rows

    def spelled(self, row: Any) -> str:
        """As `place_of` understands it."""
        return str(row.pk)

    def _read(self, rows: QuerySet[Any]) -> list[Any]:
        """A page, and one row more to know whether there is another."""
        return list(rows[: self.list_per_page + 1])

    def _address(self, side: str, row: Any) -> str:
        return self.get_query_string({PAGE_VAR: f"{side}-{self.spelled(row)}"})


class ChoiceFilter(SimpleListFilter):
    """A filter with choices known beforehand: finding out which values occur would read the whole table.

    `column` is compared with the chosen value; anything else in the address is ignored.
    """

    column: ClassVar[str]
    choices_known: ClassVar[list[tuple[str, str]]]

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return self.choices_known

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value not in dict(self.choices_known):
            return queryset
        return self.chosen(queryset, str(value))

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(**{self.column: value})


def choice_filter(column: str, choices: list[tuple[str, str]], title: str = "") -> type[ChoiceFilter]:
    """The filter class of one column."""
    fields = {"column": column, "parameter_name": column, "title": title or column, "choices_known": choices}
    return type(f"{column.title()}Filter", (ChoiceFilter,), fields)


class Searched:
    """A page that finds rows by one term, in its own way; blanks around the term do not count."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (self.found(queryset, term) if term else queryset), False

    def found(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Those that the term finds; it is not empty."""
        raise NotImplementedError
