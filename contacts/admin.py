"""The people who write to a tenant, as staff see and name them."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import display

from contacts import services
from contacts.forms import ContactForm, NewContactForm
from contacts.list_filters import (
    CreatedFilter,
    MarketingFilter,
    NameFilter,
    PhoneFilter,
    TouchedFilter,
)
from contacts.merge_admin import MergingAdmin
from contacts.merged_meanwhile import find_merge_that_changed
from contacts.models import Contact, ContactIdentity
from contacts.panels import render_panels
from contacts.search import matching
from tenants.access import tenants_of
from tenants.change_history import Mask, mask_email, mask_name
from tenants.scoped_admin import ViewOnlyAdmin


@admin.register(Contact)
class ContactAdmin(MergingAdmin):
    """Staff may name a person and add one; what WhatsApp said stays as it was said.

    Counters and times are shown above the form and never in it: a worker counts on
    while the page is open, and saving the form would write the old figures back.
    """

    form = ContactForm
    list_display = [
        "person",
        "phone",
        "tenant",
        "last_message",
        "messages",
        "created",
    ]
    list_select_related = ["tenant"]
    list_filter = [
        CreatedFilter,
        TouchedFilter,
        NameFilter,
        "name_source",
        PhoneFilter,
        MarketingFilter,
    ]
    search_fields = ["name"]  # shows the box; `matching` does the work
    search_help_text = (
        "Name, username, first or last digits of a number, part of a loan number"
    )
    change_form_outer_before_template = "contacts/facts.html"
    change_form_outer_after_template = "contacts/panels.html"
    history_masks: ClassVar[dict[str, Mask]] = {
        "name": mask_name,
        "email": mask_email,
    }

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return [F("last_message_at").desc(nulls_last=True), "-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        return matching(queryset, search_term, user=request.user), False

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if not change:
            kwargs["form"] = NewContactForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": NewContactForm.Meta.fields})]
        return [(None, {"fields": ["name", "email"]})]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        # The form would show the database defaults as expressions.
        return {
            "tenant": tenants_of(request.user).order_by("pk").first(),
            "name": "",
            "email": "",
            **super().get_changeform_initial_data(request),
        }

    def history_name(self, row: Contact) -> str:
        return f"contact {row.pk}"  # the history outlives whom it would name

    def changed_by(
        self, request: HttpRequest, row: Any, column: str, *, since: datetime
    ) -> tuple[str, datetime | None]:
        if merge := find_merge_that_changed(row, column, since=since):
            return f"the merge with contact {merge.merged_contact_id}", merge.merged_at
        sources = {
            "name": (row.name_source, row.get_name_source_display()),
            "email": (row.email_source, row.get_email_source_display()),
        }
        source, shown = sources.get(column, ("", ""))
        if source and source != Contact.NameSource.STAFF:
            return f"a message ({shown})", None
        return super().changed_by(request, row, column, since=since)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a conversation hangs on it; people are erased by command

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        now = timezone.now()
        if not change:
            obj.name_source = Contact.NameSource.UNKNOWN
            obj.save(force_insert=True)
        if "email" in form.changed_data:
            services.email_by_staff(
                contact=obj, email=form.cleaned_data["email"], now=now
            )
        if not change or "name" in form.changed_data:
            services.name_by_staff(contact=obj, name=form.cleaned_data["name"], now=now)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        contact = kwargs.get("obj")
        context["contact"] = contact
        if contact is not None:
            context["panels"] = render_panels(request=request, contact=contact)
            context["identities"] = contact.identities.order_by("kind", "-seen_at")[:20]
            context["may_merge"] = self.has_change_permission(request, contact)
            context["merges"] = contact.absorbed_merges.select_related(
                "merged_by"
            ).order_by("-merged_at")[:20]
            context["may_see_merges"] = request.user.has_perm(
                "contacts.view_contactmerge"
            )
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="name", ordering="name")
    def person(self, contact: Contact) -> str:
        return str(contact)

    @display(description="phone", ordering="phone_number", empty_value="withheld")
    def phone(self, contact: Contact) -> str | None:
        return f"+{contact.phone_number}" if contact.phone_number else None

    @display(description="messages", ordering="message_count")
    def messages(self, contact: Contact) -> int:
        return contact.message_count

    @display(description="created", ordering="created_at")
    def created(self, contact: Contact) -> datetime:
        return contact.created_at

    @display(description="last message", ordering="last_message_at")
    def last_message(self, contact: Contact) -> datetime | None:
        return contact.last_message_at


@admin.register(ContactIdentity)
class ContactIdentityAdmin(ViewOnlyAdmin):
    list_display = ["value", "kind", "tenant", "contact", "seen_at"]
    list_select_related = ["tenant", "contact"]
    list_filter = ["kind"]
    search_fields = ["=value"]
    search_help_text = "A whole number (digits) or WhatsApp user id"
    ordering = ["-id"]
