from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from contacts.tests.factories import ContactFactory
from customers.models import Customer
from customers.tests.factories import CustomerFactory, UploadRowFactory
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from tenants.tests.programs import program_of

pytestmark = pytest.mark.django_db

CUSTOMERS = "/api/v1/customers/"


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory.create()


def make_entry(tenant: Tenant, name: str, **columns: Any) -> Customer:
    if "upload" not in columns:
        columns["upload"] = UploadRowFactory.create(
            tenant=tenant, total_rows=1, succeeded_rows=1
        )
    return CustomerFactory.create(tenant=tenant, full_name=name, **columns)


def names(tenant: Tenant, **query: Any) -> list[str]:
    answer = program_of(tenant).get(CUSTOMERS, query)
    assert answer.status_code == 200, answer.content
    return [one["full_name"] for one in answer.json()["results"]]


def test_money_is_text_days_are_iso_and_of_a_national_id_four_characters_show(
    tenant: Tenant,
) -> None:
    entry = make_entry(
        tenant,
        "Ravi Kumar",
        outstanding_amount=Decimal("15000.50"),
        due_date=date(2024, 11, 15),
        national_id_masked="XXXXXXXX1234",
        national_id_digest="d" * 64,
        extra={"Branch": "Andheri"},
    )

    answer = program_of(tenant).get(f"{CUSTOMERS}{entry.pk}/")

    told = answer.json()
    assert (told["outstanding_amount"], told["loan_amount"]) == ("15000.50", None)
    assert told["due_date"] == "2024-11-15"
    assert told["national_id_masked"] == "XXXXXXXX1234"
    assert told["extra"] == {"Branch": "Andheri"}
    assert told["upload"] == entry.upload_id
    assert "d" * 64 not in answer.content.decode()


def test_the_newest_file_comes_first_from_its_end(tenant: Tenant) -> None:
    older, newer = (
        UploadRowFactory.create(tenant=tenant, total_rows=2, succeeded_rows=2)
        for _ in range(2)
    )
    for name, upload, line in (
        ("b", newer, 2), ("d", older, 2), ("a", newer, 3), ("c", older, 3),
    ):  # fmt: skip
        make_entry(tenant, name, upload=upload, row_number=line)

    assert names(tenant) == ["a", "b", "c", "d"]
    assert names(tenant, upload=older.pk) == ["c", "d"]


@pytest.mark.parametrize("written", ["+919876543210", "98765 43210", "919876543210"])
def test_a_phone_is_found_however_it_is_written(tenant: Tenant, written: str) -> None:
    make_entry(tenant, "first", primary_phone="+919876543210")
    make_entry(tenant, "second", primary_phone="+919876543210")
    make_entry(tenant, "other", primary_phone="+919876543211")

    assert names(tenant, phone=written) == ["second", "first"]


def test_a_loan_is_found_by_its_number(tenant: Tenant) -> None:
    make_entry(tenant, "of it", loan_number="LN/001")
    make_entry(tenant, "of another", loan_number="LN/0012")
    make_entry(tenant, "of none")

    assert names(tenant, loan_number="LN/001") == ["of it"]
    assert names(tenant, loan_number="\0") == []


def test_what_is_asked_for_together_holds_together(tenant: Tenant) -> None:
    both = {"primary_phone": "+919876543210", "loan_number": "LN1"}
    make_entry(tenant, "both", **both)
    make_entry(tenant, "phone only", primary_phone="+919876543210")

    assert names(tenant, phone="9876543210", loan_number="LN1") == ["both"]


def test_who_has_a_number_as_the_alternate_one_is_found_too(tenant: Tenant) -> None:
    number = "+919876543210"
    make_entry(tenant, "own", primary_phone=number)
    make_entry(tenant, "both", primary_phone=number, alternate_phone=number)
    make_entry(tenant, "other", alternate_phone=number)
    make_entry(TenantFactory.create(), "theirs", alternate_phone=number)
    make_entry(tenant, "nobody", alternate_phone="")

    assert names(tenant, phone="9876543210") == ["other", "both", "own"]


def test_a_strangers_phone_loan_and_file_find_nothing(tenant: Tenant) -> None:
    theirs = make_entry(
        TenantFactory.create(), "theirs", primary_phone="+919876543210", loan_number="L"
    )

    assert names(tenant, phone="9876543210") == []
    assert names(tenant, loan_number="L") == []
    assert names(tenant, upload=theirs.upload_id) == []


@pytest.mark.parametrize(
    ("query", "starts"),
    [
        ({"phone": "ravi"}, "phone: "),
        ({"upload": "x"}, "upload: "),
        ({"upload": "-1"}, "upload: "),
    ],
)
def test_what_cannot_be_looked_for_is_refused_in_a_sentence(
    tenant: Tenant, query: dict[str, str], starts: str
) -> None:
    answer = program_of(tenant).get(CUSTOMERS, query)

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(starts)


def test_an_upload_of_an_impossible_number_has_no_entries(tenant: Tenant) -> None:
    assert names(tenant, upload="9" * 40) == []


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("", None),
        ("ravi@example.in", "ravi@example.in"),
        (
            "\u0930\u0935\u093f@\u0909\u0926\u093e\u0939\u0930\u0923.\u092d\u093e\u0930\u0924",
        )
        * 2,
        ("n/a", None),
        ("ravi@example", None),
        ("ravi kumar@example.in", None),
        ("\u0930\u0935\u093f", None),
    ],
)
def test_an_email_is_an_address_or_null(
    tenant: Tenant, stored: str, told: str | None
) -> None:
    entry = make_entry(tenant, "Ravi", email=stored)
    contact = ContactFactory.create(tenant=tenant, email=stored)
    program = program_of(tenant)

    of_entry = program.get(f"{CUSTOMERS}{entry.pk}/").json()["email"]
    of_contact = program.get(f"/api/v1/contacts/{contact.pk}/").json()["email"]

    assert (of_entry, of_contact) == (told, told)
