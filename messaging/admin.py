"""Messages and delivery reports, to be looked at and never edited."""

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from messaging.event_admin import WebhookEventAdmin as WebhookEventAdmin  # registers
from messaging.list_filters import (
    KindFilter,
    ReceivedFilter,
    SentFilter,
    StatusFilter,
)
from messaging.looks import STATUS_COLOURS, Styled, beginning, pretty
from messaging.media.admin import MessageMediaAdmin as MessageMediaAdmin  # registers
from messaging.media.admin import shown_media
from messaging.models import ChatMessage, MessageStatus
from messaging.search import matching
from tenants.scoped_admin import ViewOnlyAdmin, is_superuser


@admin.register(ChatMessage)
class ChatMessageAdmin(Styled, ViewOnlyAdmin):
    list_display = ["who", "way", "kind", "words", "sent_at", "state", "tenant"]
    list_select_related = ["contact", "tenant"]
    list_filter = ["direction", KindFilter, "status", SentFilter]
    link_filters = ["contact__id__exact", "event__id__exact"]
    search_fields = ["wamid"]  # shows the box; `matching` does the work
    search_help_text = (
        "A person's name, number or loan number, a wamid, or words of recent messages"
    )
    fields = [
        "contact",
        "whatsapp_number",
        "direction",
        "kind",
        "text",
        "file",
        "state",
        "sent_at",
        "received_at",
        "edited_at",
        "revoked_at",
        "wamid",
        "reply_to",
        "group_id",
        "content",
    ]
    readonly_fields = ["file", "state", "content"]

    def get_ordering(self, request: HttpRequest) -> list[str]:
        # By time within a tenant, by arrival across all: each has its index.
        return ["-id"] if is_superuser(request) else ["-sent_at", "-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ChatMessage], search_term: str
    ) -> tuple[QuerySet[ChatMessage], bool]:
        return matching(queryset, search_term, user=request.user), False

    @display(description="person")
    def who(self, message: ChatMessage) -> str:
        return str(message.contact) if message.contact else "–"

    @display(description="direction", label={"received": "info", "sent": "success"})
    def way(self, message: ChatMessage) -> str:
        return message.get_direction_display()

    @display(description="text")
    def words(self, message: ChatMessage) -> str:
        return beginning(message.text, 60)

    @display(description="status", label=STATUS_COLOURS)
    def state(self, message: ChatMessage) -> str:
        return message.status

    @display(description="file")
    def file(self, message: ChatMessage) -> str:
        return shown_media(getattr(message, "media", None))

    @display(description="as it came")
    def content(self, message: ChatMessage) -> SafeString:
        return pretty(json.dumps(message.payload))


@admin.register(MessageStatus)
class MessageStatusAdmin(Styled, ViewOnlyAdmin):
    list_display = ["short_id", "state", "participant", "occurred_at", "tenant"]
    list_select_related = ["tenant"]
    list_filter = [StatusFilter, ReceivedFilter]
    link_filters = ["event__id__exact"]
    search_fields = ["=wamid"]
    search_help_text = "A whole wamid"
    ordering = ["-id"]
    fields = [
        "wamid",
        "status",
        "participant",
        "error_code",
        "occurred_at",
        "received_at",
        "content",
    ]
    readonly_fields = ["content"]

    @display(description="message", ordering="wamid")
    def short_id(self, status: MessageStatus) -> str:
        return f"…{status.wamid[-16:]}"

    @display(description="status", label=STATUS_COLOURS)
    def state(self, status: MessageStatus) -> str:
        return status.status

    @display(description="as it came")
    def content(self, status: MessageStatus) -> SafeString:
        return pretty(json.dumps(status.payload))
