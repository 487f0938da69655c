import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from contacts.tests.factories import ContactFactory
from messaging.models import ChatMessage, MessageStatus, WebhookEvent
from messaging.tests.bodies import (
    ASHA,
    PHONE_NUMBER_ID,
    body,
    change,
    message,
    message_body,
    person,
    status_body,
)
from messaging.tests.bodies import status as status_item
from messaging.tests.factories import ChatMessageFactory, WebhookEventFactory
from messaging.tests.posting import deliver
from tenants.models import WhatsAppNumber
from tenants.tests.factories import WhatsAppNumberFactory, clerk_of

pytestmark = pytest.mark.django_db

MESSAGES = reverse("admin:messaging_chatmessage_changelist")
EVENTS = reverse("admin:messaging_webhookevent_changelist")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def clerk(client: Client, number: WhatsAppNumber) -> User:
    """A member of staff of the number's tenant, logged in."""
    user = clerk_of(number.tenant)
    client.force_login(user)
    return user


@pytest.fixture
def contact(clerk: User, number: WhatsAppNumber) -> Contact:
    return ContactFactory.create(
        tenant=number.tenant, phone_number="919876543210", name="Asha Verma"
    )


def page_of_contact(contact: Contact) -> str:
    return reverse("admin:contacts_contact_change", args=[contact.pk])


def shown(client: Client, address: str) -> set[int]:
    return {row.pk for row in client.get(address).context["cl"].result_list}


# The conversation on the contact's page


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


# Messages


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


# Events


def test_an_event_shows_its_body_laid_out_and_what_it_made(client, owner, number):
    deliver(message_body(message(text={"body": MARKUP}), contacts=[person()]))
    event = WebhookEvent.objects.get()

    html = client.get(
        reverse("admin:messaging_webhookevent_change", args=[event.pk])
    ).content.decode()

    assert "&quot;name&quot;: &quot;Asha Verma&quot;" in html
    assert MARKUP not in html
    assert ">1 message<" in html
    assert shown(client, f"{MESSAGES}?event__id__exact={event.pk}") == {
        ChatMessage.objects.get().pk
    }


@pytest.mark.parametrize("body", [b"\xff\x00 no JSON", b"[" * 5000, b"9" * 5000, b""])
def test_an_event_that_nobody_can_read_can_be_looked_at(client, owner, body):
    event = WebhookEventFactory.create(body=body, status="parked")
    address = reverse("admin:messaging_webhookevent_change", args=[event.pk])

    assert client.get(address).status_code == 200


def test_what_a_browser_would_leave_out_of_a_body_is_shown_as_an_escape(client, owner):
    event = WebhookEventFactory.create(body=b"\xff a\x00b \x1b[31m", status="parked")
    address = reverse("admin:messaging_webhookevent_change", args=[event.pk])

    html = client.get(address).content.decode()

    assert r"\xff a\x00b \x1b[31m" in html


def test_an_event_says_whom_it_waits_for(client, owner, number):
    stop = {"wa_id": ASHA, "category": "marketing_messages", "value": "stop"}
    deliver(body(change(field="user_preferences", user_preferences=[stop])))
    event = WebhookEvent.objects.get()

    html = client.get(
        reverse("admin:messaging_webhookevent_change", args=[event.pk])
    ).content.decode()

    assert "Waits for" in html
    assert f">{ASHA}<" in html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status__exact=parked", {"parked"}),
        ("q=999000111222333", {"waiting"}),
        ("q=99999999999999999999", set()),
        ("q=words", set()),
        ("received=hour", {"new", "waiting"}),
    ],
)
def test_events_are_found_by_status_time_and_unknown_number(
    client, owner, query, found
):
    now = datetime.now(UTC)
    rows = {
        "new": WebhookEventFactory.create(),
        "parked": WebhookEventFactory.create(
            status="parked", received_at=now - timedelta(days=2)
        ),
        "waiting": WebhookEventFactory.create(
            status="unroutable", unrouted_numbers=["999000111222333"]
        ),
    }

    assert shown(client, f"{EVENTS}?{query}") == {rows[name].pk for name in found}


def test_an_event_is_found_by_its_number(client, owner):
    event = WebhookEventFactory.create()
    WebhookEventFactory.create()

    assert shown(client, f"{EVENTS}?q={event.pk}") == {event.pk}


def test_a_parked_event_is_processed_again_by_one_click(client, owner):
    event = WebhookEventFactory.create(status="parked", attempts=5)
    WhatsAppNumberFactory.create(phone_number_id=PHONE_NUMBER_ID)

    response = client.post(
        EVENTS, {"action": "process_again", "_selected_action": [event.pk]}
    )
    deliver()

    assert response.status_code == 302
    event.refresh_from_db()
    assert event.status == "processed"
    assert ChatMessage.objects.count() == 1


def test_a_list_of_events_reads_no_bodies(client, owner, django_assert_max_num_queries):
    WebhookEventFactory.create_batch(26, body=json.dumps({"a": "b" * 1000}).encode())

    with django_assert_max_num_queries(8) as queries:
        client.get(EVENTS)

    assert not any('"body"' in query["sql"] for query in queries.captured_queries)


def test_an_event_may_hold_other_tenants_messages_so_staff_see_none(client, clerk):
    clerk.user_permissions.set(Permission.objects.all())
    event = WebhookEventFactory.create()
    addresses = [
        EVENTS,
        reverse("admin:messaging_webhookevent_change", args=[event.pk]),
    ]

    assert [client.get(address).status_code for address in addresses] == [403, 403]
    again = {"action": "process_again", "_selected_action": [event.pk]}
    assert client.post(EVENTS, again).status_code == 403
