"""Contacts' counters against their messages, and how they are set right."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

_MISCOUNTED = """
    SELECT contacts.id FROM contacts
    LEFT JOIN (
        SELECT contact_id, count(*) AS counted, min(sent_at) AS first_at,
            max(sent_at) AS last_at
        FROM chat_messages
        WHERE %(tenant_id)s::bigint IS NULL OR tenant_id = %(tenant_id)s
        GROUP BY contact_id
    ) AS recount ON recount.contact_id = contacts.id
    WHERE (%(tenant_id)s::bigint IS NULL OR contacts.tenant_id = %(tenant_id)s)
        AND (
            message_count <> coalesce(counted, 0)
            OR first_message_at IS DISTINCT FROM first_at
            OR last_message_at IS DISTINCT FROM last_at
        )
    ORDER BY contacts.id
"""
_RECOUNT = """
    UPDATE contacts SET
        message_count = recount.counted,
        first_message_at = recount.first_at,
        last_message_at = recount.last_at,
        updated_at = %(now)s
    FROM (
        SELECT wanted.id, count(message.id) AS counted,
            min(message.sent_at) AS first_at, max(message.sent_at) AS last_at
        FROM unnest(%(ids)s::bigint[]) AS wanted (id)
        LEFT JOIN chat_messages AS message ON message.contact_id = wanted.id
        GROUP BY wanted.id
    ) AS recount
    WHERE contacts.id = recount.id AND (
        message_count <> recount.counted
        OR first_message_at IS DISTINCT FROM recount.first_at
        OR last_message_at IS DISTINCT FROM recount.last_at
    )
"""


def find_miscounted(*, tenant_id: int | None = None) -> list[int]:
    """Return the contacts whose count, first or last time a recount contradicts."""
    with connection.cursor() as cursor:
        cursor.execute(_MISCOUNTED, {"tenant_id": tenant_id})
        return [contact_id for (contact_id,) in cursor.fetchall()]


@transaction.atomic
def recount_contacts(*, contact_ids: Sequence[int], now: datetime) -> int:
    """Set the counters of these contacts right; return how many were wrong."""
    wanted: dict[str, Any] = {"ids": sorted(contact_ids), "now": now}
    with connection.cursor() as cursor:
        # Locked first and counted by a later statement: a drain that is at work on one
        # of them is waited for, and what it adds is seen.
        cursor.execute(
            "SELECT 1 FROM contacts WHERE id = ANY(%(ids)s)"
            " ORDER BY id FOR NO KEY UPDATE",
            wanted,
        )
        cursor.execute(_RECOUNT, wanted)
        return int(cursor.rowcount)
