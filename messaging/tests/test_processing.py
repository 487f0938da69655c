"""What events become: their rows, once."""

import random
from string import printable

import pytest

from contacts.models import Contact
from messaging.models import ChatMessage, MessageStatus, WebhookEvent
from messaging.tests.bodies import (
    ASHA,
    ASHA_ID,
    NOON,
    message,
    message_body,
    person,
    status,
    status_body,
)
from messaging.tests.posting import deliver
from tenants.tests.factories import WhatsAppNumberFactory


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


def test_the_longest_ids_that_are_kept_fit_their_indexes(number):
    wamid = "".join(random.Random(7).choices(printable.strip(), k=2_048))
    in_a_group = {"recipient_participant_user_id": f"IN.ENT.{'7' * 128}"}

    deliver(
        message_body(message(wamid, type="edit", edit={"original_message_id": wamid})),
        status_body(status(wamid, "x" * 32, **in_a_group)),
    )

    row = ChatMessage.objects.get()
    assert row.wamid == row.reply_to == MessageStatus.objects.get().wamid == wamid


def test_a_redelivered_message_is_counted_once(number):
    raw = message_body(message("wamid.1"), message("wamid.1"), message("wamid.2"))

    deliver(raw, raw)
    deliver(raw)

    contact = Contact.objects.get()
    assert contact.message_count == ChatMessage.objects.count() == 2


def test_the_same_message_id_at_two_numbers_is_two_messages(number):
    WhatsAppNumberFactory.create(phone_number_id="120774539916042")

    deliver(
        message_body(message()),
        message_body(message(), phone_number_id="120774539916042"),
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
