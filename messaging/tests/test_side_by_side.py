"""Many at once, each with a database connection of its own."""

import logging
import threading
from functools import partial

import pytest
from django.db import connection, transaction
from django.utils import timezone

from contacts.models import Contact
from contacts.tests.side_by_side import wait_until_waiting
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
from messaging.tests.side_by_side import deadlocks, drain_elsewhere, run_together


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
        wait_until_waiting()
    drain.join(30)

    assert ChatMessage.objects.get().status == "read"


def store_event_elsewhere(raw: bytes) -> None:
    run_together(lambda: store_event(body=raw, signed_by="app"))
