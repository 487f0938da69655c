"""The only writer of contacts.

`upsert_contacts` and `record_messages` are set-based and may run in many processes at
once. They lock in one order, so that two drains cannot wait for each other: tenants
ascending; within a tenant first its register (an advisory lock, only when identities
change), then its contacts by id.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.db import transaction

from contacts import register
from contacts.identity import IdentityChange, Key, Sender
from contacts.masking import for_log, name_for_log
from contacts.models import Contact
from contacts.names import (
    COLUMNS,
    NameFacts,
    lock_names,
    settle_name,
    take_names,
    values_of,
)
from contacts.recognition import recognise
from contacts.statements import (
    MarketingWish,
    StatedEmail,
    email_by_staff,
    record_emails,
    record_marketing_wishes,
)
from contacts.writing import Activity, write_contacts

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
class Upserted:
    """Who was seen: a contact's id for each, and what these contacts are called now.

    Names are written with the counters, by `record_messages`: a row that is written
    twice costs twice.
    """

    ids: list[int | None]
    names: dict[int, NameFacts]
    renamed: set[int]
    # The columns of names in which any of them changed.
    changed: set[str] = field(default_factory=set)
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
    if recognised := recognise(tenant_id=tenant_id, seen=seen):
        ids, names = recognised
    else:
        ids, renumbered, identities = register.settle(
            tenant_id=tenant_id, seen=seen, now=now
        )
        # Whoever lost a number may have been called by it.
        names = lock_names({one for one in ids if one is not None} | renumbered)
    renamed, changed = _take_names(ids, seen, names)
    return Upserted(
        ids=ids,
        names=names,
        renamed=renamed,
        changed=changed,
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
    changed: set[str] = set()
    for one in upserted:
        names |= one.names
        concerned |= one.renamed
        changed |= one.changed
    if concerned:
        write_contacts(
            {contact_id: names[contact_id] for contact_id in sorted(concerned)},
            changed=changed,
            counts=counts,
            now=now,
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


def _take_names(
    ids: Sequence[int | None],
    seen: Sequence[Sender | IdentityChange],
    names: dict[int, NameFacts],
) -> tuple[set[int], set[str]]:
    """Let names follow the senders' own words; return whose changed, and in what."""
    senders: dict[int, list[Sender]] = {contact_id: [] for contact_id in names}
    for contact_id, one in zip(ids, seen, strict=True):
        if contact_id is not None and isinstance(one, Sender):
            senders[contact_id].append(one)
    renamed: set[int] = set()
    changed: set[str] = set()
    for contact_id, facts in names.items():
        before = values_of(facts)
        take_names(facts, senders[contact_id])
        settle_name(facts)
        after = values_of(facts)
        if after != before:
            renamed.add(contact_id)
            changed.update(
                column
                for column, old, new in zip(COLUMNS, before, after, strict=True)
                if old != new
            )
    return renamed, changed


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
