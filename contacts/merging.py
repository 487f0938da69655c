"""Making one contact of several, recorded so that it can be looked at and undone.

One way for all: two halves that the webhook finds to be one person, two that staff
choose, and the hundreds of thousands of `dedupe_contacts`. A few statements, however
many they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    lock_standings,
    number_of_both,
)


class ContactsChanged(Exception):
    """One of the contacts is not there any more: find out anew who is to be merged."""


@dataclass(slots=True)
class _Joins:
    """Who goes into whom, and how each survivor stands after each that it takes in.

    Only columns that some of them changes are written.
    """

    survivors: Mapping[int, int]
    after: Sequence[Standing]
    columns: Sequence[str]

    def names(self, *, with_number: bool = True) -> list[str]:
        return [one for one in self.columns if with_number or one != "phone_number"]

    def last(self) -> dict[int, Standing]:
        """Return how each survivor stands in the end."""
        return dict(zip(self.survivors.values(), self.after, strict=True))


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
    _record(joins, given, (reason, merged_by.pk if merged_by else None, now))
    _move(survivors)
    _close(joins, writes_numbers=shown is None, now=now)


def relations() -> Iterator[ManyToOneRel]:
    """Yield every relation that points at a contact, from whatever app."""
    for relation in Contact._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel):
            yield relation


def _decide(
    survivors: Mapping[int, int],
    before: Mapping[int, Standing],
    shown: Mapping[int, str | None] | None,
) -> _Joins:
    current = dict(before)
    afterwards = []
    for merged_id, survivor_id in survivors.items():
        one, other = current[survivor_id], current[merged_id]
        if shown is None:
            number = number_of_both(one.names.phone_number, other.names.phone_number)
        else:
            number = shown[survivor_id]
        current[survivor_id] = one.with_other(other, phone_number=number)
        afterwards.append(current[survivor_id])
    # Column by column, which compares them without a loop of Python's own.
    were = zip(*(before[one].values() for one in survivors.values()), strict=True)
    are = zip(*(standing.values() for standing in afterwards), strict=True)
    return _Joins(
        survivors,
        afterwards,
        [
            column
            for column, was, is_now in zip(STANDING_COLUMNS, were, are, strict=True)
            if was != is_now
        ],
    )


def _give_numbers(
    tenant_id: int, joins: _Joins, before: Mapping[int, Standing]
) -> dict[int, int]:
    """Let a number that will not be shown any more still mean its person.

    A contact that was inserted by hand has no identity for it, and would lose it.
    Return the ids of the new identities by whose they are.
    """
    numbers = {}
    last = joins.last()
    for merged_id, survivor_id in joins.survivors.items():
        number = before[merged_id].names.phone_number
        shown = last[survivor_id].names.phone_number
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


def _record(
    joins: _Joins, given: Mapping[int, int], act: tuple[str, int | None, datetime]
) -> None:
    """Write down how everything stood, and what is about to move, locking that.

    In JSON of PostgreSQL's own, which keeps every digit of a time. Where several go
    into one, each finds the survivor as the one before left it.
    """
    columns = joins.names()
    tables = [relation.field.model._meta.db_table for relation in relations()]
    statement = sql.SQL(
        """
        WITH joined AS (
            SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[] {arrays})
                WITH ORDINALITY
                AS standing (survivor_id, merged_id, given_id {names}, place)
        ), {moving}, after AS (
            SELECT joined.place, joined.merged_id, joined.survivor_id, joined.given_id,
                jsonb_build_object(
                    'message_count',
                    survivor.message_count + sum(merged.message_count) OVER so_far,
                    'first_message_at', LEAST(
                        survivor.first_message_at,
                        min(merged.first_message_at) OVER so_far
                    ),
                    'last_message_at', GREATEST(
                        survivor.last_message_at,
                        max(merged.last_message_at) OVER so_far
                    ),
                    'created_at', LEAST(
                        survivor.created_at, min(merged.created_at) OVER so_far
                    ),
                    'updated_at', %s::timestamptz
                    {changes}
                ) AS changes,
                to_jsonb(merged) AS merged, to_jsonb(survivor) AS survivor,
                survivor.tenant_id
            FROM joined
            JOIN contacts AS survivor ON survivor.id = joined.survivor_id
            JOIN contacts AS merged ON merged.id = joined.merged_id
            WINDOW so_far AS (PARTITION BY joined.survivor_id ORDER BY joined.place)
        )
        INSERT INTO contact_merges (
            tenant_id, survivor_id, merged_contact_id, merged_contact, survivor_before,
            survivor_after, moved, given_identity_id, reason, merged_by_id, merged_at
        )
        SELECT after.tenant_id, after.survivor_id, after.merged_id, after.merged,
            CASE WHEN lag(after.place) OVER each IS NULL THEN after.survivor
                ELSE after.survivor || lag(after.changes) OVER each END,
            after.changes, jsonb_strip_nulls(jsonb_build_object({moved})),
            after.given_id, %s, %s, %s
        FROM after
        {joins}
        WINDOW each AS (PARTITION BY after.survivor_id ORDER BY after.place)
        ORDER BY after.place
        """
    ).format(
        arrays=_arrays(columns),
        names=_listed(columns),
        changes=sql.SQL("").join(
            sql.SQL(", {}, joined.{}").format(sql.Literal(one), sql.Identifier(one))
            for one in columns
        ),
        moving=sql.SQL(", ").join(_moving(relation) for relation in relations()),
        moved=sql.SQL(", ").join(
            sql.SQL("{}, {}.ids").format(sql.Literal(table), _moving_name(table))
            for table in tables
        ),
        joins=sql.SQL(" ").join(
            sql.SQL("LEFT JOIN {0} ON {0}.contact_id = after.merged_id").format(
                _moving_name(table)
            )
            for table in tables
        ),
    )
    survivors = joins.survivors
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            [
                array(survivors.values()),
                array(survivors),
                array(given.get(merged_id) for merged_id in survivors),
                *_values(joins.after, columns),
                *(array(survivors) for _ in tables),
                act[-1],
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


def _close(joins: _Joins, *, writes_numbers: bool, now: datetime) -> None:
    """Drop who went, and let each survivor have the best and the counts of all.

    One statement: the survivor may take a number that is free only then.
    """
    columns = joins.names(with_number=writes_numbers)
    last = joins.last()
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
                    for column in columns
                ),
                arrays=_arrays(columns),
                names=_listed(columns),
            ),
            [
                array(joins.survivors),
                array(joins.survivors),
                array(joins.survivors.values()),
                now,
                array(last),
                *_values(list(last.values()), columns),
            ],
        )


def _arrays(columns: Sequence[str]) -> sql.Composed:
    types = column_types()
    return sql.SQL("").join(sql.SQL(f", %s::{types[one]}[]") for one in columns)


def _listed(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL("").join(
        sql.SQL(", {}").format(sql.Identifier(one)) for one in columns
    )


def _values(standings: Sequence[Standing], columns: Sequence[str]) -> list[str]:
    """Return an array for each of the columns."""
    by_column = zip(*(one.values() for one in standings), strict=True)
    every = dict(zip(STANDING_COLUMNS, by_column, strict=True))
    return [array(every[column]) for column in columns]
