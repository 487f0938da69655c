"""What the webhook and its drain are worth, against other ways in the same run."""

import itertools
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import connection
from django.utils import timezone

from benchmarks import people
from benchmarks.load import Load, percentile, post, request
from messaging.draining import drain_events
from messaging.services import process_events

CONNECTIONS = 64
ROUNDS = 3
ROUND_SECONDS = 3.0
WARM_UP_SECONDS = 0.5
KNOWN_PEOPLE = 5_000
MOST_A_SECOND = 8_000  # bodies are signed before the clock starts

SET_BATCH = 500
SET_MESSAGES = 5_000
SINGLE_MESSAGES = 200

STEADY_RATE = 200.0
STEADY_SECONDS = 20.0
PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class Accepted:
    """One way's rounds."""

    path: str
    rates: list[float] = field(default_factory=list)
    p50s: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)
    refused_count: int = 0

    def add(self, load: Load) -> None:
        self.rates.append(load.rate)
        self.p50s.append(percentile(load.latencies, 0.5))
        self.p99s.append(percentile(load.latencies, 0.99))
        self.refused_count += load.statuses.total() - load.statuses[200]

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def p50(self) -> float:
        return statistics.median(self.p50s)

    @property
    def p99(self) -> float:
        return statistics.median(self.p99s)


def accept_rates(port: int, paths: list[str]) -> list[Accepted]:
    """Post to each path in turn, several times, while the worker drains."""
    ways = [Accepted(path) for path in paths]
    for way in ways:
        _load(port, way.path, WARM_UP_SECONDS)
    for _ in range(ROUNDS):
        for way in ways:
            _forget_pending()
            way.add(_load(port, way.path, ROUND_SECONDS))
    _forget_pending()
    return ways


def _load(port: int, path: str, seconds: float) -> Load:
    bodies = itertools.islice(
        people.bodies(people=KNOWN_PEOPLE), int(MOST_A_SECOND * seconds)
    )
    requests = [
        request(path=path, port=port, body=body, signature=people.signature(body))
        for _, body in bodies
    ]
    return post(iter(requests), port=port, connections=CONNECTIONS, seconds=seconds)


def _forget_pending() -> None:
    """Drop what one way left to do, or the next would be slowed by it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM webhook_events WHERE id IN (SELECT id FROM webhook_events"
            " WHERE status = 'pending' FOR UPDATE SKIP LOCKED)"
        )


def drain_rates() -> dict[str, float]:
    """Return messages a second by one worker: in sets of new and known people, singly.

    Nothing else may be draining.
    """
    rates: dict[str, list[float]] = {}
    for round_number in range(ROUNDS):
        first = 1_000_000 * (round_number + 1)
        for name, limit, count, start in (
            ("new", SET_BATCH, SET_MESSAGES, first),
            ("known", SET_BATCH, SET_MESSAGES, first),
            ("singly", 1, SINGLE_MESSAGES, first),
        ):
            rates.setdefault(name, []).append(_drain(limit, count, start))
    return {name: statistics.median(of_rounds) for name, of_rounds in rates.items()}


def _drain(limit: int, count: int, first: int) -> float:
    bodies = itertools.islice(people.bodies(people=SET_MESSAGES, first=first), count)
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY webhook_events (body, signed_by) FROM STDIN") as copy,
    ):
        for _, body in bodies:
            copy.write_row((body, "app"))
    began_at = time.perf_counter()
    messages = 0
    if limit > 1:
        # As the task of a worker does it.
        outcome, _ = drain_events(limit=limit, most_batches=count, clock=timezone.now)
        messages = outcome.messages
    while (outcome := process_events(limit=limit, now=timezone.now())).events:
        messages += outcome.messages
    if messages != count:
        raise AssertionError(f"{count} messages went in, {messages} came out.")
    return messages / (time.perf_counter() - began_at)


def visible_latencies(port: int) -> list[float]:
    """Post at a moderate rate; return the seconds from each 200 to the message's row.

    Counted from when the client has the answer, to when another connection sees it.
    """
    _post_steadily(port, WARM_UP_SECONDS)  # until the worker has come up
    return _post_steadily(port, STEADY_SECONDS)


def _post_steadily(port: int, seconds: float) -> list[float]:
    accepted_at: dict[str, float] = {}
    latencies: list[float] = []
    wamids: list[str] = []

    def requests() -> Iterator[bytes]:
        for wamid, body in people.bodies(people=KNOWN_PEOPLE):
            wamids.append(wamid)
            yield request(
                path="/webhooks/whatsapp/",
                port=port,
                body=body,
                signature=people.signature(body),
            )

    def answered(number: int, at: float) -> None:
        accepted_at[wamids[number]] = at

    def look() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT wamid FROM chat_messages WHERE wamid = ANY(%s)",
                [list(accepted_at)],
            )
            at = time.perf_counter()
            latencies.extend(at - accepted_at.pop(row[0]) for row in cursor.fetchall())

    post(
        requests(),
        port=port,
        connections=CONNECTIONS,
        seconds=seconds,
        rate=STEADY_RATE,
        answered=answered,
        meanwhile=look,
    )
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while accepted_at and time.perf_counter() < deadline:
        look()
    if accepted_at:
        raise AssertionError(f"{len(accepted_at)} messages never became visible.")
    return latencies
