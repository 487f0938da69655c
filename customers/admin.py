"""The entries of customer files, as staff see them. Facts from outside: view only."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import number_format
from unfold.decorators import display

from customers.list_filters import StateFilter, UploadFilter
from customers.models import Customer
from customers.search import matching
from tenants.scoped_admin import ViewOnlyAdmin


@admin.register(Customer)
class CustomerAdmin(ViewOnlyAdmin):
    list_display = [
        "full_name",
        "primary_phone",
        "tenant",
        "loan_number",
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
                    ("primary_phone", "alternate_phone"),
                    ("email", "state"),
                    "national_id_masked",
                ]
            },
        ),
        (
            "Loan",
            {
                "fields": [
                    ("loan_number", "amount"),
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

    readonly_fields = ["amount", "outstanding", "instalment"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return matching(queryset, search_term), False

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


def rupees(amount: Decimal | None) -> str | None:
    """Return an amount with India's groups, paise only where there are some."""
    if amount is None:
        return None
    places = 0 if amount == amount.to_integral_value() else 2
    return f"₹{number_format(amount, places, use_l10n=True, force_grouping=True)}"
