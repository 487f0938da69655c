"""The entries of customer files, as staff see them. Facts from outside: view only."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ALL_VAR, ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import display

from customers.addresses import loan_address, phone_address
from customers.entry_states import state_of, with_states
from customers.history_pages import HistoryPages
from customers.list_filters import StateFilter, UploadFilter
from customers.models import Customer
from customers.rupees import rupees
from customers.search import (
    MOST_FOUND,
    TOO_SHORT,
    is_too_short,
    matching,
    not_indexed_yet,
)
from tenants.access import tenants_of, visible
from tenants.row_ids import row_id_of
from tenants.scoped_admin import BoundedChangeList, is_superuser
from tenants.search_terms import search_term_of

# The app of uploads stands above this one and is not imported.
_FileUpload: Any = Customer._meta.get_field("upload").related_model

# What a list's address says beside its filters; a chosen file is asked for by itself.
_NOT_NARROWING = {SEARCH_VAR, ORDER_VAR, PAGE_VAR, ALL_VAR, "upload"}


class EntryChangeList(BoundedChangeList):
    """Finds out at once what is so today of the loans of a page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = with_states(self.result_list, now=timezone.now())


@admin.register(Customer)
class CustomerAdmin(HistoryPages):
    list_display = [
        "full_name",
        "phone",
        "tenant",
        "loan",
        "outstanding",
        "due_date",
        "days_past_due",
        "state",
        "as_of",
    ]
    list_select_related = ["tenant"]
    list_filter = [StateFilter, UploadFilter]
    search_fields = ["full_name"]  # shows the box; `matching` does the work
    search_help_text = (
        "A name, the first or last digits of a phone, or any part of a loan number"
    )
    fieldsets = [
        (
            "Person",
            {
                "fields": [
                    ("full_name", "language"),
                    ("phone", "alternate_phone"),
                    ("email", "state"),
                    "national_id_masked",
                ]
            },
        ),
        (
            "Loan",
            {
                "fields": [
                    ("loan", "amount"),
                    ("outstanding", "instalment"),
                    ("due_date", "days_past_due"),
                    ("last_contact_date", "as_of"),
                ]
            },
        ),
        (
            "Entry",
            {
                "fields": [
                    ("upload", "row_number"),
                    ("created_at", "fingerprint"),
                    "extra",
                ]
            },
        ),
    ]

    class Media:
        css = {"all": ["customers/history.css"]}

    readonly_fields = ["phone", "loan", "amount", "outstanding", "instalment", "as_of"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        tenants = list(tenants_of(request.user).order_by())
        upload_id = row_id_of(request.GET.get("upload", ""))
        if search_term_of(search_term):
            if is_too_short(search_term):
                messages.warning(request, TOO_SHORT)
            elif waiting := not_indexed_yet(tenants=tenants, upload_id=upload_id):
                messages.warning(request, waiting)
        found = matching(
            queryset,
            search_term,
            tenants=tenants,
            upload_id=upload_id,
            is_narrowed=bool(request.GET.keys() - _NOT_NARROWING),
        )
        return found, False

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Count what was searched for up to what a search finds."""
        paginator: Any = super().get_paginator(request, *args, **kwargs)
        if request.GET.get(SEARCH_VAR):
            paginator.ceiling = MOST_FOUND
        return paginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        """Name the tenants' files to PostgreSQL, which then reads from their index.

        By the tenant alone it would read everybody's newer entries first.
        """
        entries: QuerySet[Customer] = super().get_queryset(request)
        if is_superuser(request):
            return entries
        known: list[int] | None = getattr(request, "upload_ids", None)
        if known is None:  # asked once per request; a page comes here several times
            known = list(self._uploads(request).values_list("pk", flat=True))
            request.upload_ids = known  # type: ignore[attr-defined] # ours to keep
        return entries.filter(upload__in=known)

    def _uploads(self, request: HttpRequest) -> QuerySet[Any]:
        uploads: QuerySet[Any] = _FileUpload.objects.order_by()
        return visible(uploads, user=request.user)

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """Show the newest file first; of a chosen one, the first line."""
        if request.GET.get("upload"):
            return ["row_number"]
        return ["-upload_id", "-row_number"]

    def get_sortable_by(self, request: HttpRequest) -> list[Any]:
        """Offer to sort a file's or a search's entries: of all, it takes too long."""
        is_narrow = request.GET.get("upload") or request.GET.get("q")
        return list(self.list_display) if is_narrow else []

    @display(description="primary phone", ordering="primary_phone")
    def phone(self, entry: Customer) -> str:
        """Lead to every entry of this phone."""
        address = phone_address(entry.primary_phone, tenant_id=entry.tenant_id)
        return _link(address, entry.primary_phone)

    @display(description="loan number", ordering="loan_number")
    def loan(self, entry: Customer) -> str | None:
        """Lead to every entry of this loan."""
        if not entry.loan_number:
            return None
        address = loan_address(entry.loan_number, tenant_id=entry.tenant_id)
        return _link(address, entry.loan_number)

    @display(description="loan amount")
    def amount(self, entry: Customer) -> str | None:
        return rupees(entry.loan_amount)

    @display(description="outstanding", ordering="outstanding_amount")
    def outstanding(self, entry: Customer) -> str | None:
        return rupees(entry.outstanding_amount)

    @display(description="EMI")
    def instalment(self, entry: Customer) -> str | None:
        return rupees(entry.emi_amount)

    @display(description="as of")
    def as_of(self, entry: Any) -> str:
        """Say of which day the figures are, and whether they are today's."""
        state = state_of(entry, now=timezone.now())
        shown = format_html('<span class="entry-as-of">{}</span>', state.as_of)
        if not state.note:
            return shown
        return format_html(
            '{}<span class="entry-note{}">{}</span>',
            shown,
            " entry-absent" if state.is_absent else "",
            state.note,
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return EntryChangeList


def _link(address: str, text: str) -> str:
    return format_html('<a class="entry-history" href="{}">{}</a>', address, text)
