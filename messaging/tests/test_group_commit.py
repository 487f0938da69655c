import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import wraps
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from messaging.webhook.group_commit import GroupCommitWriter, NotStored, connect

pytestmark = pytest.mark.django_db(transaction=True)

SMALL = b"{}"
BIG = b"b" * 3 * 1024 * 1024


def on_an_event_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        async def bounded() -> None:
            async with asyncio.timeout(30):
                await test()

        asyncio.run(bounded())

    return run


@asynccontextmanager
async def writing(
    connect: Callable[[], Any] = connect, **limits: Any
) -> AsyncIterator[GroupCommitWriter]:
    writer = GroupCommitWriter(connect, **limits)
    try:
        yield writer
    finally:
        await writer.close()


def store(writer: GroupCommitWriter, body: bytes) -> "asyncio.Task[int]":
    """Store as a request does, beside others."""
    return asyncio.ensure_future(writer.store(body=body, signed_by="app"))


async def stored_again(writer: GroupCommitWriter, body: bytes) -> None:
    """Store as soon as the writer has noticed that the database answers again."""
    while True:
        try:
            await store(writer, body)
        except NotStored:
            await asyncio.sleep(0.001)
        else:
            return


async def until(happened: Callable[[], object]) -> None:
    while not happened():
        await asyncio.sleep(0.001)


@contextmanager
def locked_events() -> Iterator[None]:
    """Let no statement write an event."""
    params = connections["default"].get_connection_params()
    params.pop("cursor_factory")
    with psycopg.connect(**params) as other:
        other.execute("LOCK TABLE webhook_events")
        yield


def rows_of(statement: str) -> list[tuple[Any, ...]]:
    """Ask from a thread: Django's connections refuse a thread with an event loop."""
    rows: list[tuple[Any, ...]] = []

    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            if cursor.description:
                rows.extend(cursor.fetchall())
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return rows


def is_writing() -> bool:
    """Tell whether the writer's statement is under way and has to wait."""
    return bool(
        rows_of(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'intake'"
            " AND datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


def connections_of_writers() -> int:
    return len(
        rows_of(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'intake'"
            " AND datname = current_database()"
        )
    )


def kill_writers_connection() -> None:
    killed = rows_of(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'intake' AND datname = current_database()"
        " AND (state = 'idle' OR wait_event_type = 'Lock')"
    )
    assert len(killed) == 1


def statements() -> list[list[str]]:
    """Return the beginnings of the stored bodies, by the statement that stored them."""
    together: dict[int, list[str]] = {}
    for transaction, body in rows_of(
        "SELECT xmin::text, convert_from(substr(body, 1, 9), 'UTF8')"
        " FROM webhook_events ORDER BY id"
    ):
        together.setdefault(transaction, []).append(body)
    return list(together.values())


@on_an_event_loop
async def test_what_gathers_while_one_statement_runs_goes_into_the_next():
    async with writing() as writer:
        with locked_events():
            first = store(writer, b"first")
            await until(is_writing)
            rest = [store(writer, b"body %03d" % number) for number in range(199)]
            await until(lambda: writer.pending_count == 199)

        event_ids = await asyncio.gather(first, *rest)

    assert len(set(event_ids)) == 200
    assert [len(group) for group in statements()] == [1, 199]
    stored = rows_of("SELECT id, body, signed_by, status FROM webhook_events")
    assert {(event_id, bytes(body)) for event_id, body, *_ in stored} == {
        (event_ids[0], b"first"),
        *((event_ids[n + 1], b"body %03d" % n) for n in range(199)),
    }
    assert {(signed_by, status) for *_, signed_by, status in stored} == {
        ("app", "pending")
    }


@on_an_event_loop
async def test_nobody_waits_behind_a_row_of_big_bodies():
    async with writing() as writer:
        with locked_events():
            tasks = [store(writer, b"first")]
            await until(is_writing)
            tasks += [store(writer, body) for body in (BIG, BIG, b"small")]
            await until(lambda: writer.pending_count == 3)

        await asyncio.gather(*tasks)

    assert statements() == [["first"], ["b" * 9, "small"], ["b" * 9]]


@pytest.fixture
def _no_poison() -> Iterator[None]:
    rows_of("ALTER TABLE webhook_events ADD CONSTRAINT c CHECK (body <> 'poison')")
    yield
    rows_of("ALTER TABLE webhook_events DROP CONSTRAINT c")


@pytest.mark.usefixtures("_no_poison")
@on_an_event_loop
async def test_a_body_that_is_refused_costs_its_neighbours_nothing():
    async with writing() as writer:
        with locked_events():
            first = store(writer, b"first")
            await until(is_writing)
            poison = store(writer, b"poison")
            neighbours = [store(writer, b"fine") for _ in range(5)]
            await until(lambda: writer.pending_count == 6)

        with pytest.raises(NotStored, match="CheckViolation"):
            await poison
        event_ids = await asyncio.gather(first, *neighbours)

    assert len(set(event_ids)) == 6
    assert rows_of("SELECT count(*) FROM webhook_events") == [(6,)]


@on_an_event_loop
async def test_after_a_restart_of_the_database_the_next_body_is_stored():
    async with writing() as writer:
        await store(writer, SMALL)

        kill_writers_connection()

        assert await store(writer, SMALL)
    assert rows_of("SELECT count(*) FROM webhook_events") == [(2,)]


@on_an_event_loop
async def test_a_connection_that_breaks_amid_a_statement_loses_nothing():
    async with writing() as writer:
        with locked_events():
            task = store(writer, SMALL)
            await until(is_writing)
            kill_writers_connection()
            await until(is_writing)

        event_id = await task

    assert rows_of("SELECT id FROM webhook_events") == [(event_id,)]


@on_an_event_loop
async def test_without_a_database_nothing_is_said_to_be_stored_until_it_is_back():
    addresses = [{"host": "127.0.0.1", "port": 1}] * 2

    async def connect_late() -> Any:
        if addresses:
            return await psycopg.AsyncConnection.connect(**addresses.pop())
        return await connect()

    async with writing(connect_late) as writer:
        for _ in range(2):
            with pytest.raises(NotStored, match="OperationalError"):
                await store(writer, SMALL)
        event_id = await store(writer, SMALL)

    assert rows_of("SELECT id FROM webhook_events") == [(event_id,)]


@on_an_event_loop
async def test_a_statement_that_hangs_is_given_up():
    async def connect_briefly() -> Any:
        return await connect(statement_seconds=0.05)

    async with writing(connect_briefly) as writer:
        with locked_events(), pytest.raises(NotStored, match="QueryCanceled"):
            await store(writer, SMALL)

        assert rows_of("SELECT count(*) FROM webhook_events") == [(0,)]
        assert await store(writer, SMALL)


@on_an_event_loop
async def test_a_server_that_answers_nothing_more_is_given_up_and_left():
    """The statement waits for a lock that is never given, and no timeout ends it."""

    async def connect_without_timeout() -> Any:
        return await connect(statement_seconds=0)

    async with writing(connect_without_timeout, silence_seconds=0.2) as writer:
        with locked_events(), pytest.raises(NotStored, match="SilentServer"):
            await store(writer, b"first")
        assert await store(writer, b"after")

    # The server may still have written the one whose answer nobody waited for.
    assert ["after"] in statements()
    assert all(group in (["first"], ["after"]) for group in statements())


@on_an_event_loop
async def test_a_server_that_never_lets_a_connection_in_is_given_up():
    answers = [asyncio.sleep(60)]

    async def connect_slowly() -> Any:
        if answers:
            await answers.pop()
        return await connect()

    async with writing(connect_slowly, silence_seconds=0.2) as writer:
        with pytest.raises(NotStored, match="SilentServer"):
            await store(writer, b"first")
        assert await store(writer, b"second")

    assert statements() == [["second"]]


@on_an_event_loop
async def test_who_gave_up_may_be_stored_later_or_not_at_all():
    async with writing(store_seconds=2) as writer:
        with locked_events():
            under_way = store(writer, b"first")
            await until(is_writing)
            waiting = store(writer, b"second")
            for task in (under_way, waiting):
                with pytest.raises(NotStored, match="took too long"):
                    await task
            # Whoever was held up before coming here is not held up again.
            with pytest.raises(NotStored, match="hanging"):
                await store(writer, b"third")

        await stored_again(writer, b"last")

    assert statements() == [["first"], ["last"]]


@on_an_event_loop
async def test_memory_is_not_filled_with_what_waits():
    async with writing(pending_bytes=100) as writer:
        with locked_events():
            tasks = [store(writer, b"first")]
            await until(is_writing)
            tasks.append(store(writer, b"x" * 60))
            await until(lambda: writer.pending_count)
            with pytest.raises(NotStored, match="Too much"):
                await store(writer, b"x" * 60)

        assert all(await asyncio.gather(*tasks))
        assert await store(writer, b"x" * 60)


@on_an_event_loop
async def test_a_bug_leaves_nobody_waiting_and_the_next_is_stored():
    bugs = [ZeroDivisionError()]

    async def connect_wrongly() -> Any:
        if bugs:
            raise bugs.pop()
        return await connect()

    async with writing(connect_wrongly) as writer:
        with pytest.raises(NotStored, match="broke down"):
            await store(writer, SMALL)
        event_id = await store(writer, SMALL)

    assert rows_of("SELECT id FROM webhook_events") == [(event_id,)]


@on_an_event_loop
async def test_a_request_that_is_cancelled_leaves_its_neighbours_alone():
    async with writing() as writer:
        with locked_events():
            first = store(writer, b"first")
            await until(is_writing)
            second, third = store(writer, b"second"), store(writer, b"third")
            await until(lambda: writer.pending_count == 2)
            second.cancel()
            await until(lambda: writer.pending_count == 1)

        assert await asyncio.gather(first, third)

    assert statements() == [["first"], ["third"]]


@on_an_event_loop
async def test_closing_leaves_no_connection_behind():
    async with writing() as writer:
        await store(writer, SMALL)

    await until(lambda: connections_of_writers() == 0)
