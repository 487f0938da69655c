"""Work the queue of events off, as one worker does."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.db import connection

from messaging.services import Outcome, process_events


def drain_events(
    *, limit: int, most_batches: int, clock: Callable[[], datetime]
) -> tuple[Outcome, bool]:
    """Process batches of up to `limit` due events until nothing is due.

    Return what came of it, and whether `most_batches` ended it before. While PostgreSQL
    writes one batch, a second thread reads the next: each claims its own, as any two
    workers do. A short queue is done before another thread would have begun.
    """
    tickets = iter(range(most_batches))
    total = process_events(limit=limit, now=clock()) if _drawn(tickets) else Outcome()
    if total.events >= limit:
        with ThreadPoolExecutor(max_workers=1) as pool:
            beside = pool.submit(_work_beside, tickets, limit, clock)
            total += _work(tickets, limit, clock)
            total += beside.result()
    else:
        total += _work(tickets, limit, clock)
    return total, not _drawn(tickets)


def _drawn(tickets: Iterator[int]) -> bool:
    return next(tickets, None) is not None


def _work(tickets: Iterator[int], limit: int, clock: Callable[[], datetime]) -> Outcome:
    total = Outcome()
    while _drawn(tickets):
        outcome = process_events(limit=limit, now=clock())
        if not outcome.events:
            break
        total += outcome
    return total


def _work_beside(
    tickets: Iterator[int], limit: int, clock: Callable[[], datetime]
) -> Outcome:
    try:
        return _work(tickets, limit, clock)
    finally:
        connection.close()  # this thread's own, back into the pool
