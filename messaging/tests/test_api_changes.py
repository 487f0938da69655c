"""Programs ask what changed: a message that changed in any way says when."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from contacts.models import Contact
from messaging.models import ChatMessage, WebhookEvent
from messaging.services import process_events
from messaging.tests.bodies import (
    NOON,
    echo,
    edit,
    message,
    message_body,
    revoke,
    status_body,
)
from messaging.tests.bodies import status as report
from messaging.tests.factories import ChatMessageFactory
from messaging.tests.posting import deliver
from tenants.models import WhatsAppNumber
from tenants.tests.programs import program_of

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def changed_by(*bodies: bytes, wamid: str) -> bool:
    """Tell whether a message says that it changed when these are processed."""
    ChatMessage.objects.update(updated_at=LONG_AGO)
    deliver(*bodies)
    return ChatMessage.objects.get(wamid=wamid).updated_at > LONG_AGO


def reported(wamid: str, stage: str) -> bytes:
    return status_body(report(wamid, stage))


def test_a_status_alone_changes_its_message(number: WhatsAppNumber) -> None:
    deliver(echo("wamid.1"))

    assert changed_by(reported("wamid.1", "delivered"), wamid="wamid.1")
    # Neither a repeat nor an earlier stage that comes late changes anything.
    assert not changed_by(reported("wamid.1", "delivered"), wamid="wamid.1")
    assert not changed_by(reported("wamid.1", "sent"), wamid="wamid.1")
    assert changed_by(reported("wamid.1", "read"), wamid="wamid.1")


def test_an_edit_and_a_revoke_change_their_message_once(number: WhatsAppNumber) -> None:
    deliver(message_body(message("wamid.1")))
    of_the_same_second = edit("wamid.1", "third", "wamid.E2")

    assert changed_by(edit("wamid.1", "second", "wamid.E1"), wamid="wamid.1")
    assert changed_by(of_the_same_second, wamid="wamid.1")
    assert not changed_by(of_the_same_second, wamid="wamid.1")
    an_older_one = edit("wamid.1", "first", "wamid.E0", NOON + 30)
    assert not changed_by(an_older_one, wamid="wamid.1")
    assert changed_by(revoke("wamid.1"), wamid="wamid.1")
    assert ChatMessage.objects.get(wamid="wamid.1").text == "third"


def test_an_edit_that_comes_first_is_no_change_when_events_are_read_again(
    number: WhatsAppNumber,
) -> None:
    deliver(
        edit("wamid.1", "second", "wamid.E1", NOON + 60),
        message_body(message("wamid.1")),
    )
    ChatMessage.objects.update(updated_at=LONG_AGO)

    WebhookEvent.objects.update(status=WebhookEvent.Status.PENDING)
    process_events(limit=500, now=datetime.now(UTC))

    assert ChatMessage.objects.get(wamid="wamid.1").text == "second"
    assert not ChatMessage.objects.filter(updated_at__gt=LONG_AGO).exists()


def test_a_program_asks_for_messages_that_changed_since(number: WhatsAppNumber) -> None:
    deliver(message_body(message("wamid.0")), echo("wamid.1"))
    contact = Contact.objects.get(messages__wamid="wamid.1")
    ChatMessageFactory.create(contact=contact, wamid="wamid.2")
    ChatMessage.objects.update(updated_at=LONG_AGO)
    deliver(reported("wamid.1", "read"))
    changed = ChatMessage.objects.get(wamid="wamid.1").updated_at

    found = [
        asked(program_of(contact.tenant), contact, since)
        for since in (changed, changed + timedelta(microseconds=1), LONG_AGO)
    ]

    assert found[:2] == [{"wamid.1"}, set()]
    assert found[2] >= {"wamid.1", "wamid.2"}


def test_since_no_moment_is_refused(number: WhatsAppNumber) -> None:
    one = ChatMessageFactory.create()
    address = f"/api/v1/contacts/{one.contact_id}/messages/?updated_since="

    for text in ("yesterday", "", "2026-11-22T09:00:00"):
        refused = program_of(one.tenant).get(address + text)

        assert refused.status_code == 400
        assert "updated_since" in str(refused.json())


def asked(program: Client, contact: Contact, since: datetime) -> set[str]:
    answer = program.get(
        f"/api/v1/contacts/{contact.pk}/messages/", {"updated_since": since.isoformat()}
    )
    return {one["wamid"] for one in answer.json()["results"]}
