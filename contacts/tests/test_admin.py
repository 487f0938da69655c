from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.panels import register_contact_panel
from contacts.tests.factories import ContactFactory
from tenants.tests.factories import TenantFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:contacts_contact_changelist")
ADD = reverse("admin:contacts_contact_add")


def page_of(contact: Contact) -> str:
    return reverse("admin:contacts_contact_change", args=[contact.pk])


@pytest.fixture
def contact(clerk: User) -> Contact:
    return ContactFactory.create(
        tenant=clerk.memberships.get().tenant,
        phone_number="919876543210",
        name="Asha V",
        name_source="profile",
        profile_name="Asha V",
        message_count=3,
    )


def saved(contact: Contact, **typed: str) -> dict[str, str]:
    """What the browser sends when the contact's form is saved."""
    return {"name": contact.name, "email": contact.email, **typed}


def test_a_name_by_staff_is_kept_as_theirs(client: Client, contact: Contact) -> None:
    response = client.post(page_of(contact), saved(contact, name="  Asha   Verma "))

    assert response.status_code == 302
    contact.refresh_from_db()
    assert (contact.name, contact.name_source) == ("Asha Verma", "staff")


def test_clearing_a_name_hands_it_back_to_whatsapp(
    client: Client, contact: Contact
) -> None:
    client.post(page_of(contact), saved(contact, name="Asha Verma"))

    client.post(page_of(contact), saved(contact, name=""))

    contact.refresh_from_db()
    assert (contact.name, contact.name_source) == ("Asha V", "profile")


def test_an_address_by_staff_stays_theirs_until_it_is_cleared(
    client: Client, contact: Contact
) -> None:
    stated = {"stated_email": "asha@example.in", "stated_email_at": timezone.now()}
    Contact.objects.update(email="asha@example.in", email_source="flow", **stated)
    contact.refresh_from_db()

    client.post(page_of(contact), saved(contact, email="office@example.in"))
    contact.refresh_from_db()
    entered = contact.email, contact.email_source
    client.post(page_of(contact), saved(contact, email=""))
    contact.refresh_from_db()

    assert entered == ("office@example.in", "staff")
    assert (contact.email, contact.email_source) == ("asha@example.in", "flow")


def test_the_page_says_who_gave_the_address_and_who_stopped_marketing(
    client: Client, contact: Contact
) -> None:
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    stopped = {"marketing_preference": "stop", "marketing_preference_at": at}
    stated = {"stated_email": "asha@example.in", "stated_email_at": at}
    Contact.objects.update(email="asha@example.in", email_source="flow", **stated)
    Contact.objects.update(**stopped)

    page = client.get(page_of(contact)).content.decode()

    assert "their answer in a Flow, 21 Nov 2026" in page
    assert "stopped by them, 21 Nov 2026" in page


def test_saving_the_form_leaves_what_a_worker_counted_meanwhile(
    client: Client, contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contacts.forms import ContactForm

    clean = ContactForm.clean_name

    def count_meanwhile(form: ContactForm) -> str:
        Contact.objects.filter(pk=contact.pk).update(message_count=9)
        return clean(form)

    monkeypatch.setattr(ContactForm, "clean_name", count_meanwhile)
    client.post(page_of(contact), saved(contact, name="Asha", email="asha@example.in"))

    contact.refresh_from_db()
    assert (contact.name, contact.email) == ("Asha", "asha@example.in")
    assert contact.message_count == 9


def test_saving_an_unchanged_form_touches_nothing(
    client: Client, contact: Contact
) -> None:
    before = Contact.objects.filter(pk=contact.pk).values().get()

    client.post(page_of(contact), saved(contact))

    assert Contact.objects.filter(pk=contact.pk).values().get() == before


def test_a_contact_added_by_hand_is_found_again_by_its_number(
    client: Client, clerk: User
) -> None:
    tenant = clerk.memberships.get().tenant

    response = client.post(
        ADD,
        {"tenant": tenant.pk, "phone_number": "098765 43210", "name": "", "email": ""},
    )

    assert response.status_code == 302
    added = Contact.objects.get()
    assert (added.tenant, added.phone_number) == (tenant, "919876543210")
    assert (added.name, added.name_source) == ("919876543210", "phone")


@pytest.mark.parametrize(
    ("phone", "answer"),
    [
        ("+91 98765 43210", "Asha V has this number already, or had it."),
        ("9000000001", "Asha V has this number already, or had it."),
        ("12345", ""),
        ("", "This field is required."),
    ],
    ids=["taken", "taken formerly", "no number", "blank"],
)
def test_a_number_is_added_once_and_only_when_it_is_one(
    client: Client, contact: Contact, phone: str, answer: str
) -> None:
    ContactIdentity.objects.create(
        tenant=contact.tenant, contact=contact, kind="phone", value="919000000001"
    )

    response = client.post(
        ADD, {"tenant": contact.tenant_id, "phone_number": phone, "name": "X"}
    )

    assert response.status_code == 200
    assert response.context["errors"]
    assert answer in response.content.decode()
    assert Contact.objects.count() == 1


def test_nobody_adds_a_contact_to_another_tenant(client: Client, clerk: User) -> None:
    foreign = TenantFactory.create()

    response = client.post(
        ADD, {"tenant": foreign.pk, "phone_number": "9876543210", "name": "X"}
    )

    assert response.status_code == 200
    assert not Contact.objects.exists()


@pytest.mark.parametrize("act", ["GET", "POST"])
def test_a_stranger_can_neither_see_nor_name_a_contact(
    client: Client, clerk: User, act: str
) -> None:
    theirs = ContactFactory.create(name="Asha")
    address = page_of(theirs)

    response = client.generic(act, address)
    nothing = client.generic(act, address.replace(str(theirs.pk), "987654321"))

    assert (response.status_code, nothing.status_code) == (404, 404)
    theirs.refresh_from_db()
    assert theirs.name == "Asha"


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("created=hour", {"new"}),
        ("created=week", {"new", "touched"}),
        ("touched=yes", {"touched"}),
        ("named=digits", {"new"}),
        ("named=real", {"touched", "old"}),
        ("phone=withheld", {"old"}),
        ("phone=known", {"new", "touched"}),
        ("marketing=stop", {"old"}),
        ("marketing=open", {"new", "touched"}),
        ("q=lakshmi", {"old"}),
        ("q=3210", {"new"}),
    ],
)
def test_the_list_answers_the_operators_questions(
    client: Client, clerk: User, query: str, listed: set[str]
) -> None:
    now = timezone.now()
    tenant = clerk.memberships.get().tenant
    people: dict[str, dict[str, str | int | None]] = {
        "new": {"name": "919876543210", "phone_number": "919876543210", "age": 0},
        "touched": {"name": "Ravi", "phone_number": "919000000000", "age": 2},
        "old": {"name": "Lakshmi", "phone_number": None, "age": 60}
        | {"marketing_preference": "stop"},
    }
    ids = {}
    for who, facts in people.items():
        created = now - timedelta(days=int(facts.pop("age") or 0))
        one = ContactFactory.create(
            tenant=tenant,
            **facts,
            created_at=created,
            updated_at=now if who == "touched" else created,
        )
        ids[who] = one.pk

    response = client.get(f"{LIST}?{query}")

    shown = {row.pk for row in response.context["cl"].result_list}
    assert shown == {ids[who] for who in listed}


def test_a_full_list_takes_as_many_queries_as_a_short_one(
    client: Client, clerk: User, django_assert_num_queries
) -> None:
    tenant = clerk.memberships.get().tenant
    ContactFactory.create_batch(26, tenant=tenant)

    # session, user, two of permissions, several tenants, which, count, rows
    with django_assert_num_queries(8):
        response = client.get(LIST)

    assert len(response.context["cl"].result_list) == 25


def test_only_a_narrowed_list_offers_to_show_all(client: Client, clerk: User) -> None:
    ContactFactory.create(tenant=clerk.memberships.get().tenant, name="Asha")

    whole, searched = client.get(LIST), client.get(LIST, {"q": "asha"})

    assert "Show all" not in whole.content.decode()
    assert "Show all" in searched.content.decode()


def test_contacts_with_the_newest_message_stand_first(
    client: Client, clerk: User
) -> None:
    tenant = clerk.memberships.get().tenant
    silent = ContactFactory.create(tenant=tenant)
    times = [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 9, 5)]
    first, newest, middle = (
        ContactFactory.create(tenant=tenant, last_message_at=at) for at in times
    )

    rows = client.get(LIST).context["cl"].result_list

    assert list(rows) == [newest, middle, first, silent]


def test_a_panel_of_an_upper_app_stands_on_the_contacts_page(
    client: Client, contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.panels._panels", [])
    register_contact_panel(lambda request, one: f"panel of {one.phone_number}")

    response = client.get(page_of(contact))

    assert "panel of 919876543210" in response.content.decode()


def test_the_page_shows_what_a_person_is_and_was_known_by(
    client: Client, contact: Contact
) -> None:
    ContactIdentity.objects.create(
        tenant=contact.tenant, contact=contact, kind="phone", value="919000000001"
    )

    page = client.get(page_of(contact)).content.decode()

    assert "919000000001" in page.partition('id="known-by"')[2]


def joined(survivor: Contact, **was: str | None) -> ContactMerge:
    """A merge as the product records it."""
    return ContactMerge.objects.create(
        tenant=survivor.tenant,
        survivor=survivor,
        merged_contact_id=4711,
        merged_contact={"name": "Asha Verma", "phone_number": None} | was,
        survivor_before={},
        moved={"chat_messages": [5, 6], "contact_identities": []},
        reason="identities_met",
    )


def test_who_was_joined_into_a_contact_can_be_looked_at(
    client: Client, contact: Contact
) -> None:
    merge = joined(contact)
    address = reverse("admin:contacts_contactmerge_change", args=[merge.pk])

    pages = [
        client.get(one).content.decode()
        for one in (
            page_of(contact),
            reverse("admin:contacts_contactmerge_changelist"),
            address,
        )
    ]

    assert address in pages[0]
    assert "number and user id arrived together" in pages[0]
    for page in pages[1:]:
        assert "Asha Verma (contact 4711)" in page
        assert "the product itself" in page
    assert "2 of chat_messages" in pages[2]
    assert client.post(address, {"reason": "by_hand"}).status_code == 403


def test_a_stranger_sees_no_merge(client: Client, clerk: User) -> None:
    theirs = joined(ContactFactory.create())
    address = reverse("admin:contacts_contactmerge_change", args=[theirs.pk])

    there = client.get(address)
    nothing = client.get(address.replace(str(theirs.pk), "987654321"))
    listed = client.get(reverse("admin:contacts_contactmerge_changelist"))

    assert (there.status_code, nothing.status_code) == (404, 404)
    assert there.content == nothing.content.replace(
        b"987654321", str(theirs.pk).encode()
    )
    assert list(listed.context["cl"].result_list) == []


def test_a_contact_is_never_deleted_by_hand(client: Client, contact: Contact) -> None:
    owner = User.objects.create_superuser("owner")
    client.force_login(owner)

    response = client.post(
        reverse("admin:contacts_contact_delete", args=[contact.pk]), {"post": "yes"}
    )

    assert response.status_code == 403
    assert Contact.objects.filter(pk=contact.pk).exists()
