"""What a contact's page shows beside the form, and the merges behind it."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.panels import register_contact_panel
from contacts.tests.factories import ContactFactory
from contacts.tests.pages import page_of

pytestmark = pytest.mark.django_db


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
