"""Send one signed message through HTTP and follow it to its rows, step by step."""

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from contacts.models import Contact
from contacts.phones import mask, variants
from messaging.models import ChatMessage, WebhookEvent
from tenants.models import WhatsAppNumber

PROFILE_NAME = "Test Contact"
_POLL_SECONDS = 0.1
_HTTP_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked; a step that failed says what to do about it."""

    name: str
    ok: bool
    found: str
    next_step: str = ""


def probe(
    *, number: WhatsAppNumber, phone: str, url: str, patience: float, now: datetime
) -> Iterator[Step]:
    """Yield each step as it is done; the first that fails is the last.

    `phone` is WhatsApp's spelling, digits only; `patience` says for how many seconds a
    worker may take. It leaves a contact and a message behind, as a customer would.
    """
    contacts = Contact.objects.filter(
        tenant=number.tenant_id, phone_number__in=variants(phone)
    )
    known = contacts.count()
    yield Step(
        "Contact looked up",
        True,
        f"{mask(phone)} {'is known' if known else 'is new'} to {number.tenant}",
    )

    wamid = f"wamid.TEST{uuid.uuid4().hex.upper()}"
    body = _body(number=number, phone=phone, wamid=wamid, now=now)
    newest = WebhookEvent.objects.order_by("-pk").values_list("pk", flat=True).first()
    sent = _send(url, body, secret=number.app_secret or settings.WHATSAPP_APP_SECRET[0])
    yield sent
    if not sent.ok:
        return

    event = WebhookEvent.objects.filter(pk__gt=newest or 0, body=body).first()
    if event is None:
        yield Step(
            "Event stored",
            False,
            "the server said 200, but this database has no such event",
            "The server at that address uses another database: compare DATABASE_URL.",
        )
        return
    yield Step("Event stored", True, f"event {event.pk}")

    event = _wait_until_processed(event, patience=patience)
    processed = event.status == WebhookEvent.Status.PROCESSED
    yield Step(
        "Event processed",
        processed,
        f"event {event.pk} is {event.status}",
        ""
        if processed
        else event.error
        or "Is a worker running? `manage.py process_webhooks` does its work by hand.",
    )
    if not processed:
        return

    rows = list(contacts.order_by("pk"))
    yield Step(
        "Contact upserted",
        bool(rows),
        f"contact {rows[0].pk}, name {rows[0].name!r}" if rows else "no contact",
        "" if rows else "The log of the worker has `Upserting contact: …` lines.",
    )
    yield Step(
        "No duplicate",
        len(rows) == 1,
        f"contacts with this number: {len(rows)}",
        "" if len(rows) == 1 else "`manage.py dedupe_contacts` shows and joins them.",
    )
    message = ChatMessage.objects.filter(whatsapp_number=number, wamid=wamid).first()
    saved = message is not None and [message.contact_id] == [row.pk for row in rows]
    yield Step(
        "Message saved",
        saved,
        f"message {message.pk}" if message else "no message",
        "" if saved else "Look into the event in the admin: what did it make?",
    )


def _body(*, number: WhatsAppNumber, phone: str, wamid: str, now: datetime) -> bytes:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": number.display_phone_number,
            "phone_number_id": number.phone_number_id,
        },
        "contacts": [{"profile": {"name": PROFILE_NAME}, "wa_id": phone}],
        "messages": [
            {
                "from": phone,
                "id": wamid,
                "timestamp": str(int(now.timestamp())),
                "type": "text",
                "text": {"body": "A test message of send_test_webhook."},
            }
        ],
    }
    change = {"field": "messages", "value": value}
    return json.dumps(
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": number.waba_id, "changes": [change]}],
        }
    ).encode()


def _send(url: str, body: bytes, *, secret: str) -> Step:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Hub-Signature-256": f"sha256={digest}",
        # As the proxy before a production server says it; without one nobody reads it.
        "X-Forwarded-Proto": "https",
    }
    if not url.startswith(("http://", "https://")):
        return Step("Message sent", False, url, "The address begins with https://.")
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - scheme checked above
    try:
        with urllib.request.urlopen(request, timeout=_HTTP_TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
            status = answer.status
    except urllib.error.HTTPError as exc:
        status = exc.code
    except OSError as exc:
        return Step(
            "Message sent",
            False,
            f"{url} cannot be reached: {getattr(exc, 'reason', exc)}",
            "Start the server (`manage.py start`), or give its address with --url.",
        )
    return Step("Message sent", status == 200, f"{url} answered {status}", _WHY[status])


class _Reasons(dict[int, str]):
    def __missing__(self, status: int) -> str:
        return "Look into the log of the web server."


_WHY = _Reasons(
    {
        200: "",
        400: "ALLOWED_HOSTS of the server must hold the host of this address.",
        403: "The server knows another WHATSAPP_APP_SECRET than this command does.",
        404: "The path is /webhooks/whatsapp/.",
        503: "The server cannot store: is its database up?",
    }
)


def _wait_until_processed(event: WebhookEvent, *, patience: float) -> WebhookEvent:
    deadline = time.monotonic() + patience
    while event.status == WebhookEvent.Status.PENDING and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        event.refresh_from_db()
    return event
