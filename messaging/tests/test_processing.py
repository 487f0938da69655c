"""What becomes of stored events: rows made once, in any order, poison kept apart."""

import logging
import threading
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone

from contacts.models import Contact
from messaging import whatsapp
from messaging.events import MAX_ATTEMPTS, put_back, put_back_routable, store_event
from messaging.models import ChatMessage, MessageStatus, WebhookEvent
from messaging.services import process_events
from messaging.tests.bodies import (
    ASHA,
    ASHA_ID,
    NOON,
    PHONE_NUMBER_ID,
    body,
    change,
    message,
    message_body,
    person,
    status,
    status_body,
)
from messaging.tests.posting import deliver, process_all
from tenants.tests.factories import WhatsAppNumberFactory

OTHER_PHONE_NUMBER_ID = "120774539916042"


def echo(wamid: str, **fields: Any) -> bytes:
    item = message(wamid, **{"from": "919812340001", "to": ASHA}) | fields
    return body(change(field="smb_message_echoes", message_echoes=[item]))


def edit(original: str, text: str, wamid: str, at: int = NOON + 60) -> bytes:
    edited = {"type": "text", "text": {"body": text}}
    return message_body(
        message(
            wamid,
            type="edit",
            timestamp=str(at),
            edit={"original_message_id": original, "message": edited},
        )
    )


def revoke(original: str, wamid: str = "wamid.REVOKE", **fields: Any) -> bytes:
    item = {"type": "revoke", "revoke": {"original_message_id": original}}
    return message_body(message(wamid, **item, **fields))


def in_every_order(names: list[str]) -> list[tuple[str, ...]]:
    return list(permutations(names))


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


# Rows


def test_a_message_keeps_what_it_said_and_who_said_it(number):
    deliver(
        message_body(
            message(from_user_id=ASHA_ID, context={"id": "wamid.B"}, group_id="g1"),
            contacts=[person(user_id=ASHA_ID)],
        )
    )

    row = ChatMessage.objects.get()
    assert row.contact is not None
    assert (row.contact.phone_number, row.contact.name) == (ASHA, "Asha Verma")
    assert (row.tenant_id, row.whatsapp_number_id) == (number.tenant_id, number.pk)
    assert (row.direction, row.kind, row.text) == ("inbound", "text", "hello")
    assert (row.reply_to, row.group_id) == ("wamid.B", "g1")
    assert row.sent_at.timestamp() == NOON
    assert row.payload["text"] == {"body": "hello"}
    assert row.event == WebhookEvent.objects.get(status="processed")


def test_a_message_without_a_sensible_time_has_its_time_of_arrival(number):
    deliver(message_body(message(timestamp="99999999999999999999")))

    row = ChatMessage.objects.get()
    assert row.sent_at == row.received_at == WebhookEvent.objects.get().received_at


@pytest.mark.parametrize("text", ["nul \x00", "half \ud83d", '"\\{},NULL', "क्षि 🚀\n"])
def test_every_text_that_can_be_sent_can_be_stored(number, text):
    deliver(message_body(message(text={"body": text})))

    row = ChatMessage.objects.get()
    kept = text.replace("\x00", "\ufffd").replace("\ud83d", "\ufffd")
    assert (row.text, row.payload["text"]["body"]) == (kept, kept)


def test_messages_of_the_same_second_keep_the_order_they_came_in(number):
    wamids = ["wamid.C", "wamid.A", "wamid.B"]

    deliver(message_body(*map(message, wamids)))

    rows = ChatMessage.objects.order_by("sent_at", "id")
    assert [row.wamid for row in rows] == wamids


def test_a_redelivered_message_is_counted_once(number):
    raw = message_body(message("wamid.1"), message("wamid.1"), message("wamid.2"))

    deliver(raw, raw)
    deliver(raw)

    contact = Contact.objects.get()
    assert contact.message_count == ChatMessage.objects.count() == 2


def test_the_same_message_id_at_two_numbers_is_two_messages(number):
    WhatsAppNumberFactory.create(phone_number_id=OTHER_PHONE_NUMBER_ID)

    deliver(
        message_body(message()),
        message_body(message(), phone_number_id=OTHER_PHONE_NUMBER_ID),
    )

    assert ChatMessage.objects.count() == Contact.objects.count() == 2


def test_a_note_about_somebody_unknown_makes_no_contact(number):
    system = {"type": "customer_identity_changed", "body": "Security code changed"}

    deliver(message_body(message(type="system", system=system)))

    assert ChatMessage.objects.get().contact is None
    assert not Contact.objects.exists()


def test_a_note_about_somebody_known_stands_in_their_conversation(number):
    system = {"type": "customer_identity_changed", "body": "Security code changed"}
    deliver(message_body(message("wamid.1")))

    deliver(message_body(message("wamid.2", type="system", system=system)))

    assert Contact.objects.get().messages.count() == 2


def test_statuses_make_no_contact_and_wait_for_no_message(number):
    deliver(status_body(status(), status(), contacts=[person()]))

    assert MessageStatus.objects.count() == 1
    assert not Contact.objects.exists()


# Order


@pytest.mark.parametrize(
    "order", in_every_order(["echo", "sent", "delivered", "read"]), ids=" ".join
)
def test_a_status_never_moves_back_in_whatever_order_it_comes(number, order):
    bodies = {
        name: status_body(status("wamid.OUT", name))
        for name in ("sent", "delivered", "read")
    } | {"echo": echo("wamid.OUT")}

    for name in order:
        deliver(bodies[name])

    assert ChatMessage.objects.get().status == "read"


@pytest.mark.parametrize("order", in_every_order(["sent", "failed"]), ids=" ".join)
@pytest.mark.parametrize("echo_first", [True, False])
def test_a_failure_stands_against_a_late_sent(number, order, echo_first):
    statuses = [status_body(status("wamid.OUT", name)) for name in order]

    deliver(*([echo("wamid.OUT"), *statuses] if echo_first else statuses))
    deliver(echo("wamid.OUT"))

    assert ChatMessage.objects.get().status == "failed"


@pytest.mark.parametrize(
    "order", in_every_order(["message", "edit 1", "edit 2"]), ids=" ".join
)
def test_the_newest_edit_counts_in_whatever_order_it_comes(number, order):
    bodies = {
        "message": message_body(message("wamid.1", text={"body": "first"})),
        "edit 1": edit("wamid.1", "second", "wamid.E1", NOON + 60),
        "edit 2": edit("wamid.1", "third", "wamid.E2", NOON + 120),
    }

    for name in order:
        deliver(bodies[name])

    row = ChatMessage.objects.get(wamid="wamid.1")
    assert row.text == "third"
    assert row.edited_at is not None
    assert row.edited_at.timestamp() == NOON + 120
    assert row.payload["text"] == {"body": "first"}


@pytest.mark.parametrize("revoke_first", [True, False])
def test_a_revoked_message_is_marked_whichever_comes_first(number, revoke_first):
    bodies = [message_body(message("wamid.1")), revoke("wamid.1")]

    for raw in reversed(bodies) if revoke_first else bodies:
        deliver(raw)

    assert ChatMessage.objects.get(wamid="wamid.1").revoked_at is not None


def test_nobody_revokes_or_edits_the_message_of_somebody_else(number):
    deliver(message_body(message("wamid.1")))

    deliver(revoke("wamid.1", **{"from": "919800000999"}))

    assert ChatMessage.objects.get(wamid="wamid.1").revoked_at is None


@pytest.mark.parametrize("media_first", [True, False])
def test_late_media_of_the_history_take_the_place_of_their_placeholder(
    number, media_first
):
    outgoing = {"from": "919812340001", "to": ASHA}
    placeholder = message("wamid.1", **outgoing, type="media_placeholder")
    thread = {"id": ASHA, "messages": [placeholder]}
    image = message("wamid.1", **outgoing, type="image", image={"caption": "capa"})
    bodies = [
        body(change(field="history", history=[{"threads": [thread]}])),
        body(change(field="history", message_echoes=[image])),
    ]

    for raw in reversed(bodies) if media_first else bodies:
        deliver(raw)

    row = ChatMessage.objects.get()
    assert (row.kind, row.text) == ("image", "capa")
    assert Contact.objects.get().message_count == 1


# What cannot be processed


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"not json", "not JSON"),
        (b"\xff", "UTF-8"),
        (b'{"object": "whatsapp_business_account", "entry": {}}', "list"),
        (message_body(message(None)), "no id"),
        (message_body(message(), phone_number_id=["1"]), "numbers"),
    ],
)
def test_what_nobody_can_read_is_parked_at_once_with_the_reason(number, raw, words):
    outcome = deliver(raw)

    event = WebhookEvent.objects.get()
    assert (event.status, event.attempts, outcome.parked) == ("parked", 1, 1)
    assert words in event.error


def test_good_items_land_beside_unreadable_ones(number):
    deliver(message_body(message("wamid.1"), message(None), message("wamid.2")))

    assert ChatMessage.objects.count() == 2
    assert WebhookEvent.objects.get().status == "parked"


def test_an_unknown_number_is_named_and_its_event_waits_for_it(db):
    raw = message_body(message(), contacts=[person()])

    outcome = deliver(raw)

    event = WebhookEvent.objects.get()
    assert (event.status, outcome.unroutable) == ("unroutable", 1)
    assert PHONE_NUMBER_ID in event.error
    assert "register it" in event.error
    assert put_back_routable(now=timezone.now()) == 0

    WhatsAppNumberFactory.create(phone_number_id=PHONE_NUMBER_ID)
    assert put_back_routable(now=timezone.now()) == 1
    process_all()

    event.refresh_from_db()
    assert (event.status, event.error, event.unrouted_numbers) == ("processed", "", [])
    assert ChatMessage.objects.get().contact == Contact.objects.get(name="Asha Verma")


def test_a_post_is_routed_change_by_change(number):
    deliver(
        body(
            change(messages=[message("wamid.1")]),
            change(messages=[message("wamid.2")], phone_number_id="999000111222333"),
        )
    )

    assert ChatMessage.objects.get().wamid == "wamid.1"
    assert WebhookEvent.objects.get().unrouted_numbers == ["999000111222333"]


def test_the_dashboard_s_test_button_leaves_nothing_behind(db):
    deliver(body(change(messages=[message()]), waba_id="0"))

    assert WebhookEvent.objects.get().status == "processed"
    assert not ChatMessage.objects.exists()


def test_another_tenant_s_secret_writes_into_nobody_s_conversation(number):
    WhatsAppNumberFactory.create(
        phone_number_id=OTHER_PHONE_NUMBER_ID, app_secret="theirs"
    )

    deliver(message_body(message()), secret="theirs")
    deliver(message_body(message(), phone_number_id=OTHER_PHONE_NUMBER_ID))

    assert not ChatMessage.objects.exists()
    for event in WebhookEvent.objects.all():
        assert event.status == "parked"
        assert "another Meta app's secret" in event.error


def test_a_number_with_its_own_secret_is_written_with_it(db):
    own = WhatsAppNumberFactory.create(app_secret="theirs")
    shared = WhatsAppNumberFactory.create(app_secret="theirs", tenant=own.tenant)

    for number in (own, shared):
        raw = message_body(message(), phone_number_id=number.phone_number_id)
        deliver(raw, secret="theirs")

    assert ChatMessage.objects.count() == 2


# Poison


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
    assert (event.status, event.attempts) == ("parked", MAX_ATTEMPTS)
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
    WhatsAppNumberFactory.create(
        phone_number_id=OTHER_PHONE_NUMBER_ID, app_secret="theirs"
    )
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    deliver(
        message_body(message("wamid.1")),
        message_body(message("wamid.2"), phone_number_id=OTHER_PHONE_NUMBER_ID),
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


# Side by side


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
