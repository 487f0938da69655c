"""The entries of customer files, as staff see them. Facts from outside: view only."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import display

from customers.addresses import loan_address, phone_address
from customers.history_pages import HistoryPages
from customers.list_filters import StateFilter, UploadFilter
from customers.models import Customer
from customers.rupees import rupees
from customers.search import matching


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
        "entered",
    ]
    list_select_related = ["tenant"]
    list_filter = [StateFilter, UploadFilter]
    ordering = ["-id"]
    search_fields = ["full_name"]  # shows the box; `matching` does the work
    search_help_text = "Phone, loan number or name"
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
                    ("last_contact_date", "as_of_date"),
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

    readonly_fields = ["phone", "loan", "amount", "outstanding", "instalment"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return matching(queryset, search_term), False

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

    @display(description="entered", ordering="created_at")
    def entered(self, entry: Customer) -> date:
        return timezone.localtime(entry.created_at).date()


def _link(address: str, text: str) -> str:
    return format_html('<a class="entry-history" href="{}">{}</a>', address, text)
