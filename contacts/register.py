"""The register of identities in PostgreSQL: read, decided under a lock, written."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from contacts.arrays import array
from contacts.identity import (
    PHONE,
    Holding,
    IdentityChange,
    Key,
    Person,
    Register,
    Sender,
    keys_of,
    oldest_first,
)
from contacts.locking import lock_register
from contacts.merging import merge_contacts
from contacts.models import ContactMerge
from contacts.phones import variants


def settle(
    *, tenant_id: int, seen: Sequence[Sender | IdentityChange], now: datetime
) -> tuple[list[int | None], set[int], set[Key]]:
    """Decide who everyone is, write what that changes, and return their ids.

    Also return the ids of all whose number changed, the former owners too, and the
    identities that were written.
    Holds the tenant's register and the rows of every contact concerned until the
    transaction ends, so that two processes cannot make the same person twice.
    """
    lock_register(tenant_id)
    register, people = _load(tenant_id, seen)
    meant: list[Person | None] = [None] * len(seen)
    for place, one in oldest_first(seen):
        if isinstance(one, Sender):
            meant[place] = register.place(one)
        else:
            meant[place] = register.change(one)
    renumbered = _write(tenant_id, register, people, now)
    ids = [register.survivor(one).id if one else None for one in meant]
    return ids, renumbered, register.touched


def _holdings(
    rows: Iterable[tuple[str, str, datetime, list[str], int, str | None]],
) -> dict[Key, Holding]:
    people: dict[int, Person] = {}
    holdings = {}
    for kind, value, seen_at, waba_ids, contact_id, phone_number in rows:
        person = people.setdefault(contact_id, Person(contact_id, phone_number))
        holdings[Key(kind, value)] = Holding(person, seen_at, set(waba_ids))
    return holdings


def _load(
    tenant_id: int, seen: Sequence[Sender | IdentityChange]
) -> tuple[Register, list[Person]]:
    """Return the register of everyone whom the batch may mean, their rows locked."""
    keys = {key for one in seen for key in _keys_named(one)}
    numbers = {
        spelling
        for key in keys
        if key.kind == PHONE
        for spelling in variants(key.value)
    }
    with connection.cursor() as cursor:
        # By identity, or by the number of a contact that was inserted by hand and has
        # no identity yet. An array, not IN: PostgreSQL checks a row again after waiting
        # for its lock, and in a join with a UNION it then loses the row.
        cursor.execute(
            """
            SELECT id, phone_number FROM contacts
            WHERE id = ANY(ARRAY(
                SELECT contact_id FROM contact_identities AS identity
                JOIN unnest(%s::text[], %s::text[]) AS wanted (kind, value)
                  ON identity.kind = wanted.kind AND identity.value = wanted.value
                WHERE identity.tenant_id = %s
                UNION ALL
                SELECT id FROM contacts
                WHERE tenant_id = %s AND phone_number = ANY(%s::text[])
            ))
            ORDER BY id FOR NO KEY UPDATE
            """,
            [
                array(k.kind for k in keys),
                array(k.value for k in keys),
                tenant_id,
                tenant_id,
                array(numbers),
            ],
        )
        contacts: dict[int, str | None] = dict(cursor.fetchall())
        cursor.execute(
            """
            SELECT identity.kind, identity.value, identity.seen_at, identity.waba_ids,
                   contacts.id, contacts.phone_number
            FROM contact_identities AS identity
            JOIN contacts ON contacts.id = identity.contact_id
            WHERE identity.contact_id = ANY(%s::bigint[])
            """,
            [array(contacts)],
        )
        holdings = _holdings(cursor.fetchall())
    register = Register(holdings)
    people = {holding.person.id: holding.person for holding in holdings.values()}
    for contact_id, phone_number in contacts.items():
        person = people.setdefault(contact_id, Person(contact_id, phone_number))
        register.claim_shown_number(person)
    return register, list(people.values())


def _keys_named(one: Sender | IdentityChange) -> list[Key]:
    if isinstance(one, Sender):
        return keys_of(one.phone, one.user_id)
    return keys_of(one.old_phone, one.old_user_id) + keys_of(
        one.new_phone, one.new_user_id
    )


def _write(
    tenant_id: int, register: Register, people: list[Person], now: datetime
) -> set[int]:
    """Bring the tables to what the register decided; return whose number changed.

    Numbers are unique, so all are let go before any is given.
    """
    survivors: dict[int, int] = {}
    shown: dict[int, str | None] = {}
    for merged in register.survivors:
        survivor = register.survivor(merged)
        if merged.id is not None and survivor.id is not None:
            survivors[merged.id] = survivor.id
            shown[survivor.id] = survivor.phone_number
    merge_contacts(
        tenant_id=tenant_id,
        survivors=survivors,
        reason=ContactMerge.Reason.IDENTITIES_MET,
        merged_by=None,
        now=now,
        shown=shown,
    )
    joined = set(register.survivors.values())
    renumbered = [
        person
        for person in people
        if person not in register.survivors
        and (person in joined or person.phone_number != person.shown_number)
    ]
    _set_numbers({person.id: None for person in renumbered}, now)
    _insert([p for p in register.made if p not in register.survivors], tenant_id, now)
    _set_numbers({person.id: person.phone_number for person in renumbered}, now)
    _write_identities(tenant_id, register)
    return {person.id for person in renumbered if person.id is not None}


def _set_numbers(numbers: dict[int | None, str | None], now: datetime) -> None:
    if not numbers:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE contacts SET phone_number = new.phone_number, updated_at = %s
            FROM unnest(%s::bigint[], %s::text[]) AS new (id, phone_number)
            WHERE contacts.id = new.id
            """,
            [now, array(numbers), array(numbers.values())],
        )


def _insert(people: list[Person], tenant_id: int, now: datetime) -> None:
    """Store new contacts and give each person the id of its row.

    A row inserted by hand since the register was read raises `IntegrityError` on
    contacts_tenant_id_phone_number_key: run the batch again, it will then be found.
    """
    if not people:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('contacts', 'id'))"
            " FROM generate_series(1, %s)",
            [len(people)],
        )
        for person, (contact_id,) in zip(people, cursor.fetchall(), strict=True):
            person.id = contact_id
        cursor.execute(
            """
            INSERT INTO contacts (id, tenant_id, phone_number, created_at, updated_at)
            SELECT new.id, %s, new.phone_number, %s, %s
            FROM unnest(%s::bigint[], %s::text[]) AS new (id, phone_number)
            """,
            [
                tenant_id,
                now,
                now,
                array(person.id for person in people),
                array(person.phone_number for person in people),
            ],
        )


def _write_identities(tenant_id: int, register: Register) -> None:
    touched = sorted(register.touched)
    if not touched:
        return
    holdings = [register.holdings[key] for key in touched]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contact_identities
                (tenant_id, kind, value, contact_id, seen_at, waba_ids)
            SELECT %s, kind, value, contact_id, seen_at, string_to_array(wabas, ' ')
            FROM unnest(
                %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::text[]
            ) AS new (kind, value, contact_id, seen_at, wabas)
            ON CONFLICT (tenant_id, kind, value) DO UPDATE SET
                contact_id = excluded.contact_id,
                seen_at = excluded.seen_at,
                waba_ids = excluded.waba_ids
            """,
            [
                tenant_id,
                array(key.kind for key in touched),
                array(key.value for key in touched),
                array(register.survivor(holding.person).id for holding in holdings),
                array(holding.seen_at for holding in holdings),
                array(" ".join(sorted(holding.waba_ids)) for holding in holdings),
            ],
        )
