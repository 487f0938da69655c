"""Events nobody can read, numbers nobody has, secrets of somebody else."""

import pytest
from django.utils import timezone

from contacts.models import Contact
from messaging.events import put_back_routable
from messaging.models import ChatMessage, WebhookEvent
from messaging.routing import Route
from messaging.tests.bodies import (
    PHONE_NUMBER_ID,
    body,
    change,
    message,
    message_body,
    person,
)
from messaging.tests.posting import deliver, process_all
from tenants.tests.factories import WhatsAppNumberFactory

OTHER_PHONE_NUMBER_ID = "120774539916042"


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


def test_a_secret_stands_in_no_printed_route() -> None:
    route = Route(1, 1, PHONE_NUMBER_ID, app_secret="s3cret")

    assert "s3cret" not in repr(route)
