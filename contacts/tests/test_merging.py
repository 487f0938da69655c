"""Merging in sets: what moves, which name wins, and for whom it is recorded."""

import pytest
from django.contrib.auth.models import User

from contacts.deduplicating import merge_two
from contacts.merging import ContactsChanged
from contacts.models import Contact, ContactMerge
from contacts.tests.factories import ContactFactory
from contacts.tests.merges import NOON, identity, merge, person, tables
from tenants.models import Tenant
from tenants.tests.factories import StaffFactory, TenantFactory

pytestmark = pytest.mark.django_db


def test_everything_of_a_contact_moves_to_the_one_that_stays(tenant: Tenant) -> None:
    kept = person(tenant, messages=2, name="919800000001", name_source="phone")
    gone = person(
        tenant,
        messages=3,
        name="Asha",
        name_source="profile",
        profile_name="Asha",
        profile_name_at=NOON,
        email="asha@example.in",
    )
    known = identity(gone, "IN.77", kind="whatsapp_user_id")

    merge(kept, gone)

    contact = Contact.objects.get()
    times = sorted(contact.messages.values_list("sent_at", flat=True))
    assert (contact.pk, contact.phone_number) == (kept.pk, kept.phone_number)
    assert (contact.name, contact.name_source) == ("Asha", "profile")
    assert contact.email == "asha@example.in"
    assert contact.message_count == len(times) == 5
    assert (contact.first_message_at, contact.last_message_at) == (times[0], times[-1])
    assert (contact.created_at, contact.updated_at) == (kept.created_at, NOON)
    values = set(contact.identities.values_list("value", flat=True))
    assert values == {known.value, gone.phone_number}


@pytest.mark.parametrize(
    ("kept", "gone", "named"),
    [
        (("B", "book"), ("A", "staff"), ("A", "staff")),
        (("B", "staff"), ("A", "staff"), ("B", "staff")),
        (("P", "profile"), ("B", "address_book"), ("B", "address_book")),
        (("B", "address_book"), ("P", "profile"), ("B", "address_book")),
        (("handle", "username"), ("P", "profile"), ("P", "profile")),
        (("91980", "phone"), ("handle", "username"), ("handle", "username")),
        (("By hand", ""), ("91980", "phone"), ("By hand", "")),
    ],
)
def test_the_name_of_the_better_source_wins(
    tenant: Tenant,
    kept: tuple[str, str],
    gone: tuple[str, str],
    named: tuple[str, str],
) -> None:
    columns = {
        "profile": "profile_name",
        "address_book": "address_book_name",
        "username": "username",
    }
    people = [
        ContactFactory.create(
            tenant=tenant,
            name=name,
            name_source="" if source == "book" else source,
            **({columns[source]: name} if source in columns else {}),
            **({f"{columns[source]}_at": NOON} if source in columns else {}),
        )
        for name, source in (kept, gone)
    ]

    merge(*people)

    contact = Contact.objects.get()
    assert (contact.name, contact.name_source) == named


def test_nobody_is_merged_with_a_stranger(tenant: Tenant) -> None:
    kept, stranger = person(tenant), person(TenantFactory.create())
    before = tables()

    with pytest.raises(ContactsChanged):
        merge(kept, stranger)

    assert tables() == before


def test_who_merged_is_kept(tenant: Tenant) -> None:
    clerk: User = StaffFactory.create()
    kept, gone = person(tenant), person(tenant)

    merge_two(
        tenant_id=tenant.pk,
        survivor_id=kept.pk,
        merged_id=gone.pk,
        merged_by=clerk,
        now=NOON,
    )

    one = ContactMerge.objects.get()
    assert (one.merged_by, one.reason, one.merged_at) == (clerk, "by_hand", NOON)
