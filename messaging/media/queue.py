"""What is to be fetched, by whom, and what became of it: the table is the queue.

Whoever claims a row leases it for a while and renews the lease while fetching, outside
of any transaction; of a killed worker's rows the lease runs out, and they are claimable
again. Only who still holds the lease may say what became of a row.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from messaging.media.models import MessageMedia
from messaging.rows import columns

# Meta's media ids from webhooks: "Media", edition of 2026-04-17.
KEPT_BY_META = timedelta(days=7)
LEASE = timedelta(minutes=2)
# How long a failed fetch rests before each further one; the last rest repeats.
_RESTS = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=20),
    timedelta(hours=1),
)
# Lets one worker at a time decide who fetches.
_CLAIMS_LOCK = 0x4D45

NO_ACCESS = (
    "The number has no access token: enter one in the admin under WhatsApp numbers, "
    "and its files are fetched by themselves."
)
GONE = "WhatsApp keeps files for seven days, and these are over."


class MediaRow(NamedTuple):
    """A file that a message brought; the fields are what `record_media` unnests."""

    whatsapp_number_id: int
    wamid: str
    kind: str
    media_id: str
    mime_type: str
    sha256: str
    file_name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimedMedia:
    """A row that `fetcher` has leased."""

    id: int
    whatsapp_number_id: int
    media_id: str
    mime_type: str
    sha256: str
    attempts: int
    expires_at: datetime
    file: str
    fetcher: UUID


def record_media(rows: Iterable[MediaRow]) -> int:
    """Queue the files of messages that are in their table; return how many are new.

    The kind must be the message's own: a file that comes late, for a placeholder out
    of a phone's history, counts once it has filled it.
    """
    rows = list(rows)
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO message_media (
                tenant_id, whatsapp_number_id, message_id, media_id, mime_type, sha256,
                file_name, expires_at
            )
            SELECT message.tenant_id, message.whatsapp_number_id, message.id, media_id,
                mime_type, sha256, file_name, expires_at
            FROM unnest(
                %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::text[], %s::text[], %s::timestamptz[]
            ) AS arrived (
                number_id, message_id, message_kind, media_id, mime_type, sha256,
                file_name, expires_at
            )
            JOIN chat_messages AS message ON message.whatsapp_number_id = number_id
                AND message.wamid = arrived.message_id AND message.kind = message_kind
            ORDER BY message.id
            ON CONFLICT ON CONSTRAINT message_media_message_id_key DO NOTHING
            """,
            columns(rows),
        )
        return int(cursor.rowcount)


def claim_media(*, fetcher: UUID, limit: int, now: datetime) -> list[ClaimedMedia]:
    """Lease the files that are due, unless another fetcher is at work.

    Files of numbers without an access token are put aside, with the reason.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_CLAIMS_LOCK])
        others = MessageMedia.objects.filter(
            fetcher__isnull=False, fetch_after__gt=now
        ).exclude(fetcher=fetcher)
        if others.exists():
            return []
        _put_aside_without_token(now=now)
        cursor.execute(
            """
            UPDATE message_media AS media SET
                fetcher = %s, fetch_after = %s, attempts = attempts + 1,
                file = CASE WHEN file = '' THEN
                    'media/' || tenant_id || '/' || gen_random_uuid() ELSE file END
            FROM (
                SELECT id FROM message_media
                WHERE status = 'pending' AND fetch_after <= %s
                ORDER BY fetch_after, id LIMIT %s FOR UPDATE SKIP LOCKED
            ) AS due
            WHERE media.id = due.id
            RETURNING media.id, whatsapp_number_id, media_id, mime_type, sha256,
                attempts, expires_at, file, fetcher
            """,
            [fetcher, now + LEASE, now, limit],
        )
        claimed = [ClaimedMedia(*row) for row in cursor.fetchall()]
    return sorted(claimed, key=lambda media: media.id)


def renew_leases(
    *, fetcher: UUID, media_ids: Collection[int], now: datetime
) -> set[int]:
    """Hold on to what is still being fetched; return what is still ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE message_media SET fetch_after = %s
            WHERE id = ANY(%s) AND fetcher = %s RETURNING id
            """,
            [now + LEASE, list(media_ids), fetcher],
        )
        return {row[0] for row in cursor.fetchall()}


def mark_stored(
    media: ClaimedMedia,
    *,
    file: str,
    sha256: str,
    size_bytes: int,
    content_type: str,
    now: datetime,
) -> bool:
    """Mark a file as kept; False when the lease ran out and somebody else has it."""
    return bool(
        _held(media).update(
            status=MessageMedia.Status.STORED,
            file=file,
            sha256=sha256,
            size_bytes=size_bytes,
            content_type=content_type,
            stored_at=now,
            error="",
            fetcher=None,
        )
    )


def mark_failed(media: ClaimedMedia, *, reason: str) -> None:
    """Mark a file that no further attempt can fetch."""
    _held(media).update(status=MessageMedia.Status.FAILED, error=reason, fetcher=None)


def mark_not_fetched(media: ClaimedMedia, *, reason: str, now: datetime) -> None:
    """Let a file rest before its next attempt; the last is when Meta's time ends."""
    if now >= media.expires_at:
        _held(media).update(
            status=MessageMedia.Status.EXPIRED,
            error=f"{GONE} The last attempt: {reason}",
            fetcher=None,
        )
        return
    rest = _RESTS[min(media.attempts, len(_RESTS)) - 1]
    _held(media).update(
        error=reason, fetch_after=min(now + rest, media.expires_at), fetcher=None
    )


def _held(media: ClaimedMedia) -> QuerySet[MessageMedia]:
    return MessageMedia.objects.filter(pk=media.id, fetcher=media.fetcher)


def put_back(media: QuerySet[MessageMedia], *, now: datetime) -> int:
    """Have files fetched again at once, those too that were given up; return how many.

    One that is being fetched right now is left to its fetcher.
    """
    return (
        media.exclude(status=MessageMedia.Status.STORED)
        .filter(fetcher=None)
        .update(
            status=MessageMedia.Status.PENDING, attempts=0, error="", fetch_after=now
        )
    )


def put_back_with_token(*, now: datetime) -> int:
    """Queue what waited for an access token that is there by now; return how many."""
    waiting = MessageMedia.objects.filter(status=MessageMedia.Status.WAITING)
    return put_back(waiting.exclude(whatsapp_number__access_token=""), now=now)


def expire_waiting(*, now: datetime) -> int:
    """Give up what waited for an access token too long; return how many."""
    waiting = MessageMedia.objects.filter(
        status=MessageMedia.Status.WAITING, expires_at__lte=now
    )
    return waiting.update(
        status=MessageMedia.Status.EXPIRED, error=f"{GONE} {NO_ACCESS}"
    )


def _put_aside_without_token(*, now: datetime) -> None:
    MessageMedia.objects.filter(
        status=MessageMedia.Status.PENDING,
        fetch_after__lte=now,
        whatsapp_number__access_token="",
    ).update(status=MessageMedia.Status.WAITING, error=NO_ACCESS, fetcher=None)
