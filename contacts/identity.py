"""Who is who: deciding which contact a number and a WhatsApp user id mean. Pure.

A phone number belongs to whoever was last seen with it: operators give a number to
somebody else some months after it was dropped. A WhatsApp user id belongs to one
person for good, within one business portfolio; it is made anew when that person
changes their number. So a user id outranks a number, a number outranks nothing, and
a number that comes with a new user id, on a WhatsApp Business Account that knew it
with another, has a new owner who must not see the old one's conversation.

Source: Meta, "Business-scoped user IDs", edition of 2026-06-29, and the changelog of
2026-08-11 for system messages.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from contacts.phones import canonical

PHONE = "phone"
USER_ID = "whatsapp_user_id"

# How stale "last seen" may be before it is written again: a write for each message
# would double the load, and numbers change hands over months.
FRESH = timedelta(days=1)
NEVER = datetime.min.replace(tzinfo=UTC)
# When somebody was seen of whom we were only told, by a delivery report: before anybody
# was, so that it takes no number from who wrote from it. PostgreSQL keeps it, unlike
# NEVER, wherever its clock stands.
ONLY_TOLD = datetime(1970, 1, 1, tzinfo=UTC)


class Key(NamedTuple):
    """What identifies a person within a tenant: the kind, and its canonical value."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A person as one message, echo or address-book entry names them.

    `phone` is WhatsApp's `wa_id` (digits); `phone` or `user_id` must be given.
    `address_book_name` is the business's own label for them: None says nothing, blank
    says that it was removed. `known_only`: what was said about them makes nobody.
    `seen_at` is ONLY_TOLD where nobody wrote: number and user id then belong together,
    and no number changes hands for it.
    """

    phone: str | None
    user_id: str | None
    seen_at: datetime
    waba_id: str = ""
    profile_name: str = ""
    username: str = ""
    address_book_name: str | None = None
    known_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityChange:
    """WhatsApp's word that a person's number or user id was replaced."""

    old_phone: str | None
    old_user_id: str | None
    new_phone: str | None
    new_user_id: str | None
    seen_at: datetime
    waba_id: str = ""


@dataclass(slots=True, eq=False)
class Person:
    """A contact while identities are decided; without an id it is not stored yet."""

    id: int | None
    phone_number: str | None = None
    shown_number: str | None = field(init=False)  # as stored
    keys: set[Key] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.shown_number = self.phone_number


@dataclass(slots=True)
class Holding:
    """Who an identity means, since when it was last seen, and where."""

    person: Person
    seen_at: datetime
    waba_ids: set[str] = field(default_factory=set)


def keys_of(phone: str | None, user_id: str | None) -> list[Key]:
    """Return the identities that a number and a user id stand for."""
    keys = []
    if phone:
        keys.append(Key(PHONE, canonical(phone)))
    if user_id:
        keys.append(Key(USER_ID, user_id))
    return keys


class Register:
    """The people around a batch, and what the batch changes about who they are.

    Feed it what was seen, oldest first; then read `made`, `survivors` and `touched`.
    """

    def __init__(self, holdings: dict[Key, Holding]) -> None:
        self.holdings = holdings
        for key, holding in holdings.items():
            holding.person.keys.add(key)
        self.touched: set[Key] = set()
        self.made: list[Person] = []
        self.survivors: dict[Person, Person] = {}  # by who was merged, in that order

    def claim_shown_number(self, person: Person) -> None:
        """Let the number that a contact shows mean that contact.

        One that was inserted by hand has no identity yet. If another contact shows the
        same number (Brazil's, spelled in two ways), the two are one person; if another
        only had it once, it has changed hands.
        """
        if not person.phone_number:
            return
        (key,) = keys_of(person.phone_number, None)
        holding = self.holdings.get(key)
        if holding is None:
            self.holdings[key] = Holding(person, NEVER)
            person.keys.add(key)
        elif holding.person is not person:
            if canonical(holding.person.phone_number or "") == key.value:
                self.join(holding.person, person)
            else:
                self._take(key, holding, person)
                person.keys.add(key)

    def place(self, sender: Sender) -> Person | None:
        """Return whom the sender is, deciding what was open; None makes nobody."""
        by_phone, by_user = self._find(sender.phone, sender.user_id)
        if by_user is None:
            if by_phone is None or self._has_rival(by_phone, sender):
                if sender.known_only:
                    return None
                person = self._make()
            else:
                person = by_phone
        elif (
            by_phone is None or by_phone is by_user or self._has_rival(by_phone, sender)
        ):
            person = by_user
        else:
            # Each half was known by itself; here they arrive together.
            person = self.join(by_phone, by_user)
        self._adopt(person, sender.phone, sender.user_id, sender)
        return person

    def change(self, change: IdentityChange) -> Person | None:
        """Return who changed, now known by the new identity too; None if unknown."""
        # The old ones were one person's, which their messages may not have shown yet.
        person = self.place(
            Sender(
                phone=change.old_phone,
                user_id=change.old_user_id,
                seen_at=ONLY_TOLD,
                waba_id=change.waba_id,
                known_only=True,
            )
        )
        if person is None:
            return None
        if change.new_user_id:
            already = self.holdings.get(Key(USER_ID, change.new_user_id))
            if already is not None and already.person is not person:
                # They wrote from the new number before this notice came.
                person = self.join(person, already.person)
        if change.new_phone and not change.new_user_id:
            (key,) = keys_of(change.new_phone, None)
            already = self.holdings.get(key)
            if already and not any(k.kind == USER_ID for k in already.person.keys):
                person = self.join(person, already.person)  # or it is them already
        self._adopt(person, change.new_phone, change.new_user_id, change)
        return person

    def _find(
        self, phone: str | None, user_id: str | None
    ) -> tuple[Person | None, Person | None]:
        found: dict[str, Person] = {}
        for key in keys_of(phone, user_id):
            if holding := self.holdings.get(key):
                found[key.kind] = holding.person
        return found.get(PHONE), found.get(USER_ID)

    def _has_rival(self, person: Person, sender: Sender) -> bool:
        """Tell whether this business account knows the person by another user id.

        Portfolios give the same person different ids, so an id from another account
        says nothing.
        """
        if not sender.user_id:
            return False
        return any(
            key.kind == USER_ID
            and key.value != sender.user_id
            and sender.waba_id in self.holdings[key].waba_ids
            for key in person.keys
        )

    def _make(self) -> Person:
        person = Person(id=None)
        self.made.append(person)
        return person

    def survivor(self, person: Person) -> Person:
        """Return who a person ended as."""
        while person in self.survivors:
            person = self.survivors[person]
        return person

    def join(self, one: Person, other: Person) -> Person:
        """Make one person of two, and return it; the older contact stays."""
        if one is other:
            return one
        survivor, merged = one, other
        if merged.id and (survivor.id is None or merged.id < survivor.id):
            survivor, merged = merged, survivor
        for key in merged.keys:
            self.holdings[key].person = survivor
            self.touched.add(key)
        survivor.keys |= merged.keys
        merged.keys = set()
        numbers = filter(None, [survivor.phone_number, merged.phone_number])
        survivor.phone_number = max(numbers, key=self._last_seen, default=None)
        merged.phone_number = None
        self.survivors[merged] = survivor
        return survivor

    def _last_seen(self, phone: str) -> tuple[datetime, int, str]:
        holding = self.holdings.get(Key(PHONE, canonical(phone)))
        return (holding.seen_at if holding else NEVER), len(phone), phone

    def _adopt(
        self,
        person: Person,
        phone: str | None,
        user_id: str | None,
        seen: Sender | IdentityChange,
    ) -> None:
        """Note that the person was seen under these identities."""
        for key in keys_of(phone, user_id):
            holding = self.holdings.get(key)
            if holding is None:
                holding = self.holdings[key] = Holding(person, seen.seen_at)
                self.touched.add(key)
            elif holding.person is not person:
                if key.kind == PHONE and seen.seen_at <= holding.seen_at:
                    continue  # a late message of the number's former owner
                self._take(key, holding, person)
            if seen.seen_at - holding.seen_at >= FRESH or key in self.touched:
                holding.seen_at = max(holding.seen_at, seen.seen_at)
                self.touched.add(key)
            if key.kind == USER_ID and seen.waba_id not in holding.waba_ids:
                holding.waba_ids.add(seen.waba_id)
                self.touched.add(key)
            person.keys.add(key)
            if key.kind == PHONE and phone:
                self._number(person, phone, seen.seen_at)

    def _take(self, key: Key, holding: Holding, person: Person) -> None:
        """Move an identity to its new owner; the old one loses the number."""
        former = holding.person
        former.keys.discard(key)
        if former.phone_number and canonical(former.phone_number) == key.value:
            former.phone_number = None
        holding.person = person
        self.touched.add(key)

    def _number(self, person: Person, phone: str, seen_at: datetime) -> None:
        """Choose the number to show: the newest, in the longest of its spellings.

        Brazil, Mexico and Argentina are spelled in two ways by WhatsApp itself. Going
        by length instead of time makes the choice the same in any order.
        """
        current = person.phone_number
        if current is None:
            person.phone_number = phone
        elif canonical(current) == canonical(phone):
            person.phone_number = max(current, phone, key=lambda p: (len(p), p))
        else:
            holding = self.holdings.get(Key(PHONE, canonical(current)))
            if holding is None or seen_at >= holding.seen_at:
                person.phone_number = phone


def oldest_first(
    seen: Iterable[Sender | IdentityChange],
) -> list[tuple[int, Sender | IdentityChange]]:
    """Return what was seen in the order of its time, each with its place in `seen`."""
    return sorted(enumerate(seen), key=lambda pair: (pair[1].seen_at, pair[0]))
