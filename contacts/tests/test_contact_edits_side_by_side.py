"""Staff save a contact's page while somebody else writes the same contact."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from config.erasure import erase_person
from contacts.deduplicating import merge_two
from contacts.models import Contact
from contacts.tests.factories import ContactFactory
from contacts.tests.pages import ADD, page_of
from contacts.tests.side_by_side import elsewhere, wait_until_waiting
from messaging.events import store_event
from messaging.tests.bodies import ASHA, NOON, message, message_body, person
from messaging.tests.posting import process_all
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory, WhatsAppNumberFactory, clerk_of
from tenants.tests.form_pages import errors_of, opened

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory.create()


@pytest.fixture
def contact(tenant: Tenant) -> Contact:
    number = WhatsAppNumberFactory.create(
        tenant=tenant, phone_number_id="114620538274910"
    )
    assert number
    asha_writes(0, "Asha")
    return Contact.objects.get()


def asha_writes(second: int, profile_name: str) -> None:
    body = message_body(
        message(f"wamid.{second}", timestamp=str(NOON + second)),
        contacts=[person(ASHA, profile_name)],
    )
    store_event(body=body, signed_by="app")
    process_all()


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def save_while(
    act: Callable[[], object], page: str, *forms: tuple[Client, dict[str, Any]]
) -> list[Any]:
    """Send the forms while `act` is not committed; return the answers, sorted."""
    answers: list[Any] = []

    def send(client: Client, sent: dict[str, Any]) -> None:
        answers.append(client.post(page, sent, follow=True))

    with transaction.atomic():
        act()
        threads = [
            elsewhere(lambda client=client, sent=sent: send(client, sent))  # type: ignore[misc] # lambdas
            for client, sent in forms
        ]
        wait_until_waiting(len(forms))
    for thread in threads:
        thread.join(30)
    return sorted(answers, key=lambda answer: len(answer.redirect_chain))


def hold(contact: Contact) -> Callable[[], object]:
    return Contact.objects.select_for_update().filter(pk=contact.pk).get


def test_of_two_who_save_the_same_field_at_once_one_is_asked(contact: Contact) -> None:
    clerks = [browser_of(clerk_of(contact.tenant)) for _ in range(2)]
    forms = [
        (clerk, opened(clerk, page_of(contact), name=name))
        for clerk, name in zip(clerks, ("Asha V", "Asha Iyer"), strict=True)
    ]

    asked, saved = save_while(hold(contact), page_of(contact), *forms)

    assert saved.status_code == 200
    assert saved.redirect_chain
    contact.refresh_from_db()
    (sentence,) = errors_of(asked)["name"]
    assert f"from “Asha” to “{contact.name}”" in sentence
    assert {contact.name, asked.context["adminform"].form["name"].value()} == {
        "Asha V",
        "Asha Iyer",
    }
    assert LogEntry.objects.count() == 1


def test_two_who_save_two_fields_at_once_both_succeed(contact: Contact) -> None:
    clerks = [browser_of(clerk_of(contact.tenant)) for _ in range(2)]
    forms = [
        (clerk, opened(clerk, page_of(contact), **typed))
        for clerk, typed in zip(
            clerks, ({"name": "Asha V"}, {"email": "asha@example.in"}), strict=True
        )
    ]

    answers = save_while(hold(contact), page_of(contact), *forms)

    assert all(answer.redirect_chain for answer in answers)
    contact.refresh_from_db()
    assert (contact.name, contact.email) == ("Asha V", "asha@example.in")


def test_who_saves_an_address_leaves_the_name_that_a_message_brings_meanwhile(
    contact: Contact,
) -> None:
    clerk = browser_of(clerk_of(contact.tenant))
    sent = opened(clerk, page_of(contact), email="asha@example.in")

    save_while(lambda: asha_writes(5, "Asha Neu"), page_of(contact), (clerk, sent))

    contact.refresh_from_db()
    assert (contact.name, contact.name_source) == ("Asha Neu", "profile")
    assert (contact.email, contact.message_count) == ("asha@example.in", 2)


def test_who_names_somebody_whom_a_message_renames_meanwhile_is_asked(
    contact: Contact,
) -> None:
    clerk = browser_of(clerk_of(contact.tenant))
    sent = opened(clerk, page_of(contact), name="Mrs Verma")

    (asked,) = save_while(
        lambda: asha_writes(5, "Asha Neu"), page_of(contact), (clerk, sent)
    )

    assert errors_of(asked)["name"] == [
        "While this page was open, “Name” was changed from “Asha” to “Asha Neu” by a "
        "message (WhatsApp profile). You entered “Mrs Verma”. Nothing is saved yet: "
        "save again to replace “Asha Neu”."
    ]
    contact.refresh_from_db()
    assert (contact.name, contact.name_source) == ("Asha Neu", "profile")


def test_who_names_somebody_whom_a_merge_renames_meanwhile_is_asked(
    contact: Contact,
) -> None:
    clerk = browser_of(clerk_of(contact.tenant))
    other = ContactFactory.create(
        tenant=contact.tenant, name="Asha Iyer", name_source="staff"
    )
    sent = opened(clerk, page_of(contact), name="Mrs Verma")

    def merge() -> None:
        merge_two(
            tenant_id=contact.tenant_id,
            survivor_id=contact.pk,
            merged_id=other.pk,
            merged_by=None,
            now=timezone.now(),
        )

    (asked,) = save_while(merge, page_of(contact), (clerk, sent))

    (sentence,) = errors_of(asked)["name"]
    assert (
        f"changed from “Asha” to “Asha Iyer” by the merge with contact {other.pk} ("
    ) in sentence
    contact.refresh_from_db()
    assert (contact.name, contact.message_count) == ("Asha Iyer", 1)


def test_who_saves_somebody_who_is_erased_meanwhile_reads_a_sentence(
    contact: Contact,
) -> None:
    clerk = browser_of(clerk_of(contact.tenant))
    sent = opened(clerk, page_of(contact), name="Asha Verma")

    (answer,) = save_while(
        lambda: erase_person(tenant=contact.tenant, phone=ASHA, now=timezone.now()),
        page_of(contact),
        (clerk, sent),
    )

    assert [str(message) for message in answer.context["messages"]] == [
        "This contact is not there any more: it was deleted, erased or moved while its "
        "page was open. What you entered was not saved."
    ]
    assert not Contact.objects.exists()


def test_of_two_who_add_the_same_number_at_once_one_reads_that_it_is_there(
    tenant: Tenant,
) -> None:
    clerk = browser_of(clerk_of(tenant))
    typed = {
        "tenant": tenant.pk,
        "phone_number": "98765 43210",
        "name": "",
        "email": "",
    }

    (answer,) = save_while(
        lambda: ContactFactory.create(
            tenant=tenant, phone_number="919876543210", name="Asha"
        ),
        ADD,
        (clerk, typed),
    )

    assert errors_of(answer)["phone_number"] == [
        "Asha has this number already, or had it."
    ]
    assert Contact.objects.count() == 1
