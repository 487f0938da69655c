"""The dated entries of a phone or of a loan, and what changed from one to the next."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import DateField, DateTimeField, F, Func, Q, QuerySet
from django.db.models.functions import Cast, Coalesce

from customers.changes import Change, change_between
from customers.models import Customer
from tenants.models import Tenant

MOST = 100
# Times as many entries of the shown loans are read under whatever phone.
_LOANS_READ = 4


@dataclass(frozen=True, slots=True)
class Step:
    """An entry, and what changed since the entry of the same loan before it."""

    entry: Customer
    day: date
    change: Change | None  # None: nothing came before


# A loan is its tenant's, and known by its number; without one, by its phone.
LoanKey = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class History:
    """Some steps, newest first; `older` is whether there are more behind them.

    `by_loan` has all that was read of each of their loans, under other phones too.
    """

    steps: list[Step]
    older: bool
    by_loan: dict[LoanKey, list[Step]]


def loan_key(entry: Customer) -> LoanKey:
    """Return what an entry's loan is known by."""
    phone = "" if entry.loan_number else entry.primary_phone
    return entry.tenant_id, entry.loan_number, phone


def entries_of_phones(
    *, tenant: Tenant, phones: Collection[str]
) -> QuerySet[Customer, Customer]:
    """Return a tenant's entries of these numbers (E.164), newest first."""
    return dated_entries(tenant).filter(primary_phone__in=phones)


def entries_of_loan(
    *, tenant: Tenant, loan_number: str
) -> QuerySet[Customer, Customer]:
    """Return a tenant's entries of one loan, newest first, whosever phone they name."""
    # Said twice for the planner: the index leaves out entries without a loan number.
    return dated_entries(tenant).filter(loan_number=loan_number).exclude(loan_number="")


def read_history(
    *,
    tenant: Tenant,
    entries: QuerySet[Customer, Customer],
    after: UUID | None = None,
    most: int = MOST,
) -> History:
    """Return up to `most` steps, from the newest entry on or from behind `after`.

    A step is told against its loan's entry before it, whatever phone that was under:
    so a phone's page and a loan's say the same. The entry before the last ones shown is
    looked for as far again and no farther.
    """
    if after is not None:
        entries = _older_than(entries, after)
    rows: list[Any] = list(entries[: 2 * most + 1])
    loans = {entry.loan_number for entry in rows if entry.loan_number}
    if loans:
        of_loans = dated_entries(tenant).filter(loan_number__in=loans)
        known = {entry.pk for entry in rows}
        more = of_loans.exclude(loan_number="")[: _LOANS_READ * most]
        rows += [entry for entry in more if entry.pk not in known]
        by_loan = _steps(sorted(rows, key=_place, reverse=True))
        steps = [step for step in by_loan if step.entry.pk in known]
    else:
        steps = by_loan = _steps(rows)
    chains: dict[LoanKey, list[Step]] = {}
    for step in by_loan:
        chains.setdefault(loan_key(step.entry), []).append(step)
    return History(steps=steps[:most], older=len(steps) > most, by_loan=chains)


def dated_entries(*tenants: Tenant) -> QuerySet[Customer, Customer]:
    """Return tenants' entries in the order of the days that they speak of.

    Where a file names no such day, that is the day it was loaded, where the tenant is;
    of a corrected row, the day that the file it corrects was sent. Of one day, the
    later file and in it the later line is the newer.
    """
    came_at = Coalesce(
        "upload__parent__parent__created_at",
        "upload__parent__created_at",
        "created_at",
    )
    came_on = Cast(
        Func(
            F("tenant__timezone"),
            came_at,
            function="timezone",
            output_field=DateTimeField(),
        ),
        DateField(),
    )
    return (
        Customer.objects.filter(tenant__in=[tenant.pk for tenant in tenants])
        .annotate(day=Coalesce("as_of_date", came_on))
        .order_by("-day", "-upload_id", "-row_number", "-id")
        .select_related("upload")
        .defer("upload__layout", "upload__notices")
    )


def _place(entry: Any) -> tuple[Any, ...]:
    return entry.day, entry.upload_id, entry.row_number, entry.pk


def _older_than(
    entries: QuerySet[Customer, Customer], entry_id: UUID
) -> QuerySet[Customer, Customer]:
    place: Any = entries.filter(pk=entry_id).first()
    if place is None:
        return entries.none()
    return entries.filter(
        Q(day__lt=place.day)
        | Q(day=place.day, upload__lt=place.upload_id)
        | Q(day=place.day, upload=place.upload_id, row_number__lt=place.row_number)
        | Q(
            day=place.day,
            upload=place.upload_id,
            row_number=place.row_number,
            pk__lt=place.pk,
        )
    )


def _steps(newest_first: Sequence[Any]) -> list[Step]:
    latest: dict[LoanKey, Customer] = {}
    steps = []
    for entry in reversed(newest_first):
        # A person may have several loans: each is followed by itself.
        loan = loan_key(entry)
        before = latest.get(loan)
        change = change_between(before, entry) if before else None
        steps.append(Step(entry=entry, day=entry.day, change=change))
        latest[loan] = entry
    return steps[::-1]
