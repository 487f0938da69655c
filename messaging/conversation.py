"""The conversation with a contact, as a panel on the contact's page."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.http import HttpRequest
from django.template.loader import render_to_string

from contacts.models import Contact
from messaging.models import ChatMessage, MessageMedia
from messaging.orders import Order, order_of, product_asked_about

MOST = 50
# Reactions, edits and revokes stand on the message they are about, so a few more rows
# than bubbles are read.
_READ = 150
_ANNOTATIONS = ("reaction", "edit", "revoke")

# What to show for a message that has no words, or beside them.
_LABELS = {
    "image": "Picture",
    "video": "Video",
    "audio": "Voice or audio",
    "document": "Document",
    "sticker": "Sticker",
    "location": "Location",
    "contacts": "Contact card",
    "interactive": "Answer",
    "button": "Answer",
    "order": "Order",
    "system": "Note by WhatsApp",
    "unsupported": "Cannot be shown here: open it on the phone",
    "unknown": "Of a kind not known yet",
    "request_welcome": "Opened the chat",
    "media_placeholder": "Media, not here yet",
    "ephemeral": "Disappearing message",
}


@dataclass(slots=True)
class Bubble:
    """A message with what was said about it later."""

    message: ChatMessage
    reactions: dict[str, str] = field(default_factory=dict)  # by direction

    @property
    def label(self) -> str:
        return _LABELS.get(self.message.kind, "")

    @property
    def media(self) -> MessageMedia | None:
        return getattr(self.message, "media", None)

    @property
    def text(self) -> str:
        """Return the message's words, unless they only name its file."""
        named = self.media is not None and self.message.text == self.media.file_name
        return "" if named else self.message.text

    @property
    def advertisement(self) -> str:
        referral = self.message.payload.get("referral")
        headline = referral.get("headline") if isinstance(referral, dict) else None
        return headline if isinstance(headline, str) else ""

    @property
    def order(self) -> Order | None:
        return order_of(self.message.payload)

    @property
    def product(self) -> str:
        return product_asked_about(self.message.payload)


def bubbles_of(newest_first: Sequence[ChatMessage]) -> list[Bubble]:
    """Return the messages, oldest first, each with its reactions.

    Of several reactions of one side the last counts, and an empty one takes it back.
    """
    bubbles: dict[str, Bubble] = {}
    for message in reversed(newest_first):
        if message.kind not in _ANNOTATIONS:
            bubbles[message.wamid] = Bubble(message)
    for message in reversed(newest_first):
        about = bubbles.get(message.reply_to)
        if message.kind == "reaction" and about:
            about.reactions[message.direction] = message.text
    return list(bubbles.values())


def conversation(request: HttpRequest, contact: Contact) -> str:
    """Return the last messages with a contact whom the visitor may see."""
    if not request.user.has_perm("messaging.view_chatmessage"):
        return ""
    rows = list(
        ChatMessage.objects.filter(
            contact=contact,
            tenant_id=contact.tenant_id,
            group_id="",  # what was said in a group is no part of this conversation
        )
        .select_related("media")
        .order_by("-sent_at", "-id")[:_READ]
    )
    bubbles = bubbles_of(rows)
    return render_to_string(
        "messaging/conversation.html",
        {
            "contact": contact,
            "bubbles": bubbles[-MOST:],
            "more": len(bubbles) > MOST or len(rows) == _READ,
            "most": MOST,
        },
        request=request,
    )
