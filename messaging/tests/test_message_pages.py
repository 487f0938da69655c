"""Messages and delivery reports in the admin."""

import time
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from contacts.tests.factories import ContactFactory
from messaging.models import MessageStatus
from messaging.tests.bodies import status as status_item
from messaging.tests.bodies import status_body
from messaging.tests.factories import ChatMessageFactory
from messaging.tests.pages import MARKUP, MESSAGES, shown
from messaging.tests.posting import deliver

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=Asha", {"asha"}),
        ("q=3210", {"asha"}),
        ("q=wamid.ravi", {"ravi"}),
        ("q=wamid.foreign", set()),
        ("q=settle", {"ravi"}),
        ("q=secret", set()),
        ("q=%00", {"asha", "ravi"}),
        ("direction__exact=outbound", {"ravi"}),
        ("kind=image", {"asha"}),
        ("sent=hour", {"ravi"}),
    ],
)
def test_messages_are_found_by_person_wamid_words_and_filters(
    client, contact, number, query, found
):
    ravi = ContactFactory.create(tenant=number.tenant, name="Ravi")
    rows = {
        "asha": ChatMessageFactory.create(
            contact=contact, whatsapp_number=number, kind="image", sent_at=NOON
        ),
        "ravi": ChatMessageFactory.create(
            contact=ravi,
            whatsapp_number=number,
            wamid="wamid.ravi",
            direction="outbound",
            text="can we settle it?",
        ),
    }
    ChatMessageFactory.create(wamid="wamid.foreign", text="secret of another tenant")

    assert shown(client, f"{MESSAGES}?{query}") == {rows[name].pk for name in found}


def test_a_message_s_page_shows_what_came_escaped_and_changes_nothing(client, contact):
    row = ChatMessageFactory.create(
        contact=contact, payload={"text": {"body": MARKUP, "क": "ख"}}
    )
    address = reverse("admin:messaging_chatmessage_change", args=[row.pk])

    html = client.get(address).content.decode()
    answer = client.post(address, {"text": "changed"})

    assert MARKUP not in html
    assert "&quot;क&quot;: &quot;ख&quot;" in html
    assert answer.status_code == 403
    row.refresh_from_db()
    assert row.text != "changed"


def test_a_full_list_of_messages_takes_as_many_queries_as_a_short_one(
    client, contact, number, django_assert_num_queries
):
    for _ in range(26):
        ChatMessageFactory.create(
            contact=ContactFactory.create(tenant=number.tenant), whatsapp_number=number
        )

    # session, user, two of permissions, several tenants, which, count, rows
    with django_assert_num_queries(8):
        response = client.get(MESSAGES)

    assert len(response.context["cl"].result_list) == 25


def test_statuses_are_listed_with_their_errors(client, clerk):
    errors = [{"code": 131047, "title": "Re-engagement message"}]
    deliver(status_body(status_item(status="failed", errors=errors)))
    address = reverse("admin:messaging_messagestatus_changelist")

    assert shown(client, address) == {MessageStatus.objects.get().pk}
    detail = reverse(
        "admin:messaging_messagestatus_change", args=[MessageStatus.objects.get().pk]
    )
    assert b"131047" in client.get(detail).content


def test_a_message_of_nothing_but_accents_is_listed_in_a_second(
    client, contact, number
):
    accents = "a" + "\u0301\u0327" * 32_000  # WhatsApp takes 65,536 characters
    ChatMessageFactory.create(contact=contact, whatsapp_number=number, text=accents)
    began = time.process_time()

    html = client.get(MESSAGES).content.decode()

    assert time.process_time() - began < 1
    assert f"{accents[:59]}…" in html
    assert accents[:61] not in html
