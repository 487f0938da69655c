"""The files of messages, for whoever wonders where one is."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.utils import timezone
from unfold.decorators import display

from messaging.looks import beginning
from messaging.media.models import MessageMedia
from messaging.media.queue import put_back
from tenants.scoped_admin import ViewOnlyAdmin

_STATUS_COLOURS = {
    "to be fetched": "info",
    "waits for an access token": "warning",
    "kept": "success",
    "cannot be kept": "danger",
    "no longer at WhatsApp": "danger",
}


def shown_media(media: MessageMedia | None) -> str:
    """Return the file as pages show it, or in words why it is not there."""
    return render_to_string("messaging/media.html", {"media": media}) if media else "–"


@admin.register(MessageMedia)
class MessageMediaAdmin(ViewOnlyAdmin):
    list_display = [
        "name",
        "state",
        "stated",
        "size",
        "problem",
        "created_at",
        "tenant",
    ]
    list_select_related = ["tenant"]
    list_filter = ["status"]
    search_fields = ["=media_id"]
    search_help_text = "A whole WhatsApp media id"
    ordering = ["-id"]
    actions = ["fetch_again"]
    fields = [
        "shown",
        "message",
        "state",
        "error",
        "file_name",
        "mime_type",
        "content_type",
        "size",
        "sha256",
        "media_id",
        "attempts",
        "fetch_after",
        "expires_at",
        "created_at",
        "stored_at",
    ]
    readonly_fields = ["shown", "state", "size"]

    class Media:
        css = {"all": ["messaging/messaging.css"]}

    @display(description="file")
    def name(self, media: MessageMedia) -> str:
        return beginning(str(media), 40)

    @display(description="status", ordering="status", label=_STATUS_COLOURS)
    def state(self, media: MessageMedia) -> str:
        return media.get_status_display()

    @display(description="type")
    def stated(self, media: MessageMedia) -> str:
        return beginning(media.content_type or media.mime_type, 30)

    @display(description="size", ordering="size_bytes", empty_value="–")
    def size(self, media: MessageMedia) -> str | None:
        return None if media.size_bytes is None else filesizeformat(media.size_bytes)

    @display(description="problem")
    def problem(self, media: MessageMedia) -> str:
        return beginning(media.error, 80)

    @display(description="file")
    def shown(self, media: MessageMedia) -> str:
        return shown_media(media)

    @admin.action(description="Fetch again", permissions=["view"])
    def fetch_again(self, request: HttpRequest, media: QuerySet[Any]) -> None:
        count = put_back(media.order_by(), now=timezone.now())
        messages.success(
            request, f"{count} files are fetched again within half a minute."
        )
