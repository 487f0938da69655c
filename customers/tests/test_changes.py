from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from customers.changes import change_between
from customers.models import Customer


def entry(**fields: Any) -> Customer:
    usual = {
        "full_name": "Asha Verma",
        "primary_phone": "+919876543210",
        "loan_number": "LN001",
        "outstanding_amount": Decimal(15000),
        "days_past_due": 0,
    }
    return Customer(**{**usual, **fields})


@pytest.mark.parametrize(
    ("before", "after", "verdict", "moves"),
    [
        ((15000, 0), (15000, 0), "unchanged", ()),
        ((15000, 0), (12000, 0), "better", ("paid down by ₹3,000",)),
        ((15000, 0), (150000, 0), "worse", ("owes ₹1,35,000 more",)),
        ((15000, 12), (15000, 42), "worse", ("days past due +30",)),
        ((15000, 12), (15000, 7), "better", ("days past due −5",)),
        (
            (15000, 12),
            (12000, 42),
            "worse",
            ("paid down by ₹3,000", "days past due +30"),
        ),
        (
            (15000, 12),
            (16000, 0),
            "worse",
            ("owes ₹1,000 more", "days past due −12"),
        ),
        ((None, 12), (12000, 12), "unchanged", ()),
        ((15000, None), (12000, 5), "better", ("paid down by ₹3,000",)),
        ((None, None), (None, None), "unchanged", ()),
    ],
)
def test_a_loan_moved_by_what_is_owed_and_how_late_it_is(
    before: Any, after: Any, verdict: str, moves: tuple[str, ...]
) -> None:
    one, other = (
        entry(
            outstanding_amount=None if owed is None else Decimal(owed),
            days_past_due=late,
        )
        for owed, late in (before, after)
    )

    change = change_between(one, other)

    assert (change.verdict, change.moves) == (verdict, moves)


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        (
            {"due_date": date(2024, 11, 15)},
            {"due_date": date(2024, 12, 15)},
            "Due date: 15 Nov 2024 → 15 Dec 2024",
        ),
        (
            {"emi_amount": Decimal(5000)},
            {"emi_amount": Decimal("5500.50")},
            "EMI: ₹5,000 → ₹5,500.50",
        ),
        ({"loan_amount": None}, {"loan_amount": Decimal(100000)}, "→ ₹1,00,000"),
        (
            {"outstanding_amount": None},
            {"outstanding_amount": Decimal(0)},
            "Outstanding: – → ₹0",
        ),
        ({"days_past_due": 3}, {"days_past_due": None}, "Days past due: 3 → –"),
        (
            {"primary_phone": "+919876543210"},
            {"primary_phone": "+919876543211"},
            "Phone: +919876543210 → +919876543211",
        ),
        ({"state": ""}, {"state": "Goa"}, "State: – → Goa"),
        (
            {"national_id_masked": "XXXX1234", "national_id_digest": "a" * 64},
            {"national_id_masked": "XXXX1234", "national_id_digest": "b" * 64},
            "National id: XXXX1234 → XXXX1234",
        ),
        (
            {"extra": {"Remark": "x" * 200}},
            {"extra": {}},
            f"Remark: {'x' * 80}… → –",
        ),
    ],
)
def test_every_changed_field_is_named(
    before: dict[str, Any], after: dict[str, Any], named: str
) -> None:
    (difference,) = change_between(entry(**before), entry(**after)).differences

    assert named in str(difference)


def test_the_day_a_file_speaks_of_is_no_change() -> None:
    change = change_between(
        entry(as_of_date=date(2024, 11, 1)), entry(as_of_date=date(2024, 12, 1))
    )

    assert change.differences == ()
