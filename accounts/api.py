"""REST: login, accesses, tokens. Views understand, act, show."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.actions import accesses, login, tokens
from accounts.ids import LARGEST_ID
from accounts.models import Access, ApiToken
from accounts.passwords import LONGEST, SHORTEST
from accounts.refusals import NotFound, NotYours
from accounts.rest.methods import Methods
from accounts.rest.paging import PARAMETERS, PageQuery, page
from accounts.rest.parsers import FormParser
from accounts.rest.requests import actor, asking, no_unknown_parameters, read, row_id, token
from accounts.rest.schema import LINK, NULL, ROW_ID, with_example
from accounts.rest.times import moment
from accounts.scopes import Right, Scope, TokenRights


@with_example({"username": "tower-7", "password": "a long enough phrase"}, FormParser.media_type)
class LoginIn(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=255, trim_whitespace=False)
    password = serializers.CharField(trim_whitespace=False, max_length=LONGEST)
    grant_type = serializers.ChoiceField(choices=["password"], required=False, allow_blank=True)


class LoginOut(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["bearer"])


class LoginView(Methods, APIView):
    """The OAuth2 password flow."""

    authentication_classes = []
    permission_classes = []  # public: this is where tokens come from
    parser_classes = [FormParser]
    rights: ClassVar[dict[str, Right]] = {}
    refuses: ClassVar[dict[str, list[str]]] = {"post": ["401"]}

    @extend_schema(request={FormParser.media_type: LoginIn}, responses=LoginOut, auth=[], tags=["login"])
    def post(self, request: Request) -> Response:
        """Exchange a login and a password for a token that lives an hour."""
        no_unknown_parameters(request)
        form: Any = request.data
        asked = read(LoginIn, form.dict())
        opened = login.log_in(asked["username"], asked["password"], request=request._request)
        return Response({"access_token": opened, "token_type": "bearer"})


class NewPassword(serializers.CharField):
    """Its length is judged here, before any row is looked for; the other rules know whose it is."""

    def __init__(self) -> None:
        super().__init__(trim_whitespace=False, min_length=SHORTEST, max_length=LONGEST)


@with_example({"login": "tower-7", "password": "a long enough phrase", "scope": "device"})
class AccessIn(serializers.Serializer[Any]):
    login = serializers.CharField(min_length=3, max_length=50, trim_whitespace=False)
    password = NewPassword()
    scope = serializers.ChoiceField(choices=Scope.choices, default=Scope.USER)


@with_example({"password": "another long phrase"})
class PasswordIn(serializers.Serializer[Any]):
    password = NewPassword()


@with_example({"password": "another long phrase", "current_password": "a long enough phrase"})
class OwnPasswordIn(PasswordIn):
    current_password = serializers.CharField(trim_whitespace=False, max_length=LONGEST)


class AccessOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    login = serializers.CharField()
    scope = serializers.ChoiceField(choices=Scope.choices)


def access_row(access: Access) -> dict[str, Any]:
    return {"id": access.pk, "login": access.login, "scope": access.scope}


PAGE: list[Any] = [PageQuery, LINK]


class AccessViewSet(Methods, GenericViewSet[Access]):
    """People and devices that may ask. For admins."""

    queryset = Access.objects.living()
    serializer_class = AccessOut
    lookup_field = "access_id"
    rights: ClassVar[dict[str, Right]] = dict.fromkeys(
        ("list", "create", "retrieve", "update", "destroy"), Right.MANAGE_ACCESSES
    )
    refuses: ClassVar[dict[str, list[str]]] = {
        "create": ["409"],
        "retrieve": ["404"],
        "update": ["404"],
        "destroy": ["404", "409"],
    }

    @extend_schema(parameters=PAGE, responses=AccessOut(many=True), tags=["accesses"])
    def list(self, request: Request) -> Response:
        """List people and devices, the newest fifty unless asked otherwise."""
        no_unknown_parameters(request, PARAMETERS)
        rows, headers = page(Access.objects.living().values("id", "login", "scope"), request)
        return Response(rows, headers=headers)

    @extend_schema(request=AccessIn, responses={201: AccessOut}, tags=["accesses"])
    def create(self, request: Request) -> Response:
        """Register a person or a device."""
        no_unknown_parameters(request)
        access = accesses.register(**read(AccessIn, request.data), by=actor(request))
        return Response(access_row(access), status=201)

    @extend_schema(responses=AccessOut, tags=["accesses"])
    def retrieve(self, request: Request, access_id: str) -> Response:
        """Show one access."""
        no_unknown_parameters(request)
        return Response(access_row(self._access(access_id)))

    @extend_schema(request=PasswordIn, responses=NULL, tags=["accesses"])
    def update(self, request: Request, access_id: str) -> Response:
        """Set the password of an access; its login tokens and browser sessions end."""
        no_unknown_parameters(request)
        number, asked = row_id(access_id, "access_id"), read(PasswordIn, request.data)
        accesses.set_password(self._access(str(number)), asked["password"], by=actor(request))
        return Response(None)

    @extend_schema(responses={200: AccessOut}, tags=["accesses"])
    def destroy(self, request: Request, access_id: str) -> Response:
        """End an access; nothing it holds opens anything from now on."""
        no_unknown_parameters(request)
        access = self._access(access_id)
        accesses.delete(access, by=actor(request))
        return Response(access_row(access))

    def _access(self, access_id: str) -> Access:
        number = row_id(access_id, "access_id")
        access: Access | None = Access.objects.living().filter(pk=number).first()
        if access is None:
            raise NotFound("accesses", number)
        return access


class OwnAccessView(Methods, APIView):
    """The access that asks."""

    rights: ClassVar[dict[str, Right]] = {"get": Right.READ, "put": Right.MANAGE_OWN_ACCESS}
    refuses: ClassVar[dict[str, list[str]]] = {}

    @extend_schema(responses=AccessOut, tags=["accesses"])
    def get(self, request: Request) -> Response:
        """Show the access that asks."""
        no_unknown_parameters(request)
        return Response(access_row(asking(request)))

    @extend_schema(request=OwnPasswordIn, responses=NULL, tags=["accesses"])
    def put(self, request: Request) -> Response:
        """Change one's own password; login tokens and browser sessions end."""
        no_unknown_parameters(request)
        asked = read(OwnPasswordIn, request.data)
        accesses.change_own_password(
            asking(request),
            current=asked["current_password"],
            new=asked["password"],
            by=actor(request),
            request=request._request,
        )
        return Response(None)


@with_example({"name": "mast 7", "rights": "upload", "expires_at": None})
class TokenIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    rights = serializers.ChoiceField(choices=TokenRights.choices, default=TokenRights.ALL)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    access = serializers.IntegerField(required=False, min_value=1, allow_null=True, help_text="for admins: whose token")


class TokenOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    access = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ApiToken.Kind.choices)
    name = serializers.CharField(allow_blank=True)
    prefix = serializers.CharField()
    rights = serializers.ChoiceField(choices=TokenRights.choices)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewTokenOut(TokenOut):
    token = serializers.CharField(help_text="the secret itself, shown this once")


TOKEN_COLUMNS = (
    "id", "access_id", "kind", "name", "prefix", "rights", "created_at", "expires_at", "last_used_at",
)  # fmt: skip


def token_row(row: dict[str, Any]) -> dict[str, Any]:
    moments = {name: moment(row[name]) for name in ("created_at", "expires_at", "last_used_at")}
    plain = {name: row[name] for name in ("kind", "name", "prefix", "rights")}
    return {"id": row["id"], "access": row["access_id"], **plain, **moments}


class TokenViewSet(Methods, GenericViewSet[ApiToken]):
    """Living tokens: one's own; an admin sees and ends everybody's."""

    queryset = ApiToken.objects.all()
    serializer_class = TokenOut
    lookup_field = "token_id"
    rights: ClassVar[dict[str, Right]] = {
        "list": Right.READ,
        "create": Right.MANAGE_OWN_ACCESS,
        "destroy": Right.MANAGE_OWN_ACCESS,
    }
    refuses: ClassVar[dict[str, list[str]]] = {"create": ["404", "409"], "destroy": ["404"]}

    @extend_schema(
        parameters=[*PAGE, OpenApiParameter("access", ROW_ID, description="for admins: whose tokens")],
        responses=TokenOut(many=True),
        tags=["tokens"],
    )
    def list(self, request: Request) -> Response:
        """List one's own living tokens, without their secrets."""
        no_unknown_parameters(request, (*PARAMETERS, "access"))
        mine = self._visible(request)
        if "access" in request.query_params:
            whose = row_id(request.query_params["access"], "access", place="query")
            mine = mine.filter(access_id=min(whose, LARGEST_ID))
        rows, headers = page(mine.values(*TOKEN_COLUMNS), request)
        return Response([token_row(row) for row in rows], headers=headers)

    @extend_schema(request=TokenIn, responses={201: NewTokenOut}, tags=["tokens"])
    def create(self, request: Request) -> Response:
        """Make a named, long-lived token; its secret is in this answer and nowhere else.

        Only a device's token may have no end; others live 90 days at most.
        """
        no_unknown_parameters(request)
        asked = read(TokenIn, request.data)
        owner = self._owner(request, asked.pop("access", None))
        issued, plaintext = tokens.issue_device_token(owner, **asked, by=actor(request))
        row = token_row({name: getattr(issued, name) for name in TOKEN_COLUMNS})
        return Response({**row, "token": plaintext}, status=201)

    @extend_schema(responses={200: TokenOut}, tags=["tokens"])
    def destroy(self, request: Request, token_id: str) -> Response:
        """Revoke a token, now."""
        no_unknown_parameters(request)
        number = row_id(token_id, "token_id")
        found = self._visible(request).filter(pk=number).first()
        if found is None:
            raise NotFound("tokens", number) if self._manages(request) else NotYours
        row = token_row({name: getattr(found, name) for name in TOKEN_COLUMNS})
        tokens.revoke(found, by=actor(request))
        return Response(row)

    def _manages(self, request: Request) -> bool:
        return asking(request).may(Right.MANAGE_ACCESSES, token_rights=token(request).rights)

    def _visible(self, request: Request) -> QuerySet[ApiToken]:
        living = ApiToken.objects.living()
        if self._manages(request) and (self.action == "destroy" or "access" in request.query_params):
            return living
        return living.filter(access=asking(request))

    def _owner(self, request: Request, access_id: int | None) -> Access:
        if access_id is None or access_id == asking(request).pk:
            return asking(request)
        if not self._manages(request):
            raise NotYours
        owner: Access | None = Access.objects.active().filter(pk=access_id).first()
        if owner is None:
            raise NotFound("accesses", access_id)
        return owner
