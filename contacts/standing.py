"""What a contact is called and has stated, as far as a merge has to choose.

The rules are those of names and statements; counters and spans, which only add up, are
left to PostgreSQL.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Self

from django.db import connection
from django.db.models import Field
from psycopg import sql

from contacts.arrays import array
from contacts.cursors import bulk_cursor
from contacts.models import Contact
from contacts.names import COLUMNS as NAME_COLUMNS
from contacts.names import NameFacts, combine_names, settle_name
from contacts.names import values_of as names_of
from contacts.phones import canonical
from contacts.statements import combine_statements


@dataclass(slots=True)
class Standing:
    """The columns of a contact among which a merge chooses; the fields are columns."""

    names: NameFacts
    email: str
    email_source: str
    stated_email: str
    stated_email_at: datetime | None
    marketing_preference: str
    marketing_preference_at: datetime | None

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """Read it off a row of `STANDING_COLUMNS`."""
        own = len(OWN_COLUMNS)
        return cls(NameFacts(*row[own:]), *row[:own])

    def with_other(self, other: "Standing", *, phone_number: str | None) -> "Standing":
        """Return the best of both, showing that number."""
        names = combine_names(self.names, other.names)
        names.phone_number = phone_number
        settle_name(names)
        combined = Standing(names, *_own_values(self))
        combine_statements(combined, other)
        return combined

    def values(self) -> tuple[Any, ...]:
        """Return what goes into `STANDING_COLUMNS`."""
        return _own_values(self) + names_of(self.names)


OWN_COLUMNS = tuple(one.name for one in fields(Standing) if one.name != "names")
_own_values: Callable[[Standing], tuple[Any, ...]] = attrgetter(*OWN_COLUMNS)
STANDING_COLUMNS = OWN_COLUMNS + NAME_COLUMNS


def combined(survivor: Contact, merged: Contact) -> Contact:
    """Return what a merge would make of the survivor; nothing is written."""
    one, other = (
        Standing.of([getattr(contact, column) for column in STANDING_COLUMNS])
        for contact in (survivor, merged)
    )
    number = number_of_both(survivor.phone_number, merged.phone_number)
    both = one.with_other(other, phone_number=number)
    firsts = survivor.first_message_at, merged.first_message_at
    lasts = survivor.last_message_at, merged.last_message_at
    return Contact(
        pk=survivor.pk,
        tenant_id=survivor.tenant_id,
        message_count=survivor.message_count + merged.message_count,
        first_message_at=min(filter(None, firsts), default=None),
        last_message_at=max(filter(None, lasts), default=None),
        created_at=min(survivor.created_at, merged.created_at),
        **dict(zip(STANDING_COLUMNS, both.values(), strict=True)),
    )


def number_of_both(mine: str | None, theirs: str | None) -> str | None:
    """Return the number to show: the survivor's, in the longest of its spellings."""
    if mine and theirs and mine != theirs and canonical(mine) == canonical(theirs):
        return max(mine, theirs, key=lambda number: (len(number), number))
    return mine or theirs


def lock_standings(tenant_id: int, contact_ids: Collection[int]) -> dict[int, Standing]:
    """Lock these contacts of the tenant, by id, and return how they stand.

    Whoever is not there any more is left out.
    """
    with bulk_cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT id, {} FROM contacts"
                " WHERE id = ANY(%s::bigint[]) AND tenant_id = %s"
                " ORDER BY id FOR UPDATE"
            ).format(sql.SQL(", ").join(map(sql.Identifier, STANDING_COLUMNS))),
            [array(contact_ids), tenant_id],
        )
        return {row[0]: Standing.of(row[1:]) for row in cursor.fetchall()}


def column_types() -> dict[str, str]:
    """Return the database types of `STANDING_COLUMNS`."""
    columns: dict[str, Field[Any, Any]] = {
        field.column: field for field in Contact._meta.concrete_fields
    }
    return {name: str(columns[name].db_type(connection)) for name in STANDING_COLUMNS}
