"""How far a message that we sent has come."""

from datetime import datetime
from typing import NamedTuple

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


class Status(NamedTuple):
    wamid: str
    status: str
    # Who of a group; "" when the message went to one person.
    participant: str
    happened_at: datetime | None
    error_code: int | None
    payload: str


def read_status(item: JsonObject) -> Status | str:
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
    )


def _participant(item: JsonObject) -> str:
    # Meta turned the words round in May 2026; both spellings are still sent.
    return (
        phone_of(item.get("recipient_participant_id"))
        or phone_of(item.get("participant_recipient_id"))
        or user_id_of(item.get("recipient_participant_user_id"))
        or user_id_of(item.get("participant_recipient_user_id"))
        or ""
    )


def _error_code(item: JsonObject) -> int | None:
    for error in objects_at(item, "errors"):
        code = error.get("code")
        if type(code) is int and abs(code) < 2**31:
            return code
    return None
