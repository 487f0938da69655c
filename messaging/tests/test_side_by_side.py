"""Many at once, each with a database connection of its own."""

import logging
import threading
from typing import Any

import pytest
from django.db import connection

from contacts.models import Contact
from messaging.events import store_event
from messaging.models import ChatMessage, WebhookEvent
from messaging.tests.bodies import (
    ASHA_ID,
    message,
    message_body,
    person,
)
from messaging.tests.posting import deliver, process_all


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
        thread.join(60)
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
