"""Every recorded payload, through HTTP into the tables, once and twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from contacts.models import Contact
from messaging.models import ChatMessage, MessageStatus
from messaging.tests.posting import deliver
from tenants.tests.factories import TenantFactory, WhatsAppNumberFactory

PAYLOADS = Path(__file__).parent / "payloads"
EXPECTED: dict[str, Any] = json.loads((PAYLOADS / "expected.json").read_text())

# Three businesses of one Meta app; the first has two numbers.
NUMBERS = {
    "109283746501123": ["114620538274910", "114620538274911"],
    "215530987412266": ["120774539916042"],
    "318846201957340": ["130015628847731"],
}


@pytest.fixture(autouse=True)
def _businesses(db):
    for waba_id, phone_number_ids in NUMBERS.items():
        tenant = TenantFactory.create()
        for phone_number_id in phone_number_ids:
            WhatsAppNumberFactory.create(
                tenant=tenant, waba_id=waba_id, phone_number_id=phone_number_id
            )


def recorded(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


def rows() -> tuple[int, int, int]:
    return (
        Contact.objects.count(),
        ChatMessage.objects.count(),
        MessageStatus.objects.count(),
    )


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_recorded_payload_makes_its_rows_once(name: str):
    expected = EXPECTED[name]
    for before in expected["after"]:
        (earlier,) = PAYLOADS.glob(f"{before}_*.json")
        deliver(earlier.read_bytes())
    statuses_before = MessageStatus.objects.count()

    deliver(recorded(name))
    once = rows()
    deliver(recorded(name))

    assert once == (
        expected["contacts"],
        expected["messages"],
        statuses_before + expected["statuses"],
    )
    assert rows() == once
    for contact in Contact.objects.all():
        assert contact.message_count == contact.messages.count()
        assert contact.name not in ("", "None")
