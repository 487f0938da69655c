"""Duplicates are merged while their messages come in."""

import threading
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Count, Max, Min

from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.tests.factories import ContactFactory
from contacts.tests.side_by_side import wait_until_waiting
from messaging.events import store_event
from messaging.models import ChatMessage, WebhookEvent
from messaging.tests.bodies import message, message_body, person, status, status_body
from messaging.tests.draining import drains
from messaging.tests.factories import ChatMessageFactory
from messaging.tests.side_by_side import deadlocks, drain_elsewhere

ASHA, ASHA_ID, RAVI = "919876543210", "IN.77", "919876543211"
PEOPLE = 150
TURNS = 3


def spellings(place: int) -> tuple[str, str]:
    return f"55119812{place:05d}", f"5511812{place:05d}"


@pytest.mark.django_db(transaction=True)
def test_dedupe_beside_drains_of_the_same_people_loses_nothing(
    number, monkeypatch
) -> None:
    monkeypatch.setattr("contacts.deduplicating.BATCH_SIZE", 5)
    for place in range(PEOPLE):
        for phone in spellings(place):
            contact = ContactFactory.create(
                tenant=number.tenant, phone_number=phone, message_count=1
            )
            sent = ChatMessageFactory.create(
                contact=contact,
                whatsapp_number=number,
                direction="outbound",
                wamid=f"out.{phone}",
            )
            Contact.objects.filter(pk=contact.pk).update(
                first_message_at=sent.sent_at, last_message_at=sent.sent_at
            )
    for turn in range(TURNS):
        # People in another order than that of the merges, each by another spelling.
        for place in sorted(range(PEOPLE), key=lambda one: one * 77 % PEOPLE):
            phone = spellings(place)[(turn + place) % 2]
            for raw in (
                message_body(
                    message(f"wamid.{turn}.{place}", **{"from": phone}),
                    contacts=[person(phone, f"Name {turn}")],
                ),
                status_body(status(f"out.{phone}", "read")),
            ):
                store_event(body=raw, signed_by="app")
    deadlocks_before = deadlocks()

    with drains(2, database=connection.settings_dict["NAME"]):
        while WebhookEvent.objects.filter(status="pending").exists():
            call_command("dedupe_contacts", "--apply", stdout=StringIO())
    call_command("dedupe_contacts", "--apply", stdout=StringIO())

    assert deadlocks() == deadlocks_before
    assert not WebhookEvent.objects.exclude(status="processed", attempts=1).exists()
    assert Contact.objects.count() == ContactMerge.objects.count() == PEOPLE
    assert ContactMerge.objects.filter(reason="duplicate").exists()
    assert ChatMessage.objects.count() == PEOPLE * (2 + TURNS)
    for contact in Contact.objects.annotate(
        count=Count("messages"),
        first=Min("messages__sent_at"),
        last=Max("messages__sent_at"),
    ):
        assert contact.message_count == contact.count == 2 + TURNS
        assert contact.first_message_at == contact.first
        assert contact.last_message_at == contact.last


@pytest.mark.django_db(transaction=True)
def test_who_writes_while_they_are_merged_away_is_no_new_person(number) -> None:
    """A drain that had found their row, and waited for it, would find nobody."""
    older = ContactFactory.create(tenant=number.tenant, phone_number=None)
    newer = ContactFactory.create(tenant=number.tenant, phone_number=ASHA)
    for contact, kind, value in (
        (older, "phone", ASHA),
        (newer, "whatsapp_user_id", ASHA_ID),
    ):
        ContactIdentity.objects.create(
            tenant=number.tenant, contact=contact, kind=kind, value=value
        )
    sent = ChatMessageFactory.create(contact=newer, whatsapp_number=number)
    # Ravi is new, so that the drain reads the register.
    raw = message_body(
        message("wamid.A", **{"from": None, "from_user_id": ASHA_ID}),
        message("wamid.R", **{"from": RAVI}),
        contacts=[person(None, "Asha", user_id=ASHA_ID), person(RAVI, "Ravi")],
    )
    store_event(body=raw, signed_by="app")

    with transaction.atomic():
        ChatMessage.objects.select_for_update().get(pk=sent.pk)
        merging = threading.Thread(target=dedupe_elsewhere)
        merging.start()
        wait_until_waiting(1)
        draining = threading.Thread(target=drain_elsewhere)
        draining.start()
        wait_until_waiting(2)
    merging.join(30)
    draining.join(30)

    assert WebhookEvent.objects.get().status == "processed"
    assert set(Contact.objects.values_list("phone_number", flat=True)) == {ASHA, RAVI}
    assert set(older.identities.values_list("value", flat=True)) == {ASHA, ASHA_ID}
    assert older.messages.count() == 2


def dedupe_elsewhere() -> None:
    call_command("dedupe_contacts", "--apply", stdout=StringIO())
    connection.close()
