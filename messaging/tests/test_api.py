from datetime import UTC, datetime, timedelta

import pytest

from contacts.tests.factories import ContactFactory
from messaging.tests.factories import ChatMessageFactory
from tenants.tests.programs import program_of

pytestmark = pytest.mark.django_db

MORNING = datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_the_conversation_comes_newest_first_without_what_was_said_in_groups() -> None:
    contact = ContactFactory.create()
    for text, minute, group in (
        ("a", 1, ""),
        ("c", 3, ""),
        ("b", 2, ""),
        ("g", 4, "1"),
    ):
        ChatMessageFactory.create(
            contact=contact,
            text=text,
            group_id=group,
            sent_at=MORNING + timedelta(minutes=minute),
        )
    ChatMessageFactory.create(contact=ContactFactory.create(tenant=contact.tenant))

    answer = program_of(contact.tenant).get(f"/api/v1/contacts/{contact.pk}/messages/")

    assert [one["text"] for one in answer.json()["results"]] == ["c", "b", "a"]


def test_a_message_names_the_business_number_by_metas_id() -> None:
    message = ChatMessageFactory.create(wamid="wamid.7", text="My EMI is paid")
    address = f"/api/v1/contacts/{message.contact_id}/messages/"

    (told,) = program_of(message.tenant).get(address).json()["results"]

    assert told["phone_number_id"] == message.whatsapp_number.phone_number_id
    assert (told["wamid"], told["direction"]) == ("wamid.7", "inbound")
    assert (told["kind"], told["text"]) == ("text", "My EMI is paid")
    assert datetime.fromisoformat(told["sent_at"]) == message.sent_at
