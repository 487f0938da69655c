"""Before two contacts are merged: their loans, and what lenders call them."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ContactIdentity
from contacts.tests.factories import ContactFactory
from customers.models import Customer
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from uploads.models import FileUpload

pytestmark = pytest.mark.django_db

ASHA, RAVI = "919800000101", "919800000102"


@pytest.fixture
def tenant(clerk: User) -> Tenant:
    tenant: Tenant = clerk.memberships.get().tenant
    return tenant


@pytest.fixture
def pair(tenant: Tenant) -> tuple[Contact, Contact]:
    first, second = (
        ContactFactory.create(tenant=tenant, phone_number=phone)
        for phone in (ASHA, RAVI)
    )
    return first, second


def file_entry(tenant: Tenant, phone: str, name: str, **columns: Any) -> Customer:
    upload, _ = FileUpload.objects.get_or_create(
        tenant=tenant, original_name="november.csv", sha256="0" * 64
    )
    return Customer.objects.create(
        tenant=tenant,
        upload=upload,
        row_number=Customer.objects.count() + 2,
        full_name=name,
        primary_phone=f"+{phone}",
        fingerprint=uuid.uuid4().hex,
        **columns,
    )


def page_of(client: Client, pair: tuple[Contact, Contact]) -> str:
    page = reverse("admin:contacts_contact_merge", args=[pair[0].pk])
    text = client.get(page, {"with": pair[1].pk}).content.decode()
    return " ".join(text.split())


def test_the_loans_of_both_stand_there_with_their_names_and_days(
    client: Client, tenant: Tenant, pair: tuple[Contact, Contact]
) -> None:
    ContactIdentity.objects.create(
        tenant=tenant, contact=pair[1], kind="phone", value="919800000109"
    )
    day = date(2026, 11, 1)
    asha = {"loan_number": "SF-1", "outstanding_amount": Decimal(80000)}
    file_entry(tenant, ASHA, "Asha Verma", **asha, as_of_date=date(2026, 10, 1))
    file_entry(
        tenant,
        ASHA,
        "Asha Verma",
        **asha | {"outstanding_amount": 70000},
        as_of_date=day,
    )
    file_entry(
        tenant, "919800000109", "ASHA  VERMA", loan_number="SF-2", as_of_date=day
    )

    page = page_of(client, pair)

    for shown in ("SF-1", "SF-2", "Asha Verma", "₹70,000", "1 Nov 2026"):
        assert shown in page
    assert "₹80,000" not in page
    assert "They may be two people" not in page


@pytest.mark.parametrize(
    ("names", "warned"),
    [
        (("Asha Verma", "Ravi Kumar"), True),
        (("Asha Verma", "VERMA, Asha"), False),
        (("Asha Verma", ""), False),
    ],
    ids=["two people", "one name in another order", "one without loans"],
)
def test_lenders_who_call_them_differently_are_a_warning(
    client: Client,
    tenant: Tenant,
    pair: tuple[Contact, Contact],
    names: tuple[str, str],
    warned: bool,
) -> None:
    for phone, name in zip((ASHA, RAVI), names, strict=True):
        if name:
            file_entry(tenant, phone, name, loan_number=f"SF-{phone}")

    page = page_of(client, pair)

    sentence = (
        f"The files call contact {pair[0].pk} “Asha Verma”, and contact {pair[1].pk} "
        "“Ravi Kumar”."
    )
    assert (sentence in page) is warned
    assert ("They may be two people" in page) is warned
    assert "Merge these two</button>" in page


@pytest.mark.parametrize(
    ("one", "other", "warned"),
    [
        (("XXXXXXXX1111", "1" * 64), ("XXXXXXXX2222", "2" * 64), True),
        (("XXXXXXXX1111", ""), ("XXXXXXXX2222", ""), True),
        (("XXXXXXXX1111", "1" * 64), ("XXXXXXXX1111", "2" * 64), True),
        (("XXXXXXXX1111", "1" * 64), ("XXXXXXXX1111", ""), False),
        (("XXXXXXXX1111", "1" * 64), ("XXXXXX234F", "2" * 64), False),
        (("XXXXXXXX1111", "1" * 64), ("", ""), False),
    ],
    ids=["two", "two masked ones", "same end", "one masked", "two kinds", "only one"],
)
def test_two_national_ids_are_a_warning_and_shown_by_their_ends(
    client: Client,
    tenant: Tenant,
    pair: tuple[Contact, Contact],
    one: tuple[str, str],
    other: tuple[str, str],
    warned: bool,
) -> None:
    for phone, (masked, digest) in ((ASHA, one), (RAVI, other)):
        ids = {"national_id_masked": masked, "national_id_digest": digest}
        file_entry(tenant, phone, "Asha Verma", **ids)

    page = page_of(client, pair)

    sentence = (
        f"The files give them different national ids: “{one[0]}” for contact "
        f"{pair[0].pk}, “{other[0]}” for contact {pair[1].pk}."
    )
    assert (sentence in page) is warned
    assert "1" * 64 not in page


def test_a_loan_that_both_have_is_named(
    client: Client, tenant: Tenant, pair: tuple[Contact, Contact]
) -> None:
    for phone in (ASHA, RAVI):
        file_entry(tenant, phone, "Asha Verma", loan_number="SF-7")

    assert "In both: SF-7." in page_of(client, pair)


def test_another_tenants_loans_of_the_same_numbers_are_not_there(
    client: Client, tenant: Tenant, pair: tuple[Contact, Contact]
) -> None:
    file_entry(TenantFactory.create(), ASHA, "Secret Name", loan_number="XX-1")

    page = page_of(client, pair)

    assert "Secret Name" not in page
    assert "No customer file has named a number of either." in page


def test_who_may_see_no_entries_sees_none_here(
    client: Client, clerk: User, tenant: Tenant, pair: tuple[Contact, Contact]
) -> None:
    file_entry(tenant, ASHA, "Asha Verma", loan_number="SF-1")
    clerk.groups.clear()
    clerk.user_permissions.set(
        Permission.objects.filter(content_type__app_label="contacts")
    )

    page = page_of(client, pair)

    assert "SF-1" not in page
    assert "Merge these two</button>" in page


def test_a_contact_with_many_entries_costs_no_more_queries(
    client: Client,
    tenant: Tenant,
    pair: tuple[Contact, Contact],
    django_assert_max_num_queries: Any,
) -> None:
    for number in range(30):
        for phone in (ASHA, RAVI):
            file_entry(tenant, phone, "Asha Verma", loan_number=f"SF-{number}")
    page_of(client, pair)

    with django_assert_max_num_queries(40):
        page_of(client, pair)
