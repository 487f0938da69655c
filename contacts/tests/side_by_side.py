"""What tests need in which two transactions meet."""

import threading
import time
from collections.abc import Callable

from django.db import connection

_PATIENCE_SECONDS = 20


def elsewhere(act: Callable[[], object]) -> threading.Thread:
    """Run it in a thread, with a connection of its own."""

    def run() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def wait_until_waiting(count: int = 1) -> None:
    """Return once so many connections to the database wait for a lock."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            # Within a transaction the view stays as it was first seen.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0] >= count:
                return
    raise AssertionError(f"{count} were to wait")
