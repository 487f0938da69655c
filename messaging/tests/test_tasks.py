from datetime import timedelta

import pytest
from django.utils import timezone

from config.celery import app
from contacts.models import Contact
from messaging import tasks
from messaging.models import ChatMessage, WebhookEvent
from messaging.tests.bodies import PHONE_NUMBER_ID, message, message_body
from messaging.tests.factories import WebhookEventFactory
from tenants.tests.factories import WhatsAppNumberFactory


def store(count: int) -> None:
    for place in range(count):
        WebhookEventFactory.create(body=message_body(message(f"wamid.{place}")))


@pytest.mark.django_db(transaction=True)
def test_a_long_queue_is_drained_two_batches_at_a_time(number, monkeypatch):
    monkeypatch.setattr(tasks, "BATCH_SIZE", 2)
    store(25)

    tasks.drain()

    assert ChatMessage.objects.count() == 25
    assert Contact.objects.get().message_count == 25
    assert not WebhookEvent.objects.exclude(status="processed").exists()


@pytest.mark.django_db(transaction=True)
def test_a_drain_of_endless_work_makes_room_and_comes_back(
    number, monkeypatch, published
):
    monkeypatch.setattr(tasks, "BATCH_SIZE", 2)
    monkeypatch.setattr(tasks, "_MAX_BATCHES", 2)
    store(5)

    tasks.drain()

    assert ChatMessage.objects.count() == 4
    assert "messaging.tasks.drain" in published


def test_a_sweep_finds_what_no_bell_announced_and_what_got_its_number(db):
    WebhookEventFactory.create()
    tasks.sweep()
    assert WebhookEvent.objects.get().status == "unroutable"

    WhatsAppNumberFactory.create(phone_number_id=PHONE_NUMBER_ID)
    WebhookEventFactory.create(
        body=message_body(message("wamid.B")),
        process_after=timezone.now() - timedelta(seconds=1),
        attempts=1,
    )
    tasks.sweep()

    assert WebhookEvent.objects.filter(status="processed").count() == 2
    assert ChatMessage.objects.count() == 2


@pytest.mark.parametrize("name", ["sweep-webhooks", "sweep-media"])
def test_beat_sweeps_oftener_than_anybody_would_wait(name):
    entry = app.conf.beat_schedule[name]
    sweep = app.tasks[entry["task"]]

    assert entry["schedule"] <= 30
    assert sweep.expires < entry["schedule"]
