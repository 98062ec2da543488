"""Lists of big tables: one order, few filters, and never a count of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

if TYPE_CHECKING:
    RowPaginator = Paginator[Any]
else:
    RowPaginator = Paginator

REACH = 10_000  # rows that can be leafed through; whoever looks for older ones filters


class BoundedPaginator(RowPaginator):
    """Counts no further than REACH rows, so that a page costs the same whatever the size of the table."""

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: REACH + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self._counted, REACH)

    @property
    def has_more(self) -> bool:
        """Whether there are rows beyond the last page."""
        return self._counted > REACH


class FixedOrder(ChangeList):
    """Newest first, by primary key: every other order of a big table would sort it anew for each page."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return list(self.model_admin.get_ordering(request))


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
