"""A line above the header that says in which unit the amounts are."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client

from customers.models import Customer
from tenants.models import Tenant
from uploads.models import ColumnMapping, FileUpload
from uploads.tests import reviews
from uploads.tests.factories import load, work_off
from uploads.tests.test_rejected import send_again, written
from uploads.tests.test_review import page, to_review
from uploads.tests.workbooks import row, workbook
from uploads.units import MoneyUnit, find_title_unit

pytestmark = pytest.mark.django_db

THOUSAND, LAKH, CRORE = MoneyUnit.THOUSAND, MoneyUnit.LAKH, MoneyUnit.CRORE
MILLION = MoneyUnit.MILLION
ROWS = "Name,Mobile,Outstanding,EMI\nAsha,9876543210,1.25,0.05\n"
TITLED = f"Overdue list,,,\nAmounts in Rs. Lakhs,,,\n{ROWS}"
SENTENCE = (
    "“Amounts in Rs. Lakhs” stands above the header: “Outstanding” and “EMI” may be in "
    "lakh, and no amount is taken for rupees unless somebody says so at the review of "
    "a file. Until then it is kept as it is."
)
AS_LAKHS = {"column_2": "outstanding_amount", "column_3": "emi_amount"}


@pytest.mark.parametrize(
    ("title", "unit"),
    [
        ("Amounts in Rs. Lakhs", LAKH),
        ("(Rs. in Lacs)", LAKH),
        ("All figures are in lakhs of rupees", LAKH),
        ("Overdue report as on 31-03-2026 (₹ in Lakh)", LAKH),
        ("Unit: Lakhs", LAKH),
        ("Rs Lakhs", LAKH),
        ("सभी राशि लाख रुपये में", LAKH),
        ("(रुपये लाख में)", LAKH),
        ("Rs. in '000", THOUSAND),
        ("Amounts in INR thousands", THOUSAND),
        ("Rs 000s", THOUSAND),
        ("Amount (in 1000s)", THOUSAND),
        ("Figures in K", THOUSAND),
        ("₹ in Cr.", CRORE),
        ("(INR Crores)", CRORE),
        ("INR Mn", MILLION),
        ("Amounts in INR M", MILLION),
    ],
)
def test_a_title_says_in_which_unit_amounts_are(title: str, unit: MoneyUnit) -> None:
    assert find_title_unit(title) is unit


@pytest.mark.parametrize(
    "title",
    [
        "Loans above 5 lakh",
        "Loans above Rs. 5 lakh",
        "Overdue of Rs. 1000 and more",
        "Minimum overdue Rs. 1000",
        "Total: 15,00,000",
        "Amounts in rupees",
        "Rs.",
        "Lakhimpur Kheri branch",
        "Crore Finance Ltd",
        "Million Homes Finance, March",
        "Amounts in Rs. (not in lakhs)",
        "Balance in Dr/Cr",
        "Report K",
        "LAN wise list",
        "000",
        "",
    ],
)
def test_a_title_that_names_no_unit_of_the_amounts_is_no_matter(title: str) -> None:
    assert find_title_unit(title) is None


def test_unattended_amounts_below_such_a_title_are_kept_aside_with_a_notice() -> None:
    upload = load(TITLED)

    entry = Customer.objects.get()
    assert (entry.outstanding_amount, entry.emi_amount) == (None, None)
    assert entry.extra == {"Outstanding": "1.25", "EMI": "0.05"}
    assert SENTENCE in upload.notices


def test_a_workbooks_title_counts_too() -> None:
    lines = enumerate(TITLED.splitlines(), start=1)
    rows = [row(number, *line.split(",")) for number, line in lines]

    upload = load(workbook(*rows), name="overdue.xlsx")

    assert Customer.objects.get().outstanding_amount is None
    assert SENTENCE in upload.notices


def test_amounts_below_another_title_are_rupees() -> None:
    upload = load(f"Overdue list,,,\nLoans above 5 lakh,,,\n{ROWS}")

    assert Customer.objects.get().outstanding_amount == Decimal("1.25")
    assert not any("may be in" in notice for notice in upload.notices)


def test_the_review_asks_for_amounts_together_with_the_units_of_the_title(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(TITLED, tenant=tenant)

    held_for, shown = upload.layout["held_for"], page(client, upload)
    offered = reviews.choices_shown(client, upload)
    reviews.check(client, upload, **AS_LAKHS, unit_3="thousand")
    reviews.start(client, upload)
    done = work_off(upload)

    assert held_for == [SENTENCE]
    assert SENTENCE in shown
    assert "“Amounts in Rs. Lakhs” stands above the header: choose what" in shown
    assert (offered["column_2"], offered["unit_2"]) == ("", "lakh")
    entry = Customer.objects.get()
    assert (entry.outstanding_amount, entry.emi_amount) == (125_000, 50)
    assert (done.layout["held_for"], SENTENCE in done.notices) == ([], False)


def confirmed(client: Client, tenant: Tenant, data: str, **units: str) -> FileUpload:
    """Load a file whose amounts are below a title, as somebody confirms them."""
    upload = to_review(data, tenant=tenant)
    reviews.check(client, upload, **AS_LAKHS, **units)
    reviews.start(client, upload)
    return work_off(upload)


def test_a_known_layout_reads_the_same_title_and_waits_for_no_one(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    confirmed(client, tenant, TITLED)

    known = to_review(TITLED.replace("1.25", "3"), tenant=tenant)

    assert known.status == "completed"
    assert Customer.objects.get(upload=known).outstanding_amount == 300_000


@pytest.mark.parametrize(
    "other", [ROWS, TITLED.replace("Lakhs", "Crores")], ids=["no title", "crores"]
)
def test_a_known_layout_is_not_taken_for_a_file_with_another_title(
    client: Client, clerk: User, tenant: Tenant, other: str
) -> None:
    confirmed(client, tenant, TITLED)

    waiting = to_review(other, tenant=tenant)

    assert waiting.status == "review"


def test_a_layout_known_in_rupees_is_not_taken_below_such_a_title(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(ROWS, tenant=tenant)
    reviews.start(client, upload)
    work_off(upload)

    waiting = to_review(TITLED, tenant=tenant)
    unattended = load(TITLED.replace("Asha", "Uma"), tenant=tenant)

    assert (waiting.status, waiting.layout["held_for"]) == ("review", [SENTENCE])
    assert Customer.objects.get(upload=unattended).outstanding_amount is None


def test_a_title_that_is_said_to_be_wrong_is_not_believed_again(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    confirmed(client, tenant, TITLED, unit_2="rupees", unit_3="rupees")

    known = to_review(TITLED.replace("1.25", "7"), tenant=tenant)

    assert ColumnMapping.objects.get().units == dict.fromkeys(
        ("outstanding_amount", "emi_amount"), "rupees"
    )
    assert known.status == "completed"
    assert Customer.objects.get(upload=known).outstanding_amount == 7


@pytest.mark.parametrize("is_confirmed", [True, False])
def test_mended_rows_are_read_as_those_below_the_title(
    client: Client, clerk: User, tenant: Tenant, is_confirmed: bool
) -> None:
    data = f"{TITLED}Uma,12,2,0.1\n"
    parent = (
        confirmed(client, tenant, data) if is_confirmed else load(data, tenant=tenant)
    )
    ColumnMapping.objects.all().delete()

    mended = send_again(parent, written(parent).replace('"12"', '"9876543212"'))

    entry = Customer.objects.get(upload=mended)
    assert "Amounts in" not in written(parent)
    assert entry.outstanding_amount == (200_000 if is_confirmed else None)


def test_a_column_left_aside_by_somebody_does_not_hold_the_next_file(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(TITLED, tenant=tenant)
    reviews.check(client, upload, column_2="outstanding_amount")
    reviews.start(client, upload)
    work_off(upload)

    known = to_review(TITLED.replace("1.25", "3"), tenant=tenant)

    assert known.status == "completed"
    assert Customer.objects.get(upload=known).extra == {"EMI": "0.05"}
    assert any("“EMI” may be in lakh" in notice for notice in known.notices)
