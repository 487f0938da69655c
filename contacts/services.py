"""The only writer of contacts.

`upsert_contacts` and `record_messages` are set-based and may run in many processes at
once. They lock in one order, so that two drains cannot wait for each other: tenants
ascending; within a tenant first its register (an advisory lock, only when identities
change), then its contacts by id.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.db import connection, transaction

from contacts import register
from contacts.arrays import array
from contacts.identity import (
    FRESH,
    PHONE,
    Holding,
    IdentityChange,
    Key,
    Sender,
    keys_of,
)
from contacts.masking import for_log, name_for_log
from contacts.models import Contact
from contacts.names import (
    NameFacts,
    lock_names,
    settle_name,
    take_names,
)
from contacts.phones import canonical
from contacts.statements import (
    MarketingWish,
    StatedEmail,
    email_by_staff,
    record_emails,
    record_marketing_wishes,
)

logger = logging.getLogger(__name__)

__all__ = [
    "Activity",
    "IdentityChange",
    "MarketingWish",
    "Sender",
    "StatedEmail",
    "Upserted",
    "email_by_staff",
    "name_by_staff",
    "record_emails",
    "record_marketing_wishes",
    "record_messages",
    "upsert_contacts",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """How many messages were newly kept for a contact, and the span of their times."""

    contact_id: int
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Upserted:
    """Who was seen: a contact's id for each, and what these contacts are called now.

    Names are written with the counters, by `record_messages`: a row that is written
    twice costs twice.
    """

    ids: list[int | None]
    names: dict[int, NameFacts]
    renamed: set[int]
    # Those that somebody has now, and may not have had before.
    identities: frozenset[Key] = frozenset()


def upsert_contacts(
    *, tenant_id: int, seen: Sequence[Sender | IdentityChange], now: datetime
) -> Upserted:
    """Make or update the contacts of everyone seen; ids come back in that order.

    Whoever is seen in whatever order, split over whatever calls, ends as the same
    contacts, once everything was seen. An identity change whose old identity is
    unknown makes nobody, nor does a sender who is `known_only`: their id is None, and
    they want to be seen again when somebody has that identity. Call it inside a
    transaction, once per tenant, tenants ascending, and hand the result to
    `record_messages`.
    """
    if not seen:
        return Upserted(ids=[], names={}, renamed=set())
    _announce(tenant_id, seen)
    identities: set[Key] = set()
    if settled := _settled(tenant_id, seen):
        ids, names = settled
    else:
        ids, renumbered, identities = register.settle(
            tenant_id=tenant_id, seen=seen, now=now
        )
        # Whoever lost a number may have been called by it.
        names = lock_names({one for one in ids if one is not None} | renumbered)
    return Upserted(
        ids=ids,
        names=names,
        renamed=_take_names(ids, seen, names),
        identities=frozenset(identities),
    )


def record_messages(
    *, upserted: Iterable[Upserted], activity: Iterable[Activity], now: datetime
) -> None:
    """Write what everyone upserted is called, and count their newly kept messages.

    Call it once in a transaction, with all its upserts; count each message once, ever.
    """
    counts = {one.contact_id: one for one in activity}
    names: dict[int, NameFacts] = {}
    concerned = set(counts)
    for one in upserted:
        names |= one.names
        concerned |= one.renamed
    if not concerned:
        return
    rows = {contact_id: names[contact_id] for contact_id in sorted(concerned)}
    counted = [counts.get(contact_id) for contact_id in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE contacts SET
                name = new.name,
                name_source = new.name_source,
                profile_name = new.profile_name,
                profile_name_at = new.profile_name_at,
                address_book_name = new.address_book_name,
                address_book_name_at = new.address_book_name_at,
                username = new.username,
                username_at = new.username_at,
                message_count = contacts.message_count + new.count,
                first_message_at = LEAST(contacts.first_message_at, new.first_at),
                last_message_at = GREATEST(contacts.last_message_at, new.last_at),
                updated_at = %s
            FROM unnest(
                %s::bigint[], %s::int[], %s::timestamptz[], %s::timestamptz[],
                %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[],
                %s::timestamptz[], %s::text[], %s::timestamptz[]
            ) AS new (
                id, count, first_at, last_at, name, name_source, profile_name,
                profile_name_at, address_book_name, address_book_name_at, username,
                username_at
            )
            WHERE contacts.id = new.id
            """,
            [
                now,
                array(rows),
                array(one.count if one else 0 for one in counted),
                array(one.first_at if one else None for one in counted),
                array(one.last_at if one else None for one in counted),
                array(facts.name for facts in rows.values()),
                array(facts.name_source for facts in rows.values()),
                array(facts.profile_name for facts in rows.values()),
                array(facts.profile_name_at for facts in rows.values()),
                array(facts.address_book_name for facts in rows.values()),
                array(facts.address_book_name_at for facts in rows.values()),
                array(facts.username for facts in rows.values()),
                array(facts.username_at for facts in rows.values()),
            ],
        )


def name_by_staff(*, contact: Contact, name: str, now: datetime) -> None:
    """Give a contact the name that staff chose; a blank one hands it back to WhatsApp.

    A name by staff outranks every other and stays through later messages.
    """
    facts = NameFacts.of(contact)
    facts.name = " ".join(name.split())
    facts.name_source = (
        Contact.NameSource.STAFF if facts.name else Contact.NameSource.UNKNOWN
    )
    settle_name(facts)
    contact.name, contact.name_source = facts.name, facts.name_source
    contact.updated_at = now
    contact.save(update_fields=["name", "name_source", "updated_at"])


def _settled(
    tenant_id: int, seen: Sequence[Sender | IdentityChange]
) -> tuple[list[int | None], dict[int, NameFacts]] | None:
    """Return everyone's id and names if nothing about who they are is new, else None.

    This is the way of nearly every batch: it needs no lock beyond the contacts' rows,
    which it takes, so that none of them is merged away meanwhile.
    """
    senders = [one for one in seen if isinstance(one, Sender)]
    if len(senders) < len(seen):
        return None
    holdings = register.find_holdings(
        tenant_id, {k for s in senders for k in keys_of(s.phone, s.user_id)}
    )
    ids = [_known_as(sender, holdings) for sender in senders]
    contact_ids = {one for one in ids if one is not None}
    if None in ids:
        return None
    with transaction.atomic():
        names = lock_names(contact_ids)
        if len(names) < len(contact_ids):
            # One was merged away since; letting go of the rows keeps the lock order.
            transaction.set_rollback(True)
            return None
    return ids, names


def _known_as(sender: Sender, holdings: dict[Key, Holding]) -> int | None:
    people = set()
    for key in keys_of(sender.phone, sender.user_id):
        holding = holdings.get(key)
        if holding is None or sender.seen_at - holding.seen_at >= FRESH:
            return None
        if key.kind == PHONE:
            shown = holding.person.phone_number or ""
            if canonical(shown) != key.value or len(shown) < len(sender.phone or ""):
                return None
        elif sender.waba_id not in holding.waba_ids:
            return None
        people.add(holding.person.id)
    return people.pop() if len(people) == 1 else None


def _take_names(
    ids: Sequence[int | None],
    seen: Sequence[Sender | IdentityChange],
    names: dict[int, NameFacts],
) -> set[int]:
    """Let names follow the senders' own words; return whose changed."""
    senders: dict[int, list[Sender]] = {contact_id: [] for contact_id in names}
    for contact_id, one in zip(ids, seen, strict=True):
        if contact_id is not None and isinstance(one, Sender):
            senders[contact_id].append(one)
    changed = set()
    for contact_id, facts in names.items():
        before = replace(facts)
        take_names(facts, senders[contact_id])
        settle_name(facts)
        if facts != before:
            changed.add(contact_id)
    return changed


def _announce(tenant_id: int, seen: Sequence[Sender | IdentityChange]) -> None:
    """Log who is being upserted, and once it is committed, that it was.

    A line for each, but one record for all: the records were a fifth of a drain.
    """
    names = {
        for_log(one.phone or one.user_id or ""): name_for_log(one.profile_name)
        for one in reversed(seen)
        if isinstance(one, Sender) and not one.known_only
    }
    if not names:
        return
    who = list(reversed(names))
    logger.info(
        "%s",
        "\n".join(
            f"Upserting contact: phone={one}, name={names[one]}, tenant_id={tenant_id}"
            for one in who
        ),
    )
    done = "\n".join(f"Contact upserted successfully for {one}" for one in who)
    transaction.on_commit(partial(logger.info, "%s", done))
