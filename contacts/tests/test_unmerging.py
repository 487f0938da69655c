"""Taking a merge back: every table as it was, or why not."""

from datetime import timedelta

import pytest
from django.db import connection

from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.services import (
    StatedEmail,
    email_by_staff,
    name_by_staff,
    record_emails,
)
from contacts.tests.factories import ContactFactory
from contacts.tests.merges import (
    BRAZIL,
    BRAZIL_SHORT,
    LATER,
    NOON,
    dedupe,
    identity,
    merge,
    person,
    recount,
    tables,
)
from contacts.unmerging import MergeStands, preview_undo, undo_merge
from messaging.models import ChatMessage
from messaging.tests.factories import ChatMessageFactory
from tenants.models import Tenant
from tenants.tests.factories import StaffFactory

pytestmark = pytest.mark.django_db


def undo(one: ContactMerge) -> None:
    undo_merge(merge_id=one.pk, tenant_id=one.tenant_id, undone_by=None, now=LATER)


def obstacles_of(one: ContactMerge) -> list[str]:
    before = tables()
    with pytest.raises(MergeStands) as refused:
        undo(one)
    assert tables() == before
    return list(refused.value.obstacles)


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


@pytest.mark.usefixtures("old_database")
def test_three_of_one_number_are_three_merges_undone_last_first(
    tenant: Tenant,
) -> None:
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

    assert obstacles_of(merged) == [
        f"The number ********3210 is contact {taker.pk}'s now.",
        f"The phone number ********3210 means contact {taker.pk} now.",
    ]


def enter(
    contact: Contact, *, name: str | None = None, email: str | None = None
) -> None:
    """Enter that as staff do, on the contact's page."""
    contact = Contact.objects.get(pk=contact.pk)
    if name is not None:
        name_by_staff(contact=contact, name=name, now=LATER)
    if email is not None:
        email_by_staff(contact=contact, email=email, now=LATER)


def called(contact: Contact) -> tuple[str, str, str, str]:
    one = Contact.objects.get(pk=contact.pk)
    return one.name, one.name_source, one.email, one.email_source


STAFF_NAME = {"name": "Asha Verma", "name_source": "staff"}
STAFF_EMAIL = {"email": "asha@example.in", "email_source": "staff"}
STATED = {"stated_email": "own@example.in", "stated_email_at": NOON}
PROFILE = {"name": "Asha", "name_source": "profile"} | {
    "profile_name": "Asha",
    "profile_name_at": NOON,
}


@pytest.mark.parametrize(
    ("kept_has", "gone_has", "entered", "kept_is", "gone_is", "told"),
    [
        (
            PROFILE,
            {"name": "Ravi", "name_source": "profile"},
            {"name": "Somebody"},
            ("Somebody", "staff", "", ""),
            ("Ravi", "profile", "", ""),
            "The name “Somebody”, entered since the merge, stays with contact {kept}. "
            "Its former name “Asha” is not put back.",
        ),
        (
            STAFF_NAME,
            PROFILE,
            {"name": "Somebody"},
            ("Somebody", "staff", "", ""),
            ("Asha", "profile", "", ""),
            "The name “Somebody”, entered since the merge, stays with contact {kept}. "
            "Its former name “Asha Verma” is not put back.",
        ),
        (
            STAFF_NAME | {"profile_name": "Asha", "profile_name_at": NOON},
            {"name": "Ravi", "name_source": "profile"},
            {"name": ""},
            ("Asha", "profile", "", ""),
            ("Ravi", "profile", "", ""),
            "The name of contact {kept} was removed since the merge: its former name "
            "“Asha Verma” is not put back.",
        ),
        (
            PROFILE,
            STAFF_NAME,
            {"name": ""},
            ("Asha", "profile", "", ""),
            ("Asha Verma", "staff", "", ""),
            "Contact {gone} gets back the name “Asha Verma”, which was removed since "
            "the merge.",
        ),
        (
            PROFILE | STAFF_EMAIL,
            PROFILE | {"email": "ravi@example.in", "email_source": "staff"},
            {"email": "office@example.in"},
            ("Asha", "profile", "office@example.in", "staff"),
            ("Asha", "profile", "ravi@example.in", "staff"),
            "The e-mail address “office@example.in”, entered since the merge, stays "
            "with contact {kept}. Its former e-mail address “asha@example.in” is not "
            "put back.",
        ),
        (
            PROFILE,
            PROFILE | STAFF_EMAIL | STATED,
            {"email": ""},
            ("Asha", "profile", "", ""),
            ("Asha", "profile", "asha@example.in", "staff"),
            "Contact {gone} gets back the e-mail address “asha@example.in”, which was "
            "removed since the merge.",
        ),
        (
            PROFILE | STAFF_EMAIL | STATED,
            PROFILE,
            {"email": ""},
            ("Asha", "profile", "own@example.in", "flow"),
            ("Asha", "profile", "", ""),
            "The e-mail address of contact {kept} was removed since the merge: its "
            "former e-mail address “asha@example.in” is not put back.",
        ),
    ],
    ids=[
        "renamed",
        "renamed from staff's name",
        "its name removed",
        "the other's name removed",
        "address changed",
        "the other's address removed",
        "its address removed",
    ],
)
def test_what_staff_entered_since_stays_with_the_survivor_and_is_told(
    tenant: Tenant,
    kept_has: dict[str, str],
    gone_has: dict[str, str],
    entered: dict[str, str],
    kept_is: tuple[str, ...],
    gone_is: tuple[str, ...],
    told: str,
) -> None:
    kept, gone = person(tenant, **kept_has), person(tenant, **gone_has)
    merged = merge(kept, gone)
    enter(kept, **entered)

    undoing = preview_undo(merged, now=LATER)
    undo(merged)

    assert [one.in_full for one in undoing.kept] == [
        told.format(kept=kept.pk, gone=gone.pk)
    ]
    assert (called(kept), called(gone)) == (kept_is, gone_is)


def test_an_address_that_they_stated_since_stays_with_the_survivor(
    tenant: Tenant,
) -> None:
    kept, gone = person(tenant, **PROFILE), person(tenant, **STAFF_EMAIL)
    merged = merge(kept, gone)
    stated = StatedEmail(contact_id=kept.pk, text="new@example.in", stated_at=LATER)
    record_emails(stated=[stated], now=LATER)

    undo(merged)

    assert called(kept) == ("Asha", "profile", "new@example.in", "flow")
    assert called(gone)[2:] == ("asha@example.in", "staff")


def test_a_name_entered_after_two_merges_survives_both_undos(tenant: Tenant) -> None:
    kept = person(tenant, **PROFILE)
    first, second = (merge(kept, person(tenant)) for _ in range(2))
    enter(kept, name="Somebody")

    undo(second)
    undo(first)

    assert called(kept)[:2] == ("Somebody", "staff")


def test_what_was_deleted_since_stands_in_the_way_of_an_undo(tenant: Tenant) -> None:
    kept, gone = person(tenant), person(tenant, messages=3)
    moved = identity(gone, gone.phone_number or "")
    merged = merge(kept, gone)
    newest = ChatMessage.objects.latest("sent_at")
    newest.delete()
    moved.delete()

    assert sorted(obstacles_of(merged)) == [
        "1 of its chat messages were deleted since.",
        "1 of its contact identities were deleted since.",
    ]


def test_an_id_that_was_given_again_stands_in_the_way_of_an_undo(
    tenant: Tenant,
) -> None:
    kept, gone = person(tenant), person(tenant)
    merged = merge(kept, gone)
    ContactFactory.create(pk=gone.pk, tenant=tenant)

    assert obstacles_of(merged) == [f"There is a contact {gone.pk} again."]


def test_a_merge_is_undone_once(tenant: Tenant) -> None:
    merged = merge(person(tenant), person(tenant))
    undo(merged)

    assert obstacles_of(merged) == [f"Merge {merged.pk} was undone already."]


@pytest.mark.usefixtures("old_database")
def test_an_exact_duplicate_comes_back_only_where_a_number_may_stand_twice(
    tenant: Tenant,
) -> None:
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
