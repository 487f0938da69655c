"""Loans at a glance: where each stands, and a small chart of how it came there. Pure.

A chart is shares of 100, for an SVG without a script: the pages' security policy
allows none.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format

from customers.current_loans import CurrentLoan, LoansOfPhones
from customers.history import History, Step
from customers.rupees import rupees

MOST_LOANS = 12
_ROOM = 4  # at the left and the right, so that the outer bars are whole
_CEILING = 6  # above the highest, so that its mark is whole


@dataclass(frozen=True, slots=True)
class Point:
    """A step's place from the left and from the top; `late` is the height of a bar."""

    x: float
    owed: float | None
    late: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    points: list[Point]
    most_owed: Decimal
    most_late: int
    first_day: date
    last_day: date

    @property
    def line(self) -> str:
        """Return the line of what was owed, for `<polyline points>`."""
        return " ".join(f"{p.x},{p.owed}" for p in self.points if p.owed is not None)


@dataclass(frozen=True, slots=True)
class LoanCard:
    """A loan as it is today; no chart where one day is all there is."""

    loan: CurrentLoan
    chart: Chart | None
    is_elsewhere: bool = False


def cards_of(
    loans: Sequence[CurrentLoan],
    history: History,
    *,
    phones: Collection[str] | None = None,
) -> list[LoanCard]:
    """Return the cards of these loans, at most `MOST_LOANS`.

    Of those whose newest entry is under none of `phones`, if given, the card says so.
    """
    return [
        LoanCard(
            loan=loan,
            chart=_chart(history.by_loan.get(loan.key, [])[::-1]),
            is_elsewhere=phones is not None and loan.entry.primary_phone not in phones,
        )
        for loan in loans[:MOST_LOANS]
    ]


def loans_context(loans: LoansOfPhones, history: History) -> dict[str, Any]:
    """Return what "customers/loans.html" shows of somebody's loans."""
    return {
        "loans": loans,
        "cards": cards_of(loans.loans, history, phones=loans.phones),
    }


def _chart(steps: Sequence[Step]) -> Chart | None:
    if not steps or steps[0].day == steps[-1].day:
        return None
    first, last = steps[0].day, steps[-1].day
    most_owed = max((step.entry.outstanding_amount or Decimal(0)) for step in steps)
    most_late = max((step.entry.days_past_due or 0) for step in steps)
    per_day = (100 - 2 * _ROOM) / (last - first).days
    return Chart(
        points=[
            Point(
                x=round(_ROOM + per_day * (step.day - first).days, 2),
                owed=None
                if step.entry.outstanding_amount is None
                else 100 - _height(step.entry.outstanding_amount, most_owed),
                late=_height(step.entry.days_past_due or 0, most_late),
                title=_title(step),
            )
            for step in steps
        ],
        most_owed=most_owed,
        most_late=most_late,
        first_day=first,
        last_day=last,
    )


def _height(value: Decimal | int, most: Decimal | int) -> float:
    share = float(value) / float(most) if value > 0 else 0
    return round((100 - _CEILING) * share, 2)


def _title(step: Step) -> str:
    owed = rupees(step.entry.outstanding_amount) or "no outstanding"
    late = step.entry.days_past_due
    days = "" if late is None else f", {late} days past due"
    return f"{date_format(step.day)}: {owed}{days}"
