"""`verify --probe` and `--probe-upload`: the whole way, and no trace afterwards."""

import io
import json
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone

from contacts.models import Contact, ContactIdentity
from contacts.tests.factories import ContactFactory
from customers.models import Customer
from messaging import probe as messaging_probe
from messaging.models import ChatMessage, WebhookEvent
from messaging.tests.factories import ChatMessageFactory
from tenants.models import Tenant, WhatsAppNumber
from tenants.tests.factories import TenantFactory, WhatsAppNumberFactory
from uploads.models import FileUpload, RowIssue, UploadPart

PHONE = "919876543210"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def number() -> WhatsAppNumber:
    return WhatsAppNumberFactory.create()


def facts_of(contact: Contact) -> dict[str, Any]:
    (facts,) = Contact.objects.filter(pk=contact.pk).values(
        "name", "message_count", "first_message_at", "last_message_at"
    )
    return facts


def probe(*arguments: str) -> tuple[bool, list[tuple[str, bool]]]:
    out = io.StringIO()
    try:
        call_command("verify", "--json", *arguments, stdout=out)
        went_well = True
    except SystemExit:
        went_well = False
    answer = json.loads(out.getvalue())
    assert answer["ok"] == went_well
    return went_well, [(step["name"], step["ok"]) for step in answer["steps"]]


def test_a_message_is_followed_to_its_rows_and_taken_away_again(
    number: WhatsAppNumber, live_server: Any, worker: None
) -> None:
    went_well, steps = probe("--probe", f"--url={live_server.url}")

    assert went_well
    assert ("Message saved", True) in steps
    assert steps[-1] == ("Cleaned up", True)
    for model in (Contact, ContactIdentity, ChatMessage, WebhookEvent):
        assert not model.objects.exists()


def test_a_person_who_was_known_keeps_name_and_counters(
    number: WhatsAppNumber, live_server: Any, worker: None
) -> None:
    contact = ContactFactory.create(tenant=number.tenant, message_count=1)
    message = ChatMessageFactory.create(contact=contact, whatsapp_number=number)
    Contact.objects.update(
        first_message_at=message.sent_at, last_message_at=message.sent_at
    )
    before = facts_of(contact)

    went_well, _ = probe(
        "--probe", str(contact.phone_number), f"--url={live_server.url}"
    )

    assert went_well
    assert facts_of(contact) == before
    assert ChatMessage.objects.get() == message
    assert not WebhookEvent.objects.exists()


def test_who_wrote_from_the_probes_number_meanwhile_stays(
    number: WhatsAppNumber, live_server: Any, worker: None
) -> None:
    steps = messaging_probe.probe(
        tenant=number.tenant,
        phone=PHONE,
        url=live_server.url,
        patience=30,
        now=timezone.now(),
        stays=False,
    )

    for step in steps:
        if step.name == "Message saved":
            message = ChatMessageFactory.create(
                contact=Contact.objects.get(), whatsapp_number=number
            )

    assert step.name == "Cleaned up"
    assert Contact.objects.get().message_count == 1
    assert ChatMessage.objects.get() == message


def test_a_message_that_no_worker_took_is_taken_away_as_well(
    number: WhatsAppNumber, live_server: Any
) -> None:
    went_well, steps = probe("--probe", "--patience=0", f"--url={live_server.url}")

    assert not went_well
    assert steps[-2:] == [("Event processed", False), ("Cleaned up", True)]
    assert not WebhookEvent.objects.exists()


def test_one_customer_uploaded_twice_makes_two_entries_and_no_trace(
    upload_worker: None,
) -> None:
    tenant: Tenant = TenantFactory.create()

    went_well, steps = probe("--probe-upload", f"--tenant={tenant.slug}")

    assert went_well
    assert steps == [
        ("Upload 1 loaded", True),
        ("Upload 2 loaded", True),
        ("Two entries", True),
        ("Cleaned up", True),
    ]
    for model in (Customer, FileUpload, UploadPart, RowIssue):
        assert not model.objects.exists()
    folder = f"uploads/{tenant.pk}"
    assert default_storage.listdir(folder)[1] == []


def test_an_upload_that_no_worker_took_is_told_and_taken_away() -> None:
    TenantFactory.create()

    went_well, steps = probe("--probe-upload", "--patience=0")

    assert not went_well
    assert steps == [("Upload 1 loaded", False), ("Cleaned up", True)]
    assert not FileUpload.objects.exists()
