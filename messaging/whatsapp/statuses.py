"""How far a message that we sent has come."""

from datetime import datetime
from typing import NamedTuple

from messaging.whatsapp.people import People, Person
from messaging.whatsapp.values import (
    JsonObject,
    id_at,
    moment_of,
    objects_at,
    phone_of,
    text_at,
    to_json,
    user_id_of,
)

_MAX_STATUS_LENGTH = 32
# It came to somebody. A failure proves nothing of who has the number.
_ARRIVED = frozenset({"sent", "delivered", "read", "played"})


class Status(NamedTuple):
    wamid: str
    status: str
    # Who of a group; "" when the message went to one person.
    participant: str
    happened_at: datetime | None
    error_code: int | None
    payload: str
    # Whom it went to, where number and user id are both told.
    recipient: Person | None = None


def read_status(item: JsonObject, people: People) -> Status | str:
    """Return the status, or in words why it cannot be kept."""
    wamid = id_at(item, "id")
    if not wamid:
        return "The status names no message."
    status = text_at(item, "status").strip().lower()
    if not status or len(status) > _MAX_STATUS_LENGTH:
        return "The status is missing or is no word."
    payload = to_json(item)
    if payload is None:
        return "The status is nested too deeply to be kept."
    return Status(
        wamid=wamid,
        status=status,
        participant=_participant(item),
        happened_at=moment_of(item.get("timestamp")),
        error_code=_error_code(item),
        payload=payload,
        recipient=_recipient(item, people) if status in _ARRIVED else None,
    )


def _recipient(item: JsonObject, people: People) -> Person | None:
    """Return who has this number and this user id, if the report tells of both."""
    phone, user_id = _participant_phone(item), _participant_user_id(item)
    # The recipient of what went to a group is the group.
    if not (phone or user_id) and text_at(item, "recipient_type") != "group":
        phone = phone_of(item.get("recipient_id"))
        user_id = user_id_of(item.get("recipient_user_id"))
    if not (phone or user_id):
        return None
    person = people.identify(phone=phone, user_id=user_id)
    if person is None or not (person.phone and person.user_id):
        return None
    return Person(phone=person.phone, user_id=person.user_id)


def _participant(item: JsonObject) -> str:
    return _participant_phone(item) or _participant_user_id(item) or ""


# Meta turned the words round in May 2026; both spellings are still sent.


def _participant_phone(item: JsonObject) -> str | None:
    return phone_of(item.get("recipient_participant_id")) or phone_of(
        item.get("participant_recipient_id")
    )


def _participant_user_id(item: JsonObject) -> str | None:
    return user_id_of(item.get("recipient_participant_user_id")) or user_id_of(
        item.get("participant_recipient_user_id")
    )


def _error_code(item: JsonObject) -> int | None:
    for error in objects_at(item, "errors"):
        code = error.get("code")
        if type(code) is int and abs(code) < 2**31:
            return code
    return None
