"""One message, whoever wrote it: the customer, or the business from its phone."""

from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from messaging.whatsapp.content import KINDS, content_of
from messaging.whatsapp.flows import flow_answer
from messaging.whatsapp.media import KINDS as MEDIA_KINDS
from messaging.whatsapp.media import Media, media_of
from messaging.whatsapp.people import (
    IdentityChange,
    People,
    Person,
    changed_identity,
)
from messaging.whatsapp.values import (
    JsonObject,
    id_at,
    moment_of,
    object_at,
    objects_at,
    phone_of,
    text_at,
    to_json,
    user_id_of,
)

Direction: TypeAlias = Literal["inbound", "outbound"]


class Message(NamedTuple):
    """What one message says. `payload` is its JSON as it came, fit for jsonb."""

    wamid: str
    direction: Direction
    kind: str
    text: str
    # None: the time was missing or senseless, and the time of arrival stands in for it.
    sent_at: datetime | None
    # The customer, also when the business wrote. None: a system message about nobody.
    person: Person | None
    # The message that is answered, reacted to, edited or revoked.
    reply_to: str
    group_id: str
    payload: str
    # How far a message out of the history had come; "" elsewhere.
    status: str = ""
    identity_change: IdentityChange | None = None
    media: Media | None = None
    # What the customer filled into a Flow: JSON in a text, of their own making.
    flow_answer: str = ""


def read_inbound(item: JsonObject, people: People) -> Message | str:
    """Return a message from a customer, or in words why it cannot be kept."""
    if item.get("type") == "system":
        return _read_system(item)
    phone = phone_of(item.get("from"))
    user_id = user_id_of(item.get("from_user_id")) or user_id_of(item.get("from"))
    person = people.identify(phone=phone or _requested_phone(item), user_id=user_id)
    return _read(item, direction="inbound", person=person)


def read_echo(item: JsonObject, people: People) -> Message | str:
    """Return a message the business wrote elsewhere, or why it cannot be kept."""
    person = people.identify(
        phone=phone_of(item.get("to")), user_id=user_id_of(item.get("to_user_id"))
    )
    return _read(item, direction="outbound", person=person)


def read_history_message(
    item: JsonObject, thread: Person, business_phone: str | None
) -> Message | str:
    """Return a message out of the phone's history, or why it cannot be kept.

    Business-sent ones are known by their `from`; the business number is written with
    spaces in some payloads and without in others, so the thread's own number decides
    when that comparison cannot.
    """
    sender = phone_of(item.get("from"))
    outbound = sender is not None and (
        sender == business_phone or "to" in item or sender != thread.phone
    )
    if user_id_of(item.get("from_user_id")) == thread.user_id and thread.user_id:
        outbound = False
    return _read(
        item,
        direction="outbound" if outbound else "inbound",
        person=thread,
        status=text_at(object_at(item, "history_context"), "status").lower(),
    )


def _read_system(item: JsonObject) -> Message | str:
    phone = phone_of(item.get("from"))
    user_id = user_id_of(item.get("from_user_id"))
    change = changed_identity(item)
    if change:
        phone = phone or change.old_phone
        user_id = user_id or change.old_user_id
    person = Person(phone=phone, user_id=user_id) if phone or user_id else None
    return _read(item, direction="inbound", person=person, identity_change=change)


def _read(
    item: JsonObject,
    *,
    direction: Direction,
    person: Person | None,
    status: str = "",
    identity_change: IdentityChange | None = None,
) -> Message | str:
    wamid = id_at(item, "id")
    if not wamid:
        return (
            "The message has no id that could be kept, so a repeat could not be told."
        )
    kind = text_at(item, "type")
    if person is None and kind != "system":
        return (
            "The message names no sender, and its contacts leave open who it is from."
        )
    if kind not in KINDS:
        kind = "unknown"
    if kind in MEDIA_KINDS:
        # The address lives for five minutes: nothing to keep.
        object_at(item, kind).pop("url", None)
    payload = to_json(item)
    if payload is None:
        return "The message is nested too deeply to be kept."
    content = content_of(kind, item)
    return Message(
        wamid=wamid,
        direction=direction,
        kind=kind,
        text=content.text,
        sent_at=moment_of(item.get("timestamp")),
        person=person,
        reply_to=content.about or id_at(object_at(item, "context"), "id"),
        group_id=id_at(item, "group_id"),
        payload=payload,
        status=status,
        identity_change=identity_change,
        media=media_of(kind, item),
        flow_answer=flow_answer(item) if kind == "interactive" else "",
    )


def _requested_phone(item: JsonObject) -> str | None:
    """Return the sender's own number, given by tapping the business's request.

    Every other card may be anybody's: nothing on it ever becomes the sender's.
    """
    if item.get("type") != "contacts":
        return None
    for card in objects_at(item, "contacts"):
        # Before 2026-05 the origin stood on the message instead of on the card.
        origin = text_at(card, "origin") or text_at(item, "origin")
        if origin != "contact_request":
            continue
        for number in objects_at(card, "phones"):
            phone = phone_of(number.get("wa_id")) or phone_of(number.get("phone"))
            if phone:
                return phone
    return None
