"""Write what a batch of events tells into contacts, messages and statuses, in sets.

The order of the stages is the same in every transaction, and so is the order of the
rows within a stage: two drains can wait for each other, but never in a circle.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from contacts.identity import ONLY_TOLD, keys_of
from contacts.identity import Key as IdentityKey
from contacts.services import (
    Activity,
    IdentityChange,
    Sender,
    Upserted,
    record_emails,
    record_marketing_wishes,
    record_messages,
    upsert_contacts,
)
from messaging import whatsapp
from messaging.latecomers import adopt_notes, advance_statuses, fill_in
from messaging.lines import (
    Arrival,
    Line,
    Wish,
    marketing_wishes,
    media_rows,
    message_row,
    stated_emails,
    status_row,
)
from messaging.media.queue import record_media
from messaging.rows import (
    Key,
    MessageRow,
    amend_messages,
    fold_statuses,
    insert_messages,
    insert_statuses,
    lock_numbers,
)


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows were new, and whom they named."""

    messages: int = 0
    statuses: int = 0
    media: int = 0
    # Identities that somebody has now, and by event those that nobody has yet.
    known: frozenset[str] = frozenset()
    awaited: Mapping[int, frozenset[str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Guests:
    """Everyone a batch shows to one tenant, and the messages that wait for ids."""

    seen: list[Sender | IdentityChange] = field(default_factory=list)
    lines: list[Line | Wish | None] = field(default_factory=list)
    event_ids: list[int] = field(default_factory=list)

    def add(
        self,
        one: Sender | IdentityChange,
        arrival: Arrival,
        line: Line | Wish | None = None,
    ) -> None:
        self.seen.append(one)
        self.lines.append(line)
        self.event_ids.append(arrival.event.id)


def write_arrivals(arrivals: Sequence[Arrival], *, now: datetime) -> Written:
    """Write everything these changes tell; what is there already stays as it is."""
    lines = [
        Line(arrival, message)
        for arrival in arrivals
        for message in arrival.change.messages
    ]
    statuses = [
        status_row(arrival, status)
        for arrival in arrivals
        for status in arrival.change.statuses
    ]
    wishes = [
        Wish(arrival, preference)
        for arrival in arrivals
        for preference in arrival.change.preferences
        if preference.is_about_marketing
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
    upserted, known, awaited = _identify(arrivals, lines, wishes, now=now)
    rows = [message_row(line) for line in lines]
    inserted = insert_messages(rows)
    new_statuses = insert_statuses(statuses)
    filled = fill_in(_fuller(lines, rows, inserted))
    adopted = adopt_notes(rows, inserted)
    new_media = record_media(media_rows(lines))
    amend_messages([row for row in rows if row.key in inserted | filled])
    fold_statuses(rows, statuses)
    advance_statuses(rows)
    record_messages(
        upserted=upserted, activity=_activity(rows, inserted | adopted), now=now
    )
    record_emails(stated=stated_emails(lines), now=now)
    record_marketing_wishes(wishes=marketing_wishes(wishes), now=now)
    return Written(
        messages=len(inserted),
        statuses=new_statuses,
        media=new_media,
        known=known,
        awaited=awaited,
    )


def _fuller(
    lines: Sequence[Line], rows: Sequence[MessageRow], inserted: Collection[Key]
) -> list[MessageRow]:
    """Return what may say more than the row that stands for it."""
    repeated = Counter(row.key for row in rows)
    return [
        row
        for line, row in zip(lines, rows, strict=True)
        if (row.key not in inserted or repeated[row.key] > 1)
        and row.kind != "media_placeholder"
        and not line.message.status
    ]


def _identify(
    arrivals: Sequence[Arrival],
    lines: Sequence[Line],
    wishes: Sequence[Wish],
    *,
    now: datetime,
) -> tuple[list[Upserted], frozenset[str], dict[int, frozenset[str]]]:
    """Find or make the contact of every message, tenant by tenant.

    Also return the identities that somebody has now, and by event those it awaits.
    """
    guests: dict[int, _Guests] = {}
    for line in lines:
        of_tenant = guests.setdefault(line.arrival.route.tenant_id, _Guests())
        _add_line(of_tenant, line)
    for wish in wishes:
        of_tenant = guests.setdefault(wish.arrival.route.tenant_id, _Guests())
        _add_wish(of_tenant, wish)
    for arrival in arrivals:
        of_tenant = guests.setdefault(arrival.route.tenant_id, _Guests())
        _add_others(of_tenant, arrival)
    for arrival, recipient in _recipients(arrivals):
        of_tenant = guests.setdefault(arrival.route.tenant_id, _Guests())
        _add_recipient(of_tenant, arrival, recipient)
    known: set[str] = set()
    awaited: dict[int, frozenset[str]] = {}
    everyone: list[Upserted] = []
    for tenant_id in sorted(guests):
        seen = guests[tenant_id].seen
        upserted = upsert_contacts(tenant_id=tenant_id, seen=seen, now=now)
        everyone.append(upserted)
        for one, contact_id, waiting, event_id in zip(
            seen,
            upserted.ids,
            guests[tenant_id].lines,
            guests[tenant_id].event_ids,
            strict=True,
        ):
            if waiting:
                waiting.contact_id = contact_id
            if contact_id is None:
                awaited[event_id] = awaited.get(event_id, frozenset()).union(
                    _identities(tenant_id, _keys_of(one))
                )
        known.update(_identities(tenant_id, upserted.identities))
    return everyone, frozenset(known), awaited


def _add_line(guests: _Guests, line: Line) -> None:
    message, waba_id = line.message, line.arrival.change.waba_id
    if message.identity_change:
        change = _identity_change(message.identity_change, waba_id, line.sent_at)
        guests.add(change, line.arrival, line)
    elif message.person:
        sender = Sender(
            phone=message.person.phone,
            user_id=message.person.user_id,
            seen_at=line.sent_at,
            waba_id=waba_id,
            profile_name=message.person.profile_name,
            username=message.person.username,
            known_only=message.kind == "system",
        )
        guests.add(sender, line.arrival, line)


def _add_wish(guests: _Guests, wish: Wish) -> None:
    sender = Sender(
        phone=wish.preference.phone,
        user_id=wish.preference.user_id,
        seen_at=wish.stated_at,
        waba_id=wish.arrival.change.waba_id,
        known_only=True,
    )
    guests.add(sender, wish.arrival, wish)


def _add_others(guests: _Guests, arrival: Arrival) -> None:
    """Add the people a change tells about without a message of theirs."""
    change, received_at = arrival.change, arrival.event.received_at
    for identity_change in change.identity_changes:
        guests.add(
            _identity_change(identity_change, change.waba_id, received_at), arrival
        )
    for entry in change.address_book:
        sender = Sender(
            phone=entry.phone,
            user_id=entry.user_id,
            seen_at=entry.changed_at or received_at,
            waba_id=change.waba_id,
            username=entry.username,
            address_book_name="" if entry.removed else entry.name or None,
            known_only=entry.removed,
        )
        guests.add(sender, arrival)


def _recipients(
    arrivals: Sequence[Arrival],
) -> Iterator[tuple[Arrival, whatsapp.Person]]:
    """Yield whom delivery reports tell of by number and user id, each once."""
    told = {
        (arrival.route.tenant_id, arrival.change.waba_id, status.recipient): arrival
        for arrival in arrivals
        for status in arrival.change.statuses
        if status.recipient
    }
    for (_, _, recipient), arrival in told.items():
        if recipient:
            yield arrival, recipient


def _add_recipient(
    guests: _Guests, arrival: Arrival, recipient: whatsapp.Person
) -> None:
    sender = Sender(
        phone=recipient.phone,
        user_id=recipient.user_id,
        seen_at=ONLY_TOLD,
        waba_id=arrival.change.waba_id,
        known_only=True,
    )
    guests.add(sender, arrival)


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


def _keys_of(one: Sender | IdentityChange) -> list[IdentityKey]:
    if isinstance(one, Sender):
        return keys_of(one.phone, one.user_id)
    return keys_of(one.old_phone, one.old_user_id)


def _identities(tenant_id: int, keys: Iterable[IdentityKey]) -> list[str]:
    """Return identities as `WebhookEvent.awaits` keeps them."""
    return [f"{tenant_id} {key.kind} {key.value}" for key in keys]


def _activity(
    rows: Sequence[MessageRow], inserted: Collection[Key]
) -> Iterator[Activity]:
    """Sum up the messages that were really inserted, each once."""
    times: dict[int, list[datetime]] = {}
    for row in {row.key: row for row in reversed(rows)}.values():
        if row.contact_id is not None and row.key in inserted:
            times.setdefault(row.contact_id, []).append(row.sent_at)
    for contact_id, sent_at in times.items():
        yield Activity(
            contact_id=contact_id,
            count=len(sent_at),
            first_at=min(sent_at),
            last_at=max(sent_at),
        )
