"""Secrets that open the API: issued here and shown once, listed, revoked. A curator sees only their own."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from accounts.actions import tokens
from accounts.admin.base import ActionForm, Page, actor, asking
from accounts.admin.fields import moment, when
from accounts.admin.lists import ChoiceFilter, Searched, choice_filter
from accounts.models import Access, ApiToken
from accounts.models.token import PREFIX_LENGTH
from accounts.names import fold
from accounts.refusals import Invalid
from accounts.scopes import TokenRights


class TokenForm(ActionForm):
    name = forms.CharField(max_length=100, help_text="Where it will be used, such as the tower's name.")
    rights = forms.ChoiceField(choices=TokenRights.choices, initial=TokenRights.ALL)
    expires_at = moment(
        "Expires at", help_text=f"At most {tokens.LONGEST_DAYS} days ahead; only a device's token may have no end."
    )


class AnyonesTokenForm(TokenForm):
    """For admins, who issue tokens to towers."""

    login = forms.CharField(max_length=100, label="Login", help_text="Whose token it will be.")

    def clean_login(self) -> Access:
        found: Access | None = Access.objects.active().filter(login_key=fold(self.cleaned_data["login"])).first()
        if found is None:
            raise forms.ValidationError("No active access has this login.")
        return found


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    choices_known: ClassVar[list[tuple[str, str]]] = [
        ("living", "living"),
        ("revoked", "revoked"),
        ("expired", "expired"),
    ]

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "living":
            return queryset.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None)
        if value == "revoked":
            return queryset.exclude(revoked_at=None)
        return queryset.filter(revoked_at=None, expires_at__lte=timezone.now())


@admin.register(ApiToken)
class ApiTokenAdmin(Searched, Page):
    list_display = ("title", "access", "kind", "rights", "state", when("expires_at"), when("last_used_at"))
    list_filter = (StateFilter, choice_filter("kind", ApiToken.Kind.choices))
    list_select_related = ("access",)
    search_fields = ("name",)
    search_help_text = "Login, or the beginning of a name or of the token itself"
    actions = ("revoke_chosen",)
    fields = (
        "title",
        "owner",
        "kind",
        "rights",
        "state",
        when("created_at"),
        when("expires_at"),
        when("revoked_at"),
        when("last_used_at"),
    )
    readonly_fields = fields
    change_form_template = "admin/accounts/apitoken/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        access, rows = asking(request), ApiToken.objects.select_related("access")
        return rows.all() if access.is_superuser else rows.filter(access=access)

    def found(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        alike = Q(name__startswith=term) | Q(prefix__startswith=term[:PREFIX_LENGTH])
        owner = Access.objects.filter(login_key=fold(term)).values_list("pk", flat=True).first()
        return queryset.filter(alike if owner is None else alike | Q(access=owner))

    @admin.display(description="token")
    def title(self, token: ApiToken) -> str:
        return format_html("{} <code>{}…</code>", token.name or "login", token.prefix)

    @admin.display(description="access")
    def owner(self, token: ApiToken) -> str:
        return str(token.access)

    @admin.display(description="state")
    def state(self, token: ApiToken) -> str:
        if token.revoked_at is not None:
            return "revoked"
        return "living" if token.is_living() else "expired"

    # --- Issue: the plaintext stands in the answer of the POST and nowhere else ----------------------

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = AnyonesTokenForm if asking(request).is_superuser else TokenForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return self.fields
        return (*(["login"] if asking(request).is_superuser else []), "name", "rights", "expires_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else ()

    def perform(self, request: HttpRequest, row: ApiToken | None, form: Any) -> ApiToken:
        if row is not None:
            raise PermissionDenied
        chosen = form.cleaned_data
        owner = chosen.get("login") or asking(request)
        if not chosen["name"].strip():
            raise Invalid("A token has a name.", "body", "name")
        token, plaintext = tokens.issue_device_token(
            owner, name=chosen["name"], rights=chosen["rights"], expires_at=chosen["expires_at"], by=actor(request)
        )
        token.plaintext = plaintext  # type: ignore[attr-defined]  # as far as response_add, and no further
        return token

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "The new token",
            "opts": self.opts,
            "token": obj,
            "plaintext": obj.plaintext,
        }
        answer = TemplateResponse(request, "admin/accounts/apitoken/created.html", context)
        answer["Cache-Control"] = "no-store, private"
        return answer

    # --- Revoke --------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a token is never edited

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # revoked ones stay in the list

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return asking(request).has_perm("accounts.change_apitoken")

    @admin.action(description="Revoke the chosen tokens", permissions=["revoke"])
    def revoke_chosen(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        chosen = list(queryset)
        for token in chosen:
            tokens.revoke(token, by=actor(request))
        messages.success(request, f"{len(chosen)} revoked; from now on they open nothing.")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.revoke_view))
        return [path("<int:pk>/revoke/", view, name="accounts_apitoken_revoke"), *super().get_urls()]

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        token = self.get_object(request, str(pk))
        if token is None:
            raise Http404
        tokens.revoke(token, by=actor(request))
        messages.success(request, "Revoked; from now on it opens nothing.")
        return self.to_page_of(token)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        token = context["original"]
        context["may_revoke"] = bool(token and token.revoked_at is None and self.has_revoke_permission(request))
        return super().render_change_form(request, context, *args, **kwargs)
