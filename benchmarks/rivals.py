"""Other ways to accept a post, behind the product's own view, server and settings."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from contacts.models import Contact
from messaging import whatsapp
from messaging.bell import bell
from messaging.events import store_event
from messaging.models import ChatMessage
from messaging.webhook.view import WhatsAppWebhook
from tenants.models import WhatsAppNumber

_Answer = Callable[[HttpRequest], HttpResponse]


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


WAYS: dict[str, Any] = {
    "/webhooks/whatsapp/": WhatsAppWebhook.as_view(),
    "/one-insert-each/": WhatsAppWebhook.as_view(accept=insert_for_itself),
    "/upsert-by-orm/": WhatsAppWebhook.as_view(accept=upsert_by_orm),
}


def shortcut(get_response: _Answer) -> _Answer:
    """Spare every way the same middleware that the product spares its webhook."""

    def answer(request: HttpRequest) -> HttpResponse:
        if way := WAYS.get(request.path_info):
            response: HttpResponse = way(request)
            return response
        return get_response(request)

    return answer
