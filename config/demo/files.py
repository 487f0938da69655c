"""The demo's customer files: the same borrowers in three months."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

from config.demo.people import Person, borrowers

HEADER = (
    "Customer Name",
    "Mobile No",
    "Loan A/c No",
    "Loan Amount",
    "Outstanding",
    "EMI",
    "Due Date",
    "DPD",
    "State",
    "Language",
    "Aadhaar",
    "As On",
    "Branch Remark",
)
# What goes wrong in files: each costs its row and no other.
_BAD_ROWS = (
    ("Ramesh Kumar", "98765", {"Loan A/c No": "SF-2903"}),
    ("Vandana Shetty", "9.19876E+11", {"Loan A/c No": "SF-2910"}),
    (
        "Kishore Das",
        "+91 98000 02981",
        {"Loan A/c No": "SF-2917", "Outstanding": "1,250,00"},
    ),
    (
        "Alka Singh",
        "+91 98000 02982",
        {"Loan A/c No": "SF-2924", "Due Date": "31-02-2026"},
    ),
)
# Closed their loan before the second file; joined after the first.
GONE, _NEW = {7, 17}, {5, 15, 21}


def month_before(today: date) -> date:
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


def oldest_file(today: date) -> tuple[str, bytes]:
    """Return name and content of the file of the month before last."""
    month = month_before(month_before(today))
    people = [person for person in borrowers() if person.place not in _NEW]
    return _file(people, month, paid_since=-1, bad=())


def earlier_file(today: date) -> tuple[str, bytes]:
    """Return name and content of last month's file."""
    month = month_before(today)
    people = [person for person in borrowers() if person.place not in _NEW]
    return _file(people, month, paid_since=0, bad=_BAD_ROWS[:2])


def later_file(today: date) -> tuple[str, bytes]:
    """Return name and content of this month's: paid down, worsened, gone, new."""
    people = [person for person in borrowers() if person.place not in GONE]
    return _file(people, today.replace(day=1), paid_since=1, bad=_BAD_ROWS)


def _file(
    people: list[Person],
    month: date,
    *,
    paid_since: int,
    bad: tuple[tuple[str, str, dict[str, str]], ...],
) -> tuple[str, bytes]:
    text = io.StringIO()
    sheet = csv.DictWriter(text, HEADER)
    sheet.writeheader()
    rows = [_row(person, month, paid_since=paid_since) for person in people]
    for place, (name, phone, faults) in enumerate(bad):
        like = rows[place * 9]
        rows.insert(
            place * 9 + 4,
            {
                **like,
                "Customer Name": name,
                "Mobile No": phone,
                "Aadhaar": "",
                **faults,
            },
        )
    sheet.writerows(rows)
    return f"sunrise-dues-{month:%Y-%m}.csv", text.getvalue().encode("utf-8-sig")


def _row(person: Person, month: date, *, paid_since: int) -> dict[str, str]:
    # Who is late by months did not pay this month either, and owes the same.
    paid = person.months_paid + (0 if person.days_past_due > 30 else paid_since)
    due = _due_date(person, month, paid_since=paid_since)
    dpd = max((month - due).days, 0)
    outstanding = person.loan_amount * (person.months - paid) / person.months
    return {
        "Customer Name": person.name,
        "Mobile No": _typed(person.phone or "", person.place),
        "Loan A/c No": person.loan_number,
        "Loan Amount": _lakhs(person.loan_amount),
        "Outstanding": _lakhs(outstanding),
        "EMI": str(person.emi),
        "Due Date": f"{due:%d-%m-%Y}",
        "DPD": str(dpd),
        "State": person.state,
        "Language": person.language,
        "Aadhaar": f"XXXX XXXX {1000 + person.place * 137:04d}",
        "As On": f"{month:%d-%m-%Y}",
        "Branch Remark": "Visit planned" if dpd > 60 else "",
    }


def _due_date(person: Person, month: date, *, paid_since: int) -> date:
    """Return the day of the oldest instalment that is not paid on a month's first."""
    late = person.days_past_due
    if late > 30:  # the same one in all files: in the second it was due so long ago
        second = month
        for _ in range(-paid_since):
            second = (second + timedelta(days=31)).replace(day=1)
        for _ in range(paid_since):
            second = month_before(second)
        return second - timedelta(days=late)
    late = max(late - 5 * paid_since, 0) if late else 0
    return month - timedelta(days=late) if late else month.replace(day=_day_of(person))


def next_due_date(person: Person, day: date) -> date:
    """Return when the next instalment is due after a day, as the files have it."""
    if not person.loan_number:
        return day + timedelta(days=5)
    due = _due_date(person, day.replace(day=1), paid_since=1)
    days = (day + timedelta(days=ahead) for ahead in range(1, 63))
    return next(one for one in days if one.day == due.day)


def _day_of(person: Person) -> int:
    """Return the day of the month on which a person's instalments are due."""
    return 5 + person.place % 20


def _typed(wa_id: str, place: int) -> str:
    """Return the number as one of the clerks types it."""
    own = wa_id.removeprefix("91")
    return (own, f"+91 {own[:5]} {own[5:]}", f"0{own}", f"91{own}")[place % 4]


def _lakhs(amount: Decimal) -> str:
    """Return rupees with India's groups: 1,50,000."""
    digits = str(int(amount))
    head, tail = digits[:-3], digits[-3:]
    groups = [head[max(end - 2, 0) : end] for end in range(len(head), 0, -2)]
    return ",".join([*reversed(groups), tail])
