"""Recognising people about whom nothing is new: the way of nearly every batch."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from contacts.arrays import array
from contacts.cursors import bulk_cursor
from contacts.identity import (
    FRESH,
    PHONE,
    USER_ID,
    IdentityChange,
    Key,
    Sender,
    keys_of,
)
from contacts.names import NameFacts, lock_names
from contacts.phones import canonical


class _Held(NamedTuple):
    """Who an identity means, since when it was last seen, and where."""

    contact_id: int
    seen_at: datetime
    waba_ids: list[str]


def recognise(
    *, tenant_id: int, seen: Sequence[Sender | IdentityChange]
) -> tuple[list[int | None], dict[int, NameFacts]] | None:
    """Return everyone's id and names if nothing about who they are is new, else None.

    It needs no lock beyond the contacts' rows, which it takes, so that none of them is
    merged away meanwhile.
    """
    named: list[tuple[Sender, list[Key]]] = []
    for one in seen:
        if not isinstance(one, Sender):
            return None
        named.append((one, keys_of(one.phone, one.user_id)))
    keys = {key for _, of_sender in named for key in of_sender}
    held = _find_held(tenant_id, keys)
    if len(held) < len(keys):
        return None
    contact_ids = {one.contact_id for one in held.values()}
    with transaction.atomic():
        names = lock_names(contact_ids)
        ids = [_known_as(sender, its_keys, held, names) for sender, its_keys in named]
        if None in ids:
            # One was merged away since, or is more than was known. Letting go of the
            # rows keeps the lock order.
            transaction.set_rollback(True)
            return None
    return ids, names


def _find_held(tenant_id: int, keys: Iterable[Key]) -> dict[Key, _Held]:
    values: dict[str, list[str]] = {PHONE: [], USER_ID: []}
    for kind, value in keys:
        values[kind].append(value)
    with bulk_cursor() as cursor:
        # A search for each kind: as an array, the index is gone through once, in order.
        cursor.execute(
            """
            SELECT kind, value, contact_id, seen_at, waba_ids FROM contact_identities
            WHERE tenant_id = %s AND kind = 'phone' AND value = ANY(%s::text[])
            UNION ALL
            SELECT kind, value, contact_id, seen_at, waba_ids FROM contact_identities
            WHERE tenant_id = %s AND kind = 'whatsapp_user_id'
                AND value = ANY(%s::text[])
            """,
            [tenant_id, array(values[PHONE]), tenant_id, array(values[USER_ID])],
        )
        return {Key(row[0], row[1]): _Held(*row[2:]) for row in cursor.fetchall()}


def _known_as(
    sender: Sender,
    keys: Sequence[Key],
    held: Mapping[Key, _Held],
    names: Mapping[int, NameFacts],
) -> int | None:
    """Return the one contact that all of the sender's identities mean already."""
    contact_id = None
    for key in keys:
        holder = held[key]
        if contact_id not in (None, holder.contact_id):
            return None
        contact_id = holder.contact_id
        facts = names.get(contact_id)
        if facts is None or sender.seen_at - holder.seen_at >= FRESH:
            return None
        if key.kind == PHONE:
            shown = facts.phone_number or ""
            if shown != sender.phone and (
                canonical(shown) != key.value or len(shown) < len(sender.phone or "")
            ):
                return None
        elif sender.waba_id not in holder.waba_ids:
            return None
    return contact_id
