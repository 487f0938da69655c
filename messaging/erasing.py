"""Forget what a person wrote, was sent, and what Meta reported of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from messaging.media.keeping import discard
from messaging.models import ChatMessage, MessageMedia, MessageStatus, WebhookEvent
from messaging.whatsapp.redacting import without_person
from tenants.models import Tenant, WhatsAppNumber

_EVENTS_AT_ONCE = 200

# What names the person in a delivery report, beside the message it is about.
_REPORTED = (
    "recipient_id",
    "recipient_user_id",
    "recipient_participant_id",
    "recipient_participant_user_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How many rows went, and events' bodies that lost a part."""

    messages: int
    media: int
    statuses: int
    events: int
    events_shortened: int


def forget_conversation(
    *,
    tenant: Tenant,
    contact_ids: Collection[int],
    phones: Collection[str],
    user_ids: Collection[str],
    now: datetime,
) -> Forgotten:
    """Delete the contacts' messages, media and reports, and cut them out of events.

    `phones` are all spellings as digits. Within one transaction, which holds the
    contacts. Other people's messages that answer theirs stay.
    """
    messages = ChatMessage.objects.filter(tenant=tenant, contact_id__in=contact_ids)
    about = _notes_about(tenant, [*phones, *user_ids])
    ids = [*messages.values_list("pk", flat=True), *about]
    rows = list(ChatMessage.objects.filter(pk__in=ids).values_list("wamid", "event"))
    wamids = {wamid for wamid, _ in rows}
    media = discard(MessageMedia.objects.filter(message_id__in=ids))
    statuses = _reports_about(tenant, wamids, [*phones, *user_ids])
    event_ids = {event for _, event in rows if event} | set(
        MessageStatus.objects.filter(pk__in=statuses, event__isnull=False).values_list(
            "event", flat=True
        )
    )
    MessageStatus.objects.filter(pk__in=statuses).delete()
    ChatMessage.objects.filter(pk__in=ids).delete()
    event_ids |= _events_that_name([*phones, *user_ids])
    deleted, shortened = _cut_out(
        tenant, sorted(event_ids), {*phones, *user_ids, *wamids}
    )
    return Forgotten(
        messages=len(ids),
        media=media,
        statuses=len(statuses),
        events=deleted,
        events_shortened=shortened,
    )


def _notes_about(tenant: Tenant, marks: Collection[str]) -> list[int]:
    """Return the system notes that name the person and belong to no contact."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM chat_messages
            WHERE tenant_id = %s AND contact_id IS NULL AND EXISTS (
                SELECT 1 FROM unnest(%s::text[]) AS mark
                WHERE position('"' || mark || '"' IN payload::text) > 0
            )
            """,
            [tenant.pk, list(marks)],
        )
        return [message_id for (message_id,) in cursor.fetchall()]


def _reports_about(
    tenant: Tenant, wamids: Collection[str], marks: Collection[str]
) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM message_statuses
            WHERE tenant_id = %(tenant)s AND (
                wamid = ANY(%(wamids)s) OR participant = ANY(%(marks)s)
                OR EXISTS (
                    SELECT 1 FROM unnest(%(keys)s::text[]) AS key
                    WHERE ltrim(payload ->> key, '+') = ANY(%(marks)s)
                )
            )
            """,
            {
                "tenant": tenant.pk,
                "wamids": list(wamids),
                "marks": list(marks),
                "keys": list(_REPORTED),
            },
        )
        return [status_id for (status_id,) in cursor.fetchall()]


def _events_that_name(marks: Collection[str]) -> set[int]:
    """Return the events whose bytes hold one of the marks: no index, it is rare."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM webhook_events WHERE EXISTS (
                SELECT 1 FROM unnest(%s::text[]) AS mark
                WHERE position(convert_to(mark, 'UTF8') IN body) > 0
            )
            """,
            [list(marks)],
        )
        return {event_id for (event_id,) in cursor.fetchall()}


def _cut_out(
    tenant: Tenant, event_ids: list[int], marks: Collection[str]
) -> tuple[int, int]:
    """Return how many events went whole, and how many lost a part."""
    numbers = set(
        WhatsAppNumber.objects.filter(tenant=tenant).values_list(
            "phone_number_id", flat=True
        )
    )
    deleted: list[int] = []
    shortened = 0
    for start in range(0, len(event_ids), _EVENTS_AT_ONCE):
        events = WebhookEvent.objects.select_for_update().order_by("pk")
        for event in events.filter(pk__in=event_ids[start : start + _EVENTS_AT_ONCE]):
            body = bytes(event.body)
            rest = without_person(body, phone_number_ids=numbers, marks=marks)
            if rest is None:
                deleted.append(event.pk)
            elif rest != body:
                event.body = rest
                event.awaits = []
                event.save(update_fields=["body", "awaits"])
                shortened += 1
    WebhookEvent.objects.filter(pk__in=deleted).delete()
    return len(deleted), shortened
