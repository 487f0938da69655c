"""Process webhook events: claim, read, route, write, mark.

Everything of a batch commits together. If the batch fails, its events go one by one,
and an event that fails alone goes item by item, so that what cannot be written waits
alone and costs nothing else its place.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from django.db import Error, connection, transaction

from contacts.collector import no_collector
from messaging import whatsapp
from messaging.conversations import Written, write_arrivals
from messaging.events import (
    ClaimedEvent,
    Verdict,
    claim_event,
    claim_events,
    mark_awaiting,
    mark_processed,
    mark_unfinished,
    put_back_awaiting,
)
from messaging.lines import Arrival
from messaging.models import WebhookEvent
from messaging.reading import Reading, read_events
from tenants.encryption import UnreadableSecret

logger = logging.getLogger(__name__)

# What a further attempt may mend: the database, or a key that FIELD_ENCRYPTION_KEYS
# lacks. Anything else is a mistake in our code: it is logged with its traceback, and
# its event parks like any other poison, because the queue behind it must go on.
_MENDABLE = (Error, UnreadableSecret)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run over the queue came to, in events and in new rows."""

    processed: int = 0
    retried: int = 0
    unroutable: int = 0
    parked: int = 0
    messages: int = 0
    statuses: int = 0
    media: int = 0

    @property
    def events(self) -> int:
        return self.processed + self.retried + self.unroutable + self.parked

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(*map(sum, zip(astuple(self), astuple(other), strict=True)))


def process_events(*, limit: int, now: datetime) -> Outcome:
    """Process up to `limit` due events, the oldest first, and return what came of it.

    Any number of processes may do this side by side; an Outcome without events means
    that nothing is due that nobody else has claimed.
    """
    events: list[ClaimedEvent] = []
    try:
        with no_collector(), transaction.atomic():
            _commit_without_waiting()
            events = claim_events(limit=limit, now=now)
            outcome = _process(read_events(events), now=now)
    except Exception as exc:
        if not events:
            raise
        _log_failure(f"A batch of {len(events)} events, tried one by one now", exc)
        outcome = Outcome()
        for event in events:
            outcome += process_event(event_id=event.id, now=now)
    if outcome.events:
        logger.info(
            "Webhook events processed: %s, first=%s, last=%s",
            outcome,
            events[0].id,
            events[-1].id,
        )
    return outcome


def _commit_without_waiting() -> None:
    """Spare this transaction the wait for the disk.

    Should PostgreSQL crash in the next moment, what was written is lost together with
    the mark that it was: the events are pending as before, and are processed again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def process_event(*, event_id: int, now: datetime) -> Outcome:
    """Process one event, and what is good in it even if something in it is not."""
    with transaction.atomic():
        event = claim_event(event_id=event_id, now=now)
        if event is None:
            return Outcome()
        try:
            with transaction.atomic():
                outcome = _process(read_events([event]), now=now)
                # Foreign keys are checked at the commit, too late for a savepoint.
                connection.check_constraints()
                return outcome
        except Exception as exc:
            _log_failure(f"Event {event.id}, tried item by item now", exc)
        return _process_by_item(event, now=now)


def _process(readings: Sequence[Reading], *, now: datetime) -> Outcome:
    if not readings:
        return Outcome()
    arrivals = [arrival for reading in readings for arrival in reading.arrivals]
    written = write_arrivals(arrivals, now=now)
    finished = [reading.event for reading in readings if not reading.verdict()]
    mark_processed(events=finished, now=now)
    outcome = Outcome(
        processed=len(finished),
        messages=written.messages,
        statuses=written.statuses,
        media=written.media,
    )
    for reading in readings:
        if verdict := reading.verdict():
            outcome += _mark(verdict, now=now)
    _wait_for_people([written], now=now)
    return outcome


def _process_by_item(event: ClaimedEvent, *, now: datetime) -> Outcome:
    """Write each item in a savepoint of its own; what fails waits for its next try."""
    try:
        with transaction.atomic():
            (reading,) = read_events([event])
    except Exception as exc:
        _log_failure(f"Event {event.id}", exc)
        return _mark(Verdict(event, failures=[_sentence("The event", exc)]), now=now)
    written: list[Written] = []
    failures: list[str] = []
    for name, item in _items(reading.arrivals):
        try:
            with transaction.atomic():
                rows = write_arrivals([item], now=now)
                connection.check_constraints()
                written.append(rows)
        except Exception as exc:
            _log_failure(f"Event {event.id}, {name}", exc)
            failures.append(_sentence(name, exc))
    new_rows = Outcome(
        messages=sum(one.messages for one in written),
        statuses=sum(one.statuses for one in written),
        media=sum(one.media for one in written),
    )
    if verdict := reading.verdict(failures):
        outcome = _mark(verdict, now=now)
    else:
        mark_processed(events=[event], now=now)
        outcome = Outcome(processed=1)
    _wait_for_people(written, now=now)
    return new_rows + outcome


def _wait_for_people(written: Sequence[Written], *, now: datetime) -> None:
    """Have events processed again when somebody is known whom they came too early for.

    WhatsApp tells that a number changed, and may tell it before the first message from
    that number comes.
    """
    awaited: dict[int, frozenset[str]] = {}
    for one in written:
        for event_id, identities in one.awaited.items():
            awaited[event_id] = awaited.get(event_id, frozenset()) | identities
    mark_awaiting(identities=awaited)
    known = frozenset().union(*(one.known for one in written))
    put_back_awaiting(identities=known, now=now)


def _items(arrivals: Sequence[Arrival]) -> Iterator[tuple[str, Arrival]]:
    """Take changes apart into the smallest things that can be written by themselves."""
    for arrival in arrivals:
        whole = arrival.change
        bare = whatsapp.Change(
            where=whole.where,
            field=whole.field,
            waba_id=whole.waba_id,
            phone_number_id=whole.phone_number_id,
        )
        parts = [
            *(("Message", bare._replace(messages=(one,))) for one in whole.messages),
            *(("Status", bare._replace(statuses=(one,))) for one in whole.statuses),
            *(
                ("Identity change", bare._replace(identity_changes=(one,)))
                for one in whole.identity_changes
            ),
            *(
                ("Address book entry", bare._replace(address_book=(one,)))
                for one in whole.address_book
            ),
            *(
                ("Preference", bare._replace(preferences=(one,)))
                for one in whole.preferences
            ),
        ]
        for index, (kind, part) in enumerate(parts):
            name = f"{kind} (item {index + 1} of {whole.where})"
            yield name, arrival._replace(change=part)


def _mark(verdict: Verdict, *, now: datetime) -> Outcome:
    mark_unfinished(verdict=verdict, now=now)
    match verdict.status:
        case WebhookEvent.Status.PENDING:
            return Outcome(retried=1)
        case WebhookEvent.Status.UNROUTABLE:
            return Outcome(unroutable=1)
    return Outcome(parked=1)


def _sentence(name: str, exc: Exception) -> str:
    return f"{name} could not be written: {_describe(exc)}."


def _log_failure(what: str, exc: Exception) -> None:
    if isinstance(exc, _MENDABLE):
        logger.warning("%s failed: %s", what, _describe(exc))
    else:
        logger.error("%s failed on a mistake in our code", what, exc_info=exc)


def _describe(exc: Exception) -> str:
    """Name a failure without the SQL and the people that its own text may quote."""
    diagnosis = getattr(exc.__cause__, "diag", None)
    rule = getattr(diagnosis, "constraint_name", None)
    code = getattr(diagnosis, "sqlstate", None)
    details = [f"rule {rule}"] if rule else [f"SQLSTATE {code}"] if code else []
    return ", ".join([type(exc).__name__, *details])
