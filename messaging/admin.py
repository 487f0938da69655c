"""Messages, delivery reports and raw events, to be looked at and never edited."""

import json
from contextlib import suppress
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.admin import ModelAdmin
from unfold.decorators import display

from messaging.bell import bell
from messaging.events import put_back
from messaging.list_filters import (
    KindFilter,
    ReceivedFilter,
    SentFilter,
    StatusFilter,
)
from messaging.media.admin import MessageMediaAdmin as MessageMediaAdmin  # registers
from messaging.media.admin import shown_media
from messaging.models import ChatMessage, MessageStatus, WebhookEvent
from messaging.search import matching
from tenants.paginator import BoundedPaginator
from tenants.scoped_admin import (
    BoundedChangeList,
    SuperuserOnly,
    ViewOnlyAdmin,
    is_superuser,
)

# A body may have 3 MB; nobody reads more than this of one on a page.
_SHOWN_CHARACTERS = 100_000

_STATUS_COLOURS = {
    "processed": "success",
    "pending": "info",
    "unknown number": "warning",
    "parked": "danger",
    "failed": "danger",
    "read": "success",
    "played": "success",
}


def pretty(text: str) -> SafeString:
    """Return JSON laid out to be read, or whatever else it is, escaped."""
    # What is no JSON is shown as it came: that is what its reader wants to see.
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return format_html(
        '<pre class="chat-raw">{}</pre>', Truncator(text).chars(_SHOWN_CHARACTERS)
    )


class _Styled:
    class Media:
        css = {"all": ["messaging/messaging.css"]}


@admin.register(WebhookEvent)
class WebhookEventAdmin(SuperuserOnly, _Styled, ModelAdmin):
    """The queue. One event may hold the messages of several tenants, so no member of
    a single tenant's staff may read it."""

    list_display = ["number", "received_at", "state", "attempts", "signed_by", "reason"]
    list_filter = ["status", ReceivedFilter]
    search_fields = ["pk"]  # shows the box; `get_search_results` does the work
    search_help_text = "An event's number, or a phone_number_id nobody had registered"
    ordering = ["-id"]
    paginator = BoundedPaginator
    list_per_page = 25
    list_max_show_all = 25
    show_full_result_count = False
    actions = ["process_again"]
    fields = [
        "state",
        "error",
        "received_at",
        "signed_by",
        "attempts",
        "process_after",
        "processed_at",
        "made",
        "content",
    ]
    readonly_fields = ["state", "made", "content"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_process_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return BoundedChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        rows: QuerySet[WebhookEvent] = super().get_queryset(request)
        return rows.defer("body")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if not (term.isascii() and term.isdigit()):
            return queryset.none(), False
        waiting = queryset.filter(
            status=WebhookEvent.Status.UNROUTABLE, unrouted_numbers__contains=[term]
        )
        if len(term) > 18:  # no bigint
            return waiting, False
        return queryset.filter(pk=int(term)) | waiting, False

    @display(description="event")
    def number(self, event: WebhookEvent) -> int:
        return int(event.pk)

    @display(description="status", ordering="status", label=_STATUS_COLOURS)
    def state(self, event: WebhookEvent) -> str:
        return event.get_status_display()

    @display(description="problem")
    def reason(self, event: WebhookEvent) -> str:
        return Truncator(event.error).chars(80)

    @display(description="what it made")
    def made(self, event: WebhookEvent) -> SafeString:
        return format_html(
            '<a href="{}?event__id__exact={}">{} messages</a>, '
            '<a href="{}?event__id__exact={}">{} statuses</a>',
            reverse("admin:messaging_chatmessage_changelist"),
            event.pk,
            event.messages.count(),
            reverse("admin:messaging_messagestatus_changelist"),
            event.pk,
            event.statuses.count(),
        )

    @display(description="body")
    def content(self, event: WebhookEvent) -> SafeString:
        return pretty(bytes(event.body).decode("utf-8", "backslashreplace"))

    @admin.action(description="Process again", permissions=["process"])
    def process_again(
        self, request: HttpRequest, events: QuerySet[WebhookEvent]
    ) -> None:
        count = put_back(events.order_by(), now=timezone.now())
        bell.ring()
        messages.success(request, f"{count} events are queued again.")


@admin.register(ChatMessage)
class ChatMessageAdmin(_Styled, ViewOnlyAdmin):
    list_display = ["who", "way", "kind", "words", "sent_at", "state", "tenant"]
    list_select_related = ["contact", "tenant"]
    list_filter = ["direction", KindFilter, "status", SentFilter]
    search_fields = ["wamid"]  # shows the box; `matching` does the work
    search_help_text = "A person, their number, a wamid, or words of recent messages"
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
        return Truncator(message.text).chars(60)

    @display(description="status", label=_STATUS_COLOURS)
    def state(self, message: ChatMessage) -> str:
        return message.status

    @display(description="file")
    def file(self, message: ChatMessage) -> str:
        return shown_media(getattr(message, "media", None))

    @display(description="as it came")
    def content(self, message: ChatMessage) -> SafeString:
        return pretty(json.dumps(message.payload))


@admin.register(MessageStatus)
class MessageStatusAdmin(_Styled, ViewOnlyAdmin):
    list_display = ["short_id", "state", "participant", "occurred_at", "tenant"]
    list_select_related = ["tenant"]
    list_filter = [StatusFilter, ReceivedFilter]
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

    @display(description="status", label=_STATUS_COLOURS)
    def state(self, status: MessageStatus) -> str:
        return status.status

    @display(description="as it came")
    def content(self, status: MessageStatus) -> SafeString:
        return pretty(json.dumps(status.payload))
