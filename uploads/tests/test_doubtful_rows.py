"""Rows whose figures can hardly be right: loaded, counted, and shown before."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from customers.models import Customer
from tenants.models import Tenant
from uploads.dates import DateOrder
from uploads.doubtful_rows import DoubtfulRows
from uploads.tests import reviews
from uploads.tests.factories import load, work_off
from uploads.tests.test_review import page, to_review

NOW = datetime(2026, 11, 29, 9, 0, tzinfo=ZoneInfo("Asia/Kolkata"))
PLACES = {
    "due_date": 0,
    "outstanding_amount": 1,
    "days_past_due": 2,
    "as_of_date": 3,
}
HEADER = "Name,Mobile,Outstanding,Due Date\n"
CLEAN = "Asha,9876543210,500,15/11/2026\n"
ODD = "Uma,9876543211,-500,15/11/1976\nRavi,9876543212,5,15/11/2076\n"


def said(*rows: tuple[str, str, str, str]) -> list[str]:
    doubtful = DoubtfulRows(PLACES, now=NOW)
    doubtful.look_at([(line, list(row)) for line, row in enumerate(rows, 2)])
    return doubtful.sentences(
        dict.fromkeys(["due_date", "as_of_date"], DateOrder.DAY_FIRST)
    )


@pytest.mark.parametrize(
    ("due", "sentence"),
    [
        ("31/12/1989", "1 row has a due date before 1990, e.g. line 2."),
        ("29220", "1 row has a due date before 1990, e.g. line 2."),
        ("12/31/1989", "1 row has a due date before 1990, e.g. line 2."),
        (
            "30/11/2056",
            "1 row has a due date more than 30 years ahead, e.g. line 2.",
        ),
        (
            "15-Nov-99",  # 2099: a year of two digits is of this century
            "1 row has a due date more than 30 years ahead, e.g. line 2.",
        ),
    ],
)
def test_a_due_date_far_from_now_is_counted(due: str, sentence: str) -> None:
    assert said((due, "5", "", "")) == [sentence]


@pytest.mark.parametrize(
    "due", ["01/01/1990", "28/11/2056", "", "no date", "31/12/1850", "9" * 5000]
)
def test_a_due_date_that_may_be_or_is_refused_is_not(due: str) -> None:
    assert said((due, "5", "", "")) == []


@pytest.mark.parametrize("cell", ["-500", "(1,250.50)", "₹-5", "500-", "-1.250,50"])
def test_an_outstanding_amount_below_zero_is_counted(cell: str) -> None:
    assert said(("", "7", "", ""), ("", cell, "", "")) == [
        "1 row has an outstanding amount below zero, e.g. line 3."
    ]


@pytest.mark.parametrize("cell", ["500/-", "0", "-0", "-", "n-a", "(none)", ""])
def test_what_is_not_below_zero_is_not(cell: str) -> None:
    assert said(("", cell, "", "")) == []


@pytest.mark.parametrize(
    ("due", "days", "is_odd"),
    [
        ("01/11/2026", "0", False),
        ("05/12/2026", "0", False),
        ("05/12/2026", "-34", False),
        ("02/10/2026", "30", False),
        ("01/10/2026", "30", False),  # a day is the lender's way of counting
        ("30/09/2026", "30", True),
        ("04/10/2026", "30", True),
        ("05/12/2026", "30", True),
        ("15/10/2026", "0", True),
        ("02/10/2026", "", False),
        ("02/10/2026", "SMA-1", False),
        ("", "30", False),
    ],
)
def test_a_due_date_that_contradicts_the_days_past_due_is_counted(
    due: str, days: str, is_odd: bool
) -> None:
    sentences = [
        "2 rows have a due date that is not the as-of date less the days past due, "
        "by more than 1 day, e.g. line 3."
    ]

    found = said(
        ("01/11/2026", "5", "0", "01/11/2026"),
        (due, "5", days, "01/11/2026"),
        (due, "5", days, "01/11/2026"),
    )

    assert found == (sentences if is_odd else [])


@pytest.mark.parametrize(
    ("as_of", "is_odd"),
    [
        ("29/11/2026", False),
        ("30/11/2026", True),
        ("15/12/2026", True),
        ("01/12/2026", True),
        ("12/01/2026", False),
        ("", False),
        ("soon", False),
    ],
)
def test_an_as_of_date_to_come_is_counted(as_of: str, is_odd: bool) -> None:
    found = said(
        ("", "5", "", "01/11/2026"), ("", "5", "", as_of), ("", "5", "", as_of)
    )

    sentence = "2 rows have an as-of date that is yet to come, e.g. line 3."
    assert found == ([sentence] if is_odd else [])


def test_without_an_as_of_date_nothing_contradicts() -> None:
    assert said(("05/12/2026", "5", "30", "")) == []


def test_rows_are_counted_over_several_blocks_with_the_first_line() -> None:
    doubtful = DoubtfulRows(PLACES, now=NOW)
    for first in (2, 1002, 2002):
        doubtful.look_at(
            [(first + n, ["15/11/1976", "1", "", ""]) for n in range(1000)]
        )

    assert doubtful.sentences({}) == [
        "3000 rows have a due date before 1990, e.g. line 2."
    ]


@pytest.mark.django_db
def test_doubtful_rows_are_loaded_with_a_notice(tenant: Tenant) -> None:
    upload = load(HEADER + CLEAN + ODD, tenant=tenant)

    assert (upload.succeeded_rows, upload.failed_rows) == (3, 0)
    assert Customer.objects.filter(outstanding_amount=-500).count() == 1
    assert upload.notices[-3:] == [
        "1 row has a due date before 1990, e.g. line 3.",
        "1 row has a due date more than 30 years ahead, e.g. line 4.",
        "1 row has an outstanding amount below zero, e.g. line 3.",
    ]


@pytest.mark.django_db
def test_start_at_once_waits_for_them_though_the_layout_is_known(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    first = to_review(HEADER + CLEAN, tenant=tenant)
    reviews.start(client, first)
    work_off(first)

    odd = to_review(HEADER + ODD, tenant=tenant)
    shown = page(client, odd)
    clean = to_review(HEADER + CLEAN.replace("500", "501"), tenant=tenant)
    reviews.start(client, odd)

    assert (odd.status, clean.status) == ("review", "completed")
    assert shown.count("1 row has a due date before 1990, e.g. line 2.") == 1
    assert "Look at this before you start it" in shown
    assert work_off(odd).status == "completed"


@pytest.mark.django_db
def test_thirty_years_are_counted_from_the_tenants_today(tenant: Tenant) -> None:
    year = timezone.localdate().year

    upload = load(
        HEADER
        + f"Uma,9876543211,5,15/11/{year + 29}\nRavi,9876543212,5,15/11/{year + 31}\n",
        tenant=tenant,
    )

    assert "1 row has a due date more than 30 years ahead, e.g. line 3." in (
        upload.notices
    )
