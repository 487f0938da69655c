"""What a message of each kind says, in text that people read and search."""

import re
from collections.abc import Callable
from typing import NamedTuple

from messaging.whatsapp.values import (
    JsonObject,
    id_at,
    object_at,
    objects_at,
    text_at,
)

_NUMBER = re.compile(r"-?\d{1,3}(?:\.\d{1,30})?", re.ASCII)
_MOST_DEGREES = 360  # nobody is beyond it, and JSON allows thousands of digits


class Content(NamedTuple):
    text: str = ""
    # The message this one changes or comments on: reactions, edits and revokes.
    about: str = ""


def content_of(kind: str, item: JsonObject) -> Content:
    """Return what the message says; a kind without words says ""."""
    read = _READERS.get(kind)
    return read(item) if read else Content()


def _text(item: JsonObject) -> Content:
    return Content(text_at(object_at(item, "text"), "body"))


def _caption(kind: str) -> Callable[[JsonObject], Content]:
    def read(item: JsonObject) -> Content:
        media = object_at(item, kind)
        # The file name is the sender's: shown, never used as a name on our disk.
        return Content(text_at(media, "caption") or text_at(media, "filename"))

    return read


def _location(item: JsonObject) -> Content:
    place = object_at(item, "location")
    named = [text for key in ("name", "address") if (text := text_at(place, key))]
    if named:
        return Content(", ".join(named))
    pin = [_degrees(place.get(key)) for key in ("latitude", "longitude")]
    return Content(", ".join(pin) if all(pin) else "")


def _degrees(value: object) -> str:
    if isinstance(value, bool):
        return ""
    if isinstance(value, int | float):
        return str(value) if abs(value) <= _MOST_DEGREES else ""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return value
    return ""


def _cards(item: JsonObject) -> Content:
    names = (
        _card_name(object_at(card, "name")) for card in objects_at(item, "contacts")
    )
    return Content(", ".join(filter(None, names)))


def _card_name(name: JsonObject) -> str:
    parts = (text_at(name, key) for key in ("first_name", "middle_name", "last_name"))
    return text_at(name, "formatted_name") or " ".join(filter(None, parts))


def _interactive(item: JsonObject) -> Content:
    interactive = object_at(item, "interactive")
    kind = text_at(interactive, "type")
    answer = object_at(interactive, kind)
    match kind:
        case "button_reply" | "list_reply":
            return Content(text_at(answer, "title"))
        case "nfm_reply":
            return Content(text_at(answer, "body"))
        case "call_permission_reply":
            return Content(text_at(answer, "response"))
    return Content()


def _button(item: JsonObject) -> Content:
    button = object_at(item, "button")
    return Content(text_at(button, "text") or text_at(button, "payload"))


def _reaction(item: JsonObject) -> Content:
    reaction = object_at(item, "reaction")
    # A removed reaction comes without emoji or with an empty one.
    return Content(text_at(reaction, "emoji"), about=id_at(reaction, "message_id"))


def _order(item: JsonObject) -> Content:
    return Content(text_at(object_at(item, "order"), "text"))


def _system(item: JsonObject) -> Content:
    return Content(text_at(object_at(item, "system"), "body"))


def _edit(item: JsonObject) -> Content:
    edit = object_at(item, "edit")
    edited = object_at(edit, "message")
    content = content_of(text_at(edited, "type"), edited)
    return Content(content.text, about=id_at(edit, "original_message_id"))


def _revoke(item: JsonObject) -> Content:
    return Content(about=id_at(object_at(item, "revoke"), "original_message_id"))


_READERS: dict[str, Callable[[JsonObject], Content]] = {
    "text": _text,
    "image": _caption("image"),
    "video": _caption("video"),
    "document": _caption("document"),
    "location": _location,
    "contacts": _cards,
    "interactive": _interactive,
    "button": _button,
    "reaction": _reaction,
    "order": _order,
    "system": _system,
    "edit": _edit,
    "revoke": _revoke,
}

# Kinds with a name of their own in our tables; every other type is kept as "unknown".
KINDS = frozenset(_READERS) | {
    "audio",
    "sticker",
    "unsupported",
    "request_welcome",
    "media_placeholder",
    "ephemeral",
}
