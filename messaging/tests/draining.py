"""A process that drains the queue of the test database, as a worker's does."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager

from messaging.tests.draining_process import drain_until

# Forked off a process that was started anew, and has Django ready: no connection and no
# lock of the test is inherited, and eight cost little more than one.
_processes = multiprocessing.get_context("forkserver")
_START_SECONDS = 120  # a busy machine is slow, not broken


@contextmanager
def drains(count: int, *, database: str) -> Iterator[None]:
    """Have so many processes drain; on leaving each finds nothing due and ends well."""
    _processes.set_forkserver_preload(["messaging.tests.draining_process"])
    ready, stop = _processes.Semaphore(0), _processes.Event()
    workers = [
        _processes.Process(target=drain_until, args=(database, ready, stop))
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
