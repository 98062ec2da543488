"""People and devices. For admins."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from accounts.actions import accesses
from accounts.admin.base import ActionForm, Page, actor, asking
from accounts.admin.fields import when
from accounts.admin.lists import Searched, choice_filter
from accounts.models import Access, Organisation
from accounts.names import fold
from accounts.refusals import Refusal
from accounts.scopes import Scope, Sees

PASSWORD_HELP = "8 to 4096 characters, and not the login itself."  # noqa: S105  # words about passwords


def new_password(label: str, *, required: bool = True, help_text: str = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, strip=False, required=required, widget=widget, help_text=help_text)


def refuse_two_spellings(form: forms.BaseForm) -> None:
    """Both fields of a new password must say the same."""
    if form.cleaned_data.get("password", "") != form.cleaned_data.get("again", ""):
        form.add_error("again", "The two passwords differ.")


class ViewFields(ActionForm):
    """What an access may do, and whose rows it finds."""

    scope = forms.ChoiceField(choices=Scope.choices, initial=Scope.USER)
    organisation = forms.ModelChoiceField(
        Organisation.objects.all(), required=False, help_text="Stamped on the pictures that it sends."
    )
    sees = forms.ChoiceField(choices=Sees.choices, help_text="Whose pictures it finds. A new scope brings its own.")
    listed = forms.ModelMultipleChoiceField(
        Organisation.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Listed organisations",
        help_text="Count only where it sees the listed ones.",
    )

    def view(self) -> dict[str, Any]:
        """The arguments of `accesses.set_view`."""
        chosen = self.cleaned_data
        return {
            "sees": chosen["sees"],
            "organisation": chosen["organisation"],
            "listed": list(chosen["listed"]),
        }


class NewAccessForm(ViewFields):
    login = forms.CharField(max_length=50, help_text="3 to 50 letters, digits or ._@+-")
    password = new_password(
        "Password", required=False, help_text=f"{PASSWORD_HELP} Empty: it can ask with tokens only, as devices do."
    )
    again = new_password("Password again", required=False)
    sees = forms.ChoiceField(
        choices=[("", "as its scope has it"), *Sees.choices], required=False, help_text="Whose pictures it finds."
    )

    def clean(self) -> dict[str, Any]:
        refuse_two_spellings(self)
        return super().clean()


class AccessForm(ViewFields):
    is_active = forms.BooleanField(required=False, label="Active", help_text="Off: nothing it holds opens anything.")


class PasswordForm(forms.Form):
    password = new_password("New password", help_text=PASSWORD_HELP)
    again = new_password("New password again")

    def clean(self) -> dict[str, Any]:
        refuse_two_spellings(self)
        return self.cleaned_data


@admin.register(Access)
class AccessAdmin(Searched, Page):
    form = AccessForm
    add_form = NewAccessForm
    list_display = ("login", "scope", "is_active", "organisation", "sees", when("last_login"))
    list_filter = (choice_filter("scope", Scope.choices), "is_active")
    list_select_related = ("organisation",)
    search_fields = ("login",)
    search_help_text = "The beginning of a login"
    readonly_fields = ("login", when("created_at"), when("last_login"))
    change_form_template = "admin/accounts/access/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Access]:
        living: QuerySet[Access] = Access.objects.living()
        return living

    def found(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return queryset.filter(login_key__startswith=fold(term))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.readonly_fields if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        view = ("scope", "organisation", "sees", "listed")
        if obj is None:
            return ("login", "password", "again", *view)
        return ("login", "is_active", *view, when("created_at"), when("last_login"))

    def perform(self, request: HttpRequest, row: Access | None, form: Any) -> Access:
        if row is None:
            return self._register(request, form)
        by, chosen = actor(request), form.cleaned_data
        accesses.set_scope(row, chosen["scope"], by=by)
        accesses.set_active(row, chosen["is_active"], by=by)
        asked = form.view()
        if "sees" not in form.changed_data:
            asked["sees"] = row.sees  # that of a new scope
        accesses.set_view(row, **asked, by=by)
        return row

    def _register(self, request: HttpRequest, form: Any) -> Access:
        by, chosen = actor(request), form.cleaned_data
        row = accesses.register(
            login=chosen["login"],
            password=chosen["password"] or None,
            scope=chosen["scope"],
            organisation=chosen["organisation"],
            by=by,
        )
        asked = form.view()
        accesses.set_view(row, **(asked | {"sees": asked["sees"] or row.sees}), by=by)
        return row

    def end(self, request: HttpRequest, row: Access) -> None:
        accesses.delete(row, by=actor(request))

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.password_view)
        return [path("<int:pk>/password/", page, name="accounts_access_password"), *super().get_urls()]

    def password_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A form that sets somebody's password; their login tokens and sessions end."""
        row = self.get_object(request, str(pk))
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        if row is None:
            raise Http404
        form = PasswordForm(request.POST or None)
        if form.is_valid() and self._set_password(request, row, form):
            return self.to_page_of(row)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Set the password of {row}",
            "original": row,
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "admin/accounts/access/password.html", context)

    def _set_password(self, request: HttpRequest, row: Access, form: PasswordForm) -> bool:
        try:
            accesses.set_password(row, form.cleaned_data["password"], by=actor(request))
        except Refusal as refusal:
            form.add_error("password", str(refusal))
            return False
        if row.pk == asking(request).pk:
            update_session_auth_hash(request, row)  # who changes their own stays logged in
        messages.success(request, f"The password of {row} was set; their login tokens and sessions have ended.")
        return True
