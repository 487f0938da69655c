"""The API's door: whose token it is.

The tenant is that of the token, always. No parameter and no body can name another.
"""

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from tenants.models import ApiClient
from tenants.tokens import NOT_GOOD, TokenRefused, read_token

if TYPE_CHECKING:  # the framework reads its settings, and so this, to make its views
    from rest_framework.views import APIView


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`. There are no sessions here, so no CSRF."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiClient] | None:
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            claims = read_token(token.strip())
        except TokenRefused as exc:
            raise AuthenticationFailed(str(exc)) from exc
        client = (
            ApiClient.objects.select_related("tenant")
            .filter(
                pk=claims.client_id,
                tenant_id=claims.tenant_id,
                revoked_at__isnull=True,
            )
            .first()
        )
        # A revoked one is answered like one that never was.
        if client is None:
            raise AuthenticationFailed(NOT_GOOD)
        return AnonymousUser(), client

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasToken(BasePermission):
    def has_permission(self, request: Request, view: "APIView") -> bool:
        if isinstance(request.auth, ApiClient):
            return True
        raise NotAuthenticated("Send a token: Authorization: Bearer …")


class MayWrite(BasePermission):
    """Keeps a token that may only read from changing anything; asks after `HasToken`.

    The row says so, not the token: what a program may do has one place.
    """

    message = "This token may only read: have one issued that may write."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if request.method in SAFE_METHODS:
            return True
        return isinstance(request.auth, ApiClient) and not request.auth.read_only


class ClientThrottle(SimpleRateThrottle):
    """So many requests a minute of one client, in each web process.

    Counted in the process's own memory: nothing to wait for, and it need not be exact.
    It keeps a program that runs in circles from the others.
    """

    rate = "600/min"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        if not isinstance(request.auth, ApiClient):
            return None
        return f"api-client-{request.auth.pk}"
