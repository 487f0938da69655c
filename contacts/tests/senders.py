"""Who writes to a tenant in tests, and who is there then."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from contacts.models import Contact
from contacts.services import (
    Activity,
    IdentityChange,
    Sender,
    record_messages,
    upsert_contacts,
)
from tenants.models import Tenant

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
WABA = "109283746501123"
ASHA, IMRAN = "919800000101", "919800000102"


def at(minute: int, **sender: Any) -> Sender:
    sender.setdefault("phone", None)
    sender.setdefault("user_id", None)
    sender.setdefault("waba_id", WABA)
    return Sender(seen_at=NOW + timedelta(minutes=minute), **sender)


def upsert(
    tenant: Tenant,
    *seen: Sender | IdentityChange,
    activity: Sequence[Activity] = (),
    now: datetime = NOW,
) -> list[int | None]:
    with transaction.atomic():
        upserted = upsert_contacts(tenant_id=tenant.pk, seen=seen, now=now)
        record_messages(upserted=[upserted], activity=activity, now=now)
    return upserted.ids


def people(tenant: Tenant) -> set[tuple[str | None, str, frozenset[str]]]:
    """Who there is, without ids: number, name, everything that means them."""
    return {
        (
            contact.phone_number,
            contact.name,
            frozenset(contact.identities.values_list("value", flat=True)),
        )
        for contact in Contact.objects.filter(tenant=tenant)
    }
