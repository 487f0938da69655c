import uuid
from datetime import date
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from config import panels
from contacts.models import Contact, ContactIdentity
from contacts.phones import canonical
from contacts.tests.factories import ContactFactory
from customers.addresses import phone_address
from customers.models import Customer
from messaging.tests.factories import ChatMessageFactory
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from uploads.models import FileUpload

pytestmark = pytest.mark.django_db


def make_entry(tenant: Tenant, phone: str, name: str) -> Customer:
    upload, _ = FileUpload.objects.get_or_create(
        tenant=tenant, original_name="november.csv", sha256="0" * 64
    )
    return Customer.objects.create(
        tenant=tenant,
        upload=upload,
        row_number=7,
        full_name=name,
        primary_phone=phone,
        loan_number="SF-1042",
        loan_amount=Decimal("150000.00"),
        outstanding_amount=Decimal("120500.50"),
        due_date=date(2024, 11, 15),
        days_past_due=12,
        fingerprint=uuid.uuid4().hex,
    )


@pytest.fixture
def contact(clerk: User) -> Contact:
    return ContactFactory.create(
        tenant=clerk.memberships.get().tenant, phone_number="919876543210"
    )


def panel_on(client: Client, contact: Contact) -> str:
    page = client.get(reverse("admin:contacts_contact_change", args=[contact.pk]))
    return page.content.decode().partition('id="loan-entries"')[2]


def test_a_person_shows_every_loan_entry_of_their_number_newest_first(
    client: Client, contact: Contact
) -> None:
    make_entry(contact.tenant, "+919876543210", "Older Entry")
    make_entry(contact.tenant, "+919876543210", "Newer Entry")

    panel = panel_on(client, contact)

    assert 0 < panel.index("Newer Entry") < panel.index("Older Entry")
    for shown in ("SF-1042", "₹1,50,000", "₹1,20,500.50", "15 Nov 2024", "12"):
        assert shown in panel
    assert ">november.csv</a>" in panel
    assert ">line 7</a>" in panel


@pytest.mark.parametrize(
    ("known_by", "in_file"),
    [
        ("919000000001", "+919000000001"),
        ("5511987654321", "+5511987654321"),
        ("525512345678", "+525512345678"),
        ("541123456789", "+5491123456789"),
    ],
    ids=["India", "Brazil", "Mexico", "Argentina"],
)
def test_a_former_number_of_theirs_counts_too(
    client: Client, contact: Contact, known_by: str, in_file: str
) -> None:
    ContactIdentity.objects.create(
        tenant=contact.tenant, contact=contact, kind="phone", value=known_by
    )
    make_entry(contact.tenant, in_file, "Former Number")

    assert "Former Number" in panel_on(client, contact)


@pytest.mark.parametrize("who", ["clerk", "superuser"])
def test_the_same_number_in_another_tenants_file_is_not_shown(
    client: Client, contact: Contact, who: str
) -> None:
    if who == "superuser":  # who sees both, but not as one person
        client.force_login(User.objects.create_superuser("owner"))
    make_entry(TenantFactory.create(), "+919876543210", "Somebody Else")

    panel = panel_on(client, contact)

    assert "Somebody Else" not in panel
    assert "No customer file has named this number." in panel


def test_the_panel_ends_and_says_so(
    client: Client, contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panels, "MOST", 2)
    for _ in range(3):
        make_entry(contact.tenant, "+919876543210", "Asha Verma")

    panel = panel_on(client, contact)

    assert panel.count("<small>Asha Verma</small>") == 2
    assert "The newest 2 are shown." in panel


def test_who_may_not_see_customers_sees_no_panel(
    client: Client, clerk: User, contact: Contact
) -> None:
    make_entry(contact.tenant, "+919876543210", "Asha Verma")
    clerk.groups.clear()
    clerk.user_permissions.set(Permission.objects.filter(codename="view_contact"))

    assert panel_on(client, contact) == ""


def person_beside(client: Client, entry: Customer) -> str:
    page = client.get(phone_address(entry.primary_phone, tenant_id=entry.tenant_id))
    return page.content.decode().partition('id="person"')[2]


def test_beside_a_history_stand_the_person_and_the_conversation(
    client: Client, contact: Contact
) -> None:
    entry = make_entry(contact.tenant, "+919876543210", "Asha Verma")
    ChatMessageFactory.create(contact=contact, text="Will pay on Monday")

    beside = person_beside(client, entry)

    assert f"/contacts/contact/{contact.pk}/change/" in beside
    assert "Will pay on Monday" in beside


@pytest.mark.parametrize(
    ("phone", "in_file"),
    [
        ("551187654321", "+5511987654321"),
        ("5215512345678", "+525512345678"),
        ("5491123456789", "+5491123456789"),
    ],
    ids=["Brazil", "Mexico", "Argentina"],
)
@pytest.mark.parametrize("has_identity", [True, False])
def test_a_person_is_found_however_whatsapp_spells_the_number(
    client: Client, clerk: User, phone: str, in_file: str, has_identity: bool
) -> None:
    tenant = clerk.memberships.get().tenant
    contact = ContactFactory.create(tenant=tenant, phone_number=phone, name="Ana")
    if has_identity:
        ContactIdentity.objects.create(
            tenant=tenant, contact=contact, kind="phone", value=canonical(phone)
        )

    beside = person_beside(client, make_entry(tenant, in_file, "Ana"))

    assert f"/contacts/contact/{contact.pk}/change/" in beside


def test_who_changed_the_number_is_found_by_either(
    client: Client, contact: Contact
) -> None:
    for value in ("919876543210", "919000000001"):
        ContactIdentity.objects.create(
            tenant=contact.tenant, contact=contact, kind="phone", value=value
        )
    former = make_entry(contact.tenant, "+919000000001", "Asha Verma")
    make_entry(contact.tenant, "+919876543210", "Asha Verma")

    beside = person_beside(client, former)

    assert f"/contacts/contact/{contact.pk}/change/" in beside
    assert "/phone/?number=%2B919876543210&amp;" in beside


def test_another_tenants_contact_of_that_number_is_not_shown(
    client: Client, clerk: User
) -> None:
    stranger = ContactFactory.create(phone_number="919876543210", name="Somebody Else")
    ContactIdentity.objects.create(
        tenant=stranger.tenant, contact=stranger, kind="phone", value="919876543210"
    )
    entry = make_entry(clerk.memberships.get().tenant, "+919876543210", "Asha Verma")

    beside = person_beside(client, entry)

    assert "Somebody Else" not in beside
    assert "Nobody with this number has written yet." in beside


def test_who_may_not_see_contacts_sees_the_loans_alone(
    client: Client, clerk: User, contact: Contact
) -> None:
    entry = make_entry(contact.tenant, "+919876543210", "Asha Verma")
    clerk.groups.clear()
    clerk.user_permissions.set(Permission.objects.filter(codename="view_customer"))

    assert person_beside(client, entry) == ""
