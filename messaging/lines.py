"""A change's messages and statuses on their way to rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from contacts.services import MarketingWish, StatedEmail
from messaging import whatsapp
from messaging.events import ClaimedEvent
from messaging.media.queue import KEPT_BY_META, MediaRow
from messaging.routing import Route
from messaging.rows import MessageRow, StatusRow

# How far the messages of a phone's history had come, in WhatsApp's words and ours.
_STATUS_IN_HISTORY = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "played",
    "error": "failed",
}


class Arrival(NamedTuple):
    """One change of one event, at the number it came to."""

    event: ClaimedEvent
    route: Route
    change: whatsapp.Change


@dataclass(slots=True)
class Line:
    """A message on its way to its row."""

    arrival: Arrival
    message: whatsapp.Message
    contact_id: int | None = None

    @property
    def sent_at(self) -> datetime:
        return self.message.sent_at or self.arrival.event.received_at


@dataclass(slots=True)
class Wish:
    """A customer's wish about messages, on its way to their contact."""

    arrival: Arrival
    preference: whatsapp.Preference
    contact_id: int | None = None

    @property
    def stated_at(self) -> datetime:
        return self.preference.changed_at or self.arrival.event.received_at


def marketing_wishes(wishes: Sequence[Wish]) -> Iterator[MarketingWish]:
    """Yield what known contacts wish about marketing messages."""
    for wish in wishes:
        if wish.contact_id is not None:
            yield MarketingWish(
                contact_id=wish.contact_id,
                stops=wish.preference.value == "stop",
                stated_at=wish.stated_at,
            )


def stated_emails(lines: Sequence[Line]) -> Iterator[StatedEmail]:
    """Yield what contacts answered where their tenant asks for an e-mail address.

    Only that field is read, and only of the sender's own answer: an address on a card
    or in a text may be anybody's.
    """
    for line in lines:
        field, answer = line.arrival.route.flow_email_field, line.message.flow_answer
        if not (field and answer) or line.message.direction == "outbound":
            continue
        if line.contact_id is not None:
            yield StatedEmail(
                contact_id=line.contact_id,
                text=whatsapp.answer_to(field, answer),
                stated_at=line.sent_at,
            )


def message_row(line: Line) -> MessageRow:
    """Return the row of a message whose contact was found."""
    arrival, message = line.arrival, line.message
    return MessageRow(
        tenant_id=arrival.route.tenant_id,
        whatsapp_number_id=arrival.route.number_id,
        contact_id=line.contact_id,
        event_id=arrival.event.id,
        wamid=message.wamid,
        direction=message.direction,
        kind=message.kind,
        text=message.text,
        payload=message.payload,
        sent_at=line.sent_at,
        received_at=arrival.event.received_at,
        reply_to=message.reply_to,
        group_id=message.group_id,
        status=_STATUS_IN_HISTORY.get(message.status, "")
        if message.direction == "outbound"
        else "",
    )


def media_rows(lines: Sequence[Line]) -> Iterator[MediaRow]:
    """Yield the row of each file that messages carry."""
    for line in lines:
        if media := line.message.media:
            yield MediaRow(
                whatsapp_number_id=line.arrival.route.number_id,
                wamid=line.message.wamid,
                kind=line.message.kind,
                media_id=media.media_id,
                mime_type=media.mime_type,
                sha256=media.sha256,
                file_name=media.file_name,
                expires_at=line.arrival.event.received_at + KEPT_BY_META,
            )


def status_row(arrival: Arrival, status: whatsapp.Status) -> StatusRow:
    """Return the row of a delivery report."""
    return StatusRow(
        tenant_id=arrival.route.tenant_id,
        whatsapp_number_id=arrival.route.number_id,
        event_id=arrival.event.id,
        wamid=status.wamid,
        status=status.status,
        participant=status.participant,
        occurred_at=status.happened_at or arrival.event.received_at,
        error_code=status.error_code,
        payload=status.payload,
        received_at=arrival.event.received_at,
    )
