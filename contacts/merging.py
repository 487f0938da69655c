"""Making one contact of several, recorded so that it can be looked at and undone.

One way for all: two halves that the webhook finds to be one person, two that staff
choose, and the hundreds of thousands of `dedupe_contacts`. A few statements, however
many they are.
"""

from collections.abc import Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import connection
from psycopg import sql

from contacts.arrays import array
from contacts.cursors import bulk_cursor
from contacts.merge_records import (
    Joins,
    arrays_of,
    listed,
    record_merges,
    relations,
)
from contacts.models import ContactMerge
from contacts.phones import canonical
from contacts.standing import (
    STANDING_COLUMNS,
    Standing,
    lock_standings,
    number_of_both,
)


class ContactsChanged(Exception):
    """One of the contacts is not there any more: find out anew who is to be merged."""


def merge_contacts(
    *,
    tenant_id: int,
    survivors: Mapping[int, int],
    reason: ContactMerge.Reason,
    merged_by: User | None,
    now: datetime,
    shown: Mapping[int, str | None] | None = None,
) -> None:
    """Move everything of each contact to its survivor, and drop it.

    `survivors` says into whom each goes (nobody both goes and stays); they go in that
    order, and each leaves a record. Whatever points at a contact moves, whichever app
    it belongs to. `shown` are the numbers that the survivors are to show when the
    caller writes those itself. Call it inside a transaction, after `lock_register`.
    Raises `ContactsChanged`, having written nothing.
    """
    if not survivors:
        return
    concerned = {*survivors, *survivors.values()}
    standings = lock_standings(tenant_id, concerned)
    if len(standings) < len(concerned):
        raise ContactsChanged
    joins = _decide(survivors, standings, shown)
    given = _give_numbers(tenant_id, joins, standings)
    record_merges(joins, given, (reason, merged_by.pk if merged_by else None, now))
    _move(survivors)
    _close(joins, writes_numbers=shown is None, now=now)


def _decide(
    survivors: Mapping[int, int],
    before: Mapping[int, Standing],
    shown: Mapping[int, str | None] | None,
) -> Joins:
    current = dict(before)
    after = []
    for merged_id, survivor_id in survivors.items():
        one, other = current[survivor_id], current[merged_id]
        if shown is None:
            number = number_of_both(one.names.phone_number, other.names.phone_number)
        else:
            number = shown[survivor_id]
        current[survivor_id] = one.with_other(other, phone_number=number)
        after.append(current[survivor_id].values())
    # Column by column, which compares them without a loop of Python's own.
    were = zip(*(before[one].values() for one in survivors.values()), strict=True)
    are = zip(*after, strict=True)
    changed = {
        column: is_now
        for column, was, is_now in zip(STANDING_COLUMNS, were, are, strict=True)
        if was != is_now
    }
    numbers = {one: current[one].names.phone_number for one in survivors.values()}
    return Joins(survivors, changed, numbers)


def _give_numbers(
    tenant_id: int, joins: Joins, before: Mapping[int, Standing]
) -> dict[int, int]:
    """Let a number that will not be shown any more still mean its person.

    A contact that was inserted by hand has no identity for it, and would lose it.
    Return the ids of the new identities by whose they are.
    """
    numbers = {}
    for merged_id, survivor_id in joins.survivors.items():
        number = before[merged_id].names.phone_number
        shown = joins.numbers[survivor_id]
        if number and number != shown and canonical(number) != canonical(shown or ""):
            numbers[merged_id] = canonical(number)
    if not numbers:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contact_identities (tenant_id, kind, value, contact_id, seen_at)
            SELECT %s, 'phone', new.value, new.id,
                COALESCE(contacts.last_message_at, contacts.created_at)
            FROM unnest(%s::bigint[], %s::text[]) AS new (id, value)
            JOIN contacts USING (id)
            ORDER BY new.value
            ON CONFLICT (tenant_id, kind, value) DO NOTHING
            RETURNING contact_id, id
            """,
            [tenant_id, array(numbers), array(numbers.values())],
        )
        return dict(cursor.fetchall())


def _move(survivors: Mapping[int, int]) -> None:
    with bulk_cursor() as cursor:
        for relation in relations():
            cursor.execute(
                sql.SQL(
                    """
                    UPDATE {table} SET {column} = joined.survivor_id
                    FROM unnest(%s::bigint[], %s::bigint[])
                        AS joined (merged_id, survivor_id)
                    WHERE {table}.{column} = joined.merged_id
                    """
                ).format(
                    table=sql.Identifier(relation.field.model._meta.db_table),
                    column=sql.Identifier(relation.field.column),
                ),
                [array(survivors), array(survivors.values())],
            )


def _close(joins: Joins, *, writes_numbers: bool, now: datetime) -> None:
    """Drop who went, and let each survivor have the best and the counts of all.

    One statement: the survivor may take a number that is free only then.
    """
    changed = joins.last(with_number=writes_numbers)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """
                WITH gone AS (
                    DELETE FROM contacts WHERE id = ANY(%s::bigint[]) RETURNING *
                ), got AS (
                    SELECT joined.survivor_id, sum(gone.message_count) AS count,
                        min(gone.first_message_at) AS first,
                        max(gone.last_message_at) AS last,
                        min(gone.created_at) AS created
                    FROM gone
                    JOIN unnest(%s::bigint[], %s::bigint[])
                        AS joined (merged_id, survivor_id) ON merged_id = gone.id
                    GROUP BY joined.survivor_id
                )
                UPDATE contacts SET
                    message_count = contacts.message_count + got.count,
                    first_message_at = LEAST(contacts.first_message_at, got.first),
                    last_message_at = GREATEST(contacts.last_message_at, got.last),
                    created_at = LEAST(contacts.created_at, got.created),
                    updated_at = %s
                    {sets}
                FROM got
                JOIN unnest(%s::bigint[] {arrays}) AS new (id {names})
                    ON new.id = got.survivor_id
                WHERE contacts.id = got.survivor_id
                """
            ).format(
                sets=sql.SQL("").join(
                    sql.SQL(", {0} = new.{0}").format(sql.Identifier(column))
                    for column in changed
                ),
                arrays=arrays_of(changed),
                names=listed(changed),
            ),
            [
                array(joins.survivors),
                array(joins.survivors),
                array(joins.survivors.values()),
                now,
                array(joins.numbers),
                *map(array, changed.values()),
            ],
        )
