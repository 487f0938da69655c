"""What workers write down of themselves, and where they cannot."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from config.models import ProcessMark
from config.worker_marks import mark_seen, mark_started, mark_worked

# They write over a connection of their own.
pytestmark = pytest.mark.django_db(transaction=True)

NAME = "celery@here"


def test_a_worker_has_a_mark_for_each_queue_that_it_takes_from() -> None:
    now = timezone.now()

    mark_started(name=NAME, queues=["celery", "files", "messages"], now=now)

    marks = ProcessMark.objects.values_list("kind", "name", "seen_at", "worked_at")
    assert set(marks) == {("files", NAME, now, now), ("messages", NAME, now, now)}


def test_being_there_and_getting_on_are_two_things() -> None:
    began_at = timezone.now()
    later, latest = (began_at + timedelta(minutes=minutes) for minutes in (1, 2))
    mark_started(name=NAME, queues=["messages", "files"], now=began_at)

    mark_seen(name=NAME, queues=["messages", "files"], now=latest)
    mark_worked(name=NAME, queues=["messages"], now=later)

    marks = ProcessMark.objects.values_list("kind", "seen_at", "worked_at")
    assert set(marks) == {("messages", latest, later), ("files", latest, began_at)}


def test_a_worker_that_starts_again_is_not_stuck_since_it_ended() -> None:
    now = timezone.now()
    yesterday = now - timedelta(days=1)
    mark_started(name=NAME, queues=["messages"], now=yesterday)

    mark_started(name=NAME, queues=["messages"], now=now)

    assert ProcessMark.objects.get().worked_at == now


def test_a_table_that_is_locked_does_not_hold_the_worker_up() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE process_marks")
        mark_started(name=NAME, queues=["messages"], now=timezone.now())

    assert not ProcessMark.objects.exists()


def test_without_its_database_a_worker_goes_on(monkeypatch: Any) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")

    mark_started(name=NAME, queues=["messages"], now=timezone.now())

    assert not ProcessMark.objects.exists()
