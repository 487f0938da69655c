"""Making one contact of two, recorded so that it can be looked at and undone."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import ManyToOneRel

from contacts.models import Contact, ContactMerge
from contacts.names import NameFacts, combine_names, settle_name
from contacts.statements import combine_statements


def merge(
    *,
    survivor_id: int,
    merged_id: int,
    reason: ContactMerge.Reason,
    merged_by: User | None,
    now: datetime,
) -> ContactMerge:
    """Move everything of one contact to another of the same tenant, and drop it.

    Whatever points at a contact moves, whichever app it belongs to. Call it inside a
    transaction that holds both rows.
    """
    survivor = Contact.objects.get(pk=survivor_id)
    merged = Contact.objects.get(pk=merged_id, tenant_id=survivor.tenant_id)
    record = ContactMerge(
        tenant_id=survivor.tenant_id,
        survivor=survivor,
        merged_contact_id=merged.pk,
        merged_contact=_columns(merged),
        survivor_before=_columns(survivor),
        moved={},
        reason=reason,
        merged_by=merged_by,
        merged_at=now,
    )
    for relation in _relations():
        model = relation.field.model
        rows = model._base_manager.filter(**{relation.field.name: merged})
        record.moved[model._meta.db_table] = list(rows.values_list("pk", flat=True))
        rows.update(**{relation.field.name: survivor})
    # First, because the survivor may take its number.
    Contact.objects.filter(pk=merged_id).delete()
    _combine(survivor, merged)
    survivor.updated_at = now
    survivor.save()
    record.save()
    return record


def _relations() -> Iterator[ManyToOneRel]:
    """Yield every relation that points at a contact, from whatever app."""
    for relation in Contact._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel):
            yield relation


def _columns(contact: Contact) -> dict[str, Any]:
    return {
        column.attname: getattr(contact, column.attname)
        for column in Contact._meta.concrete_fields
    }


def _combine(survivor: Contact, merged: Contact) -> None:
    """Let the survivor keep the best of both; counters and spans cover both."""
    survivor.phone_number = survivor.phone_number or merged.phone_number
    combine_statements(survivor, merged)
    survivor.message_count += merged.message_count
    survivor.first_message_at = min(
        filter(None, [survivor.first_message_at, merged.first_message_at]), default=None
    )
    survivor.last_message_at = max(
        filter(None, [survivor.last_message_at, merged.last_message_at]), default=None
    )
    survivor.created_at = min(survivor.created_at, merged.created_at)
    names = combine_names(NameFacts.of(survivor), NameFacts.of(merged))
    names.phone_number = survivor.phone_number
    settle_name(names)
    names.write_to(survivor)
