"""What the phone app of a business sends when it shares its number with the API."""

from dataclasses import dataclass
from datetime import datetime

from messaging.whatsapp.people import Person
from messaging.whatsapp.values import (
    JsonObject,
    moment_of,
    name_of,
    object_at,
    phone_of,
    text_at,
    user_id_of,
)


@dataclass(frozen=True, slots=True)
class AddressBookEntry:
    """A person in the business's own phone; `name` is the owner's label."""

    phone: str | None
    user_id: str | None
    name: str
    username: str
    # The owner took the person out of the address book; the contact itself stays.
    removed: bool
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Preference:
    """A customer allows (`resume`) or stops messages of a category."""

    phone: str | None
    user_id: str | None
    category: str
    value: str
    changed_at: datetime | None

    @property
    def is_about_marketing(self) -> bool:
        return self.category == "marketing_messages" and self.value in (
            "stop",
            "resume",
        )


def read_address_book_entry(item: JsonObject) -> AddressBookEntry | str:
    """Return the entry, or in words why it cannot be kept."""
    contact = object_at(item, "contact")
    phone = phone_of(contact.get("phone_number"))
    user_id = user_id_of(contact.get("user_id"))
    if phone is None and user_id is None:
        return "The address book entry has neither a phone number nor a user id."
    return AddressBookEntry(
        phone=phone,
        user_id=user_id,
        name=name_of(contact.get("full_name")) or name_of(contact.get("first_name")),
        username=name_of(contact.get("username")),
        removed=text_at(item, "action") == "remove",
        changed_at=moment_of(object_at(item, "metadata").get("timestamp")),
    )


def read_preference(item: JsonObject) -> Preference | str:
    """Return the preference, or in words why it cannot be kept."""
    phone = phone_of(item.get("wa_id"))
    user_id = user_id_of(item.get("user_id"))
    if phone is None and user_id is None:
        return "The preference names neither a phone number nor a user id."
    return Preference(
        phone=phone,
        user_id=user_id,
        category=text_at(item, "category"),
        value=text_at(item, "value").strip().lower(),
        changed_at=moment_of(item.get("timestamp")),
    )


def thread_person(thread: JsonObject) -> Person | None:
    """Return whom a thread of the history is with."""
    context = object_at(thread, "context")
    phone = phone_of(thread.get("id")) or phone_of(context.get("wa_id"))
    user_id = user_id_of(context.get("user_id")) or user_id_of(thread.get("id"))
    if phone is None and user_id is None:
        return None
    return Person(
        phone=phone, user_id=user_id, username=name_of(context.get("username"))
    )
