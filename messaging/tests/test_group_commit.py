import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager

import psycopg
import pytest
from django.db import connection

from messaging.webhook import group_commit as accepting
from messaging.webhook.group_commit import Intake, NotStored, connect
from messaging.models import WebhookEvent

pytestmark = pytest.mark.django_db(transaction=True)

SMALL = b"{}"
BIG = b"b" * 3 * 1024 * 1024

Store = Callable[[bytes], Future[int]]


@pytest.fixture
def intake() -> Iterator[Intake]:
    with closing(Intake()) as intake:
        yield intake


@pytest.fixture
def store(intake: Intake) -> Iterator[Store]:
    """Store in a thread of its own, as a web server does."""
    with ThreadPoolExecutor(200) as threads:
        yield lambda body: threads.submit(intake.store, body=body, signed_by="app")


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@contextmanager
def locked_events() -> Iterator[None]:
    """Let no statement write an event."""
    with connect() as other, other.transaction():
        other.execute("LOCK TABLE webhook_events")
        yield


def is_writing() -> bool:
    """Tell whether the intake's statement is under way and has to wait."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM pg_stat_activity WHERE application_name = 'intake'"
            " AND datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.rowcount)


def connections_of_intakes() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM pg_stat_activity WHERE application_name = 'intake'"
            " AND datname = current_database()"
        )
        return cursor.rowcount


def kill_intakes_connection() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'intake' AND datname = current_database()"
            " AND (state = 'idle' OR wait_event_type = 'Lock')"
        )
        assert cursor.rowcount == 1


def statements() -> dict[int, list[str]]:
    """Return the beginnings of the stored bodies, by the statement that stored them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT xmin::text, convert_from(substr(body, 1, 9), 'UTF8')"
            " FROM webhook_events ORDER BY id"
        )
        together: dict[int, list[str]] = {}
        for transaction, body in cursor.fetchall():
            together.setdefault(transaction, []).append(body)
    return together


def test_what_gathers_while_one_statement_runs_goes_into_the_next(intake, store):
    with locked_events():
        first = store(b"first")
        wait_until(is_writing)
        rest = [store(b"body %03d" % number) for number in range(199)]
        wait_until(lambda: len(intake._waiting) == 199)

    event_ids = [future.result() for future in (first, *rest)]

    assert len(set(event_ids)) == 200
    assert [len(group) for group in statements().values()] == [1, 199]
    for number, event_id in enumerate(event_ids[1:]):
        event = WebhookEvent.objects.get(pk=event_id)
        assert bytes(event.body) == b"body %03d" % number
        assert (event.signed_by, event.status) == ("app", "pending")


def test_nobody_waits_behind_a_row_of_big_bodies(intake, store):
    with locked_events():
        futures = [store(b"first")]
        wait_until(is_writing)
        for number, body in enumerate((BIG, BIG, b"small"), start=1):
            futures.append(store(body))
            wait_until(lambda number=number: len(intake._waiting) == number)

    for future in futures:
        future.result()

    assert list(statements().values()) == [["first"], ["b" * 9, "small"], ["b" * 9]]


@pytest.fixture
def _no_poison() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE webhook_events ADD CONSTRAINT no_poison"
            " CHECK (body <> 'poison')"
        )
        yield
        cursor.execute("ALTER TABLE webhook_events DROP CONSTRAINT no_poison")


@pytest.mark.usefixtures("_no_poison")
def test_a_body_that_is_refused_costs_its_neighbours_nothing(intake, store):
    with locked_events():
        first = store(b"first")
        wait_until(is_writing)
        poison = store(b"poison")
        neighbours = [store(b"fine") for _ in range(5)]
        wait_until(lambda: len(intake._waiting) == 6)

    with pytest.raises(NotStored, match="CheckViolation"):
        poison.result()
    assert len({future.result() for future in (first, *neighbours)}) == 6
    assert WebhookEvent.objects.count() == 6


def test_after_a_restart_of_the_database_the_next_body_is_stored(intake):
    intake.store(body=SMALL, signed_by="app")

    kill_intakes_connection()

    assert intake.store(body=SMALL, signed_by="app")
    assert WebhookEvent.objects.count() == 2


def test_a_connection_that_breaks_amid_a_statement_loses_nothing(store):
    with locked_events():
        future = store(SMALL)
        wait_until(is_writing)
        kill_intakes_connection()
        wait_until(is_writing)

    assert future.result() == WebhookEvent.objects.get().pk


def test_without_a_database_nothing_is_said_to_be_stored_until_it_is_back():
    addresses = [{"host": "127.0.0.1", "port": 1}] * 2

    def connect_late() -> psycopg.Connection:
        return psycopg.connect(**addresses.pop()) if addresses else connect()

    with closing(Intake(connect_late)) as intake:
        for _ in range(2):
            with pytest.raises(NotStored, match="OperationalError"):
                intake.store(body=SMALL, signed_by="app")
        event_id = intake.store(body=SMALL, signed_by="app")

    assert WebhookEvent.objects.get().pk == event_id


def test_a_statement_that_hangs_is_given_up(intake, monkeypatch):
    monkeypatch.setattr(accepting, "_STATEMENT_SECONDS", 0.05)

    with locked_events(), pytest.raises(NotStored, match="QueryCanceled"):
        intake.store(body=SMALL, signed_by="app")

    assert not WebhookEvent.objects.exists()
    assert intake.store(body=SMALL, signed_by="app")


def test_who_gave_up_may_be_stored_later_or_not_at_all(intake, store, monkeypatch):
    monkeypatch.setattr(accepting, "_PATIENCE_SECONDS", 0.2)

    with locked_events():
        under_way = store(b"first")
        wait_until(is_writing)
        waiting = store(b"second")
        for future in (under_way, waiting):
            with pytest.raises(NotStored, match="took too long"):
                future.result()
        # Whoever was held up before coming here is not held up again.
        with pytest.raises(NotStored, match="hanging"):
            intake.store(body=b"third", signed_by="app")

    wait_until(WebhookEvent.objects.exists)
    assert intake.store(body=b"last", signed_by="app")
    assert list(statements().values()) == [["first"], ["last"]]


def test_memory_is_not_filled_with_what_waits(intake, store, monkeypatch):
    monkeypatch.setattr(accepting, "_WAITING_BYTES", 100)

    with locked_events():
        futures = [store(b"first")]
        wait_until(is_writing)
        futures.append(store(b"x" * 60))
        wait_until(lambda: intake._waiting)
        with pytest.raises(NotStored, match="Too much"):
            intake.store(body=b"x" * 60, signed_by="app")

    assert all(future.result() for future in futures)
    assert intake.store(body=b"x" * 60, signed_by="app")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_of_ours_leaves_nobody_waiting_and_the_next_is_stored():
    mistakes = [ZeroDivisionError()]

    def connect_wrongly() -> psycopg.Connection:
        if mistakes:
            raise mistakes.pop()
        return connect()

    with closing(Intake(connect_wrongly)) as intake:
        with pytest.raises(NotStored, match="broke down"):
            intake.store(body=SMALL, signed_by="app")
        event_id = intake.store(body=SMALL, signed_by="app")

    assert WebhookEvent.objects.get().pk == event_id


def test_a_forked_process_gathers_for_itself(intake, store):
    with locked_events():
        futures = [store(b"parent")]
        wait_until(is_writing)
        futures.append(store(b"waiting"))
        wait_until(lambda: intake._waiting)
        child = os.fork()
        if not child:
            # Its copies of the parent's bodies are not its own to store.
            threading.Timer(20, os._exit, [2]).start()
            stored = intake.store(body=b"child", signed_by="app")
            os._exit(0 if stored else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert all(future.result() for future in futures)
    assert sorted(map(sorted, statements().values())) == [
        ["child"],
        ["parent"],
        ["waiting"],
    ]


def test_closing_leaves_no_connection_behind():
    with closing(Intake()) as intake:
        intake.store(body=SMALL, signed_by="app")

    wait_until(lambda: connections_of_intakes() == 0)
