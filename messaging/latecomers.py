"""What comes late for a message that has its row already.

Statements for the few rows concerned; each may run again and then changes nothing.
"""

from collections.abc import Collection, Sequence

from django.db import connection

from messaging.rows import STATUS_ORDER, Key, MessageRow


def adopt_notes(rows: Sequence[MessageRow], inserted: Collection[Key]) -> set[Key]:
    """Give notes by WhatsApp that were about nobody to whom they are about.

    Return which; like inserted ones, they are counted now.
    """
    known = {
        row.key: row.contact_id
        for row in rows
        if row.kind == "system" and row.contact_id and row.key not in inserted
    }
    if not known:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE chat_messages SET
                contact_id = known.contact_id, updated_at = statement_timestamp()
            FROM unnest(%s::bigint[], %s::text[], %s::bigint[])
                AS known (number_id, message_id, contact_id)
            WHERE whatsapp_number_id = number_id AND wamid = message_id
                AND chat_messages.contact_id IS NULL
            RETURNING whatsapp_number_id, wamid
            """,
            [
                [number_id for number_id, _ in known],
                [wamid for _, wamid in known],
                list(known.values()),
            ],
        )
        return set(cursor.fetchall())


def fill_in(rows: Sequence[MessageRow]) -> set[Key]:
    """Put what a message really said where the phone's history only announced it.

    Media come after their placeholder; and what came live, with all that it carries,
    stands above its copy in the history. Return which rows were filled.
    """
    fuller = {row.key: row for row in reversed(rows)}
    if not fuller:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE chat_messages SET
                kind = fuller.kind, text = fuller.text,
                payload = fuller.payload::jsonb, sent_at = fuller.sent_at,
                reply_to = fuller.reply_to, updated_at = statement_timestamp()
            FROM unnest(
                %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::timestamptz[], %s::text[]
            ) AS fuller (number_id, message_id, kind, text, payload, sent_at, reply_to)
            WHERE whatsapp_number_id = number_id AND wamid = message_id
                AND (chat_messages.kind = 'media_placeholder'
                    OR chat_messages.payload ? 'history_context')
            RETURNING whatsapp_number_id, wamid
            """,
            [
                [row.whatsapp_number_id for row in fuller.values()],
                [row.wamid for row in fuller.values()],
                [row.kind for row in fuller.values()],
                [row.text for row in fuller.values()],
                [row.payload for row in fuller.values()],
                [row.sent_at for row in fuller.values()],
                [row.reply_to for row in fuller.values()],
            ],
        )
        return set(cursor.fetchall())


def advance_statuses(rows: Sequence[MessageRow]) -> None:
    """Let the history say how far a message came that was here before it."""
    told = [row for row in rows if row.status]
    if not told:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE chat_messages SET
                status = told.status, updated_at = statement_timestamp()
            FROM (
                SELECT DISTINCT ON (number_id, message_id) *
                FROM unnest(%s::bigint[], %s::text[], %s::text[])
                    AS each (number_id, message_id, status)
                ORDER BY number_id, message_id,
                    array_position(%s::text[], status) DESC
            ) AS told
            WHERE whatsapp_number_id = number_id AND wamid = message_id
                AND array_position(%s::text[], told.status) > COALESCE(
                    array_position(%s::text[], chat_messages.status::text), 0
                )
            """,
            [
                [row.whatsapp_number_id for row in told],
                [row.wamid for row in told],
                [row.status for row in told],
                STATUS_ORDER,
                STATUS_ORDER,
                STATUS_ORDER,
            ],
        )
