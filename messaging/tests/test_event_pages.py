"""The queue of events in the admin."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from messaging.models import ChatMessage, WebhookEvent
from messaging.tests.bodies import (
    ASHA,
    PHONE_NUMBER_ID,
    body,
    change,
    message,
    message_body,
    person,
)
from messaging.tests.factories import WebhookEventFactory
from messaging.tests.pages import EVENTS, MARKUP, MESSAGES, shown
from messaging.tests.posting import deliver
from tenants.tests.factories import WhatsAppNumberFactory

pytestmark = pytest.mark.django_db


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


def test_half_a_character_in_a_body_is_shown_as_an_escape(client, owner):
    event = WebhookEventFactory.create(
        body=rb'{"a": "\ud800 \udfff \ud83d\ude00"}', status="parked"
    )

    page = client.get(reverse("admin:messaging_webhookevent_change", args=[event.pk]))

    assert page.status_code == 200
    assert r"\ud800 \udfff 😀" in page.content.decode()


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


ACCENTS = "a" + "\u0301\u0327" * 60_000


@pytest.mark.parametrize(
    "body",
    [b"[" * 400 + b"1," * 500_000 + b"1" + b"]" * 400, ACCENTS.encode()],
    ids=["nested", "accents"],
)
def test_a_body_that_would_grow_when_laid_out_is_shown_in_a_second(client, owner, body):
    event = WebhookEventFactory.create(body=body, status="parked")
    address = reverse("admin:messaging_webhookevent_change", args=[event.pk])
    began = time.process_time()

    html = client.get(address).content.decode()

    assert time.process_time() - began < 1
    assert len(html) < 500_000
