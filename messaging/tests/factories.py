import factory
from django.utils import timezone

from contacts.tests.factories import ContactFactory
from messaging.models import ChatMessage, WebhookEvent
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
