"""The tokens of programs: signed here, good for one tenant and for some days.

A token is a JWT (RFC 7519) of exactly one kind: HS256, our issuer and audience, an end.
Its key is derived from SECRET_KEY: with another one, every token is void.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from django.utils.crypto import salted_hmac

from tenants.models import ApiClient, Tenant

# Named when reading, too: whoever lets the token choose takes `none` for a signature.
_ALGORITHM = "HS256"
_ISSUER = "dues-desk"
_AUDIENCE = "dues-desk-api"
_CLAIMS = ("exp", "iat", "iss", "aud", "tenant", "client")
_CLOCKS_DIFFER = timedelta(seconds=10)

NOT_GOOD = "The token is not valid here: have a new one issued."
EXPIRED = "The token has expired: have a new one issued."


class TokenRefused(Exception):
    """Nobody comes in with this token; the message says why, as far as it may."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Whom a token is of. That it was not revoked, only the table says."""

    tenant_id: int
    client_id: int


def issue_token(
    *,
    tenant: Tenant,
    name: str,
    days: int,
    now: datetime,
    read_only: bool = False,
) -> tuple[ApiClient, str]:
    """Let a program in; return its row and the token, which is kept nowhere."""
    client = ApiClient.objects.create(
        tenant=tenant,
        name=name,
        read_only=read_only,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    claims = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "iat": now,
        "exp": client.expires_at,
        "tenant": tenant.pk,
        "client": client.pk,
    }
    return client, jwt.encode(claims, _key(), algorithm=_ALGORITHM)


def read_token(token: str) -> Claims:
    """Return what a token of ours claims, by the machine's clock.

    Raises `TokenRefused` for every other text.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            _key(),
            algorithms=[_ALGORITHM],
            issuer=_ISSUER,
            audience=_AUDIENCE,
            leeway=_CLOCKS_DIFFER,
            options={"require": list(_CLAIMS)},
        )
    except jwt.ExpiredSignatureError as exc:  # told only of what we did sign
        raise TokenRefused(EXPIRED) from exc
    except jwt.InvalidTokenError as exc:
        raise TokenRefused(NOT_GOOD) from exc
    ids = claims["tenant"], claims["client"]
    if not all(type(one) is int for one in ids):
        raise TokenRefused(NOT_GOOD)
    return Claims(*ids)


def _key() -> bytes:
    return salted_hmac("tenants.tokens", "", algorithm="sha256").digest()
