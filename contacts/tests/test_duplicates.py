"""Who is taken for one person, and who is only suggested."""

from datetime import timedelta

import pytest

from contacts.duplicates import Ground, find_duplicates
from contacts.models import Contact, ContactIdentity
from contacts.tests.dedupes import ASHA, NOON, ask, of_tenant, run, twice
from contacts.tests.factories import ContactFactory
from tenants.models import Tenant


@pytest.mark.parametrize(
    "numbers",
    [
        ("5511981234567", "551181234567"),
        ("5215512345678", "525512345678"),
        ("5491123456789", "541123456789"),
    ],
    ids=["Brazil's ninth digit", "Mexico's 521", "Argentina's 549"],
)
def test_one_number_in_two_spellings_is_one_person(
    tenant: Tenant, numbers: tuple[str, str]
) -> None:
    for number in numbers:
        ContactFactory.create(tenant=tenant, phone_number=number)

    run("--apply")

    assert Contact.objects.get().phone_number == max(numbers, key=len)


def linked(tenant: Tenant) -> tuple[Contact, Contact]:
    """Make one who shows a number that means the other, who shows none."""
    holder = ContactFactory.create(tenant=tenant, phone_number=None)
    showing = ContactFactory.create(tenant=tenant, phone_number=ASHA)
    ContactIdentity.objects.create(
        tenant=tenant, contact=holder, kind="phone", value=ASHA
    )
    return holder, showing


def test_a_number_that_means_another_contact_joins_the_two(tenant: Tenant) -> None:
    holder, _ = linked(tenant)

    run("--apply")

    contact = Contact.objects.get()
    assert (contact.pk, contact.phone_number) == (holder.pk, ASHA)


def test_a_number_that_changed_hands_is_only_a_suggestion(tenant: Tenant) -> None:
    holder, _ = linked(tenant)
    Contact.objects.filter(pk=holder.pk).update(phone_number="919800000002")
    ContactIdentity.objects.filter(contact=holder).update(seen_at=NOON)
    ContactIdentity.objects.create(
        tenant=tenant,
        contact=holder,
        kind="phone",
        value="919800000002",
        seen_at=NOON + timedelta(days=200),
    )

    report = of_tenant(ask())
    run("--apply")

    assert report["groups"] == 0
    (suggestion,) = report["suggestions"]
    assert suggestion["why"] == "the number of one was the other's before"
    assert Contact.objects.count() == 2


def test_equal_name_and_email_is_only_a_suggestion(tenant: Tenant) -> None:
    people = [
        ContactFactory.create(tenant=tenant, name=name, email=email)
        for name, email in (
            ("Asha Verma", "asha@example.in"),
            ("asha verma", "Asha@example.in"),
            ("Asha Verma", "other@example.in"),
            ("Asha Verma", ""),
            ("Asha Verma", ""),
        )
    ]

    (suggestion,) = of_tenant(ask())["suggestions"]
    run("--apply")

    assert [one["id"] for one in suggestion["contacts"]] == [
        one.pk for one in people[:2]
    ]
    assert Contact.objects.count() == 5


@pytest.mark.usefixtures("old_database")
@pytest.mark.parametrize(("only", "left"), [("phone", 2), ("identity", 2)])
def test_only_one_kind_is_merged_when_asked_so(
    tenant: Tenant, only: str, left: int
) -> None:
    twice(tenant, "919800000009")
    linked(tenant)

    run("--apply", "--only", only)

    assert Contact.objects.count() == 3
    remaining = find_duplicates(tenant_id=tenant.pk)
    assert [set(group.grounds) for group in remaining] == [set(Ground) - {Ground(only)}]
