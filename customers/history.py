"""The dated entries of a phone or of a loan, and what changed from one to the next."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, TruncDate

from customers.changes import Change, change_between
from customers.models import Customer
from tenants.models import Tenant

MOST = 100


@dataclass(frozen=True, slots=True)
class Step:
    """An entry, and what changed since the entry of the same loan before it."""

    entry: Customer
    day: date
    change: Change | None  # None: nothing came before


@dataclass(frozen=True, slots=True)
class History:
    """Some steps, newest first; `older` is whether there are more behind them."""

    steps: list[Step]
    older: bool


def entries_of_phones(
    *, tenant: Tenant, phones: Collection[str]
) -> QuerySet[Customer, Customer]:
    """Return a tenant's entries of these numbers (E.164), newest first."""
    return _dated(tenant).filter(primary_phone__in=phones)


def entries_of_loan(
    *, tenant: Tenant, loan_number: str
) -> QuerySet[Customer, Customer]:
    """Return a tenant's entries of one loan, newest first, whosever phone they name."""
    # Said twice for the planner: the index leaves out entries without a loan number.
    return _dated(tenant).filter(loan_number=loan_number).exclude(loan_number="")


def read_history(
    *,
    entries: QuerySet[Customer, Customer],
    after: UUID | None = None,
    most: int = MOST,
) -> History:
    """Return up to `most` steps, from the newest entry on or from behind `after`.

    The entry before the last ones shown is looked for as far again and no farther.
    """
    if after is not None:
        entries = _older_than(entries, after)
    rows: list[Any] = list(entries[: 2 * most + 1])
    return History(steps=_steps(rows)[:most], older=len(rows) > most)


def _dated(tenant: Tenant) -> QuerySet[Customer, Customer]:
    """Return a tenant's entries in the order of the days that they speak of.

    Where a file names no such day, that is the day it was loaded. Of one day, the later
    file and in it the later line is the newer.
    """
    loaded_on = TruncDate("created_at", tzinfo=ZoneInfo(tenant.timezone))
    return (
        Customer.objects.filter(tenant=tenant)
        .annotate(day=Coalesce("as_of_date", loaded_on))
        .order_by("-day", "-upload_id", "-row_number", "-id")
        .select_related("upload")
        .defer("upload__layout", "upload__notices")
    )


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
    latest: dict[tuple[str, str], Customer] = {}
    steps = []
    for entry in reversed(newest_first):
        # A person may have several loans: each is followed by itself.
        loan = entry.loan_number, "" if entry.loan_number else entry.primary_phone
        before = latest.get(loan)
        change = change_between(before, entry) if before else None
        steps.append(Step(entry=entry, day=entry.day, change=change))
        latest[loan] = entry
    return steps[::-1]
