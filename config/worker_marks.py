"""What each worker writes down of itself: that it runs, and that its tasks end.

A task cannot say that a worker of files runs, for with all processes busy on large
files it would wait for minutes. So a worker's main process does, from the same loop
that takes tasks from Redis: the mark is not left when that loop hangs or Redis is away.
It proves nothing of the processes that do the tasks; there the end of each task does.
The messages' are short, so a worker of messages none of which ends is stuck; of files
the table of work under way says it (`uploads.work`).

Both write over a connection of their own, closed at once: a pool has threads, and a
process with threads had better not fork.
"""

import logging
import time
from collections.abc import Collection
from contextlib import closing
from datetime import datetime
from typing import Any

from celery import Celery, bootsteps
from celery.signals import task_postrun
from django.db import Error, connections
from django.utils import timezone

from config.models import ProcessMark

logger = logging.getLogger(__name__)

MARK_EVERY_SECONDS = 15.0
# Meanwhile no task is taken from Redis, so a database that hangs must let go soon.
_CONNECT_SECONDS = 2
_STATEMENT_MS = 1000

_QUEUES = {kind.value for kind in ProcessMark.QUEUES}
_SEEN = """
INSERT INTO process_marks (kind, name, seen_at, worked_at)
SELECT kind, %(name)s, %(now)s, %(now)s FROM unnest(%(kinds)s::text[]) AS kind
ON CONFLICT ON CONSTRAINT process_marks_kind_name_key
DO UPDATE SET seen_at = excluded.seen_at
"""
_STARTED = f"{_SEEN}, worked_at = excluded.worked_at"
_WORKED = """
UPDATE process_marks SET worked_at = %(now)s
WHERE kind = ANY(%(kinds)s) AND name = %(name)s
"""


class LeaveMarks(bootsteps.StartStopStep):
    """The part of a worker's main process that says now and then that it runs.

    It is started anew with each connection to Redis, and stopped when that is lost.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self.entry: Any = None

    def start(self, consumer: Any) -> None:
        queues = list(consumer.app.amqp.queues.consume_from)
        # Nothing can have ended yet of a worker that has just come to its queues.
        mark_started(name=consumer.hostname, queues=queues, now=timezone.now())
        self.entry = consumer.timer.call_repeatedly(
            MARK_EVERY_SECONDS, self.mark, (consumer.hostname, queues)
        )

    def mark(self, name: str, queues: Collection[str]) -> None:
        mark_seen(name=name, queues=queues, now=timezone.now())

    def stop(self, consumer: Any) -> None:
        if self.entry is not None:
            self.entry.cancel()
            self.entry = None


class _TaskEnds:
    """Notes in a process that does tasks that one has ended, not each time."""

    def __init__(self) -> None:
        self._marked_at = 0.0

    def __call__(self, task: Any, **_: Any) -> None:
        request = task.request
        if request.called_directly or request.is_eager:
            return
        if time.monotonic() - self._marked_at > MARK_EVERY_SECONDS:
            self._marked_at = time.monotonic()
            queue = (request.delivery_info or {}).get("routing_key", "")
            mark_worked(name=request.hostname, queues=[queue], now=timezone.now())


_task_ends = _TaskEnds()


def leave_marks(app: Celery) -> None:
    """Have every worker of this application leave its marks."""
    app.steps["consumer"].add(LeaveMarks)
    task_postrun.connect(_task_ends, weak=False)


def mark_started(*, name: str, queues: Collection[str], now: datetime) -> None:
    """Note that a worker begins to take tasks from its queues."""
    _write(_STARTED, name=name, queues=queues, now=now)


def mark_seen(*, name: str, queues: Collection[str], now: datetime) -> None:
    """Note that a worker takes tasks from its queues."""
    _write(_SEEN, name=name, queues=queues, now=now)


def mark_worked(*, name: str, queues: Collection[str], now: datetime) -> None:
    """Note that a worker's task ended."""
    _write(_WORKED, name=name, queues=queues, now=now)


def _write(sql: str, *, name: str, queues: Collection[str], now: datetime) -> None:
    """Write a mark; a database that is away is logged, and the next mark tries again.

    Of the queues only those count that are a kind of mark.
    """
    kinds = sorted(_QUEUES.intersection(queues))
    if not kinds:
        return
    connection = connections.create_connection("default")
    options = {**connection.settings_dict["OPTIONS"]}
    options.pop("pool", None)
    options["connect_timeout"] = _CONNECT_SECONDS
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": options}
    try:
        with closing(connection):
            connection.set_autocommit(False)
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {_STATEMENT_MS}")
                cursor.execute(sql, {"name": name[:200], "kinds": kinds, "now": now})
            connection.commit()
    except Error as exc:
        logger.warning("%s could not leave its mark: %s", name, type(exc).__name__)
