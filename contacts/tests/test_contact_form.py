"""What staff type in about a person, and what they cannot."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact, ContactIdentity
from contacts.tests.factories import ContactFactory
from contacts.tests.pages import ADD, page_of
from tenants.tests.factories import TenantFactory
from tenants.tests.form_pages import opened

pytestmark = pytest.mark.django_db


def save(client: Client, contact: Contact, **typed: str) -> Any:
    """Open the contact's form, type that, and save it."""
    return client.post(page_of(contact), opened(client, page_of(contact), **typed))


def test_a_name_by_staff_is_kept_as_theirs(client: Client, contact: Contact) -> None:
    response = save(client, contact, name="  Asha   Verma ")

    assert response.status_code == 302
    contact.refresh_from_db()
    assert (contact.name, contact.name_source) == ("Asha Verma", "staff")


def test_clearing_a_name_hands_it_back_to_whatsapp(
    client: Client, contact: Contact
) -> None:
    save(client, contact, name="Asha Verma")

    save(client, contact, name="")

    contact.refresh_from_db()
    assert (contact.name, contact.name_source) == ("Asha V", "profile")


def test_an_address_by_staff_stays_theirs_until_it_is_cleared(
    client: Client, contact: Contact
) -> None:
    stated = {"stated_email": "asha@example.in", "stated_email_at": timezone.now()}
    Contact.objects.update(email="asha@example.in", email_source="flow", **stated)
    contact.refresh_from_db()

    save(client, contact, email="office@example.in")
    contact.refresh_from_db()
    entered = contact.email, contact.email_source
    save(client, contact, email="")
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
    save(client, contact, name="Asha", email="asha@example.in")

    contact.refresh_from_db()
    assert (contact.name, contact.email) == ("Asha", "asha@example.in")
    assert contact.message_count == 9


def test_saving_an_unchanged_form_touches_nothing(
    client: Client, contact: Contact
) -> None:
    before = Contact.objects.filter(pk=contact.pk).values().get()

    save(client, contact)

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


def test_a_contact_is_never_deleted_by_hand(client: Client, contact: Contact) -> None:
    owner = User.objects.create_superuser("owner")
    client.force_login(owner)

    response = client.post(
        reverse("admin:contacts_contact_delete", args=[contact.pk]), {"post": "yes"}
    )

    assert response.status_code == 403
    assert Contact.objects.filter(pk=contact.pk).exists()


def test_the_history_of_a_contact_names_nobody(
    client: Client, contact: Contact
) -> None:
    save(client, contact, name="Mrs Verma", email="asha@example.in")
    save(client, contact, name="")

    history = list(LogEntry.objects.order_by("pk").values_list("object_repr"))
    messages = [one.get_change_message() for one in LogEntry.objects.order_by("pk")]
    assert history == [(f"contact {contact.pk}",)] * 2
    assert messages == [
        "Changed Name from “A*** V***” to “M*** V***” and E-mail from nothing to "
        "“a***@example.in”.",
        "Changed Name from “M*** V***” to nothing.",
    ]


@pytest.mark.django_db(transaction=True)
def test_a_history_that_is_posted_to_is_shown(client: Client, contact: Contact) -> None:
    page = reverse("admin:contacts_contact_history", args=[contact.pk])

    assert client.post(page).status_code == 200
