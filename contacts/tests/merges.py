"""Contacts that are merged by tests, and all that a merge touches."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contacts.deduplicating import merge_groups, merge_two
from contacts.duplicates import find_duplicates
from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.tests.factories import ContactFactory
from messaging.models import ChatMessage
from messaging.tests.factories import ChatMessageFactory
from tenants.models import Tenant

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
BRAZIL, BRAZIL_SHORT = "5511981234567", "551181234567"


def person(tenant: Tenant, *, messages: int = 0, **columns: Any) -> Contact:
    """Make a contact with so many messages, one a minute, counted."""
    contact = ContactFactory.create(tenant=tenant, **columns)
    for minute in range(messages):
        ChatMessageFactory.create(
            contact=contact, sent_at=NOON + timedelta(minutes=contact.pk + minute)
        )
    recount(contact)
    return contact


def recount(contact: Contact) -> None:
    times = sorted(contact.messages.values_list("sent_at", flat=True))
    Contact.objects.filter(pk=contact.pk).update(
        message_count=len(times),
        first_message_at=times[0] if times else None,
        last_message_at=times[-1] if times else None,
    )


def identity(contact: Contact, value: str, kind: str = "phone") -> ContactIdentity:
    return ContactIdentity.objects.create(
        tenant=contact.tenant, contact=contact, kind=kind, value=value
    )


def tables() -> dict[str, list[dict[str, Any]]]:
    """Return all that a merge touches, but when contacts changed: an undo is news."""
    return {
        model._meta.db_table: [
            {name: one for name, one in row.items() if name != "updated_at"}
            for row in model.objects.order_by("pk").values()
        ]
        for model in (Contact, ContactIdentity, ChatMessage)
    }


def merge(survivor: Contact, merged: Contact) -> ContactMerge:
    merge_two(
        tenant_id=survivor.tenant_id,
        survivor_id=survivor.pk,
        merged_id=merged.pk,
        merged_by=None,
        now=NOON,
    )
    return ContactMerge.objects.latest("pk")


def dedupe(tenant: Tenant) -> int:
    groups = find_duplicates(tenant_id=tenant.pk)
    return sum(merge_groups(tenant_id=tenant.pk, groups=groups, now=NOON))


def spelled_twice(tenant: Tenant) -> tuple[Contact, Contact]:
    """Make two contacts of one person, the older first."""
    older, newer = (
        ContactFactory.create(tenant=tenant, phone_number=number)
        for number in (BRAZIL, BRAZIL_SHORT)
    )
    return older, newer
