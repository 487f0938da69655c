"""Send one signed message through HTTP and follow it to its rows, step by step."""

import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from contacts.models import Contact
from contacts.phones import mask, variants
from messaging.models import ChatMessage, WebhookEvent
from messaging.recounting import recount_contacts
from messaging.signed_post import send, text_message
from messaging.whatsapp.values import phone_of
from tenants.encryption import UnreadableSecret
from tenants.models import Tenant, WhatsAppNumber
from tenants.steps import Step

DEFAULT_PHONE = "919876543210"
PROFILE_NAME = "Test Contact"
_POLL_SECONDS = 0.1
_CLOCKS_APART = timedelta(minutes=5)  # this host's and the database's


def probe(
    *,
    tenant: Tenant | None,
    phone: str,
    url: str | None,
    patience: float,
    now: datetime,
    stays: bool = True,
) -> Iterator[Step]:
    """Yield each step as it is done; the first that fails is the last.

    It writes to the first number of the tenant, or of all. `phone` is who seems to
    write, with the country code; `url` the server's address, this host's if not given;
    `patience` says for how many seconds a worker may take. A contact and a message stay
    behind, as of a customer, unless `stays` is false: then the last step takes all of
    it away again, and a person who was known before keeps name and counters.
    """
    digits = phone_of(phone)
    if digits is None:
        yield Step(
            "Phone read", False, "no phone number", "Digits, with the country code."
        )
        return
    numbers = WhatsAppNumber.objects.select_related("tenant").defer(
        "app_secret", "access_token"
    )
    if tenant is not None:
        numbers = numbers.filter(tenant=tenant)
    number = numbers.order_by("tenant_id", "pk").first()
    if number is None:
        yield Step(
            "Number found",
            False,
            "there is no WhatsApp number to write to",
            "Register one in the admin under Numbers.",
        )
        return
    yield from _send_and_follow(
        number=number,
        phone=digits,
        url=_webhook_at(url),
        patience=patience,
        now=now,
        stays=stays,
    )


def _send_and_follow(
    *,
    number: WhatsAppNumber,
    phone: str,
    url: str,
    patience: float,
    now: datetime,
    stays: bool,
) -> Iterator[Step]:
    wamid = f"wamid.TEST{uuid.uuid4().hex.upper()}"
    known = _contacts(number, phone).count()
    yield Step(
        "Contact looked up",
        True,
        f"{mask(phone)} {'is known' if known else 'is new'} to {number.tenant}",
    )
    body = text_message(
        number=number,
        phone=phone,
        wamid=wamid,
        name=PROFILE_NAME if stays or not known else "",
        now=now,
    )
    yield from _follow(
        number=number, phone=phone, url=url, body=body, wamid=wamid, patience=patience
    )
    if not stays:
        yield _clean_up(
            number=number,
            phone=phone,
            body=body,
            wamid=wamid,
            was_known=bool(known),
            now=now,
        )


def _follow(
    *,
    number: WhatsAppNumber,
    phone: str,
    url: str,
    body: bytes,
    wamid: str,
    patience: float,
) -> Iterator[Step]:
    newest = WebhookEvent.objects.order_by("-pk").values_list("pk", flat=True).first()
    try:
        secret = number.app_secret or next(iter(settings.WHATSAPP_APP_SECRET), "")
    except UnreadableSecret as exc:
        yield Step("Post signed", False, "the number's own secret", str(exc))
        return
    if not secret:
        yield Step("Post signed", False, "no app secret", "Set WHATSAPP_APP_SECRET.")
        return
    sent = send(url, body, secret=secret)
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

    rows = list(_contacts(number, phone).order_by("pk"))
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


def _webhook_at(address: str | None) -> str:
    url = address or f"http://127.0.0.1:{settings.PORT}"
    if urlsplit(url).path.strip("/"):
        return url
    return urljoin(url, reverse("whatsapp-webhook"))


def _contacts(number: WhatsAppNumber, phone: str) -> QuerySet[Contact]:
    return Contact.objects.filter(
        tenant=number.tenant_id, phone_number__in=variants(phone)
    )


@transaction.atomic
def _clean_up(
    *,
    number: WhatsAppNumber,
    phone: str,
    body: bytes,
    wamid: str,
    was_known: bool,
    now: datetime,
) -> Step:
    """Take away what the test made, and only that."""
    messages, _ = ChatMessage.objects.filter(
        whatsapp_number=number, wamid=wamid
    ).delete()
    events, _ = WebhookEvent.objects.filter(
        received_at__gte=now - _CLOCKS_APART, body=body
    ).delete()
    contacts = list(_contacts(number, phone).values_list("pk", flat=True))
    recount_contacts(contact_ids=contacts, now=now)
    removed = 0
    if not was_known:
        # Whoever wrote from that number meanwhile stays.
        unused = Contact.objects.filter(pk__in=contacts, message_count=0)
        removed = unused.delete()[1].get("contacts.Contact", 0)
    return Step(
        "Cleaned up",
        True,
        f"{messages} message, {events} event and {removed} contact taken away again",
    )


def _wait_until_processed(event: WebhookEvent, *, patience: float) -> WebhookEvent:
    deadline = time.monotonic() + patience
    while event.status == WebhookEvent.Status.PENDING and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        event.refresh_from_db()
    return event
