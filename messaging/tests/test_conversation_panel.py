"""The conversation on the contact's page."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from contacts.models import Contact
from messaging.tests.bodies import (
    ASHA,
    message,
    message_body,
)
from messaging.tests.factories import ChatMessageFactory
from messaging.tests.pages import MARKUP
from messaging.tests.posting import deliver

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def page_of_contact(contact: Contact) -> str:
    return reverse("admin:contacts_contact_change", args=[contact.pk])


def test_the_conversation_shows_who_said_what_when_and_escapes_it(client, contact):
    ChatMessageFactory.create(contact=contact, text=f"hello {MARKUP}", sent_at=NOON)
    ChatMessageFactory.create(
        contact=contact, direction="outbound", text="your EMI is due", status="read"
    )

    html = client.get(page_of_contact(contact)).content.decode()

    assert "hello &lt;script&gt;" in html
    assert MARKUP not in html
    assert "chat-inbound" in html
    assert "chat-outbound" in html
    assert "Saturday, 21 November 2026" in html


def test_times_are_the_tenant_s(client, contact):
    contact.tenant.timezone = "America/Sao_Paulo"
    contact.tenant.save()
    ChatMessageFactory.create(contact=contact, sent_at=NOON)

    html = client.get(page_of_contact(contact)).content.decode()

    assert ">09:00</time>" in html


def test_reactions_edits_and_revokes_stand_on_their_message(client, contact, number):
    deliver(
        message_body(
            message("wamid.1", text={"body": "first words"}),
            message("wamid.2", text={"body": "regretted"}),
            message(
                "wamid.3",
                type="reaction",
                reaction={"message_id": "wamid.1", "emoji": "🙏"},
                text=None,
            ),
            message(
                "wamid.4",
                type="revoke",
                revoke={"original_message_id": "wamid.2"},
                text=None,
            ),
            message(
                "wamid.5",
                type="edit",
                text=None,
                edit={
                    "original_message_id": "wamid.1",
                    "message": {"type": "text", "text": {"body": "better words"}},
                },
            ),
        )
    )

    html = client.get(
        page_of_contact(Contact.objects.get(phone_number=ASHA))
    ).content.decode()

    assert html.count("chat-bubble") == 2
    assert "🙏" in html
    assert "better words" in html
    assert "regretted" not in html
    assert "Deleted by its sender" in html


def test_what_was_said_in_a_group_is_not_in_the_conversation(client, contact):
    ChatMessageFactory.create(contact=contact, text="to everybody", group_id="g1")

    assert b"to everybody" not in client.get(page_of_contact(contact)).content


def test_a_long_conversation_shows_its_newest_fifty(client, contact, number):
    for place in range(60):
        ChatMessageFactory.create(
            contact=contact,
            whatsapp_number=number,
            text=f"text {place}.",
            sent_at=NOON + timedelta(minutes=place),
        )

    html = client.get(page_of_contact(contact)).content.decode()

    assert html.count("chat-bubble") == 50
    assert "text 59." in html
    assert "text 9." not in html


def test_staff_who_may_not_read_messages_see_no_conversation(client, clerk, contact):
    role = Group.objects.get(name="Staff")
    role.permissions.remove(role.permissions.get(codename="view_chatmessage"))
    ChatMessageFactory.create(contact=contact, text="private words")

    response = client.get(page_of_contact(contact))

    assert response.status_code == 200
    assert b"private words" not in response.content
