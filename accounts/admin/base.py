"""The ground of the workbench: changes go through actions, history is the audit, no list counts a whole table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.text import capfirst
from django.views.decorators.csrf import csrf_protect

from accounts.actor import Actor
from accounts.admin.history import history_of
from accounts.admin.lists import KeysetList
from accounts.models import Access
from accounts.refusals import Invalid, NotSupported, Refusal, TooLarge

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    ModelForm = forms.ModelForm[Any]
else:
    ModelAdmin, ModelForm = admin.ModelAdmin, forms.ModelForm

HISTORY_SHOWN = 100  # newest entries on a history page


def asking(request: HttpRequest) -> Access:
    """Who looks at the page; the site lets nobody else in."""
    if not isinstance(request.user, Access):
        raise PermissionDenied
    return request.user


def actor(request: HttpRequest) -> Actor:
    return Actor(access=asking(request), door="admin", request_id=getattr(request, "request_id", ""))


def request_of(request: HttpRequest) -> Any:
    """The request as a place to keep things for its own duration."""
    return request


class ActionForm(ModelForm):
    """Checks the shape of what was typed; whether it may be is for the action to say.

    The instance stays as it was read: actions compare with it.
    """

    refusal: ClassVar[Refusal | None] = None  # what the action said the first time

    def _post_clean(self) -> None:
        """Neither writes to the instance nor asks its constraints: the action does, with better words."""

    def clean(self) -> dict[str, Any]:
        if self.refusal is not None:
            self.add_error(self._field_of(self.refusal), str(self.refusal))
        return self.cleaned_data

    def _field_of(self, refusal: Refusal) -> str | None:
        name = str(refusal.where[-1]) if isinstance(refusal, Invalid) else ""
        if isinstance(refusal, (NotSupported, TooLarge)):
            name = "upload"
        return name if name in self.fields else None

    def save(self, commit: bool = True) -> Any:
        return self.instance

    def _save_m2m(self) -> None:
        """There is nothing left to save."""

    save_m2m = _save_m2m


class Page(ModelAdmin):
    """A table of the workbench. Subclasses say in `perform` and `end` which actions stand behind Save and Delete."""

    form = ActionForm
    add_form: ClassVar[type[forms.ModelForm[Any]]] = ActionForm
    ordering = ("-id",)
    sortable_by = ()
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    across: ClassVar[frozenset[str]] = frozenset()  # actions that may take all that the filters find
    view_on_site = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetList

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Actions take the rows that were ticked on one page; those of `across` also all that the filters find."""
        named = {name for name in request.POST.getlist("action") if name}
        if request.POST.get("select_across", "0") not in {"", "0"} and not named <= self.across:
            messages.warning(request, "Only the rows ticked on a page can be chosen. Nothing was changed.")
            return None
        return super().response_action(request, queryset, *args, **kwargs)

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Any]]:
        if obj is None:
            kwargs = {"form": self.add_form} | kwargs
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form  # type: ignore[no-any-return]

    # Django wraps this view in a transaction. Ours end with the actions: none may span a transfer or a hash.
    @method_decorator(csrf_protect)
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        extra = {"show_save_and_add_another": False, "show_save_and_continue": False} | (extra_context or {})
        view: Any = self._changeform_view  # type: ignore[attr-defined]
        try:
            answer: HttpResponse = view(request, object_id, form_url, extra)
        except Refusal as refusal:
            request_of(request).refusal = refusal  # the same form again, which now knows what is wrong
            answer = view(request, object_id, form_url, extra)
        return answer

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        return self.perform(request, form.instance if change else None, form)

    def perform(self, request: HttpRequest, row: Any, form: Any) -> Any:
        """Do what the valid form asks, to `row` or (None) to a new one, and return it. May raise a Refusal."""
        raise PermissionDenied

    def end(self, request: HttpRequest, row: Any) -> None:
        """Delete `row` through its action. May raise a Refusal."""
        raise PermissionDenied

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """`perform` has done it."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """`perform` has done it."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """The action has written an audit entry."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """The action has written an audit entry."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:  # type: ignore[override]
        """The action has written an audit entry."""

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return self.to_page_of(obj)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return self.to_page_of(obj)

    def to_page_of(self, row: Model) -> HttpResponseRedirect:
        return HttpResponseRedirect(self.address(row))

    def address(self, row: Model, page: str = "change") -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=[row.pk])

    @method_decorator(csrf_protect)
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            answer: HttpResponse = self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined]
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect("../change/")
        return answer

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Only the row itself goes: nothing is deleted along with it."""
        return [str(row) for row in objs], {}, set(), []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.end(request, obj)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What the audit knows about a row."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            gone: HttpResponse = self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
                request, self.opts, object_id
            )
            return gone
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {row}",
            "object": row,
            "module_name": capfirst(self.opts.verbose_name_plural),
            "opts": self.opts,
            "history": history_of(row, newest=HISTORY_SHOWN),
            "history_shown": HISTORY_SHOWN,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/object_history.html", context)


class DecidedPage(Page):
    """Rows that nobody adds, types into or deletes: what can be decided about them has buttons."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
