"""Writing what contacts are called and how much they wrote, in one statement."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from contacts.arrays import array
from contacts.cursors import bulk_cursor
from contacts.names import NameFacts

_TYPES = {
    "name": "text",
    "name_source": "text",
    "profile_name": "text",
    "profile_name_at": "timestamptz",
    "address_book_name": "text",
    "address_book_name_at": "timestamptz",
    "username": "text",
    "username_at": "timestamptz",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """How many messages were newly kept for a contact, and the span of their times."""

    contact_id: int
    count: int
    first_at: datetime
    last_at: datetime


def write_contacts(
    names: Mapping[int, NameFacts],
    *,
    changed: Collection[str],
    counts: Mapping[int, Activity],
    now: datetime,
) -> None:
    """Write names and counters of contacts whose rows are locked.

    Of the names only the columns that `changed` for any of them: in most batches that
    is just when a name was last heard, and the rest would be read and sent for nothing.
    """
    columns = [column for column in _TYPES if column in changed]
    counted = [counts.get(contact_id) for contact_id in names]
    values: list[Any] = [
        array(names),
        array(one.count if one else 0 for one in counted),
        array(one.first_at if one else None for one in counted),
        array(one.last_at if one else None for one in counted),
    ]
    for column in columns:
        values.append(array(getattr(facts, column) for facts in names.values()))
    with bulk_cursor() as cursor:
        cursor.execute(_statement(columns), [now, *values])


def _statement(columns: Collection[str]) -> sql.Composed:
    return sql.SQL(
        """
        UPDATE contacts SET
            {assigned}
            message_count = contacts.message_count + new.count,
            first_message_at = LEAST(contacts.first_message_at, new.first_at),
            last_message_at = GREATEST(contacts.last_message_at, new.last_at),
            updated_at = %s
        FROM unnest(
            %s::bigint[], %s::int[], %s::timestamptz[], %s::timestamptz[] {arrays}
        ) AS new (id, count, first_at, last_at {columns})
        WHERE contacts.id = new.id
        """
    ).format(
        assigned=sql.SQL("").join(
            sql.SQL("{0} = new.{0}, ").format(sql.Identifier(one)) for one in columns
        ),
        arrays=sql.SQL("").join(sql.SQL(f", %s::{_TYPES[one]}[]") for one in columns),
        columns=sql.SQL("").join(
            sql.SQL(", {}").format(sql.Identifier(one)) for one in columns
        ),
    )
