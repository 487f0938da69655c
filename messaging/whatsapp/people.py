"""Who is meant: phone numbers, WhatsApp user ids and the names that came with them."""

from typing import NamedTuple

from contacts.phones import canonical
from messaging.whatsapp.values import (
    JsonObject,
    name_of,
    object_at,
    objects_at,
    phone_of,
    text_at,
    user_id_of,
)


class Person(NamedTuple):
    """The customer's side of a message; phone, user id or both are known."""

    phone: str | None
    user_id: str | None
    profile_name: str = ""
    username: str = ""


class IdentityChange(NamedTuple):
    """The same person under a new number, a new user id or both."""

    old_phone: str | None
    old_user_id: str | None
    new_phone: str | None
    new_user_id: str | None


class People:
    """The `contacts` array of one value, to be asked who a message is from.

    The array's order says nothing: a contact belongs to a message by user id, then by
    phone (in any of its spellings), never by its place.
    """

    __slots__ = ("_by_phone", "_by_user_id", "_everybody")

    def __init__(self, value: JsonObject) -> None:
        self._everybody: list[Person] = []
        self._by_user_id: dict[str, Person] = {}
        self._by_phone: dict[str, Person] = {}
        for entry in objects_at(value, "contacts"):
            if person := _listed_person(entry):
                self._everybody.append(person)
                if person.user_id:
                    self._by_user_id[person.user_id] = person
                if person.phone:
                    self._by_phone[person.phone] = person

    def identify(self, *, phone: str | None, user_id: str | None) -> Person | None:
        """Return the person with what the array adds: names and the other identity."""
        if phone is None and user_id is None:
            # Meta names the sender in every message. Should it ever not, a single
            # listed contact leaves no doubt; of several none is taken.
            return self._everybody[0] if len(self._everybody) == 1 else None
        listed = self._find(phone=phone, user_id=user_id)
        if listed is None:
            return Person(phone=phone, user_id=user_id)
        if listed.phone == phone and listed.user_id == user_id:
            return listed
        return Person(
            phone=phone or listed.phone,
            user_id=user_id or listed.user_id,
            profile_name=listed.profile_name,
            username=listed.username,
        )

    def _find(self, *, phone: str | None, user_id: str | None) -> Person | None:
        listed = self._by_user_id.get(user_id or "")
        if listed or phone is None:
            return listed
        listed = self._by_phone.get(phone) or self._by_phone_spelling(phone)
        if listed and user_id and listed.user_id:
            return None  # the same phone with another user id is somebody else
        return listed

    def _by_phone_spelling(self, phone: str) -> Person | None:
        if not self._by_phone:
            return None
        wanted = canonical(phone)
        return next(
            (p for p in self._by_phone.values() if canonical(p.phone or "") == wanted),
            None,
        )


def _listed_person(entry: JsonObject) -> Person | None:
    phone = phone_of(entry.get("wa_id"))
    user_id = user_id_of(entry.get("user_id")) or user_id_of(entry.get("wa_id"))
    if phone is None and user_id is None:
        return None
    profile = object_at(entry, "profile")
    return Person(
        phone=phone,
        user_id=user_id,
        profile_name=name_of(profile.get("name")),
        username=name_of(profile.get("username")),
    )


def changed_identity(message: JsonObject) -> IdentityChange | None:
    """Read a system message that moves a person to a new number or user id.

    Three spellings are about: `user_changed_number` with `wa_id` and, since August
    2026, both user ids; `user_changed_user_id` without any phone; and the older
    `customer_changed_number` with `new_wa_id` and the former number as `customer`.
    """
    system = object_at(message, "system")
    if text_at(system, "type") == "customer_identity_changed":
        return None  # a new device's security code: number and user id stay
    new_phone = phone_of(system.get("wa_id")) or phone_of(system.get("new_wa_id"))
    new_user_id = user_id_of(system.get("user_id"))
    return moved(
        old_phone=phone_of(system.get("customer")) or phone_of(message.get("from")),
        # Whether from_user_id holds the old or the new id is not documented.
        old_user_id=user_id_of(system.get("previous_user_id"))
        or user_id_of(message.get("from_user_id")),
        new_phone=new_phone,
        new_user_id=new_user_id,
    )


def changed_user_id(item: JsonObject) -> IdentityChange | None:
    """Read an item of the withdrawn field `user_id_update`; some still forward it."""
    ids = object_at(item, "user_id")
    phone = phone_of(item.get("wa_id"))
    return moved(
        old_phone=phone,
        old_user_id=user_id_of(ids.get("previous")),
        new_phone=phone,
        new_user_id=user_id_of(ids.get("current")),
    )


def moved(
    *,
    old_phone: str | None,
    old_user_id: str | None,
    new_phone: str | None,
    new_user_id: str | None,
) -> IdentityChange | None:
    """Return the change, or None when nothing changed or nobody is said to have."""
    if old_user_id == new_user_id:
        old_user_id = None
    if old_phone == new_phone and old_user_id is None:
        return None
    if not (old_phone or old_user_id) or not (new_phone or new_user_id):
        return None
    return IdentityChange(
        old_phone=old_phone,
        old_user_id=old_user_id,
        new_phone=new_phone,
        new_user_id=new_user_id,
    )
