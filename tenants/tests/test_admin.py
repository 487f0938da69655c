from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from contacts.tests.factories import ContactFactory
from tenants.admin import TenantForm
from tenants.models import Tenant, WhatsAppNumber
from tenants.tests.factories import (
    MembershipFactory,
    TenantFactory,
    WhatsAppNumberFactory,
)
from tenants.tests.form_pages import opened

pytestmark = pytest.mark.django_db


def page_of(number: WhatsAppNumber) -> str:
    return reverse("admin:tenants_whatsappnumber_change", args=[number.pk])


@pytest.fixture
def number(owner: User) -> WhatsAppNumber:
    return WhatsAppNumberFactory.create(app_secret="s3cret", access_token="EAAGtoken")


def test_a_stored_secret_is_never_shown_again(
    client: Client, number: WhatsAppNumber
) -> None:
    pages = [
        client.get(page_of(number)).content.decode(),
        client.get(reverse("admin:tenants_whatsappnumber_changelist")).content.decode(),
        client.get(
            reverse("admin:tenants_tenant_change", args=[number.tenant_id])
        ).content.decode(),
    ]

    assert number.display_phone_number in pages[0]
    for page in pages:
        assert "s3cret" not in page
        assert "EAAGtoken" not in page


@pytest.mark.parametrize(
    ("changes", "stored"),
    [
        ({"display_phone_number": "+91 22 5555 0100"}, ("s3cret", "EAAGtoken")),
        ({"new_app_secret": "fresh"}, ("fresh", "EAAGtoken")),
        ({"new_access_token": "EAAGnew"}, ("s3cret", "EAAGnew")),
        ({"forget_app_secret": "on"}, ("", "EAAGtoken")),
        ({"forget_access_token": "on"}, ("s3cret", "")),
    ],
    ids=["blank keeps", "new secret", "new token", "forget secret", "forget token"],
)
def test_secrets_change_only_when_they_are_typed_or_forgotten(
    client: Client,
    number: WhatsAppNumber,
    changes: dict[str, str],
    stored: tuple[str, str],
) -> None:
    response = client.post(page_of(number), opened(client, page_of(number), **changes))

    assert response.status_code == 302
    number = WhatsAppNumber.objects.get()
    assert (number.app_secret, number.access_token) == stored


def test_a_number_opens_and_gets_a_new_secret_when_the_old_ones_key_is_lost(
    client: Client, number: WhatsAppNumber, settings: Any
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    assert client.get(page_of(number)).status_code == 200
    client.post(
        page_of(number),
        opened(
            client, page_of(number), new_app_secret="fresh", forget_access_token="on"
        ),
    )

    assert WhatsAppNumber.objects.get().app_secret == "fresh"


def test_a_new_number_is_stored_with_its_secret(client: Client, owner: User) -> None:
    tenant = TenantFactory.create()

    response = client.post(
        reverse("admin:tenants_whatsappnumber_add"),
        {
            "tenant": tenant.pk,
            "phone_number_id": "114620538274910",
            "new_app_secret": "s3cret",
        },
    )

    assert response.status_code == 302
    assert WhatsAppNumber.objects.get(tenant=tenant).app_secret == "s3cret"


def test_a_phone_number_instead_of_its_id_is_refused_in_words(
    client: Client, owner: User
) -> None:
    response = client.post(
        reverse("admin:tenants_whatsappnumber_add"),
        {"tenant": TenantFactory.create().pk, "phone_number_id": "+91 98765 43210"},
    )

    assert "The phone number id consists of digits only." in response.content.decode()


def test_the_page_says_what_to_enter_at_meta_and_the_token_to_superusers_only(
    client: Client, number: WhatsAppNumber, settings: Any
) -> None:
    settings.WHATSAPP_VERIFY_TOKEN = "verify-1234"
    manager = MembershipFactory.create(tenant=number.tenant).user
    manager.user_permissions.set(Permission.objects.all())

    to_owner = client.get(page_of(number)).content.decode()
    client.force_login(manager)
    to_manager = client.get(page_of(number)).content.decode()

    assert "http://testserver/webhooks/whatsapp/" in to_owner
    assert "http://testserver/webhooks/whatsapp/" in to_manager
    assert "verify-1234" in to_owner
    assert "verify-1234" not in to_manager


def test_a_tenant_is_made_with_its_staff(client: Client, owner: User) -> None:
    colleague = MembershipFactory.create().user

    response = client.post(
        reverse("admin:tenants_tenant_add"),
        {
            "name": "Sunrise Finance",
            "slug": "sunrise",
            "country": "in",
            "timezone": "Asia/Kolkata",
            "whatsapp_numbers-TOTAL_FORMS": "0",
            "whatsapp_numbers-INITIAL_FORMS": "0",
            "memberships-TOTAL_FORMS": "1",
            "memberships-INITIAL_FORMS": "0",
            "memberships-0-user": str(colleague.pk),
        },
    )

    assert response.status_code == 302
    tenant = Tenant.objects.get(slug="sunrise")
    assert tenant.country == "IN"
    assert tenant.memberships.get().user == colleague


def test_an_unknown_country_is_refused(client: Client, owner: User) -> None:
    response = client.post(
        reverse("admin:tenants_tenant_add"),
        {"name": "X", "slug": "x", "country": "XX", "timezone": "Asia/Kolkata"},
    )

    assert "Not an ISO 3166 country code" in response.content.decode()


@pytest.mark.parametrize("days", ["36501", "2147483647", "9" * 5000, "-1"])
def test_more_days_than_a_calendar_has_are_refused(days: str) -> None:
    tenant = TenantFactory.create()
    sent = {"name": "A", "slug": "a", "country": "IN", "timezone": "Asia/Kolkata"}

    good = TenantForm({**sent, "keep_files_days": "36500"}, instance=tenant)
    bad = TenantForm({**sent, "keep_files_days": days}, instance=tenant)

    assert good.is_valid()
    assert list(bad.errors) == ["keep_files_days"]


def test_whose_a_row_is_shows_only_to_those_who_see_several_tenants(
    client: Client, owner: User
) -> None:
    contact = ContactFactory.create()
    clerk = MembershipFactory.create(tenant=contact.tenant).user
    clerk.user_permissions.set(Permission.objects.all())
    contacts = reverse("admin:contacts_contact_changelist")

    to_owner = client.get(contacts, {"tenant": contact.tenant_id}).context["cl"]
    client.force_login(clerk)
    to_clerk = client.get(contacts).context["cl"]

    assert "tenant" in to_owner.list_display
    assert "tenant" not in to_clerk.list_display
    assert [list(shown.result_list) for shown in (to_owner, to_clerk)] == [
        [contact]
    ] * 2


@pytest.mark.parametrize("chosen", ["999999", "nonsense", "-1", "9" * 30])
def test_a_filter_for_a_tenant_that_is_not_there_shows_nothing(
    client: Client, owner: User, chosen: str
) -> None:
    ContactFactory.create()

    response = client.get(
        reverse("admin:contacts_contact_changelist"), {"tenant": chosen}
    )

    assert response.status_code == 200
    assert not response.context["cl"].result_count


def test_a_long_list_says_more_than_it_counted(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenants.paginator.BoundedPaginator.ceiling", 50)
    ContactFactory.create_batch(51, tenant=TenantFactory.create())
    contacts = reverse("admin:contacts_contact_changelist")

    first, last, beyond = (
        client.get(contacts, {"p": page}) for page in ("1", "2", "3")
    )

    text = " ".join(first.content.decode().split())
    assert "more than 50 contacts" in text
    assert len(last.context["cl"].result_list) == 25
    assert beyond.status_code == 302
