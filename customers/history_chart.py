"""Loans at a glance: where each stands, and a small chart of how it came there. Pure.

A chart is shares of 100, for an SVG without a script: the pages' security policy
allows none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.formats import date_format

from customers.history import Step
from customers.rupees import rupees

MOST_LOANS = 4
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
class Loan:
    """A loan as its newest entry has it; no chart where one day is all there is."""

    newest: Step
    chart: Chart | None


def loans_of(newest_first: Sequence[Step]) -> list[Loan]:
    """Return the loans of these steps, those with the newest entries first."""
    by_loan: dict[str, list[Step]] = {}
    for step in newest_first:
        by_loan.setdefault(step.entry.loan_number, []).append(step)
    return [
        Loan(newest=steps[0], chart=_chart(steps[::-1]))
        for steps in list(by_loan.values())[:MOST_LOANS]
    ]


def _chart(steps: Sequence[Step]) -> Chart | None:
    first, last = steps[0].day, steps[-1].day
    if first == last:
        return None
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
