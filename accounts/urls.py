"""Routes of accounts, mounted at / and at /api/v1/."""

from accounts.api import AccessViewSet, LoginView, OwnAccessView, TokenViewSet
from accounts.rest.routes import both

urlpatterns = [
    *both("login/access-token", LoginView.as_view(), "login"),
    *both("accesses", AccessViewSet.as_view({"get": "list", "post": "create"}), "accesses"),
    *both("accesses/me", OwnAccessView.as_view(), "own-access"),
    *both(
        "accesses/<str:access_id>",
        AccessViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
        "access",
    ),
    *both("tokens", TokenViewSet.as_view({"get": "list", "post": "create"}), "tokens"),
    *both("tokens/<str:token_id>", TokenViewSet.as_view({"delete": "destroy"}), "token"),
]
