"""One text finds the same person in the lists of contacts, customers and messages."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.erasure import erase_person
from contacts.deduplicating import merge_two
from contacts.models import Contact
from contacts.tests.factories import ContactFactory
from customers.models import Customer, SearchTerm
from customers.tests.indexed import index_all
from messaging.models import ChatMessage
from messaging.tests.factories import ChatMessageFactory
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory, WhatsAppNumberFactory, clerk_of
from uploads.models import FileUpload
from uploads.tests.factories import load
from uploads.undoing import undo_upload

pytestmark = pytest.mark.django_db

FILE = (
    "Name,Mobile,Alternate Mobile,Loan No\n"
    "Asha Kadam,98000-02015,,SF-2407/b\n"
    "Vikram Rao,9812345678,,X-1\n"
)
FORMS = [
    *("2015", "980", "98000", "9800002015", "09800002015", "+91 98000 02015"),
    *("919800002015", "00919800002015", "sf2407B", "SF 2407", "f-24", "2407", "07b"),
    *("kadam", "ASHA kad"),
]


def write_everything(tenant: Tenant) -> tuple[Contact, ChatMessage]:
    """Load the file; Asha writes, who calls herself otherwise, and so does Vikram."""
    load(FILE, tenant=tenant)
    index_all()
    number = WhatsAppNumberFactory.create(tenant=tenant)
    asha, vikram = (
        ContactFactory.create(tenant=tenant, name=name, phone_number=phone)
        for name, phone in (("Pinky", "919800002015"), ("V", "919812345678"))
    )
    message, _ = (
        ChatMessageFactory.create(contact=one, whatsapp_number=number, text="Hello")
        for one in (asha, vikram)
    )
    return asha, message


def listed(client: Client, model: type, text: str) -> list[Any]:
    options = model._meta  # type: ignore[attr-defined] # of any model
    page = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    return list(client.get(page, {"q": text}).context["cl"].result_list)


@pytest.mark.parametrize("text", FORMS)
def test_the_same_person_is_found_in_every_list(
    client: Client, clerk: User, text: str
) -> None:
    write_everything(TenantFactory.create())  # a stranger's, who has the same
    asha, message = write_everything(clerk.memberships.get().tenant)

    assert listed(client, Contact, text) == [asha]
    assert listed(client, ChatMessage, text) == [message]
    (entry,) = listed(client, Customer, text)
    assert (entry.full_name, entry.tenant) == ("Asha Kadam", asha.tenant)


@pytest.mark.parametrize("text", ["zzz", "SF-2408", "2016", "x"])
def test_nobody_is_found_by_what_nobody_has(
    client: Client, clerk: User, text: str
) -> None:
    write_everything(clerk.memberships.get().tenant)

    for model in (Contact, Customer, ChatMessage):
        assert listed(client, model, text) == []


def test_who_was_merged_is_found_as_the_survivor(client: Client, clerk: User) -> None:
    tenant = clerk.memberships.get().tenant
    asha, _ = write_everything(tenant)
    other = ContactFactory.create(
        tenant=tenant, name="Office", phone_number="919700000001"
    )

    merge_two(
        tenant_id=tenant.pk,
        survivor_id=other.pk,
        merged_id=asha.pk,
        merged_by=clerk,
        now=timezone.now(),
    )

    for text in ("sf2407", "kadam", "09800002015"):
        assert listed(client, Contact, text) == [other], text


def test_files_are_searched_only_for_who_may_see_them(client: Client) -> None:
    tenant = TenantFactory.create()
    user = clerk_of(tenant)
    user.groups.clear()
    user.user_permissions.add(Permission.objects.get(codename="view_contact"))
    client.force_login(user)
    asha, _ = write_everything(tenant)

    assert listed(client, Contact, "sf2407") == []
    assert listed(client, Contact, "2015") == [asha]


@pytest.mark.parametrize("how", ["undone", "erased"])
def test_what_is_removed_is_found_nowhere_and_in_no_term(
    client: Client, clerk: User, how: str
) -> None:
    tenant = clerk.memberships.get().tenant
    write_everything(tenant)
    kept = set(SearchTerm.objects.values_list("term", flat=True))
    assert {"nasha", "nkadam", "lSF24", "p510"} <= kept

    if how == "undone":
        (upload,) = FileUpload.objects.all()
        undo_upload(upload_id=upload.pk, by=clerk, now=timezone.now())
        left: set[str] = set()
    else:
        erase_person(tenant=tenant, phone="919800002015", now=timezone.now())
        left = {"nvikram", "nrao", "p876", "lX1", "l1"}
    index_all()

    assert set(SearchTerm.objects.values_list("term", flat=True)) == left
    assert listed(client, Customer, "kadam") == []
    assert listed(client, Contact, "sf2407") == []


def test_the_index_is_made_anew_by_a_command(client: Client, clerk: User) -> None:
    tenant = clerk.memberships.get().tenant
    write_everything(tenant)
    right = list(SearchTerm.objects.order_by("pk").values())
    SearchTerm.objects.filter(term__startswith="n").delete()
    SearchTerm.objects.filter(term="p510").update(row_numbers=[77])
    damaged = list(SearchTerm.objects.order_by("pk").values())
    stranger = TenantFactory.create()

    call_command("process_uploads", "--rebuild-search-index", "--tenant", stranger.slug)
    assert list(SearchTerm.objects.order_by("pk").values()) == damaged
    call_command("process_uploads", "--rebuild-search-index")

    assert list(SearchTerm.objects.order_by("pk").values()) == right
