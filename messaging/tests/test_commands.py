import json
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from contacts.models import Contact
from messaging.events import store_event
from messaging.models import ChatMessage, WebhookEvent
from messaging.tests.bodies import PHONE_NUMBER_ID, message, message_body
from messaging.tests.factories import WebhookEventFactory
from tenants.tests.factories import TenantFactory, WhatsAppNumberFactory

PHONE = "919876543210"


def run(command: str, *args: str) -> str:
    out = StringIO()
    call_command(command, *args, stdout=out)
    return out.getvalue()


def run_and_fail(command: str, *args: str) -> tuple[str, str]:
    out = StringIO()
    with pytest.raises(CommandError) as failed:
        call_command(command, *args, stdout=out)
    return out.getvalue(), str(failed.value)


def verdicts(out: str) -> list[tuple[str, bool]]:
    return [(step["name"], step["ok"]) for step in json.loads(out)["steps"]]


@pytest.mark.django_db(transaction=True)
def test_the_test_message_is_followed_to_its_rows(number, live_server, worker):
    address = f"--url={live_server.url}/webhooks/whatsapp/"

    first = run("send_test_webhook", address)
    again = run("send_test_webhook", PHONE, address, "--json")

    assert first.count("OK") == 7
    assert "FAIL" not in first
    assert [ok for _, ok in verdicts(again)] == [True] * 7
    assert Contact.objects.get(phone_number=PHONE).message_count == 2


@pytest.mark.django_db(transaction=True)
def test_without_a_worker_the_test_says_so(number, live_server):
    out, error = run_and_fail(
        "send_test_webhook",
        f"--url={live_server.url}/webhooks/whatsapp/",
        "--patience=0",
        "--json",
    )

    assert verdicts(out)[-1] == ("Event processed", False)
    assert "process_webhooks" in json.loads(out)["steps"][-1]["next_step"]
    assert "did not come through" in error


@pytest.mark.django_db(transaction=True)
def test_an_address_that_is_not_the_webhook_s_is_told(number, live_server):
    out, _ = run_and_fail("send_test_webhook", f"--url={live_server.url}/nowhere/")

    assert "FAIL Message sent" in out
    assert "answered 404" in out


def test_a_server_that_is_not_there_is_named(number):
    out, _ = run_and_fail("send_test_webhook", "--url=http://127.0.0.1:1/")

    assert "FAIL Message sent: http://127.0.0.1:1/webhooks/whatsapp/ cannot" in out
    assert "manage.py start" in out


def test_without_a_number_there_is_nothing_to_write_to(db):
    out, _ = run_and_fail("send_test_webhook")

    assert "FAIL Number found" in out
    assert "next: Register one" in out


def test_a_tenant_without_number_does_not_borrow_another_s(number):
    other = TenantFactory.create()

    for tenant in (other.slug, str(other.pk)):
        out, _ = run_and_fail("send_test_webhook", f"--tenant={tenant}")
        assert "next: Register one" in out


@pytest.mark.parametrize("phone", ["", "abc", "IN.7714302958816420", "12"])
def test_what_is_no_phone_is_not_sent(number, phone):
    out, _ = run_and_fail("send_test_webhook", phone)

    assert "FAIL Phone read" in out
    assert "Digits" in out
    assert not WebhookEvent.objects.exists()


def test_everything_due_is_processed_and_the_rest_is_told(number):
    for place in range(3):
        store_event(body=message_body(message(f"wamid.{place}")), signed_by="app")
    store_event(body=b"not json", signed_by="app")

    report: dict[str, Any] = json.loads(run("process_webhooks", "--json"))

    assert (report["processed"], report["parked"], report["messages"]) == (3, 1, 3)
    assert report["waiting"] == {"pending": 0, "unroutable": 0, "parked": 1}


def test_events_of_a_number_registered_since_are_taken_up(db):
    WebhookEventFactory.create()
    assert "still unroutable 1" in " ".join(run("process_webhooks").split())

    WhatsAppNumberFactory.create(phone_number_id=PHONE_NUMBER_ID)
    run("process_webhooks")

    assert WebhookEvent.objects.get().status == "processed"
    assert ChatMessage.objects.count() == 1


def test_a_secret_that_cannot_be_read_is_told_in_words(number, settings):
    number.app_secret = "its own"
    number.save()
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    out, _ = run_and_fail("send_test_webhook", "--url=http://127.0.0.1:1/")

    assert "FAIL Post signed: the number's own secret" in out
    assert "FIELD_ENCRYPTION_KEYS" in out


def test_without_any_app_secret_there_is_nothing_to_sign_with(number, settings):
    settings.WHATSAPP_APP_SECRET = []

    out, _ = run_and_fail("send_test_webhook", "--url=http://127.0.0.1:1/")

    assert "FAIL Post signed: no app secret" in out
