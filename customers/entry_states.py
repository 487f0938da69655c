"""What is said in a list of each entry: of which day it is, and whether that is today's
state of its loan."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from customers.current_loans import CurrentLoan, find_current_loans
from customers.dues import as_of_text, day_text
from customers.history import dated_entries, loan_key


@dataclass(frozen=True, slots=True)
class EntryState:
    """ "1 Nov 2026, 28 days ago", and why it is not today's, if it is not."""

    as_of: str
    note: str = ""
    is_absent: bool = False


def with_states(entries: Iterable[Any], *, now: datetime) -> list[Any]:
    """Return these entries, each with its `state_today`, in a few queries for all."""
    listed = list(entries)
    tenants = {entry.tenant_id: entry.tenant for entry in listed}
    loans = find_current_loans(
        tenants=tenants.values(), keys={loan_key(entry) for entry in listed}, now=now
    )
    days = {loan.entry.pk: loan.day for loan in loans.values()}
    if older := [entry.pk for entry in listed if entry.pk not in days]:
        dated: Any = dated_entries(*tenants.values()).filter(pk__in=older).order_by()
        days |= dict(dated.values_list("pk", "day"))
    for entry in listed:
        loan, day = loans.get(loan_key(entry)), days.get(entry.pk)
        if loan is not None and day is not None:
            entry.state_today = EntryState(
                as_of_text(day, today=loan.today).removeprefix("as of "),
                _note(entry, loan),
                is_absent=not loan.is_current,
            )
        else:  # undone between two queries
            entry.state_today = EntryState("")
    return listed


def state_of(entry: Any, *, now: datetime) -> EntryState:
    """Return what `with_states` found out, of a single entry now."""
    if not hasattr(entry, "state_today"):
        with_states([entry], now=now)
    state: EntryState = entry.state_today
    return state


def _note(entry: Any, loan: CurrentLoan) -> str:
    if loan.entry.pk == entry.pk:
        return loan.absence
    newer = f"A newer entry is of {day_text(loan.day)}"
    return f"{newer}. {loan.absence}" if loan.absence else newer
