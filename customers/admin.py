"""The entries of customer files, as staff see them. Facts from outside: view only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

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
        "outstanding_amount",
        "due_date",
        "days_past_due",
        "state",
        "created_at",
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
                    ("loan_number", "loan_amount"),
                    ("outstanding_amount", "emi_amount"),
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

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return matching(queryset, search_term), False
