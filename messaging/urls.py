"""Where WhatsApp posts to, and where staff look at what it brought."""

from django.urls import path

from messaging.media.views import kept_file
from messaging.webhook.view import WhatsAppWebhook

webhook = WhatsAppWebhook.as_view()

urlpatterns = [
    path("webhooks/whatsapp/", webhook, name="whatsapp-webhook"),
    # A redirect would turn the POST of whoever forgot the slash into a GET.
    path("webhooks/whatsapp", webhook),
    path("message-media/<int:media_id>/", kept_file, name="message-media"),
]

PATHS = {
    f"/{address.pattern}" for address in urlpatterns if address.callback is webhook
}
