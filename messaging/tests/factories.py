import hashlib
from uuid import uuid4

import factory
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from contacts.tests.factories import ContactFactory
from messaging.media.queue import KEPT_BY_META
from messaging.models import ChatMessage, MessageMedia, WebhookEvent
from messaging.tests.bodies import message, message_body
from tenants.tests.factories import WhatsAppNumberFactory


class WebhookEventFactory(factory.django.DjangoModelFactory[WebhookEvent]):
    class Meta:
        model = WebhookEvent

    body = factory.LazyFunction(lambda: message_body(message()))
    signed_by = "app"


class ChatMessageFactory(factory.django.DjangoModelFactory[ChatMessage]):
    """A text from a contact; give it a contact or a number, they share a tenant."""

    class Meta:
        model = ChatMessage

    contact = factory.SubFactory(ContactFactory)
    tenant = factory.SelfAttribute("contact.tenant")
    whatsapp_number = factory.SubFactory(
        WhatsAppNumberFactory, tenant=factory.SelfAttribute("..tenant")
    )
    wamid = factory.Sequence(lambda n: f"wamid.{n:08d}")
    direction = ChatMessage.Direction.INBOUND
    kind = "text"
    text = factory.Sequence(lambda n: f"message {n}")
    sent_at = factory.LazyFunction(timezone.now)


class MessageMediaFactory(factory.django.DjangoModelFactory[MessageMedia]):
    """A photo that is to be fetched; give it a message, they share all the rest."""

    class Meta:
        model = MessageMedia

    message = factory.SubFactory(ChatMessageFactory, kind="image", text="")
    tenant = factory.SelfAttribute("message.tenant")
    whatsapp_number = factory.SelfAttribute("message.whatsapp_number")
    media_id = factory.Sequence(lambda n: f"33550000{n:06d}")
    mime_type = "image/jpeg"
    expires_at = factory.LazyFunction(lambda: timezone.now() + KEPT_BY_META)


class StoredMediaFactory(MessageMediaFactory):
    """A photo that was fetched; `content` is what it holds."""

    class Params:
        content = b"\xff\xd8\xff a photo"

    status = MessageMedia.Status.STORED
    content_type = "image/jpeg"
    file = factory.LazyAttribute(
        lambda row: default_storage.save(f"media/{uuid4()}", ContentFile(row.content))
    )
    sha256 = factory.LazyAttribute(lambda row: hashlib.sha256(row.content).hexdigest())
    size_bytes = factory.LazyAttribute(lambda row: len(row.content))
    stored_at = factory.LazyFunction(timezone.now)
