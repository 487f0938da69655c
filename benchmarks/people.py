"""Bodies of people who write to the business, each message once."""

import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator

from django.conf import settings

from tenants.models import Tenant, WhatsAppNumber

PHONE_NUMBER_ID = "777000111222333"
_ACCOUNT = "109283746501123"
_NOON = 1795269600

_numbers = itertools.count()


def register_number() -> None:
    """Register the number that everybody writes to."""
    tenant, _ = Tenant.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    WhatsAppNumber.objects.get_or_create(
        tenant=tenant, phone_number_id=PHONE_NUMBER_ID, waba_id=_ACCOUNT
    )


def bodies(*, people: int, first: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield message ids and bodies without end, of `people` people from `first` on."""
    for number in _numbers:
        person = first + number % people
        phone, user_id = f"9198{person:08d}", f"IN.77{person:014d}"
        wamid = f"wamid.HBgMOTE5ODAwMDAwMTAxFQIAEhggN0Y4RkQ3{number:012d}"
        message = {
            "from": phone,
            "from_user_id": user_id,
            "id": wamid,
            "timestamp": str(_NOON + number),
            "type": "text",
            "text": {"body": "Hi, I paid the instalment of this month yesterday."},
        }
        contact = {
            "profile": {"name": f"Person {person}"},
            "wa_id": phone,
            "user_id": user_id,
        }
        value = {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": "919812340001",
                "phone_number_id": PHONE_NUMBER_ID,
            },
            "contacts": [contact],
            "messages": [message],
        }
        change = {"value": value, "field": "messages"}
        envelope = {
            "object": "whatsapp_business_account",
            "entry": [{"id": _ACCOUNT, "changes": [change]}],
        }
        yield wamid, json.dumps(envelope).encode()


def signature(body: bytes) -> str:
    secret = settings.WHATSAPP_APP_SECRET[0].encode()
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
