"""Ends the programs of a supervisor that was killed: it cannot do that itself.

Its standard input comes from the supervisor: a line with the process groups that run
now, each time they change. When that ends, the supervisor has; those of the last line
are ended then. One that stopped in order has said at last that there are none.

The kernel's death signal would be simpler, but Celery writes its farewell to a pipe
that nobody reads any more, stumbles over that, and goes on for ever.

Run by its path, so that it starts without Django and stays small.
"""

import contextlib
import os
import signal
import sys
import time

STOP_SECONDS = 10


def is_there(group: int) -> bool:
    """Tell whether a process group has anybody left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def end(groups: list[int]) -> None:
    """End process groups, softly for `STOP_SECONDS`, then by force."""
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while any(map(is_there, groups)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    running: list[int] = []
    for line in sys.stdin:
        running = [int(group) for group in line.split()]
    end(running)
