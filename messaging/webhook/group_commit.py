"""Group commit: one INSERT for every post that waits to be stored.

Storing a post costs a round trip, a commit and the disk's answer, whether it is one
row or a hundred. So a web process has one task of its event loop that writes for all
its requests: while one statement is under way the next posts gather, and go together
in the one after. A request is told "stored" only once its own row is committed.

What goes wrong, and what the request hears, always within five seconds:

- the connection broke, as after a restart of PostgreSQL: connect and write once more;
- PostgreSQL refuses the set: its bodies go one by one, and the bad one fails alone;
- no database, a statement that hangs, a host that vanished: `NotStored`;
- a bug ends the statement's task: `NotStored`, and the next group is written.

`NotStored` means that nobody knows. A statement may still commit after the request gave
up on it; Meta then sends the same body again, and processing it twice changes nothing.
"""

import asyncio
import logging
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg
from asgiref.sync import sync_to_async
from django.db import connections

from messaging.bell import bell
from messaging.events import store_event

logger = logging.getLogger(__name__)

# Meta is answered within five seconds; PostgreSQL gives up a little before we do, and
# we give up on a host that does not even say that it gave up.
STORE_SECONDS = 4.5
STATEMENT_SECONDS = 4.0
SILENCE_SECONDS = 4.3
_CONNECT_SECONDS = 2
# A body of 3 MB goes with small ones, not with others of its kind: no statement takes
# long, so nobody waits long behind one.
_GROUP_BYTES = 4 * 1024 * 1024
# More than that waits only when the database has all but stopped, and Meta keeps
# bodies better than our memory does.
PENDING_BYTES = 64 * 1024 * 1024

_Connection: TypeAlias = psycopg.AsyncConnection[Any]


class NotStored(Exception):
    """The body was not stored in time, as far as we know; says why, for the log."""


async def accept_event(*, body: bytes, signed_by: str) -> None:
    """Keep one POST as it was signed, committed on return, and have it processed soon.

    Raises `NotStored` or django.db.Error.
    """
    if _writer:
        await _writer.store(body=body, signed_by=signed_by)
    else:
        event_id = await sync_to_async(store_event)(body=body, signed_by=signed_by)
        _log_received([event_id])
    bell.ring()


def enable_group_commit() -> None:
    """Write in groups from now on: this process is a server with many requests at once.

    Any other process, such as a test or a command, writes within its own transaction.
    """
    global _writer
    _writer = GroupCommitWriter()


async def connect(*, statement_seconds: float = STATEMENT_SECONDS) -> _Connection:
    """Open a connection outside the pool, which slow pages may have used up."""
    params = connections["default"].get_connection_params()
    params.pop("context", None)  # adapters of the ORM; these are bytes, text and int
    params |= {
        "application_name": "intake",
        "autocommit": True,
        "connect_timeout": _CONNECT_SECONDS,
        "cursor_factory": psycopg.AsyncCursor,
        # A server that vanished from the network says nothing, not even no.
        "tcp_user_timeout": int(statement_seconds * 1000),
    }
    connection: _Connection = await psycopg.AsyncConnection.connect(**params)
    await connection.execute(f"SET statement_timeout = '{statement_seconds}s'")
    return connection


@dataclass(slots=True, eq=False)
class PendingInsert:
    """A request's body, on its way to its row."""

    body: bytes
    signed_by: str
    # Cancelled when the request gave up.
    event_id: asyncio.Future[int]

    def fail(self, reason: str) -> None:
        if not self.event_id.done():
            self.event_id.set_exception(NotStored(reason))


class GroupCommitWriter:
    """Stores the posts of one event loop; its task starts with the first of them.

    `store_seconds`: within which a post is stored or told that it was not.
    `silence_seconds`: after which a statement's connection is taken for dead.
    `pending_bytes`: of bodies that may wait.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[_Connection]] = connect,
        *,
        store_seconds: float = STORE_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
        pending_bytes: int = PENDING_BYTES,
    ) -> None:
        self._statement = _InsertStatement(connect, silence_seconds=silence_seconds)
        self._store_seconds = store_seconds
        self._max_pending_bytes = pending_bytes
        self._pending: deque[PendingInsert] = deque()
        self._pending_bytes = 0
        self._task: asyncio.Task[None] | None = None
        # Since when something has been waiting without anything being stored.
        self._behind_since: float | None = None

    @property
    def pending_count(self) -> int:
        """How many posts wait for the statement after the one under way."""
        return len(self._pending)

    async def store(self, *, body: bytes, signed_by: str) -> int:
        """Return the body's event's id once it is committed, or raise NotStored."""
        loop = asyncio.get_running_loop()
        seconds = self._seconds_left(loop.time())
        if seconds <= 0:
            raise NotStored("The database has been hanging for too long.")
        if self._pending_bytes + len(body) > self._max_pending_bytes:
            raise NotStored("Too much is waiting already.")
        insert = PendingInsert(body, signed_by, loop.create_future())
        self._pending.append(insert)
        self._pending_bytes += len(body)
        if self._task is None:
            self._task = loop.create_task(self._write_pending(), name="group commit")
        try:
            async with asyncio.timeout(seconds):
                return await insert.event_id
        except TimeoutError:
            raise NotStored("It took too long.") from None
        finally:
            if insert.event_id.cancelled():
                self._abandon(insert)

    async def close(self) -> None:
        """Write what waits, then let go of the database."""
        if self._task:
            await self._task
        await self._statement.disconnect()

    def _seconds_left(self, now: float) -> float:
        """Return how long a post may wait for the database, in seconds.

        While it hangs, all who come during one such time give up together, at its end.
        """
        if self._behind_since is None:
            self._behind_since = now
        return self._behind_since + self._store_seconds - now

    def _abandon(self, insert: PendingInsert) -> None:
        if insert in self._pending:
            self._pending.remove(insert)
            self._pending_bytes -= len(insert.body)

    async def _write_pending(self) -> None:
        """Write group after group until nothing waits."""
        try:
            # All requests that are ready now go into the first group, too.
            await asyncio.sleep(0)
            while self._pending:
                group = self._next_group()
                try:
                    await self._statement.insert(group)
                except Exception:
                    logger.exception("Not stored: %s posts, a bug", len(group))
                for insert in group:
                    # After a bug of ours, nobody shall wait in vain.
                    insert.fail("The writer broke down.")
                self._note_progress(group)
        finally:
            self._task = None

    def _note_progress(self, group: Sequence[PendingInsert]) -> None:
        if not self._pending:
            self._behind_since = None
        elif any(_is_stored(insert) for insert in group):
            self._behind_since = asyncio.get_running_loop().time()

    def _next_group(self) -> Sequence[PendingInsert]:
        """Take the first post, and those after it that fit beside it."""
        group: list[PendingInsert] = []
        left: deque[PendingInsert] = deque()
        size = 0
        for insert in self._pending:
            if not group or size + len(insert.body) <= _GROUP_BYTES:
                group.append(insert)
                size += len(insert.body)
            else:
                left.append(insert)
        self._pending = left
        self._pending_bytes -= size
        return group


class _InsertStatement:
    """The task's connection, and what to do when PostgreSQL says no, or nothing."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[_Connection]],
        *,
        silence_seconds: float,
    ) -> None:
        self._connect = connect
        self._silence_seconds = silence_seconds
        self._connection: _Connection | None = None

    async def insert(self, group: Sequence[PendingInsert]) -> None:
        """Store the posts, or tell each of them why not."""
        try:
            event_ids = await self._insert_twice(group)
        except psycopg.Error as exc:
            may_go_alone = (
                len(group) > 1
                and self._is_connected()
                and not isinstance(exc, psycopg.errors.QueryCanceled)
            )
            if not may_go_alone:
                logger.error("Not stored: %s posts, %s", len(group), _describe(exc))
                for insert in group:
                    insert.fail(_describe(exc))
                return
            logger.warning(
                "A set of %s posts was refused and goes one by one: %s",
                len(group),
                _describe(exc),
            )
            for insert in group:
                if not insert.event_id.done():
                    await self.insert([insert])
            return
        _log_received(event_ids)
        for insert, event_id in zip(group, event_ids, strict=True):
            if not insert.event_id.done():
                insert.event_id.set_result(event_id)

    async def disconnect(self) -> None:
        if self._connection:
            await self._connection.close()
            self._connection = None

    def _is_connected(self) -> bool:
        return self._connection is not None and not self._connection.closed

    async def _connected(self) -> _Connection:
        """Return a connection; raises `_SilentServer` when none comes in time."""
        if self._connection is None or self._connection.closed:
            self._connection = None
            connecting = asyncio.ensure_future(self._connect())
            done, _ = await asyncio.wait({connecting}, timeout=self._silence_seconds)
            if not done:
                connecting.cancel()  # and not waited for: it asks the silent server
                raise _SilentServer
            self._connection = connecting.result()
        return self._connection

    async def _insert_twice(self, group: Sequence[PendingInsert]) -> list[int]:
        """Insert; if the connection breaks or was dead, once more on a new one."""
        connection = await self._connected()
        try:
            return await self._insert(connection, group)
        except _SilentServer:
            raise
        except psycopg.OperationalError:
            if not connection.closed:
                raise
        return await self._insert(await self._connected(), group)

    async def _insert(
        self, connection: _Connection, group: Sequence[PendingInsert]
    ) -> list[int]:
        """Insert the group; raises `_SilentServer` when no answer comes at all.

        PostgreSQL ends a long statement itself. A host that vanished does not: then
        the socket is shut down here, which ends libpq's waiting. Cancelling the task
        instead would make psycopg ask the vanished host to cancel, and wait for it.
        """
        statement = asyncio.ensure_future(_execute(connection, group))
        done, _ = await asyncio.wait({statement}, timeout=self._silence_seconds)
        if not done:
            with socket.socket(fileno=_duplicate(connection)) as broken:
                broken.shutdown(socket.SHUT_RDWR)
            await asyncio.wait({statement})
            statement.exception()
            await connection.close()
            raise _SilentServer
        return statement.result()


class _SilentServer(psycopg.OperationalError):
    """PostgreSQL did not answer, not even that it gave up."""


def _duplicate(connection: _Connection) -> int:
    return os.dup(connection.fileno())


async def _execute(
    connection: _Connection, group: Sequence[PendingInsert]
) -> list[int]:
    cursor = await connection.execute(
        "INSERT INTO webhook_events (body, signed_by)"
        " SELECT body, signed_by FROM unnest(%b::bytea[], %s::text[])"
        " AS posted (body, signed_by) RETURNING id",
        [[insert.body for insert in group], [insert.signed_by for insert in group]],
    )
    return [event_id for (event_id,) in await cursor.fetchall()]


def _is_stored(insert: PendingInsert) -> bool:
    future = insert.event_id
    return future.done() and not future.cancelled() and not future.exception()


def _log_received(event_ids: Sequence[int]) -> None:
    logger.info("Webhook received: event=%s", ", ".join(map(str, event_ids)))


def _describe(exc: psycopg.Error) -> str:
    """Name a failure without the body that its own text may quote."""
    return f"{type(exc).__name__} (SQLSTATE {exc.sqlstate})"


_writer: GroupCommitWriter | None = None
