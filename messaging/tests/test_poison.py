"""What cannot be written waits alone, and costs nothing else its place."""

import logging
from datetime import timedelta
from typing import Any

from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone

from contacts.models import Contact
from messaging import whatsapp
from messaging.events import put_back, store_event
from messaging.models import ChatMessage, MessageStatus, WebhookEvent
from messaging.services import process_events
from messaging.tests.bodies import (
    ASHA,
    echo,
    edit,
    message,
    message_body,
    person,
    status,
    status_body,
)
from messaging.tests.posting import deliver, process_all
from tenants.tests.factories import WhatsAppNumberFactory


def refuse_text(text: str) -> None:
    """Let PostgreSQL itself refuse a row, as it would for a reason we overlooked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE chat_messages ADD CONSTRAINT chat_messages_poison "
            f"CHECK (text <> '{text}') NOT VALID"
        )


def accept_every_text() -> None:
    connection.check_constraints()  # a table with checks to come cannot be altered
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE chat_messages DROP CONSTRAINT chat_messages_poison")


def test_a_poison_item_waits_alone_and_its_siblings_land(number):
    refuse_text("poison")
    deliver(
        message_body(message("wamid.1")),
        message_body(
            message("wamid.2"),
            message("wamid.3", text={"body": "poison"}),
            message("wamid.4"),
        ),
        message_body(message("wamid.5")),
    )

    assert sorted(ChatMessage.objects.values_list("wamid", flat=True)) == [
        "wamid.1",
        "wamid.2",
        "wamid.4",
        "wamid.5",
    ]
    assert Contact.objects.get().message_count == 4
    waiting = WebhookEvent.objects.get(status="pending")
    assert waiting.attempts == 1
    assert waiting.process_after > timezone.now()
    assert "chat_messages_poison" in waiting.error
    assert "Message (item 2 of entry[0].changes[0].value)" in waiting.error


def test_an_error_tells_neither_sql_nor_people(number):
    refuse_text("poison")

    deliver(message_body(message(text={"body": "poison"}), contacts=[person()]))

    error = WebhookEvent.objects.get().error
    assert "INSERT" not in error
    assert ASHA not in error
    assert "Asha" not in error


def test_poison_is_parked_after_five_attempts_with_rests_between(number):
    refuse_text("poison")
    store_event(body=message_body(message(text={"body": "poison"})), signed_by="app")
    now = timezone.now()
    rests = []

    while WebhookEvent.objects.get().status == "pending":
        assert process_events(limit=500, now=now).events == 1
        event = WebhookEvent.objects.get()
        rests.append((event.process_after - now).total_seconds())
        assert process_events(limit=500, now=now + timedelta(seconds=1)).events == 0
        now = event.process_after

    event = WebhookEvent.objects.get()
    assert (event.status, event.attempts) == ("parked", 5)
    assert rests[:4] == sorted(rests[:4])
    assert len(set(rests[:4])) == 4


def test_what_was_poison_lands_once_it_is_put_back_and_mended(number):
    refuse_text("poison")
    deliver(
        message_body(message("wamid.1"), message("wamid.2", text={"body": "poison"}))
    )
    accept_every_text()
    WebhookEvent.objects.update(status="parked")

    assert put_back(WebhookEvent.objects.all(), now=timezone.now()) == 1
    process_all()

    assert WebhookEvent.objects.get().status == "processed"
    assert Contact.objects.get().message_count == ChatMessage.objects.count() == 2


def test_a_replay_of_everything_changes_nothing(number):
    deliver(
        message_body(message("wamid.1"), contacts=[person()]),
        edit("wamid.1", "changed", "wamid.E"),
        status_body(status("wamid.OUT", "read")),
        echo("wamid.OUT"),
    )
    before = [list(rows) for rows in tables()]

    put_back(WebhookEvent.objects.all(), now=timezone.now())
    process_all()

    assert [list(rows) for rows in tables()] == before


def tables() -> list[Any]:
    return [
        model.objects.order_by("pk").values()
        for model in (Contact, ChatMessage, MessageStatus)
    ]


def test_a_secret_that_cannot_be_read_stops_its_own_number_only(number, settings):
    WhatsAppNumberFactory.create(phone_number_id="120774539916042", app_secret="theirs")
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    deliver(
        message_body(message("wamid.1")),
        message_body(message("wamid.2"), phone_number_id="120774539916042"),
    )

    assert ChatMessage.objects.get().wamid == "wamid.1"
    assert "UnreadableSecret" in WebhookEvent.objects.get(status="pending").error


def test_a_mistake_in_our_code_parks_its_event_and_is_logged(
    number, monkeypatch, caplog
):
    def stumble(body: bytes) -> whatsapp.Payload:
        raise KeyError("nobody thought of this")

    # A mistake nobody knows of cannot be made by an input: it is put in by hand.
    parse = whatsapp.parse
    monkeypatch.setattr(
        whatsapp,
        "parse",
        lambda body: stumble(body) if b"stumble" in body else parse(body),
    )
    deliver(message_body(message("wamid.1")), message_body(message("stumble")))

    assert ChatMessage.objects.get().wamid == "wamid.1"
    waiting = WebhookEvent.objects.get(status="pending")
    assert (waiting.attempts, waiting.error) == (
        1,
        "The event could not be written: KeyError.",
    )
    assert any(record.levelname == "ERROR" for record in caplog.records)


def test_the_log_names_events_and_no_people(number, caplog):
    caplog.set_level(logging.INFO)
    refuse_text("poison")

    deliver(message_body(message(text={"body": "poison"}), contacts=[person()]))

    lines = [line for line in caplog.messages if "contact" not in line.lower()]
    assert any(line.startswith("Webhook received: event=") for line in lines)
    assert any(line.startswith("Webhook events processed: ") for line in lines)
    assert not any(ASHA in line or "Asha" in line for line in lines)
