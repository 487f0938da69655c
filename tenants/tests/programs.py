"""Programs that use the API, as tests need them."""

from datetime import datetime
from typing import Any

from django.test import Client
from django.utils import timezone

from tenants.models import ApiClient, Tenant
from tenants.tokens import issue_token


def program_of(tenant: Tenant, *, read_only: bool = False) -> Client:
    """Return a program that may use the API for a tenant."""
    return with_token(make_token(tenant, read_only=read_only)[1])


def make_token(
    tenant: Tenant,
    *,
    days: int = 30,
    now: datetime | None = None,
    read_only: bool = False,
) -> tuple[ApiClient, str]:
    return issue_token(
        tenant=tenant,
        name="dialler",
        days=days,
        now=now or timezone.now(),
        read_only=read_only,
    )


def with_token(token: str) -> Client:
    headers: dict[str, Any] = {"Authorization": f"Bearer {token}"}
    return Client(headers=headers)
