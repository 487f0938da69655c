"""Write what a batch of events tells into contacts, messages and statuses, in sets.

The order of the stages is the same in every transaction, and so is the order of the
rows within a stage: two drains can wait for each other, but never in a circle.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from contacts.services import (
    Activity,
    IdentityChange,
    Sender,
    Upserted,
    find_contacts,
    record_messages,
    upsert_contacts,
)
from messaging import whatsapp
from messaging.events import ClaimedEvent
from messaging.media.queue import KEPT_BY_META, MediaRow, record_media
from messaging.routing import Route
from messaging.rows import (
    Key,
    MessageRow,
    StatusRow,
    amend_messages,
    fill_placeholders,
    fold_statuses,
    insert_messages,
    insert_statuses,
    lock_numbers,
)

# How far the messages of a phone's history had come, in WhatsApp's words and ours.
_STATUS_IN_HISTORY = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "played",
    "error": "failed",
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """One change of one event, at the number it came to."""

    event: ClaimedEvent
    route: Route
    change: whatsapp.Change


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows were new."""

    messages: int = 0
    statuses: int = 0
    media: int = 0


@dataclass(slots=True)
class _Line:
    """A message on its way to its row."""

    arrival: Arrival
    message: whatsapp.Message
    contact_id: int | None = None

    @property
    def sent_at(self) -> datetime:
        return self.message.sent_at or self.arrival.event.received_at


@dataclass(slots=True)
class _Guests:
    """Everyone a batch shows to one tenant, and the messages that wait for ids."""

    seen: list[Sender | IdentityChange] = field(default_factory=list)
    lines: list[_Line | None] = field(default_factory=list)
    # These make no contact: they are about somebody known, or about nobody.
    unsure: list[tuple[Sender, _Line | None]] = field(default_factory=list)

    def add(self, one: Sender | IdentityChange, line: _Line | None = None) -> None:
        self.seen.append(one)
        self.lines.append(line)


def write_arrivals(arrivals: Sequence[Arrival], *, now: datetime) -> Written:
    """Write everything these changes tell; what is there already stays as it is."""
    lines = [
        _Line(arrival, message)
        for arrival in arrivals
        for message in arrival.change.messages
    ]
    statuses = [
        _status_row(arrival, status)
        for arrival in arrivals
        for status in arrival.change.statuses
    ]
    lock_numbers(
        numbers={arrival.route.number_id for arrival in arrivals},
        exclusively={
            line.arrival.route.number_id
            for line in lines
            if line.message.direction == "outbound"
            or line.message.kind in ("edit", "revoke")
            or line.arrival.change.field == "history"
        },
    )
    upserted = _identify(arrivals, lines, now=now)
    rows = [_message_row(line) for line in lines]
    inserted = insert_messages(rows)
    new_statuses = insert_statuses(statuses)
    fill_placeholders(
        line_row
        for line, line_row in zip(lines, rows, strict=True)
        if line.arrival.change.field == "history" and line_row.key not in inserted
    )
    new_media = record_media(_media_rows(lines))
    amend_messages([row for row in rows if row.key in inserted])
    fold_statuses(rows, statuses)
    record_messages(upserted=upserted, activity=_activity(rows, inserted), now=now)
    return Written(messages=len(inserted), statuses=new_statuses, media=new_media)


def _identify(
    arrivals: Sequence[Arrival], lines: Sequence[_Line], *, now: datetime
) -> list[Upserted]:
    """Find or make the contact of every message, tenant by tenant."""
    guests: dict[int, _Guests] = {}
    for line in lines:
        of_tenant = guests.setdefault(line.arrival.route.tenant_id, _Guests())
        _add_line(of_tenant, line)
    for arrival in arrivals:
        of_tenant = guests.setdefault(arrival.route.tenant_id, _Guests())
        _add_others(of_tenant, arrival)
    return [
        _settle(tenant_id, guests[tenant_id], now=now) for tenant_id in sorted(guests)
    ]


def _add_line(guests: _Guests, line: _Line) -> None:
    message, waba_id = line.message, line.arrival.change.waba_id
    if message.identity_change:
        guests.add(
            _identity_change(message.identity_change, waba_id, line.sent_at), line
        )
    elif message.person:
        sender = Sender(
            phone=message.person.phone,
            user_id=message.person.user_id,
            seen_at=line.sent_at,
            waba_id=waba_id,
            profile_name=message.person.profile_name,
            username=message.person.username,
        )
        if message.kind == "system":
            guests.unsure.append((sender, line))
        else:
            guests.add(sender, line)


def _add_others(guests: _Guests, arrival: Arrival) -> None:
    """Add the people a change tells about without a message of theirs."""
    change, received_at = arrival.change, arrival.event.received_at
    for identity_change in change.identity_changes:
        guests.add(_identity_change(identity_change, change.waba_id, received_at))
    for entry in change.address_book:
        sender = Sender(
            phone=entry.phone,
            user_id=entry.user_id,
            seen_at=entry.changed_at or received_at,
            waba_id=change.waba_id,
            username=entry.username,
            address_book_name="" if entry.removed else entry.name or None,
        )
        if entry.removed:
            guests.unsure.append((sender, None))
        else:
            guests.add(sender)


def _identity_change(
    change: whatsapp.IdentityChange, waba_id: str, seen_at: datetime
) -> IdentityChange:
    return IdentityChange(
        old_phone=change.old_phone,
        old_user_id=change.old_user_id,
        new_phone=change.new_phone,
        new_user_id=change.new_user_id,
        seen_at=seen_at,
        waba_id=waba_id,
    )


def _settle(tenant_id: int, guests: _Guests, *, now: datetime) -> Upserted:
    if guests.unsure:
        senders = [sender for sender, _ in guests.unsure]
        known = find_contacts(tenant_id=tenant_id, senders=senders)
        for contact_id, (sender, line) in zip(known, guests.unsure, strict=True):
            if contact_id is not None:
                guests.add(sender, line)
    upserted = upsert_contacts(tenant_id=tenant_id, seen=guests.seen, now=now)
    for contact_id, line in zip(upserted.ids, guests.lines, strict=True):
        if line:
            line.contact_id = contact_id
    return upserted


def _message_row(line: _Line) -> MessageRow:
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


def _media_rows(lines: Sequence[_Line]) -> Iterator[MediaRow]:
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


def _status_row(arrival: Arrival, status: whatsapp.Status) -> StatusRow:
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


def _activity(
    rows: Sequence[MessageRow], inserted: Collection[Key]
) -> Iterator[Activity]:
    """Sum up the messages that were really inserted, each once."""
    times: dict[int, list[datetime]] = {}
    for row in {row.key: row for row in rows}.values():
        if row.contact_id is not None and row.key in inserted:
            times.setdefault(row.contact_id, []).append(row.sent_at)
    for contact_id, sent_at in times.items():
        yield Activity(
            contact_id=contact_id,
            count=len(sent_at),
            first_at=min(sent_at),
            last_at=max(sent_at),
        )
