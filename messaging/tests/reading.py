"""Reading bodies in tests of the parser, by what a test wants to look at."""

from typing import Any

from messaging.tests.bodies import message, message_body
from messaging.whatsapp import Message, Payload, Status, parse


def messages_in(payload: Payload) -> list[Message]:
    return [message for change in payload.changes for message in change.messages]


def statuses_in(payload: Payload) -> list[Status]:
    return [status for change in payload.changes for status in change.statuses]


def only_message(raw: bytes) -> Message:
    (read,) = messages_in(parse(raw))
    return read


def typed(kind: str, content: Any, **fields: Any) -> bytes:
    item = message(type=kind, **{kind: content}, **fields)
    del item["text"]
    return message_body(item)
