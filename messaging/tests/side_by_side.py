"""Drains that run side by side."""

import threading
from typing import Any

from django.db import connection

from messaging.tests.posting import process_all


def run_together(*acts: Any) -> None:
    """Run each in a thread with a connection of its own, starting at one moment."""
    start = threading.Barrier(len(acts))
    errors: list[BaseException] = []

    def run(act: Any) -> None:
        start.wait()
        try:
            act()
        except BaseException as exc:
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        return int(cursor.fetchone()[0])


def drain_elsewhere() -> None:
    process_all()
    connection.close()
