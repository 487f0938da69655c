"""The SQL of messages and statuses: one statement per table and batch.

Every statement may run again with the same rows and then changes nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from django.db import IntegrityError

from contacts.arrays import array
from contacts.cursors import bulk_cursor

# The number a message belongs to, and its id there.
Key: TypeAlias = tuple[int, str]

# How far a sent message got, the furthest last: a later report of an earlier stage
# changes nothing. "failed" stands below every proof that it did arrive.
STATUS_ORDER = ["sent", "failed", "delivered", "read", "played"]

# Tells our advisory locks on numbers from other people's advisory locks.
_NUMBER_LOCKS = 0x5741


class MessageRow(NamedTuple):
    """A row for chat_messages; the fields are its columns."""

    tenant_id: int
    whatsapp_number_id: int
    contact_id: int | None
    event_id: int
    wamid: str
    direction: str
    kind: str
    text: str
    payload: str
    sent_at: datetime
    received_at: datetime
    reply_to: str
    group_id: str
    status: str

    @property
    def key(self) -> Key:
        return self.whatsapp_number_id, self.wamid


class StatusRow(NamedTuple):
    """A row for message_statuses; the fields are its columns."""

    tenant_id: int
    whatsapp_number_id: int
    event_id: int
    wamid: str
    status: str
    participant: str
    occurred_at: datetime
    error_code: int | None
    payload: str
    received_at: datetime


class NumberGone(IntegrityError):
    """A number was deleted after its events were read: now they are nobody's."""


def lock_numbers(*, numbers: Collection[int], exclusively: Collection[int]) -> None:
    """Keep the numbers, and what they send from crossing what is told about it.

    A message and its status, or its edit, may come in two transactions, neither of
    which sees the other's row. Whoever brings messages of ours, history, edits or
    revokes holds the number alone until it commits; all others share it.
    Raises `NumberGone`: the rows to come have no foreign key that would.
    """
    with bulk_cursor() as cursor:
        cursor.execute(
            "SELECT FROM whatsapp_numbers WHERE id = ANY(%s::bigint[])"
            " ORDER BY id FOR KEY SHARE",
            [array(numbers)],
        )
        if cursor.rowcount < len(numbers):
            raise NumberGone("A number was deleted meanwhile.")
        for number in sorted(numbers):
            lock = (
                "pg_advisory_xact_lock"
                if number in exclusively
                else "pg_advisory_xact_lock_shared"
            )
            cursor.execute(f"SELECT {lock}(%s, %s)", [_NUMBER_LOCKS, number])


def insert_messages(rows: Sequence[MessageRow]) -> set[Key]:
    """Insert the messages that are new and return which those were.

    They go in by key, so that two drains cannot block each other in a circle; their
    ids are drawn before that, in the order of arrival, because messages of the same
    second are shown in the order of their ids.
    """
    unique: dict[Key, MessageRow] = {}
    for row in rows:
        if unique.setdefault(row.key, row).kind == "media_placeholder":
            unique[row.key] = row
    if not unique:
        return set()
    with bulk_cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO chat_messages (
                id, tenant_id, whatsapp_number_id, contact_id, event_id, wamid,
                direction, kind, text, payload, sent_at, received_at, reply_to,
                group_id, status
            )
            SELECT id, tenant_id, whatsapp_number_id, contact_id, event_id, wamid,
                direction, kind, text, payload::jsonb, sent_at, received_at, reply_to,
                group_id, status
            FROM (
                SELECT nextval(pg_get_serial_sequence('chat_messages', 'id')) AS id,
                    arrived.*
                FROM unnest(
                    %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
                    %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[],
                    %s::timestamptz[], %s::text[], %s::text[], %s::text[]
                ) AS arrived (
                    tenant_id, whatsapp_number_id, contact_id, event_id, wamid,
                    direction, kind, text, payload, sent_at, received_at, reply_to,
                    group_id, status
                )
            ) AS numbered
            ORDER BY whatsapp_number_id, wamid
            ON CONFLICT ON CONSTRAINT chat_messages_whatsapp_number_id_wamid_key
            DO NOTHING
            RETURNING whatsapp_number_id, wamid
            """,
            columns(unique.values()),
        )
        return set(cursor.fetchall())


def insert_statuses(rows: Sequence[StatusRow]) -> int:
    """Insert the statuses that are new and return how many those were."""
    unique = {
        (row.whatsapp_number_id, row.wamid, row.status, row.participant): row
        for row in reversed(rows)
    }
    if not unique:
        return 0
    with bulk_cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO message_statuses (
                tenant_id, whatsapp_number_id, event_id, wamid, status, participant,
                occurred_at, error_code, payload, received_at
            )
            SELECT tenant_id, whatsapp_number_id, event_id, wamid, status, participant,
                occurred_at, error_code, payload::jsonb, received_at
            FROM unnest(
                %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[],
                %s::text[], %s::timestamptz[], %s::int[], %s::text[], %s::timestamptz[]
            ) AS arrived (
                tenant_id, whatsapp_number_id, event_id, wamid, status, participant,
                occurred_at, error_code, payload, received_at
            )
            ORDER BY whatsapp_number_id, wamid, status, participant
            ON CONFLICT ON CONSTRAINT
                message_statuses_number_wamid_status_participant_key
            DO NOTHING
            """,
            columns(unique.values()),
        )
        return int(cursor.rowcount)


def amend_messages(inserted: Collection[MessageRow]) -> None:
    """Apply edits and revokes, whichever came first: they or their message.

    The newest edit counts. Only who wrote a message may change it.
    """
    concerned = {row.key for row in inserted} | {
        (row.whatsapp_number_id, row.reply_to)
        for row in inserted
        if row.kind in ("edit", "revoke")
    }
    if not concerned:
        return
    with bulk_cursor() as cursor:
        cursor.execute(
            """
            UPDATE chat_messages SET
                text = COALESCE(amended.text, chat_messages.text),
                edited_at = amended.edited_at,
                revoked_at = amended.revoked_at,
                updated_at = statement_timestamp()
            FROM (
                SELECT whatsapp_number_id, reply_to, contact_id, direction,
                    (array_agg(text ORDER BY sent_at DESC, wamid DESC)
                        FILTER (WHERE kind = 'edit'))[1] AS text,
                    max(sent_at) FILTER (WHERE kind = 'edit') AS edited_at,
                    min(sent_at) FILTER (WHERE kind = 'revoke') AS revoked_at
                FROM chat_messages JOIN unnest(%s::bigint[], %s::text[])
                    AS concerned (number_id, message_id)
                    ON whatsapp_number_id = number_id AND reply_to = message_id
                WHERE kind IN ('edit', 'revoke')
                GROUP BY whatsapp_number_id, reply_to, contact_id, direction
            ) AS amended
            WHERE chat_messages.whatsapp_number_id = amended.whatsapp_number_id
                AND chat_messages.wamid = amended.reply_to
                AND chat_messages.contact_id = amended.contact_id
                AND chat_messages.direction = amended.direction
                AND (
                    COALESCE(amended.text, chat_messages.text), amended.edited_at,
                    amended.revoked_at
                ) IS DISTINCT FROM (
                    chat_messages.text, chat_messages.edited_at,
                    chat_messages.revoked_at
                )
            """,
            columns(concerned),
        )


def fold_statuses(
    messages: Sequence[MessageRow], statuses: Sequence[StatusRow]
) -> None:
    """Let the messages we sent show how far they got; none ever steps back.

    A report may come before its message: it waits in its table until this finds both.
    """
    concerned = {(row.whatsapp_number_id, row.wamid) for row in statuses}
    concerned |= {row.key for row in messages if row.direction == "outbound"}
    if not concerned:
        return
    with bulk_cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM chat_messages JOIN unnest(%s::bigint[], %s::text[])
                AS concerned (number_id, message_id)
                ON whatsapp_number_id = number_id AND wamid = message_id
            WHERE direction = 'outbound'
            ORDER BY id FOR NO KEY UPDATE OF chat_messages
            """,
            columns(concerned),
        )
        ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return
        cursor.execute(
            """
            WITH stages (status, stage) AS (
                SELECT * FROM unnest(%s::text[]) WITH ORDINALITY
            )
            UPDATE chat_messages SET
                status = furthest.status, updated_at = statement_timestamp()
            FROM (
                SELECT DISTINCT ON (sent.id) sent.id, stages.status, stages.stage
                FROM chat_messages AS sent
                JOIN message_statuses AS reported
                    ON reported.whatsapp_number_id = sent.whatsapp_number_id
                    AND reported.wamid = sent.wamid
                JOIN stages ON stages.status = reported.status
                WHERE sent.id = ANY(%s::bigint[])
                ORDER BY sent.id, stages.stage DESC
            ) AS furthest
            WHERE chat_messages.id = furthest.id
                AND furthest.stage > COALESCE(
                    array_position(%s::text[], chat_messages.status::text), 0
                )
            """,
            [STATUS_ORDER, ids, STATUS_ORDER],
        )


def columns(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Turn rows into an array for each column."""
    return [array(column) for column in zip(*rows, strict=True)]
