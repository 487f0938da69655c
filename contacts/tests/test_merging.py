"""Merging in sets and taking it back: every table as it was, or why not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from contacts.deduplicating import merge_groups, merge_two
from contacts.duplicates import find_duplicates
from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.services import name_by_staff
from contacts.tests.factories import ContactFactory
from contacts.unmerging import MergeStands, undo_merge
from messaging.models import ChatMessage
from messaging.tests.factories import ChatMessageFactory
from tenants.models import Tenant
from tenants.tests.factories import StaffFactory, TenantFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
BRAZIL, BRAZIL_SHORT = "5511981234567", "551181234567"


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory.create()


def person(tenant: Tenant, *, messages: int = 0, **columns: Any) -> Contact:
    """Make a contact with so many messages, one a minute, counted."""
    contact = ContactFactory.create(tenant=tenant, **columns)
    for minute in range(messages):
        ChatMessageFactory.create(
            contact=contact, sent_at=NOON + timedelta(minutes=contact.pk + minute)
        )
    recount(contact)
    return contact


def recount(contact: Contact) -> None:
    times = sorted(contact.messages.values_list("sent_at", flat=True))
    Contact.objects.filter(pk=contact.pk).update(
        message_count=len(times),
        first_message_at=times[0] if times else None,
        last_message_at=times[-1] if times else None,
    )


def identity(contact: Contact, value: str, kind: str = "phone") -> ContactIdentity:
    return ContactIdentity.objects.create(
        tenant=contact.tenant, contact=contact, kind=kind, value=value
    )


def tables() -> dict[str, list[dict[str, Any]]]:
    """Return all that a merge touches, whole."""
    return {
        model._meta.db_table: list(model.objects.order_by("pk").values())
        for model in (Contact, ContactIdentity, ChatMessage)
    }


def merge(survivor: Contact, merged: Contact) -> ContactMerge:
    merge_two(
        tenant_id=survivor.tenant_id,
        survivor_id=survivor.pk,
        merged_id=merged.pk,
        merged_by=None,
        now=NOON,
    )
    return ContactMerge.objects.latest("pk")


def undo(one: ContactMerge) -> None:
    undo_merge(merge_id=one.pk, tenant_id=one.tenant_id, undone_by=None, now=LATER)


def obstacles_of(one: ContactMerge) -> list[str]:
    before = tables()
    with pytest.raises(MergeStands) as refused:
        undo(one)
    assert tables() == before
    return list(refused.value.obstacles)


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


def test_an_undo_restores_every_table_exactly(tenant: Tenant) -> None:
    kept = person(tenant, messages=2, phone_number=None, name="WhatsApp user")
    gone = person(tenant, messages=3, profile_name="Asha", profile_name_at=NOON)
    identity(kept, "IN.77", kind="whatsapp_user_id")
    identity(gone, gone.phone_number or "")
    before = tables()
    clerk = StaffFactory.create()

    one = merge(kept, gone)
    undo_merge(merge_id=one.pk, tenant_id=tenant.pk, undone_by=clerk, now=LATER)

    assert tables() == before
    one.refresh_from_db()
    assert (one.undone_at, one.undone_by) == (LATER, clerk)


def test_three_of_one_number_are_three_merges_undone_last_first(
    tenant: Tenant,
) -> None:
    drop_unique_index()
    people = [
        person(tenant, messages=count, phone_number="919800000001", name="")
        for count in (1, 2, 3)
    ]
    before = tables()
    dedupe(tenant)

    contact = Contact.objects.get()
    first, second = ContactMerge.objects.order_by("pk")
    assert (contact.pk, contact.message_count) == (people[0].pk, 6)
    assert obstacles_of(first) == [
        f"Contact {people[2].pk} has since been merged into contact "
        f"{contact.pk} as well: undo merge {second.pk} first."
    ]
    undo(second)
    undo(first)

    assert tables() == before


def drop_unique_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE contacts DROP CONSTRAINT contacts_tenant_id_phone_number_key"
        )


def dedupe(tenant: Tenant) -> int:
    groups = find_duplicates(tenant_id=tenant.pk)
    return sum(merge_groups(tenant_id=tenant.pk, groups=groups, now=NOON))


def test_the_longest_spelling_of_a_number_is_shown(tenant: Tenant) -> None:
    old = person(tenant, messages=1, phone_number=BRAZIL_SHORT)
    person(tenant, messages=1, phone_number=BRAZIL)
    before = tables()

    dedupe(tenant)

    contact = Contact.objects.get()
    assert (contact.pk, contact.phone_number) == (old.pk, BRAZIL)
    undo(ContactMerge.objects.get())
    assert tables() == before


def test_messages_that_came_since_stay_with_who_got_them(tenant: Tenant) -> None:
    kept = person(tenant, messages=2)
    gone = person(tenant, messages=4)
    merged = merge(kept, gone)
    ChatMessageFactory.create(contact=kept, sent_at=NOON - timedelta(days=1))
    recount(kept)

    undo(merged)

    for contact, count in ((kept, 3), (gone, 4)):
        contact.refresh_from_db()
        span = sorted(contact.messages.values_list("sent_at", flat=True))
        assert contact.message_count == len(span) == count
        assert contact.first_message_at == span[0]
        assert contact.last_message_at == span[-1]


def test_a_newer_profile_name_stays_when_the_merge_is_undone(tenant: Tenant) -> None:
    kept = person(tenant, name="919800000001", name_source="phone")
    gone = person(tenant, name="Asha", profile_name="Asha", profile_name_at=NOON)
    merged = merge(kept, gone)
    Contact.objects.filter(pk=kept.pk).update(
        name="Asha V", profile_name="Asha V", profile_name_at=LATER
    )

    undo(merged)

    assert list(Contact.objects.order_by("pk").values_list("name", "name_source")) == [
        ("Asha V", "profile"),
        ("Asha", ""),
    ]


def test_a_survivor_that_was_merged_itself_is_to_come_back_first(
    tenant: Tenant,
) -> None:
    first, second, third = (person(tenant, messages=1) for _ in range(3))
    before = tables()
    inner = merge(second, third)
    outer = merge(first, second)

    assert obstacles_of(inner) == [
        f"Contact {second.pk} has since been merged into contact {first.pk}: "
        f"undo merge {outer.pk} first."
    ]
    undo(outer)
    inner.refresh_from_db()
    undo(inner)

    assert tables() == before


def test_what_stands_in_the_way_of_an_undo_is_named(tenant: Tenant) -> None:
    kept, gone = person(tenant), person(tenant, phone_number="919876543210")
    moved = identity(gone, "919876543210")
    merged = merge(kept, gone)
    taker = ContactFactory.create(tenant=tenant, phone_number="919876543210")
    ContactIdentity.objects.filter(pk=moved.pk).update(contact=taker)
    kept.refresh_from_db()
    name_by_staff(contact=kept, name="Somebody", now=LATER)
    Contact.objects.filter(pk=kept.pk).update(email="new@example.in")

    assert obstacles_of(merged) == [
        f"Staff have changed the name of contact {kept.pk} since.",
        f"The e-mail address of contact {kept.pk} was changed since.",
        f"The number ********3210 is contact {taker.pk}'s now.",
        f"The phone number ********3210 means contact {taker.pk} now.",
    ]


def test_a_merge_is_undone_once(tenant: Tenant) -> None:
    merged = merge(person(tenant), person(tenant))
    undo(merged)

    assert obstacles_of(merged) == [f"Merge {merged.pk} was undone already."]


def test_an_exact_duplicate_comes_back_only_where_a_number_may_stand_twice(
    tenant: Tenant,
) -> None:
    drop_unique_index()
    people = [person(tenant, phone_number="919876543210") for _ in range(2)]
    merged = merge(*people)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "ALTER TABLE contacts ADD CONSTRAINT contacts_tenant_id_phone_number_key"
            " UNIQUE (tenant_id, phone_number)"
        )

    assert obstacles_of(merged) == [
        f"Contact {people[0].pk} shows the number ********3210 itself, and the "
        "database allows each number once."
    ]


def test_nobody_is_merged_with_a_stranger(tenant: Tenant) -> None:
    from contacts.merging import ContactsChanged

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
