"""How a contact stands: the columns that a merge combines, read and written in sets."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Self

from django.db import connection
from django.db.models import Field
from psycopg import sql

from contacts.arrays import array
from contacts.models import Contact
from contacts.names import COLUMNS as NAME_COLUMNS
from contacts.names import NameFacts, combine_names, settle_name
from contacts.phones import canonical
from contacts.statements import combine_statements


@dataclass(slots=True)
class Standing:
    """What a merge changes about the contact that stays; the fields are columns."""

    email: str
    email_source: str
    stated_email: str
    stated_email_at: datetime | None
    marketing_preference: str
    marketing_preference_at: datetime | None
    message_count: int
    first_message_at: datetime | None
    last_message_at: datetime | None
    created_at: datetime
    updated_at: datetime
    names: NameFacts

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """Read it off a row of `STANDING_COLUMNS`."""
        own = dict(zip(OWN_COLUMNS, row, strict=False))
        return cls(**own, names=NameFacts(*row[len(OWN_COLUMNS) :]))

    def with_other(
        self, other: "Standing", *, phone_number: str | None, now: datetime
    ) -> "Standing":
        """Return the best of both, showing that number; counters cover both."""
        names = combine_names(self.names, other.names)
        names.phone_number = phone_number
        settle_name(names)
        combined = replace(
            self,
            message_count=self.message_count + other.message_count,
            first_message_at=min(
                filter(None, (self.first_message_at, other.first_message_at)),
                default=None,
            ),
            last_message_at=max(
                filter(None, (self.last_message_at, other.last_message_at)),
                default=None,
            ),
            created_at=min(self.created_at, other.created_at),
            updated_at=now,
            names=names,
        )
        combine_statements(combined, other)
        return combined

    def values(self) -> tuple[Any, ...]:
        """Return what goes into `STANDING_COLUMNS`."""
        own = (getattr(self, column) for column in OWN_COLUMNS)
        return (*own, *(getattr(self.names, column) for column in NAME_COLUMNS))


OWN_COLUMNS = tuple(one.name for one in fields(Standing) if one.name != "names")
STANDING_COLUMNS = OWN_COLUMNS + NAME_COLUMNS


def combined(survivor: Contact, merged: Contact, *, now: datetime) -> Contact:
    """Return what a merge would make of the survivor; nothing is written."""
    one, other = (
        Standing.of([getattr(contact, column) for column in STANDING_COLUMNS])
        for contact in (survivor, merged)
    )
    number = number_of_both(survivor.phone_number, merged.phone_number)
    both = one.with_other(other, phone_number=number, now=now)
    values = dict(zip(STANDING_COLUMNS, both.values(), strict=True))
    return Contact(pk=survivor.pk, tenant_id=survivor.tenant_id, **values)


def number_of_both(mine: str | None, theirs: str | None) -> str | None:
    """Return the number to show: the survivor's, in the longest of its spellings."""
    if mine and theirs and mine != theirs and canonical(mine) == canonical(theirs):
        return max(mine, theirs, key=lambda number: (len(number), number))
    return mine or theirs


def lock_standings(tenant_id: int, contact_ids: Collection[int]) -> dict[int, Standing]:
    """Lock these contacts of the tenant, by id, and return how they stand.

    Whoever is not there any more is left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT id, {} FROM contacts"
                " WHERE id = ANY(%s::bigint[]) AND tenant_id = %s"
                " ORDER BY id FOR UPDATE"
            ).format(identifiers(STANDING_COLUMNS)),
            [array(contact_ids), tenant_id],
        )
        return {row[0]: Standing.of(row[1:]) for row in cursor.fetchall()}


def write_standings(standings: Mapping[int, Standing]) -> None:
    """Write how the survivors stand; their numbers are written apart."""
    columns = [column for column in STANDING_COLUMNS if column != "phone_number"]
    places = [STANDING_COLUMNS.index(column) for column in columns]
    types = column_types()
    values = list(zip(*(one.values() for one in standings.values()), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """
                UPDATE contacts SET {sets}
                FROM unnest(%s::bigint[], {arrays}) AS new (id, {columns})
                WHERE contacts.id = new.id
                """
            ).format(
                sets=sql.SQL(", ").join(
                    sql.SQL("{0} = new.{0}").format(sql.Identifier(column))
                    for column in columns
                ),
                arrays=sql.SQL(", ").join(
                    sql.SQL(f"%s::{types[place]}[]") for place in places
                ),
                columns=identifiers(columns),
            ),
            [array(standings), *(array(values[place]) for place in places)],
        )


def write_numbers(numbers: Mapping[int, str | None]) -> None:
    if not numbers:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE contacts SET phone_number = new.phone_number
            FROM unnest(%s::bigint[], %s::text[]) AS new (id, phone_number)
            WHERE contacts.id = new.id
            """,
            [array(numbers), array(numbers.values())],
        )


def identifiers(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def column_types() -> list[str]:
    """Return the database types of `STANDING_COLUMNS`."""
    columns: dict[str, Field[Any, Any]] = {
        field.column: field for field in Contact._meta.concrete_fields
    }
    return [str(columns[name].db_type(connection)) for name in STANDING_COLUMNS]
