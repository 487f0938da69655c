"""Many at once, each with a database connection of its own."""

import logging
import threading
import time
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from contacts.models import Contact
from messaging.events import store_event
from messaging.models import ChatMessage, WebhookEvent
from messaging.services import process_events
from messaging.tests.bodies import (
    ASHA,
    ASHA_ID,
    echo,
    message,
    message_body,
    person,
    status,
    status_body,
)
from messaging.tests.draining import drains
from messaging.tests.posting import deliver, post, process_all


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


@pytest.mark.django_db(transaction=True)
def test_two_that_post_the_same_first_message_make_one_of_each(number):
    raw = message_body(message(from_user_id=ASHA_ID), contacts=[person()])

    run_together(*[lambda: deliver(raw)] * 2)
    process_all()

    assert WebhookEvent.objects.filter(status="processed").count() == 2
    assert Contact.objects.count() == ChatMessage.objects.count() == 1
    assert Contact.objects.get().message_count == 1


@pytest.mark.django_db(transaction=True)
def test_eight_drains_side_by_side_do_everything_once(number, caplog):
    caplog.set_level(logging.WARNING)
    people = [f"9198000002{place:02d}" for place in range(12)]
    for turn in range(240):
        sender = people[turn % 12]
        raw = message_body(
            message(f"wamid.{turn % 200}", **{"from": people[turn % 200 % 12]}),
            message(f"wamid.X{turn}", **{"from": sender}),
            contacts=[person(sender, f"Name {turn}")],
        )
        store_event(body=raw, signed_by="app")

    run_together(*[lambda: process_all(limit=7)] * 8)
    process_all()

    assert WebhookEvent.objects.filter(status="processed").count() == 240
    assert Contact.objects.count() == 12
    assert ChatMessage.objects.count() == 200 + 240
    assert sum(Contact.objects.values_list("message_count", flat=True)) == 440
    assert caplog.messages == []  # no batch failed, no deadlock


@pytest.mark.django_db(transaction=True)
def test_two_hundred_first_posts_of_one_person_make_one_contact(number):
    # By number, by user id and by both: the halves have to meet, too.
    shapes = [(ASHA, None), (ASHA, ASHA_ID), (None, ASHA_ID)]
    bodies = [first_post(f"wamid.{place}", *shapes[place % 3]) for place in range(200)]
    deadlocks_before = deadlocks()

    with drains(8, database=connection.settings_dict["NAME"]):
        run_together(*[partial(post_until_stored, raw) for raw in bodies])

    contact = Contact.objects.get()
    assert (contact.phone_number, contact.message_count) == (ASHA, 200)
    assert ChatMessage.objects.filter(contact=contact).count() == 200
    assert not WebhookEvent.objects.exclude(status="processed", attempts=1).exists()
    assert deadlocks() == deadlocks_before


def first_post(wamid: str, phone: str | None, user_id: str | None) -> bytes:
    sender = {"from": phone, "from_user_id": user_id}
    entry = person(phone) | ({"user_id": user_id} if user_id else {})
    return message_body(message(wamid, **sender), contacts=[entry])


def post_until_stored(raw: bytes) -> None:
    """Post as Meta does: again, when the answer is that it was not stored."""
    while (response := post(raw)).status_code != 200:
        assert response.status_code == 503, response.content


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status_first", [True, False])
def test_a_status_and_its_message_find_each_other_though_neither_sees_the_other(
    number, status_first
):
    read = status_body(status("wamid.OUT", "read"))
    first, second = echo("wamid.OUT"), read
    if status_first:
        first, second = second, first
    store_event(body=first, signed_by="app")

    with transaction.atomic():
        process_events(limit=1, now=timezone.now())
        # Another drain meets what this one has not committed yet.
        store_event_elsewhere(second)
        drain = threading.Thread(target=drain_elsewhere)
        drain.start()
        wait_until_somebody_waits()
    drain.join(30)

    assert ChatMessage.objects.get().status == "read"


def store_event_elsewhere(raw: bytes) -> None:
    run_together(lambda: store_event(body=raw, signed_by="app"))


def drain_elsewhere() -> None:
    process_all()
    connection.close()


def wait_until_somebody_waits() -> None:
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT count(*) FROM pg_locks JOIN pg_database"
                " ON pg_database.oid = pg_locks.database"
                " WHERE datname = current_database() AND NOT granted"
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waited")
