"""The record of merges: how everything stood, what moves, and what changes."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import ManyToOneRel
from psycopg import sql

from contacts.arrays import array
from contacts.models import Contact
from contacts.standing import column_types


@dataclass(slots=True)
class Joins:
    """Who goes into whom, and how each survivor stands after each that it takes in.

    `changed` has, of the columns that some of them changes, a value after each.
    """

    survivors: Mapping[int, int]
    changed: Mapping[str, Sequence[Any]]
    numbers: Mapping[int, str | None]  # what each survivor shows in the end

    def last(self, *, with_number: bool) -> dict[str, Collection[Any]]:
        """Return the columns as they are in the end, in the order of `numbers`."""
        return {
            column: dict(zip(self.survivors.values(), values, strict=True)).values()
            for column, values in self.changed.items()
            if with_number or column != "phone_number"
        }


def relations() -> Iterator[ManyToOneRel]:
    """Yield every relation that points at a contact, from whatever app."""
    for relation in Contact._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel):
            yield relation


def record_merges(
    joins: Joins, given: Mapping[int, int], act: tuple[str, int | None, datetime]
) -> None:
    """Write down how everything stood, and what is about to move, locking that.

    In JSON of PostgreSQL's own, which keeps every digit of a time. Where several go
    into one, each finds the survivor as the one before left it.
    """
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
        arrays=arrays_of(joins.changed),
        names=listed(joins.changed),
        changes=sql.SQL("").join(
            sql.SQL(", {}, joined.{}").format(sql.Literal(one), sql.Identifier(one))
            for one in joins.changed
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
                *map(array, joins.changed.values()),
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


def arrays_of(columns: Iterable[str]) -> sql.Composed:
    """Return a parameter for an array of each column, a comma before each."""
    types = column_types()
    return sql.SQL("").join(sql.SQL(f", %s::{types[one]}[]") for one in columns)


def listed(columns: Iterable[str]) -> sql.Composed:
    """Return the columns' names, a comma before each."""
    return sql.SQL("").join(
        sql.SQL(", {}").format(sql.Identifier(one)) for one in columns
    )
