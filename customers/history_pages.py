"""The pages of a phone's and of a loan's history, in the admin."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone

from customers.current_loans import (
    LoansOfPhones,
    read_loan,
    read_loans_of_phones,
)
from customers.history import (
    History,
    entries_of_loan,
    entries_of_phones,
    read_history,
)
from customers.history_chart import loans_context
from customers.models import Customer
from customers.panels import render_panels
from tenants.access import tenants_of
from tenants.models import Tenant
from tenants.scoped_admin import ViewOnlyAdmin

_PHONE = re.compile(r"\+?([0-9]{4,19})")


class HistoryPages(ViewOnlyAdmin):
    """Adds the histories to the admin of entries."""

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "phone/",
                self.admin_site.admin_view(self.phone_view),
                name="customers_customer_phone",
            ),
            path(
                "loan/",
                self.admin_site.admin_view(self.loan_view),
                name="customers_customer_loan",
            ),
        ]
        return own + super().get_urls()

    def phone_view(self, request: HttpRequest) -> HttpResponse:
        # A plus that was typed into the address arrives as a space.
        written = _PHONE.fullmatch(request.GET.get("number", "").strip())
        if written is None:
            raise Http404
        number = f"+{written[1]}"
        tenants = self._tenants_with(request, primary_phone=number)
        return self._history_page(
            request,
            tenants,
            lambda tenant: entries_of_phones(tenant=tenant, phones=[number]),
            lambda tenant, now: read_loans_of_phones(
                tenant=tenant, phones=[number], now=now
            ),
            phone=number,
        )

    def loan_view(self, request: HttpRequest) -> HttpResponse:
        number = request.GET.get("number", "")
        if not number or "\0" in number:
            raise Http404
        tenants = self._tenants_with(request, loan_number=number)
        return self._history_page(
            request,
            tenants,
            lambda tenant: entries_of_loan(tenant=tenant, loan_number=number),
            lambda tenant, now: read_loan(tenant=tenant, loan_number=number, now=now),
            loan_number=number,
        )

    def _tenants_with(self, request: HttpRequest, **entry: str) -> list[Tenant]:
        """Return the visitor's tenants that have such an entry."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        entries = Customer.objects.filter(tenant=OuterRef("pk"), **entry)
        if "loan_number" in entry:
            entries = entries.exclude(loan_number="")  # as its index does
        return list(tenants_of(request.user).filter(Exists(entries)))

    def _history_page(
        self,
        request: HttpRequest,
        tenants: list[Tenant],
        entries_of: Callable[[Tenant], "QuerySet[Customer, Customer]"],
        loans_of: Callable[[Tenant, datetime], LoansOfPhones],
        **subject: str,
    ) -> HttpResponse:
        """Show one tenant's entries; what another has of the same is its own."""
        tenant = _chosen(request, tenants)
        after = request.GET.get("after")
        history = read_history(
            tenant=tenant,
            entries=entries_of(tenant),
            after=_entry_id(after) if after else None,
        )
        if not history.steps:
            raise Http404
        newest = history.steps[0].entry
        phones = [subject["phone"]] if "phone" in subject else []
        phones += [step.entry.primary_phone for step in history.steps]
        context = {
            **self.admin_site.each_context(request),
            **subject,
            "title": _title(newest, **subject),
            "opts": self.opts,
            "tenant": tenant,
            "elsewhere": [other for other in tenants if other != tenant],
            "history": history,
            **self._loans(tenant, history, loans_of, is_continued=after is not None),
            "names": list(dict.fromkeys(s.entry.full_name for s in history.steps))[:5],
            "panels": render_panels(
                request=request, tenant=tenant, phones=list(dict.fromkeys(phones))
            ),
            "may_see_uploads": request.user.has_perm("uploads.view_fileupload"),
        }
        return render(request, "customers/history.html", context)

    def _loans(
        self,
        tenant: Tenant,
        history: History,
        loans_of: Callable[[Tenant, datetime], LoansOfPhones],
        *,
        is_continued: bool,
    ) -> dict[str, Any]:
        """Return what is so today, which stands before the newest entries only."""
        if is_continued:
            return {"is_continued": True}
        return loans_context(loans_of(tenant, timezone.now()), history)


def _chosen(request: HttpRequest, tenants: list[Tenant]) -> Tenant:
    wanted = request.GET.get("tenant")
    for tenant in tenants:
        if wanted in (None, "", str(tenant.pk)):
            return tenant
    raise Http404


def _entry_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as exc:
        raise Http404 from exc


def _title(newest: Any, *, phone: str = "", loan_number: str = "") -> str:
    return f"{newest.full_name}, {phone}" if phone else f"Loan {loan_number}"
