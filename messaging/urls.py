"""Where WhatsApp posts to."""

from django.urls import path

from messaging.webhook import WhatsAppWebhook

webhook = WhatsAppWebhook.as_view()

urlpatterns = [
    path("webhooks/whatsapp/", webhook, name="whatsapp-webhook"),
    # A redirect would turn the POST of whoever forgot the slash into a GET.
    path("webhooks/whatsapp", webhook),
]

PATHS = {f"/{address.pattern}" for address in urlpatterns}
