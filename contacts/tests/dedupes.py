"""Contacts that stand twice, and the command that shows and merges them."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from django.core.management import call_command

from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.tests.factories import ContactFactory
from messaging.models import ChatMessage
from tenants.models import Tenant

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ASHA = "919876543210"


def run(*arguments: str) -> str:
    answer = StringIO()
    call_command("dedupe_contacts", *arguments, stdout=answer)
    return answer.getvalue()


def ask(*arguments: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run("--json", *arguments))
    return report


def of_tenant(report: dict[str, Any], slug: str = "lender") -> dict[str, Any]:
    found: dict[str, Any] = next(
        one for one in report["tenants"] if one["tenant"] == slug
    )
    return found


def twice(tenant: Tenant, phone_number: str = ASHA) -> tuple[Contact, Contact]:
    """Make the newer contact first: what counts is `created_at`."""
    newer, older = (
        ContactFactory.create(
            tenant=tenant, phone_number=phone_number, created_at=NOON - age, name="Asha"
        )
        for age in (timedelta(days=1), timedelta(days=9))
    )
    return older, newer


def contacts_and_messages() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values())
        for model in (Contact, ContactIdentity, ChatMessage, ContactMerge)
    ]
