"""Group commit: one INSERT for everything that waits to be stored.

Storing a post costs a round trip, a commit and the disk's answer, whether it is one
row or a hundred. So a web process has one thread that writes for all its requests:
while one statement is under way the next posts gather, and go together in the one
after. A request still says "stored" only once its own row is committed.

What goes wrong, and what the request hears, always within five seconds:

- the connection broke, as after a restart of PostgreSQL: connect and write once more;
- PostgreSQL refuses the set: its bodies go one by one, and the bad one fails alone;
- no database, or a statement that hangs: `NotStored`;
- a mistake of ours ends the thread: `NotStored`, and another one goes on.

`NotStored` means that nobody knows. A statement may still commit after the request gave
up on it; Meta then sends the same body again, and processing it twice changes nothing.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import psycopg
from django.db import connections

from messaging.bell import bell
from messaging.events import store_event

logger = logging.getLogger(__name__)

# Meta is answered within five seconds; PostgreSQL gives up a little before we do.
_PATIENCE_SECONDS = 4.5
_STATEMENT_SECONDS = 4.0
_CONNECT_SECONDS = 2
# A body of 3 MB goes with small ones, not with others of its kind: no statement takes
# long, so nobody waits long behind one.
_GROUP_BYTES = 4 * 1024 * 1024
# More than that waits only when the database has all but stopped, and Meta keeps
# bodies better than our memory does.
_WAITING_BYTES = 64 * 1024 * 1024

_Connection: TypeAlias = psycopg.Connection[Any]


class NotStored(Exception):
    """The body was not stored in time, as far as we know; says why, for the log."""


def accept_event(*, body: bytes, signed_by: str) -> None:
    """Keep one POST as it was signed, committed on return, and have it processed soon.

    Raises `NotStored` or django.db.Error.
    """
    if _intake:
        _intake.store(body=body, signed_by=signed_by)
    else:
        _announce([store_event(body=body, signed_by=signed_by)])
    bell.ring()


def open_intake() -> None:
    """Gather what this process accepts: it is a server, with many requests at once.

    Any other process, such as a test or a command, writes within its own transaction.
    """
    global _intake
    _intake = Intake()


def connect() -> _Connection:
    """Open a connection outside the pool, which slow pages may have used up."""
    params = connections["default"].get_connection_params()
    params |= {
        "application_name": "intake",
        "autocommit": True,
        "connect_timeout": _CONNECT_SECONDS,
        "cursor_factory": psycopg.Cursor,
        # A server that vanished from the network says nothing, not even no.
        "tcp_user_timeout": int(_STATEMENT_SECONDS * 1000),
    }
    connection: _Connection = psycopg.connect(**params)
    connection.execute(f"SET statement_timeout = '{_STATEMENT_SECONDS}s'")
    return connection


@dataclass(slots=True, eq=False)
class _Post:
    """A request's body, on its way to its row."""

    body: bytes
    signed_by: str
    event_id: Future[int] = field(default_factory=Future)
    is_abandoned: bool = False

    @property
    def is_stored(self) -> bool:
        return self.event_id.done() and not self.event_id.exception()

    def fail(self, reason: str) -> None:
        if not self.event_id.done():
            self.event_id.set_exception(NotStored(reason))


class Intake:
    """Stores the posts of one process; its thread starts with the first of them."""

    def __init__(self, connect: Callable[[], _Connection] = connect) -> None:
        self._connect = connect
        self._begin()
        # A forked child has neither the thread nor the requests it works for.
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[_Post] = deque()
        self._waiting_bytes = 0
        self._thread: threading.Thread | None = None
        # Since when something has been waiting without anything being stored.
        self._behind_since: float | None = None
        self._is_closed = False

    def store(self, *, body: bytes, signed_by: str) -> int:
        """Return the body's event's id once it is committed, or raise NotStored."""
        post = _Post(body, signed_by)
        with self._changed:
            patience = self._patience(time.monotonic())
            if patience <= 0:
                raise NotStored("The database has been hanging for too long.")
            if self._waiting_bytes + len(body) > _WAITING_BYTES:
                raise NotStored("Too much is waiting already.")
            self._waiting.append(post)
            self._waiting_bytes += len(body)
            if self._thread is None:
                self._start()
            self._changed.notify()
        try:
            return post.event_id.result(timeout=patience)
        except TimeoutError:
            self._abandon(post)
            raise NotStored("It took too long.") from None

    def close(self) -> None:
        """Write what waits, then let go of the database and the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
            thread = self._thread
        if thread:
            thread.join()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    def _patience(self, now: float) -> float:
        """Return how long a post may wait for the database, in seconds.

        While it hangs, posts also wait in the server for a thread to take them. So all
        who come during one such time give up together, at its end.
        """
        if self._behind_since is None:
            self._behind_since = now
        return self._behind_since + _PATIENCE_SECONDS - now

    def _abandon(self, post: _Post) -> None:
        with self._changed:
            post.is_abandoned = True
            if post in self._waiting:
                self._waiting.remove(post)
                self._waiting_bytes -= len(post.body)

    def _run(self) -> None:
        writer = _Writer(self._connect)
        try:
            while group := self._next_group():
                try:
                    writer.write(group)
                finally:
                    for post in group:
                        # After a mistake of ours, nobody shall wait in vain.
                        post.fail("The writer broke down.")
                    self._settle(group)
        finally:
            writer.disconnect()
            with self._changed:
                self._thread = None
                if self._waiting:  # it was a mistake that ended this thread
                    self._start()

    def _settle(self, group: Sequence[_Post]) -> None:
        with self._changed:
            if not self._waiting:
                self._behind_since = None
            elif any(post.is_stored for post in group):
                self._behind_since = time.monotonic()

    def _next_group(self) -> Sequence[_Post]:
        """Wait for posts; take the first, and those after it that fit beside it."""
        group: list[_Post] = []
        left: deque[_Post] = deque()
        size = 0
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            for post in self._waiting:
                if not group or size + len(post.body) <= _GROUP_BYTES:
                    group.append(post)
                    size += len(post.body)
                else:
                    left.append(post)
            self._waiting = left
            self._waiting_bytes -= size
        return group


class _Writer:
    """The thread's connection, and what to do when PostgreSQL says no."""

    def __init__(self, connect: Callable[[], _Connection]) -> None:
        self._connect = connect
        self._connection: _Connection | None = None

    def write(self, group: Sequence[_Post]) -> None:
        """Store the posts, or tell each of them why not."""
        try:
            event_ids = self._insert_twice(group)
        except psycopg.Error as exc:
            may_go_alone = (
                len(group) > 1
                and self._is_connected()
                and not isinstance(exc, psycopg.errors.QueryCanceled)
            )
            if not may_go_alone:
                logger.error("Not stored: %s posts, %s", len(group), _describe(exc))
                for post in group:
                    post.fail(_describe(exc))
                return
            logger.warning(
                "A set of %s posts was refused and goes one by one: %s",
                len(group),
                _describe(exc),
            )
            for post in group:
                if not post.is_abandoned:
                    self.write([post])
            return
        _announce(event_ids)
        for post, event_id in zip(group, event_ids, strict=True):
            post.event_id.set_result(event_id)

    def disconnect(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _is_connected(self) -> bool:
        return self._connection is not None and not self._connection.closed

    def _connected(self) -> _Connection:
        if self._connection is None or self._connection.closed:
            self._connection = None
            self._connection = self._connect()
        return self._connection

    def _insert_twice(self, group: Sequence[_Post]) -> list[int]:
        """Insert; if the connection breaks or was dead, once more on a new one."""
        connection = self._connected()
        try:
            return _insert(connection, group)
        except psycopg.OperationalError:
            if not connection.closed:
                raise
        return _insert(self._connected(), group)


def _insert(connection: _Connection, group: Sequence[_Post]) -> list[int]:
    rows = connection.execute(
        "INSERT INTO webhook_events (body, signed_by)"
        " SELECT body, signed_by FROM unnest(%b::bytea[], %s::text[])"
        " AS posted (body, signed_by) RETURNING id",
        [[post.body for post in group], [post.signed_by for post in group]],
    )
    return [event_id for (event_id,) in rows]


def _announce(event_ids: Sequence[int]) -> None:
    logger.info("Webhook received: event=%s", ", ".join(map(str, event_ids)))


def _describe(exc: psycopg.Error) -> str:
    """Name a failure without the body that its own text may quote."""
    return f"{type(exc).__name__} (SQLSTATE {exc.sqlstate})"


_intake: Intake | None = None
