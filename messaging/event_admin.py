"""The queue of events in the admin: what waits, since when, and why."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display

from contacts.models import Contact
from messaging.bell import bell
from messaging.events import put_back
from messaging.lag import read_lag
from messaging.list_filters import ReceivedFilter
from messaging.looks import STATUS_COLOURS, Styled, beginning, pretty
from messaging.models import WebhookEvent
from tenants.row_ids import row_id_of
from tenants.scoped_admin import BoundedAdmin, SuperuserOnly, is_superuser
from tenants.search_terms import search_term_of

_SHOWN_PEOPLE = 20


@admin.register(WebhookEvent)
class WebhookEventAdmin(SuperuserOnly, Styled, BoundedAdmin):
    """The queue. One event may hold the messages of several tenants, so no member of
    a single tenant's staff may read it."""

    list_display = ["number", "received_at", "state", "attempts", "signed_by", "reason"]
    list_filter = ["status", ReceivedFilter]
    search_fields = ["pk"]  # shows the box; `get_search_results` does the work
    search_help_text = "An event's number, or a phone_number_id nobody had registered"
    ordering = ["-id"]
    list_before_template = "messaging/queue.html"
    change_form_outer_before_template = "messaging/event.html"
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
        "people",
        "awaited",
        "content",
    ]
    readonly_fields = ["state", "made", "people", "awaited", "content"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_process_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def get_urls(self) -> list[URLPattern]:
        replay = path(
            "<int:event_id>/replay/",
            self.admin_site.admin_view(require_POST(self.replay_view)),
            name="messaging_webhookevent_replay",
        )
        return [replay, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        lag = read_lag(now=timezone.now())
        return super().changelist_view(request, (extra_context or {}) | {"lag": lag})

    def replay_view(self, request: HttpRequest, event_id: int) -> HttpResponse:
        if not self.has_process_permission(request):
            raise PermissionDenied
        if not WebhookEvent.objects.filter(pk=event_id).exists():
            raise Http404
        self._replay(request, WebhookEvent.objects.filter(pk=event_id))
        return redirect("admin:messaging_webhookevent_change", event_id)

    def _replay(self, request: HttpRequest, events: QuerySet[WebhookEvent]) -> None:
        count = put_back(events.order_by(), now=timezone.now())
        bell.ring()
        messages.success(
            request, f"{count} event{pluralize(count)} will be processed again."
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        rows: QuerySet[WebhookEvent] = super().get_queryset(request)
        return rows.defer("body")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term_of(search_term)
        if not term:
            return queryset, False
        if not (term.isascii() and term.isdigit()):
            return queryset.none(), False
        waiting = queryset.filter(
            status=WebhookEvent.Status.UNROUTABLE, unrouted_numbers__contains=[term]
        )
        return queryset.filter(pk=row_id_of(term)) | waiting, False

    @display(description="event")
    def number(self, event: WebhookEvent) -> int:
        return int(event.pk)

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def state(self, event: WebhookEvent) -> str:
        return event.get_status_display()

    @display(description="problem")
    def reason(self, event: WebhookEvent) -> str:
        return beginning(event.error, 80)

    @display(description="what it made")
    def made(self, event: WebhookEvent) -> SafeString:
        rows = [
            ("chatmessage", "message", event.messages.count()),
            ("messagestatus", "status", event.statuses.count()),
        ]
        links = [
            (
                reverse(f"admin:messaging_{model}_changelist"),
                event.pk,
                f"{count} {name}{pluralize(count, 'es' if name == 'status' else 's')}",
            )
            for model, name, count in rows
        ]
        return format_html_join(", ", '<a href="{}?event__id__exact={}">{}</a>', links)

    @display(description="whose they are")
    def people(self, event: WebhookEvent) -> SafeString:
        people = Contact.objects.filter(
            pk__in=event.messages.values("contact_id")
        ).order_by("pk")[: _SHOWN_PEOPLE + 1]
        links = [
            (reverse("admin:contacts_contact_change", args=[one.pk]), one)
            for one in people
        ]
        return format_html(
            "{}{}",
            format_html_join(", ", '<a href="{}">{}</a>', links[:_SHOWN_PEOPLE]),
            " and more" if len(links) > _SHOWN_PEOPLE else "",
        )

    @display(description="waits for", empty_value="nobody")
    def awaited(self, event: WebhookEvent) -> str | None:
        # Each is a tenant, a kind of identity and its value.
        people = [one.split(" ", 2)[-1] for one in event.awaits]
        return ", ".join(dict.fromkeys(people)) or None

    @display(description="body")
    def content(self, event: WebhookEvent) -> SafeString:
        return pretty(bytes(event.body).decode("utf-8", "backslashreplace"))

    @admin.action(description="Process again", permissions=["process"])
    def process_again(
        self, request: HttpRequest, events: QuerySet[WebhookEvent]
    ) -> None:
        self._replay(request, events)
