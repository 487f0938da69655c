"""Making one contact of several, recorded so that it can be looked at and undone.

One way for all: two halves that the webhook finds to be one person, two that staff
choose, and the hundreds of thousands of `dedupe_contacts`. A few statements, however
many they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import ManyToOneRel
from psycopg import sql

from contacts.arrays import array
from contacts.models import Contact, ContactMerge
from contacts.phones import canonical
from contacts.standing import (
    STANDING_COLUMNS,
    Standing,
    column_types,
    identifiers,
    lock_standings,
    number_of_both,
    write_numbers,
    write_standings,
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
    afterwards = []
    current = dict(standings)
    for merged_id, survivor_id in survivors.items():
        one, other = current[survivor_id], current[merged_id]
        if shown is None:
            number = number_of_both(one.names.phone_number, other.names.phone_number)
        else:
            number = shown[survivor_id]
        after = one.with_other(other, phone_number=number, now=now)
        current[survivor_id] = after
        afterwards.append(after)
    given = _give_numbers(tenant_id, survivors, standings, current)
    act = reason, merged_by.pk if merged_by else None, now
    _record(survivors, afterwards, given, act)
    _move(survivors)
    with connection.cursor() as cursor:
        # Before the survivors, who may take their numbers.
        cursor.execute(
            "DELETE FROM contacts WHERE id = ANY(%s::bigint[])", [array(survivors)]
        )
    changed = {one: current[one] for one in dict.fromkeys(survivors.values())}
    write_standings(changed)
    if shown is None:
        write_numbers(
            {
                contact_id: after.names.phone_number
                for contact_id, after in changed.items()
                if after.names.phone_number != standings[contact_id].names.phone_number
            }
        )


def relations() -> Iterator[ManyToOneRel]:
    """Yield every relation that points at a contact, from whatever app."""
    for relation in Contact._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel):
            yield relation


def _give_numbers(
    tenant_id: int,
    survivors: Mapping[int, int],
    before: Mapping[int, Standing],
    after: Mapping[int, Standing],
) -> dict[int, int]:
    """Let a number that will not be shown any more still mean its person.

    A contact that was inserted by hand has no identity for it, and would lose it.
    Return the ids of the new identities by whose they are.
    """
    numbers = {}
    for merged_id, survivor_id in survivors.items():
        number = before[merged_id].names.phone_number
        shown = after[survivor_id].names.phone_number
        if number and canonical(number) != canonical(shown or ""):
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


def _record(
    survivors: Mapping[int, int],
    afterwards: Sequence[Standing],
    given: Mapping[int, int],
    act: tuple[str, int | None, datetime],
) -> None:
    """Write down how everything stood, and what is about to move, locking that.

    In JSON of PostgreSQL's own, which keeps every digit of a time. Where several go
    into one, each finds the survivor as the one before left it.
    """
    models = [relation.field.model for relation in relations()]
    tables = [model._meta.db_table for model in models]
    statement = sql.SQL(
        """
        WITH joined AS (
            SELECT survivor_id, merged_id, given_id, place,
                to_jsonb(standing) - ARRAY[
                    'survivor_id', 'merged_id', 'given_id', 'place'
                ] AS after
            FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], {arrays})
                WITH ORDINALITY
                AS standing (survivor_id, merged_id, given_id, {columns}, place)
        ), {moving}
        INSERT INTO contact_merges (
            tenant_id, survivor_id, merged_contact_id, merged_contact, survivor_before,
            survivor_after, moved, given_identity_id, reason, merged_by_id, merged_at
        )
        SELECT survivor.tenant_id, survivor.id, merged.id, to_jsonb(merged),
            to_jsonb(survivor) || lag(joined.after, 1, '{{}}'::jsonb)
                OVER (PARTITION BY joined.survivor_id ORDER BY joined.place),
            to_jsonb(survivor) || joined.after,
            jsonb_strip_nulls(jsonb_build_object({moved})),
            joined.given_id, %s, %s, %s
        FROM joined
        JOIN contacts AS survivor ON survivor.id = joined.survivor_id
        JOIN contacts AS merged ON merged.id = joined.merged_id
        {joins}
        ORDER BY joined.place
        """
    ).format(
        arrays=sql.SQL(", ").join(sql.SQL(f"%s::{kind}[]") for kind in column_types()),
        columns=identifiers(STANDING_COLUMNS),
        moving=sql.SQL(", ").join(_moving(relation) for relation in relations()),
        moved=sql.SQL(", ").join(
            sql.SQL("{}, {}.ids").format(sql.Literal(table), _moving_name(table))
            for table in tables
        ),
        joins=sql.SQL(" ").join(
            sql.SQL("LEFT JOIN {0} ON {0}.contact_id = merged.id").format(
                _moving_name(table)
            )
            for table in tables
        ),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            [
                array(survivors.values()),
                array(survivors),
                array(given.get(merged_id) for merged_id in survivors),
                *map(array, zip(*(one.values() for one in afterwards), strict=True)),
                *(array(survivors) for _ in tables),
                *act,
            ],
        )


def _moving(relation: ManyToOneRel) -> sql.Composable:
    """Return the CTE that locks a table's rows and gathers their ids by contact."""
    options = relation.field.model._meta
    return sql.SQL(
        """{name} AS (
            SELECT contact_id, jsonb_agg(id) AS ids
            FROM (
                SELECT {key} AS id, {column} AS contact_id FROM {table}
                WHERE {column} = ANY(%s::bigint[])
                ORDER BY {key} FOR NO KEY UPDATE
            ) AS locked
            GROUP BY contact_id
        )"""
    ).format(
        name=_moving_name(options.db_table),
        key=sql.Identifier(str(options.pk.column)),
        column=sql.Identifier(relation.field.column),
        table=sql.Identifier(options.db_table),
    )


def _moving_name(table: str) -> sql.Identifier:
    return sql.Identifier(f"moving_{table}")


def _move(survivors: Mapping[int, int]) -> None:
    with connection.cursor() as cursor:
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
