"""What an entry says differently from the one before it. Pure: asks no database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import TextChoices
from django.utils.formats import date_format

from customers.models import Customer
from customers.rupees import rupees

_NOTHING = "–"
_LONGEST_SHOWN = 80

# In the order in which they are told. What is owed and how late is told in words; the
# day that a file speaks of moves with every file and is no change.
_FIELDS = {
    "loan_number": "Loan number",
    "loan_amount": "Loan amount",
    "emi_amount": "EMI",
    "due_date": "Due date",
    "last_contact_date": "Last contact",
    "full_name": "Name",
    "primary_phone": "Phone",
    "alternate_phone": "Alternate phone",
    "email": "E-mail",
    "language": "Language",
    "state": "State",
}


class Verdict(TextChoices):
    """How a loan moved between two entries."""

    WORSE = "worse", "worse"
    BETTER = "better", "better"
    UNCHANGED = "unchanged", "unchanged"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not what it was, as texts to show."""

    label: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.label}: {self.before} → {self.after}"


@dataclass(frozen=True, slots=True)
class Change:
    """How a loan moved, in a word, in sentences and field by field."""

    verdict: Verdict
    moves: tuple[str, ...]
    differences: tuple[Difference, ...]


def change_between(before: Customer, after: Customer) -> Change:
    """Return how the loan moved from one entry to the next, every changed field named.

    Worse when more is owed or it is later than before; better when less is owed or it
    is less late, and nothing is worse. What one of the entries does not say, judges
    nothing. `customers.comparing` has the same rule in SQL.
    """
    owed = _moved(before.outstanding_amount, after.outstanding_amount)
    days = _moved(before.days_past_due, after.days_past_due)
    if owed > 0 or days > 0:
        verdict = Verdict.WORSE
    elif owed < 0 or days < 0:
        verdict = Verdict.BETTER
    else:
        verdict = Verdict.UNCHANGED
    return Change(
        verdict=verdict,
        moves=tuple(_moves(owed, days)),
        differences=tuple(_differences(before, after)),
    )


def _moved(before: Any, after: Any) -> Any:
    return 0 if before is None or after is None else after - before


def _moves(owed: Decimal, days: int) -> Iterator[str]:
    if owed < 0:
        yield f"paid down by {rupees(-owed)}"
    elif owed > 0:
        yield f"owes {rupees(owed)} more"
    if days:
        yield f"days past due {'+' if days > 0 else '−'}{abs(days)}"


def _differences(before: Customer, after: Customer) -> Iterator[Difference]:
    if (before.outstanding_amount is None) != (after.outstanding_amount is None):
        yield _named("Outstanding", before.outstanding_amount, after.outstanding_amount)
    if (before.days_past_due is None) != (after.days_past_due is None):
        yield _named("Days past due", before.days_past_due, after.days_past_due)
    for field, label in _FIELDS.items():
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            yield _named(label, old, new)
    if _has_other_id(before, after):
        yield _named("National id", before.national_id_masked, after.national_id_masked)
    for header in sorted(before.extra.keys() | after.extra.keys()):
        old, new = before.extra.get(header), after.extra.get(header)
        if old != new:
            yield _named(header, old, new)


def _has_other_id(before: Customer, after: Customer) -> bool:
    """Tell whether the national ids differ, which their last four may not show."""
    if before.national_id_digest and after.national_id_digest:
        return before.national_id_digest != after.national_id_digest
    return before.national_id_masked != after.national_id_masked


def _named(label: str, before: object, after: object) -> Difference:
    return Difference(label, _shown(before), _shown(after))


def _shown(value: object) -> str:
    if isinstance(value, Decimal):
        return rupees(value) or _NOTHING
    if isinstance(value, date):
        return date_format(value)
    text = "" if value is None else str(value)
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[:_LONGEST_SHOWN]}…"
    return text or _NOTHING
