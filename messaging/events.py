"""The queue of webhook events: stored as signed, claimed, and marked with the outcome.

The table is the queue. Whoever claims an event holds its row lock until the work and
the mark commit together, so an event whose worker dies is simply claimable again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from contacts.arrays import array
from contacts.cursors import bulk_cursor
from messaging.models import WebhookEvent
from tenants.models import WhatsAppNumber

# An event that failed this often waits for a person instead of the next sweep.
MAX_ATTEMPTS = 5
# How long a failed event rests before each further attempt.
_RESTS = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
)
# Bodies may have 3 MB each: a batch of them must still fit in memory and in a
# transaction of reasonable length. The oldest event always fits.
_BATCH_BYTES = 4 * 1024 * 1024
_MAX_ERROR_LENGTH = 2_000


class ClaimedEvent(NamedTuple):
    """An event whose row this transaction has locked."""

    id: int
    received_at: datetime
    body: bytes
    signed_by: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a claimed event that did not simply succeed.

    `problems` are sentences about what no further attempt can mend, `failures` about
    what the next one may; `unrouted_numbers` are phone_number_ids of nobody.
    """

    event: ClaimedEvent
    problems: Sequence[str] = ()
    unrouted_numbers: Sequence[str] = ()
    failures: Sequence[str] = ()

    @property
    def status(self) -> WebhookEvent.Status:
        if self.failures and self.event.attempts + 1 < MAX_ATTEMPTS:
            return WebhookEvent.Status.PENDING
        if self.unrouted_numbers:
            return WebhookEvent.Status.UNROUTABLE
        return WebhookEvent.Status.PARKED

    def error(self) -> str:
        """Return the sentences for whoever looks after the queue."""
        sentences = [*self.failures, *self.problems]
        sentences += [
            f"No tenant has a WhatsApp number with the phone_number_id {number}: "
            "register it in the admin under WhatsApp numbers, and this event is "
            "processed by itself."
            for number in self.unrouted_numbers
        ]
        return "\n".join(sentences)[:_MAX_ERROR_LENGTH]

    def process_after(self, now: datetime) -> datetime:
        return now + _RESTS[min(self.event.attempts, len(_RESTS) - 1)]


def store_event(*, body: bytes, signed_by: str) -> int:
    """Keep one POST as it was signed and return its event's id. One INSERT."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO webhook_events (body, signed_by) VALUES (%s, %s) RETURNING id",
            [body, signed_by],
        )
        (event_id,) = cursor.fetchone()
    return int(event_id)


def claim_events(*, limit: int, now: datetime) -> list[ClaimedEvent]:
    """Lock the oldest pending events nobody else holds, for this transaction."""
    return _fetch(
        """
        WITH claimed AS (
            SELECT id, received_at, body, signed_by, attempts,
                octet_length(body) AS size
            FROM webhook_events
            WHERE status = 'pending' AND process_after <= %s
            ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
        )
        SELECT id, received_at, body, signed_by, attempts FROM (
            SELECT *, sum(size) OVER (ORDER BY id) - size AS bytes_before FROM claimed
        ) AS sized
        WHERE bytes_before < %s ORDER BY id
        """,
        [now, limit, _BATCH_BYTES],
    )


def claim_event(*, event_id: int, now: datetime) -> ClaimedEvent | None:
    """Lock one event if it is still due and free, for this transaction."""
    events = _fetch(
        """
        SELECT id, received_at, body, signed_by, attempts FROM webhook_events
        WHERE id = %s AND status = 'pending' AND process_after <= %s
        FOR UPDATE SKIP LOCKED
        """,
        [event_id, now],
    )
    return events[0] if events else None


def _fetch(sql: str, params: list[Any]) -> list[ClaimedEvent]:
    with bulk_cursor() as cursor:
        cursor.execute(sql, params)
        return [ClaimedEvent(*row) for row in cursor.fetchall()]


def mark_processed(*, events: Sequence[ClaimedEvent], now: datetime) -> None:
    """Mark events whose every item is in its table."""
    if not events:
        return
    with bulk_cursor() as cursor:
        cursor.execute(
            """
            UPDATE webhook_events SET
                status = 'processed', attempts = attempts + 1, error = '',
                unrouted_numbers = '{}', awaits = '{}', processed_at = %s
            WHERE id = ANY(%s::bigint[])
            """,
            [now, array(event.id for event in events)],
        )


def mark_unfinished(*, verdict: Verdict, now: datetime) -> None:
    """Mark an event that waits: for its next attempt, its number or a person."""
    WebhookEvent.objects.filter(pk=verdict.event.id).update(
        status=verdict.status,
        attempts=verdict.event.attempts + 1,
        error=verdict.error(),
        unrouted_numbers=list(verdict.unrouted_numbers),
        awaits=[],
        process_after=verdict.process_after(now),
        processed_at=now,
    )


def put_back(events: QuerySet[WebhookEvent], *, now: datetime) -> int:
    """Queue events again, from their first attempt; return how many were not due.

    Whatever an event made before stays, and is made once: the constraints see to it.
    """
    due = Q(status=WebhookEvent.Status.PENDING, process_after__lte=now)
    return events.exclude(due).update(
        status=WebhookEvent.Status.PENDING, attempts=0, process_after=now
    )


def put_back_routable(*, now: datetime) -> int:
    """Queue the events whose number is registered by now; return how many."""
    known = WhatsAppNumber.objects.values_list(
        Cast("phone_number_id", TextField()), flat=True
    )
    return put_back(
        WebhookEvent.objects.filter(
            status=WebhookEvent.Status.UNROUTABLE,
            unrouted_numbers__overlap=known,
        ),
        now=now,
    )


def mark_awaiting(*, identities: Mapping[int, Collection[str]]) -> None:
    """Note which events told something about people whom nobody knows yet."""
    if not identities:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE webhook_events SET awaits = string_to_array(waiting.awaited, E'\\n')
            FROM unnest(%s::bigint[], %s::text[]) AS waiting (event_id, awaited)
            WHERE id = event_id
            """,
            [
                array(identities),
                array("\n".join(sorted(one)) for one in identities.values()),
            ],
        )


def put_back_awaiting(*, identities: Collection[str], now: datetime) -> int:
    """Queue the events that waited for these people to be known; return how many.

    Call it in the transaction that made them known. An event that another transaction
    holds is being put back already, or waits for this one to end and then sees them.
    """
    if not identities:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE webhook_events SET
                status = 'pending', attempts = 0, process_after = %s
            WHERE id IN (
                SELECT id FROM webhook_events
                WHERE awaits <> '{}' AND awaits && %s::text[] AND status <> 'pending'
                ORDER BY id FOR UPDATE SKIP LOCKED
            )
            """,
            [now, list(identities)],
        )
        return int(cursor.rowcount)
