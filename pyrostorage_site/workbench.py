"""Where curators and admins work: Django's admin with our login, our first page and our style."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import PasswordChangeForm, UsernameField
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest
from django.urls import reverse

PICTURES_SHOWN = 12  # newest ones, on the first page


class LoginForm(AdminAuthenticationForm):
    """One sentence for an unknown name, a wrong password and a scope that does not work here."""

    username = UsernameField(
        label="Login",
        widget=forms.TextInput(attrs={"autofocus": True, "autocapitalize": "none", "autocomplete": "username"}),
    )
    error_messages = {
        "invalid_login": "No curator or admin has this login and password. Mind upper and lower case in the password.",
        "inactive": "No curator or admin has this login and password.",
    }


class OwnPasswordForm(PasswordChangeForm):
    """Django's form; the change itself is our action, with its audit entry."""

    def __init__(self, user: Any, *args: Any, actor: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.actor = actor

    def save(self, commit: bool = True) -> Any:
        from accounts.actions import accesses  # models are not loaded yet when the site object is made

        accesses.set_password(self.user, self.cleaned_data["new_password1"], by=self.actor)
        return self.user


class WorkbenchSite(admin.AdminSite):
    """Where curators work."""

    site_header = "pyro-storage"
    site_title = "pyro-storage"
    index_title = "Workbench"
    site_url = "/"
    enable_nav_sidebar = True
    empty_value_display = "–"
    final_catch_all_view = False
    login_form = LoginForm

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")  # it would go past the actions, and past the audit

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The newest pictures, what is lost, and the way to everything; nothing here counts a table."""
        from curation.admin.integrity import integrity
        from curation.admin.pictures import newest
        from curation.models import StoredObject

        extra: dict[str, Any] = {"pictures": newest(request, PICTURES_SHOWN)}
        if self._registry[StoredObject].has_view_permission(request):
            extra["integrity"] = integrity()
        return super().index(request, {**extra, **(extra_context or {})})

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from accounts.admin.base import actor

        view = PasswordChangeView.as_view(
            form_class=partial(OwnPasswordForm, actor=actor(request)),
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)
