"""Duplicates are merged while their messages come in."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Count, Max, Min

from contacts.models import Contact, ContactMerge
from contacts.tests.factories import ContactFactory
from messaging.events import store_event
from messaging.models import ChatMessage, WebhookEvent
from messaging.tests.bodies import message, message_body, person, status, status_body
from messaging.tests.draining import drains
from messaging.tests.factories import ChatMessageFactory
from messaging.tests.test_side_by_side import deadlocks

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
