"""What is so of a loan today: the one place that decides, for every page.

The newest entry of a loan counts, under whatever phone. If its lender has sent a newer
file that the loan is not in, then nobody knows, and it counts in no total.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.apps import apps
from django.db.models import QuerySet

from customers.dues import DueSentence, as_of_text, day_text, due_sentences
from customers.history import LoanKey, dated_entries, entries_of_phones, loan_key
from customers.lenders import Delivery, corrected_files, newest_deliveries
from customers.models import Customer, LenderFile
from tenants.models import Tenant

# The newest entries of a person among which loans are looked for.
_ENTRIES_READ = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentLoan:
    """A loan's newest entry, and what its lender's newest file says of it.

    `newest_day` is the day of that file when the loan is not in it, else None;
    `is_unreadable` is whether its row was refused there.
    """

    entry: Any
    day: date
    today: date
    newest_day: date | None = None
    is_unreadable: bool = False

    @property
    def key(self) -> LoanKey:
        return loan_key(self.entry)

    @property
    def is_current(self) -> bool:
        """Whether it counts in what is so today."""
        return self.newest_day is None

    @property
    def as_of(self) -> str:
        return as_of_text(self.day, today=self.today)

    @property
    def absence(self) -> str:
        """Why it does not count, in a sentence; "" when it does."""
        if self.newest_day is None:
            return ""
        newest, seen = day_text(self.newest_day), day_text(self.day)
        if self.is_unreadable:
            return f"Its row in the file of {newest} was refused; last read {seen}"
        return f"Not in the file of {newest}; last seen {seen}"

    @property
    def dues(self) -> list[DueSentence]:
        return due_sentences(
            due_date=self.entry.due_date,
            days_past_due=self.entry.days_past_due,
            day=self.day,
            today=self.today,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoansOfPhones:
    """The loans that files have named under some phones, newest entries first."""

    loans: list[CurrentLoan]
    phones: frozenset[str]

    @property
    def counted(self) -> list[CurrentLoan]:
        """Those of today that are still under one of the phones."""
        return [loan for loan in self.loans if loan.is_current and self.owns(loan)]

    @property
    def absent_count(self) -> int:
        return sum(not loan.is_current for loan in self.loans)

    @property
    def elsewhere_count(self) -> int:
        return sum(loan.is_current and not self.owns(loan) for loan in self.loans)

    @property
    def outstanding(self) -> Decimal:
        amounts = (loan.entry.outstanding_amount for loan in self.counted)
        return sum((amount for amount in amounts if amount is not None), Decimal(0))

    @property
    def without_outstanding(self) -> int:
        return sum(loan.entry.outstanding_amount is None for loan in self.counted)

    @property
    def past_due_count(self) -> int:
        return sum((loan.entry.days_past_due or 0) > 0 for loan in self.counted)

    @property
    def as_of(self) -> str:
        """When the sum was true: a day, or the first and the last of several."""
        days = [loan.day for loan in self.counted]
        if not days:
            return ""
        newest = as_of_text(max(days), today=self.counted[0].today)
        if min(days) == max(days):
            return newest
        return f"as of {day_text(min(days))} to {newest.removeprefix('as of ')}"

    def owns(self, loan: CurrentLoan) -> bool:
        return loan.entry.primary_phone in self.phones


def today_of(tenant: Tenant, *, now: datetime) -> date:
    """Return the day it is where the tenant is."""
    return now.astimezone(ZoneInfo(tenant.timezone)).date()


def read_loans_of_phones(
    *, tenant: Tenant, phones: Collection[str], now: datetime
) -> LoansOfPhones:
    """Return the loans of a phone or of a person (E.164), as they are today."""
    entries = entries_of_phones(tenant=tenant, phones=phones)
    named = entries.values_list("loan_number", "primary_phone")[:_ENTRIES_READ]
    keys = dict.fromkeys((tenant.pk, n, "" if n else phone) for n, phone in named)
    found = find_current_loans(tenants=[tenant], keys=keys, now=now)
    loans = sorted(found.values(), key=lambda loan: loan.is_current, reverse=True)
    return LoansOfPhones(loans=loans, phones=frozenset(phones))


def read_loan(*, tenant: Tenant, loan_number: str, now: datetime) -> LoansOfPhones:
    """Return one loan as it is today, under whatever phone."""
    key = (tenant.pk, loan_number, "")
    loans = list(find_current_loans(tenants=[tenant], keys=[key], now=now).values())
    return LoansOfPhones(
        loans=loans, phones=frozenset(loan.entry.primary_phone for loan in loans)
    )


def find_current_loans(
    *, tenants: Collection[Tenant], keys: Iterable[LoanKey], now: datetime
) -> dict[LoanKey, CurrentLoan]:
    """Return what is so today of these loans of these tenants, in their order.

    In as many queries for many as for one.
    """
    keys = list(keys)
    today = {tenant.pk: today_of(tenant, now=now) for tenant in tenants}
    newest = _newest_entries(tenants, keys)
    superseded = _superseded(newest)
    present = _present(superseded)
    refused = _refused(superseded, present)
    loans = {}
    for key in keys:
        if (entry := newest.get(key)) is None:
            continue
        newer = None if key in present else superseded.get(key)
        loans[key] = CurrentLoan(
            entry=entry,
            day=entry.day,
            today=today[entry.tenant_id],
            newest_day=newer.day if newer else None,
            is_unreadable=key in refused,
        )
    return loans


def _newest_entries(
    tenants: Collection[Tenant], keys: Collection[LoanKey]
) -> dict[LoanKey, Any]:
    entries = dated_entries(*tenants)
    newest_first = ("-day", "-upload_id", "-row_number", "-id")
    found: list[Any] = []
    if numbers := _numbers(keys):
        loan = ("tenant_id", "loan_number")
        of_loans = entries.filter(loan_number__in=numbers).exclude(loan_number="")
        found += of_loans.order_by(*loan, *newest_first).distinct(*loan)
    if phones := _phones(keys):
        loan = ("tenant_id", "primary_phone")
        of_phones = entries.filter(loan_number="", primary_phone__in=phones)
        found += of_phones.order_by(*loan, *newest_first).distinct(*loan)
    return {loan_key(entry): entry for entry in found}


def _superseded(newest: dict[LoanKey, Any]) -> dict[LoanKey, Delivery]:
    """Return the loans whose lender has sent a newer file than their newest entry's."""
    files = corrected_files({entry.upload_id for entry in newest.values()})
    known = LenderFile.objects.in_bulk(set(files.values()))
    deliveries = newest_deliveries(
        tenant_ids={file.tenant_id for file in known.values()},
        lender_ids={file.lender_id for file in known.values()},
    )
    superseded = {}
    for key, entry in newest.items():
        file = known.get(files.get(entry.upload_id))
        delivery = file and deliveries.get(file.lender_id)
        if (
            file
            and delivery
            and delivery.day >= entry.day
            and (delivery.day, delivery.delivery_id) > (file.day, file.delivery_id)
        ):
            superseded[key] = delivery
    return superseded


def _present(superseded: dict[LoanKey, Delivery]) -> set[LoanKey]:
    """Return those that are in the newer file after all, with an older day."""
    # Read by loan and sorted out here: the planner would rather read whole files.
    entries = Customer.objects.filter(tenant__in={tenant for tenant, *_ in superseded})
    rows = _keys_with_uploads(entries, superseded)
    return {
        key
        for key, upload_id in rows
        if key in superseded and upload_id in superseded[key].upload_ids
    }


def _refused(
    superseded: dict[LoanKey, Delivery], present: set[LoanKey]
) -> set[LoanKey]:
    """Return those whose row the newer file has, but could not be read."""
    absent = {key: superseded[key] for key in superseded if key not in present}
    uploads = {pk for delivery in absent.values() for pk in delivery.upload_ids}
    # The app of uploads stands above this one and is not imported.
    row_issues: Any = apps.get_model("uploads", "RowIssue")
    issues = row_issues.objects.filter(upload__in=uploads).order_by()
    return {
        key
        for key, upload_id in _keys_with_uploads(
            issues, absent, tenant="upload__tenant_id"
        )
        if key in absent and upload_id in absent[key].upload_ids
    }


def _keys_with_uploads(
    rows: "QuerySet[Any]", keys: Collection[LoanKey], *, tenant: str = "tenant_id"
) -> list[tuple[LoanKey, int]]:
    """Return the loans that rows with a loan number and a phone are of."""
    columns = (tenant, "loan_number", "primary_phone", "upload_id")
    found: list[Any] = []
    if numbers := _numbers(keys):
        of_loans = rows.filter(loan_number__in=numbers).exclude(loan_number="")
        found += of_loans.values_list(*columns)
    if phones := _phones(keys):
        of_phones = rows.filter(loan_number="", primary_phone__in=phones)
        found += of_phones.exclude(primary_phone="").values_list(*columns)
    return [
        ((tenant_id, loan, "" if loan else phone), upload_id)
        for tenant_id, loan, phone, upload_id in found
    ]


def _numbers(keys: Collection[LoanKey]) -> list[str]:
    return [loan for _, loan, _ in keys if loan]


def _phones(keys: Collection[LoanKey]) -> list[str]:
    return [phone for _, loan, phone in keys if not loan]
