"""Amounts that a header counts in lakhs, thousands, crores: no rupees by guess."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from tenants.models import Tenant
from uploads.amounts import read_amount_in
from uploads.columns import propose_meanings
from uploads.header_names import find_field
from uploads.models import ColumnMapping
from uploads.refusals import Refused
from uploads.services import create_upload
from uploads.tests import reviews
from uploads.tests.factories import load, work_off
from uploads.tests.test_review import Review, page, to_review
from uploads.units import MoneyUnit, find_amount_in_unit, find_unit

THOUSAND, LAKH, MILLION = MoneyUnit.THOUSAND, MoneyUnit.LAKH, MoneyUnit.MILLION
CRORE, PAISE = MoneyUnit.CRORE, MoneyUnit.PAISE
IN_LAKHS = "Name,Mobile,Outstanding (in Lakhs)\nAsha,9876543210,1.25\n"


@pytest.mark.parametrize(
    ("header", "unit", "field"),
    [
        ("Outstanding (in Lakhs)", LAKH, "outstanding_amount"),
        ("Outstanding (in Lakh)", LAKH, "outstanding_amount"),
        ("Loan Amt (₹ Lakh)", LAKH, "loan_amount"),
        ("Sanctioned Amount Rs. in Lacs", LAKH, "loan_amount"),
        ("Loan Amount - Rs. in Lakhs", LAKH, "loan_amount"),
        ("Loan Amount [Lac]", LAKH, "loan_amount"),
        ("Outstanding - L", LAKH, "outstanding_amount"),
        ("POS (Rs L)", LAKH, "outstanding_amount"),
        ("OutstandingInLakhs", LAKH, "outstanding_amount"),
        ("total_outstanding_lakhs", LAKH, "outstanding_amount"),
        ("totaloutstandinglakh", LAKH, "outstanding_amount"),
        ("loanamountl", LAKH, "loan_amount"),
        ("O/S (Rs '00,000)", LAKH, "outstanding_amount"),
        ("बकाया (लाख में)", LAKH, "outstanding_amount"),
        ("EMI (Rs. in 000s)", THOUSAND, "emi_amount"),
        ("Loan Amount (Rs. 000)", THOUSAND, "loan_amount"),
        ("Outstanding '000", THOUSAND, "outstanding_amount"),
        ("EMI in thousands", THOUSAND, "emi_amount"),
        ("EMI (K)", THOUSAND, "emi_amount"),
        ("Amount in K", THOUSAND, "loan_amount"),
        ("Amount (1000's)", THOUSAND, "loan_amount"),
        ("बकाया राशि (हज़ार)", THOUSAND, "outstanding_amount"),
        ("Loan Amount (Rs. Cr)", CRORE, "loan_amount"),
        ("Loan Amount Cr.", CRORE, "loan_amount"),
        ("loanamountcr", CRORE, "loan_amount"),
        ("Loan Amount [INR Crores]", CRORE, "loan_amount"),
        ("Amount (INR M)", MILLION, "loan_amount"),
        ("Amount in mn", MILLION, "loan_amount"),
        ("O/S (million)", MILLION, "outstanding_amount"),
        ("Outstanding Amount in paise", PAISE, "outstanding_amount"),
    ],
)
def test_a_header_with_a_unit_is_never_guessed(
    header: str, unit: MoneyUnit, field: str
) -> None:
    assert find_unit(header) is unit
    assert find_amount_in_unit(header) == field
    assert find_field(header) is None
    assert propose_meanings(["Name", "Mobile", header]) == {
        0: "full_name",
        1: "primary_phone",
    }


@pytest.mark.parametrize(
    "header",
    [
        "Cr Amount",
        "Credit Amount",
        "Amount Cr/Dr",
        "Balance (Dr/Cr)",
        "Loan Amount ($)",
        "Loan Amount (USD)",
        "EMI %",
    ],
)
def test_a_credit_or_other_money_is_not_guessed_either(header: str) -> None:
    assert find_unit(header) is None
    assert propose_meanings([header]) == {}


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Amount (₹)", "loan_amount"),
        ("Outstanding (Rs.)", "outstanding_amount"),
        ("Loan Amount [INR]", "loan_amount"),
        ("LAN", "loan_number"),
        ("LAN No", "loan_number"),
        ("OS Bal", "outstanding_amount"),
        ("EMIs", "emi_amount"),
        ("Mail", "email"),
    ],
)
def test_letters_within_words_and_rupees_are_no_unit(header: str, field: str) -> None:
    assert find_unit(header) is None
    assert propose_meanings([header]) == {0: field}


@pytest.mark.parametrize("header", ["KYC", "Lakshmi", "Crop", "L", "K", "Mobile M"])
def test_a_header_that_only_looks_like_a_unit_has_none(header: str) -> None:
    assert find_unit(header) is None


@pytest.mark.parametrize(
    ("cell", "unit", "rupees"),
    [
        ("1.5", LAKH, "150000.00"),
        ("1.2345678", LAKH, "123456.78"),
        ("1.234", LAKH, "123400.00"),
        ("(1.5)", LAKH, "-150000.00"),
        ("2 Cr", LAKH, "20000000.00"),
        ("12.5", THOUSAND, "12500.00"),
        ("0.5", CRORE, "5000000.00"),
        ("15000", PAISE, "150.00"),
    ],
)
def test_an_amount_in_a_unit_is_exact(cell: str, unit: MoneyUnit, rupees: str) -> None:
    assert read_amount_in(cell, unit) == rupees


@pytest.mark.parametrize(
    ("cell", "unit", "code"),
    [
        ("1.23456789", LAKH, "amount_decimals"),
        ("0.5", PAISE, "amount_decimals"),
        ("125000", LAKH, "amount_unit_unlikely"),
        ("1,25", LAKH, "amount_unknown"),
    ],
)
def test_an_amount_in_a_unit_is_never_rounded_nor_believed_blindly(
    cell: str, unit: MoneyUnit, code: str
) -> None:
    refused = read_amount_in(cell, unit)

    assert isinstance(refused, Refused)
    assert refused.code == code


def test_a_european_column_in_a_unit_is_read_its_own_way() -> None:
    assert read_amount_in("1.250,5", THOUSAND, european=True) == "1250500.00"


@pytest.mark.django_db
def test_by_command_an_amount_in_lakhs_is_kept_aside_with_a_notice() -> None:
    upload = load(IN_LAKHS)

    entry = Customer.objects.get()
    assert (entry.outstanding_amount, entry.loan_amount) == (None, None)
    assert entry.extra == {"Outstanding (in Lakhs)": "1.25"}
    assert (
        "“Outstanding (in Lakhs)” is in lakh, not in rupees: it is not taken for the "
        "outstanding amount unless somebody says so at the review of a file, and is "
        "kept as it is."
    ) in upload.notices


@pytest.mark.django_db
def test_the_review_maps_an_amount_together_with_its_unit_and_remembers_it(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(IN_LAKHS, tenant=tenant)

    shown = page(client, upload)
    offered = reviews.choices_shown(client, upload)
    reviews.check(client, upload, column_2="outstanding_amount")
    reviews.start(client, upload)
    work_off(upload)
    mapping = ColumnMapping.objects.get()
    listed = client.get(
        reverse("admin:uploads_columnmapping_change", args=[mapping.pk])
    ).content.decode()
    second = load(IN_LAKHS.replace("1.25", "2.5"), tenant=tenant)

    assert "Its header says lakh, not rupees" in shown
    assert (offered["column_2"], offered["unit_2"]) == ("", "lakh")
    assert mapping.units == {"outstanding_amount": "lakh"}
    assert "outstanding amount, in lakh" in listed
    amounts = Customer.objects.order_by("row_number", "upload_id")
    assert [entry.outstanding_amount for entry in amounts] == [
        Decimal("125000.00"),
        Decimal("250000.00"),
    ]
    assert "“Outstanding (in Lakhs)” is read in lakh: 1.5 is 150,000 rupees." in (
        second.notices
    )


@pytest.mark.django_db
def test_the_unit_is_what_the_clerk_says_not_what_the_header_says(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(IN_LAKHS, tenant=tenant)

    reviews.check(client, upload, column_2="outstanding_amount", unit_2="rupees")
    reviews.start(client, upload)
    work_off(upload)
    load(IN_LAKHS.replace("1.25", "7"), tenant=tenant)

    assert ColumnMapping.objects.get().units == {"outstanding_amount": "rupees"}
    kept = Customer.objects.order_by("outstanding_amount")
    assert [str(entry.outstanding_amount) for entry in kept] == ["1.25", "7.00"]


@pytest.mark.django_db
def test_a_layout_confirmed_before_units_were_asked_for_is_looked_at_again(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(IN_LAKHS, tenant=tenant)
    reviews.check(client, upload, column_2="outstanding_amount", unit_2="rupees")
    reviews.start(client, upload)
    ColumnMapping.objects.update(units={})

    again = to_review(IN_LAKHS.replace("1.25", "3"), tenant=tenant)
    sent_by_command = to_review(
        IN_LAKHS.replace("1.25", "4"), tenant=tenant, review=Review.NEVER
    )

    assert again.status == "review"
    entry = Customer.objects.get(upload=sent_by_command)
    assert entry.outstanding_amount is None


@pytest.mark.django_db
def test_mended_rows_are_read_in_the_unit_of_the_file_they_came_from(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(IN_LAKHS + "Uma,12,2\n", tenant=tenant)
    reviews.check(client, upload, column_2="outstanding_amount", unit_2="thousand")
    reviews.start(client, upload)
    parent = work_off(upload)
    ColumnMapping.objects.all().delete()

    mended = create_upload(
        tenant=tenant,
        file=ContentFile(b"Name,Mobile,Outstanding (in Lakhs)\nUma,9876543212,2\n"),
        name="mended.csv",
        uploaded_by=None,
        now=timezone.now(),
        parent=parent,
        queue=False,
    )
    work_off(mended)

    assert Customer.objects.get(upload=mended).outstanding_amount == 2000


@pytest.mark.django_db
def test_three_decimals_of_a_lakh_are_no_thousands(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(IN_LAKHS.replace("1.25", "1.234"), tenant=tenant)

    reviews.check(client, upload, column_2="outstanding_amount", unit_2="lakh")
    reviews.start(client, upload)
    done = work_off(upload)

    assert Customer.objects.get().outstanding_amount == Decimal("123400.00")
    assert (done.layout["held_for"], done.failed_rows) == ([], 0)
