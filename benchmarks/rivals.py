"""Other ways to accept a post, behind the product's own view, server and settings."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connection, transaction
from django.utils import timezone

from contacts.models import Contact
from messaging import whatsapp
from messaging.bell import bell
from messaging.events import store_event
from messaging.models import ChatMessage
from messaging.urls import PATHS, webhook
from messaging.webhook.view import WhatsAppWebhook
from tenants.models import WhatsAppNumber

_threads = ThreadPoolExecutor(16)  # as many as there are connections in the pool


def in_a_thread(accept: Callable[..., None]) -> Callable[..., Awaitable[None]]:
    """Run what waits for the database beside the event loop."""

    def run(body: bytes, signed_by: str) -> None:
        try:
            accept(body=body, signed_by=signed_by)
        finally:
            connection.close()

    async def accept_in_thread(*, body: bytes, signed_by: str) -> None:
        await asyncio.get_running_loop().run_in_executor(_threads, run, body, signed_by)

    return accept_in_thread


def insert_for_itself(*, body: bytes, signed_by: str) -> None:
    """Keep the post as the product does, with an INSERT and a commit of its own."""
    store_event(body=body, signed_by=signed_by)
    bell.ring()


def upsert_by_orm(*, body: bytes, signed_by: str) -> None:
    """Write contact and message within the request, as most Django projects do."""
    for change in whatsapp.parse(body).changes:
        with transaction.atomic():
            number = WhatsAppNumber.objects.get(phone_number_id=change.phone_number_id)
            for message in change.messages:
                if message.person is None:
                    continue
                name = message.person.profile_name
                contact, _ = Contact.objects.update_or_create(
                    tenant_id=number.tenant_id,
                    phone_number=message.person.phone,
                    defaults={"name": name, "updated_at": timezone.now()},
                )
                ChatMessage.objects.get_or_create(
                    whatsapp_number=number,
                    wamid=message.wamid,
                    defaults={
                        "tenant_id": number.tenant_id,
                        "contact": contact,
                        "direction": message.direction,
                        "kind": message.kind,
                        "text": message.text,
                        "sent_at": message.sent_at or timezone.now(),
                    },
                )


WAYS = {
    **dict.fromkeys(PATHS, webhook),
    "/one-insert-each/": WhatsAppWebhook.as_view(accept=in_a_thread(insert_for_itself)),
    "/upsert-by-orm/": WhatsAppWebhook.as_view(accept=in_a_thread(upsert_by_orm)),
}
