"""What to call a contact: which name wins, whatever order the messages come in."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Self

from psycopg import sql

from contacts.arrays import array
from contacts.cursors import bulk_cursor
from contacts.identity import Sender
from contacts.models import Contact

Source = Contact.NameSource
# Neither number nor name: WhatsApp shows such people as users, too.
NAMELESS = "WhatsApp user"


@dataclass(slots=True)
class NameFacts:
    """The columns of a contact that say what it is called, and by whom."""

    phone_number: str | None
    name: str
    name_source: str
    profile_name: str
    profile_name_at: datetime | None
    address_book_name: str
    address_book_name_at: datetime | None
    username: str
    username_at: datetime | None

    @classmethod
    def of(cls, contact: Contact) -> Self:
        """Read them off a contact."""
        return cls(*(getattr(contact, column) for column in COLUMNS))

    def write_to(self, contact: Contact) -> None:
        """Set them on a contact; saving it is the caller's."""
        for column in COLUMNS:
            setattr(contact, column, getattr(self, column))


COLUMNS = tuple(one.name for one in fields(NameFacts))
_KINDS = [
    (kind, f"{kind}_at") for kind in ("profile_name", "address_book_name", "username")
]
values_of: Callable[[NameFacts], tuple[Any, ...]] = attrgetter(*COLUMNS)
_READ = sql.SQL(
    "SELECT id, {} FROM contacts WHERE id = ANY(%s::bigint[])"
    " ORDER BY id FOR NO KEY UPDATE"
).format(sql.SQL(", ").join(map(sql.Identifier, COLUMNS)))


def lock_names(contact_ids: Iterable[int]) -> dict[int, NameFacts]:
    """Lock these contacts in the order of their ids; return what they are called."""
    with bulk_cursor() as cursor:
        cursor.execute(_READ, [array(sorted(set(contact_ids)))])
        return {row[0]: NameFacts(*row[1:]) for row in cursor.fetchall()}


def take_names(facts: NameFacts, senders: Iterable[Sender]) -> None:
    """Keep the newest of each kind of name, by the time of the message that carried it.

    Blank names say nothing. Of two at the same moment the greater text wins, so that
    the result is the same in any order.
    """
    for sender in senders:
        at = sender.seen_at
        profile_name = " ".join(sender.profile_name.split())
        if profile_name and _is_newer(
            at, profile_name, facts.profile_name_at, facts.profile_name
        ):
            facts.profile_name, facts.profile_name_at = profile_name, at
        username = sender.username.strip()
        if username and _is_newer(at, username, facts.username_at, facts.username):
            facts.username, facts.username_at = username, at
        if sender.address_book_name is not None:
            label = " ".join(sender.address_book_name.split())
            if _is_newer(
                at, label, facts.address_book_name_at, facts.address_book_name
            ):
                facts.address_book_name, facts.address_book_name_at = label, at


def combine_names(one: NameFacts, other: NameFacts) -> NameFacts:
    """Return the newest of each kind of name of two contacts that are one person."""
    combined = NameFacts(*values_of(one))
    for kind, kind_at in _KINDS:
        at = getattr(other, kind_at)
        if at is None:
            continue
        name = getattr(other, kind)
        if _is_newer(at, name, getattr(one, kind_at), getattr(one, kind)):
            setattr(combined, kind, name)
            setattr(combined, kind_at, at)
    if other.name_source == Source.STAFF and one.name_source != Source.STAFF:
        combined.name, combined.name_source = other.name, other.name_source
    return combined


def settle_name(facts: NameFacts) -> None:
    """Choose `name`: staff > business address book > profile > username > phone.

    A name of unknown origin (inserted by hand) gives way to a profile's, not to digits.
    """
    if facts.name and facts.name_source == Source.STAFF:
        return
    if facts.address_book_name:
        facts.name, facts.name_source = facts.address_book_name, Source.ADDRESS_BOOK
    elif facts.profile_name:
        facts.name, facts.name_source = facts.profile_name, Source.PROFILE
    elif facts.name not in ("", NAMELESS) and facts.name_source == Source.UNKNOWN:
        return
    elif facts.username:
        facts.name, facts.name_source = facts.username, Source.USERNAME
    elif facts.phone_number:
        facts.name, facts.name_source = facts.phone_number, Source.PHONE
    else:
        facts.name, facts.name_source = NAMELESS, Source.UNKNOWN


def _is_newer(at: datetime, name: str, known_at: datetime | None, known: str) -> bool:
    return known_at is None or (at, name) > (known_at, known)
