from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from customers.rupees import rupees
from customers.tests.factories import CustomerFactory, UploadRowFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:customers_customer_changelist")


def page_of(entry: Customer) -> str:
    return reverse("admin:customers_customer_change", args=[entry.pk])


@pytest.fixture
def entry(clerk) -> Customer:
    return CustomerFactory.create(
        tenant=clerk.memberships.get().tenant,
        full_name="Asha Kadam",
        primary_phone="+919876543210",
        loan_number="LN0042",
        state="Goa",
        extra={"Docket": "K-100"},
    )


def test_an_entry_is_shown_and_cannot_be_changed(
    client: Client, entry: Customer
) -> None:
    page = client.get(page_of(entry))

    assert "Asha Kadam" in page.content.decode()
    assert "K-100" in page.content.decode()
    assert client.post(page_of(entry), {"full_name": "x"}).status_code == 403
    assert client.get(reverse("admin:customers_customer_add")).status_code == 403


def test_a_state_narrows_the_list(client: Client, entry: Customer) -> None:
    CustomerFactory.create(tenant=entry.tenant, state="Kerala")
    CustomerFactory.create(state="Elsewhere")

    page = client.get(LIST, {"state": "Goa"})

    assert list(page.context["cl"].result_list) == [entry]
    assert "Kerala" in page.content.decode()
    assert "Elsewhere" not in page.content.decode()


def test_a_stranger_sees_no_entry(client: Client, entry: Customer) -> None:
    theirs = CustomerFactory.create(full_name="Somebody", primary_phone="+919876543210")
    nothing = client.get(reverse("admin:customers_customer_change", args=["0" * 32]))

    found = client.get(LIST, {"q": "9876543210"})
    page = client.get(page_of(theirs))

    assert list(found.context["cl"].result_list) == [entry]
    assert page.status_code == 404
    assert page.content == nothing.content
    assert "Somebody" not in client.get(LIST).content.decode()


def test_the_list_asks_the_same_questions_for_one_entry_and_for_many(
    client: Client, entry: Customer, django_assert_max_num_queries
) -> None:
    CustomerFactory.create_batch(40, tenant=entry.tenant)

    with django_assert_max_num_queries(22):
        page = client.get(LIST)

    assert len(page.context["cl"].result_list) == 25


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (Decimal("150000.00"), "₹1,50,000"),
        (Decimal("12345678.5"), "₹1,23,45,678.50"),
        (Decimal("0"), "₹0"),
        (Decimal("-1250"), "−₹1,250"),
        (None, None),
    ],
)
def test_money_is_shown_in_lakhs_and_paise_only_where_there_are_some(
    amount: Decimal | None, shown: str | None
) -> None:
    assert rupees(amount) == shown


def test_the_newest_file_comes_first_and_a_chosen_one_in_its_order(
    client: Client, entry: Customer
) -> None:
    later = UploadRowFactory.create(tenant=entry.tenant)
    lines = [
        CustomerFactory.create(tenant=entry.tenant, upload=later, row_number=line)
        for line in (2, 3)
    ]

    every = client.get(LIST)
    chosen = client.get(LIST, {"upload": later.pk})

    assert list(every.context["cl"].result_list) == [*lines[::-1], entry]
    assert list(chosen.context["cl"].result_list) == lines
    assert "?o=" not in every.content.decode()
    assert "o=3" in chosen.content.decode()


@pytest.mark.parametrize("upload", ["9" * 19, "9" * 5000, "-1", "x"])
def test_a_file_that_cannot_be_has_no_entries(
    client: Client, entry: Customer, upload: str
) -> None:
    listed = client.get(LIST, {"upload": upload})
    searched = client.get(LIST, {"upload": upload, "q": "Asha"})

    assert not listed.context["cl"].result_count
    assert not searched.context["cl"].result_count
