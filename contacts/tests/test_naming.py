"""What a contact is called: which of its names wins."""

import pytest

from contacts.models import Contact
from contacts.services import (
    Sender,
    name_by_staff,
)
from contacts.tests.senders import ASHA, NOW, at, upsert
from tenants.models import Tenant


@pytest.mark.parametrize(
    ("sender", "name", "source"),
    [
        pytest.param(at(0, phone=ASHA), ASHA, "phone", id="number only"),
        pytest.param(
            at(0, user_id="IN.77", username="asha.v"), "asha.v", "username", id="user"
        ),
        pytest.param(at(0, user_id="IN.77"), "WhatsApp user", "", id="nothing"),
        pytest.param(
            at(0, phone=ASHA, profile_name="Asha", address_book_name="Asha shop"),
            "Asha shop",
            "address_book",
            id="address book",
        ),
        pytest.param(
            at(0, phone=ASHA, profile_name=" \n "), ASHA, "phone", id="blank profile"
        ),
    ],
)
def test_a_contact_is_never_nameless(
    sender: Sender, name: str, source: str, tenant: Tenant
) -> None:
    upsert(tenant, sender)

    contact = Contact.objects.get()
    assert (contact.name, contact.name_source) == (name, source)


def test_a_label_removed_from_the_address_book_gives_way_to_the_profile(
    tenant: Tenant,
) -> None:
    upsert(tenant, at(0, phone=ASHA, profile_name="Asha", address_book_name="Shop"))

    upsert(tenant, at(1, phone=ASHA, address_book_name=""))

    assert Contact.objects.get().name == "Asha"


def test_a_name_by_staff_stays_until_they_clear_it(tenant: Tenant) -> None:
    upsert(tenant, at(0, phone=ASHA, profile_name="Asha"))
    contact = Contact.objects.get()

    name_by_staff(contact=contact, name="Mrs Verma", now=NOW)
    upsert(tenant, at(1, phone=ASHA, profile_name="Asha V", address_book_name="Shop"))

    contact.refresh_from_db()
    assert (contact.name, contact.profile_name) == ("Mrs Verma", "Asha V")

    name_by_staff(contact=contact, name=" ", now=NOW)

    contact.refresh_from_db()
    assert (contact.name, contact.name_source) == ("Shop", "address_book")
