"""A process that drains the queue of the test database, as a worker's does."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event, Semaphore

# Started, not forked: no connection and no lock of the test is inherited.
_processes = multiprocessing.get_context("spawn")
_START_SECONDS = 120  # a busy machine is slow, not broken


@contextmanager
def drains(count: int, *, database: str) -> Iterator[None]:
    """Have so many processes drain; on leaving each finds nothing due and ends well."""
    ready, stop = _processes.Semaphore(0), _processes.Event()
    workers = [
        _processes.Process(target=_drain, args=(database, ready, stop))
        for _ in range(count)
    ]
    try:
        for worker in workers:
            worker.start()
        for _ in workers:
            assert ready.acquire(timeout=_START_SECONDS), "a process never started"
        yield
        stop.set()
        for worker in workers:
            worker.join(_START_SECONDS)
        assert [worker.exitcode for worker in workers] == [0] * count
    finally:
        for worker in workers:
            worker.kill()


def _drain(database: str, ready: Semaphore, stop: Event) -> None:
    import django

    django.setup()
    from django.db import connection
    from django.utils import timezone

    from messaging.services import process_events

    connection.settings_dict["NAME"] = database
    connection.ensure_connection()
    ready.release()
    while process_events(limit=7, now=timezone.now()).events or not stop.wait(0.05):
        pass
    connection.close_pool()
