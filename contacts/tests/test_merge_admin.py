"""Staff merge two contacts and take merges back, in the admin."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.tests.factories import ContactFactory
from contacts.tests.merges import tables
from messaging.models import ChatMessage
from messaging.tests.factories import ChatMessageFactory
from tenants.models import Tenant
from tenants.tests.factories import MembershipFactory, StaffFactory, TenantFactory
from tenants.tests.form_pages import opened

pytestmark = pytest.mark.django_db

LIST = reverse("admin:contacts_contact_changelist")
MORNING = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.fixture
def tenant(clerk: User) -> Tenant:
    tenant: Tenant = clerk.memberships.get().tenant
    return tenant


@pytest.fixture
def pair(tenant: Tenant) -> tuple[Contact, Contact]:
    return make_pair(tenant)


def make_pair(tenant: Tenant) -> tuple[Contact, Contact]:
    """Make the older, then the newer of two; each has written once."""
    people = [
        ContactFactory.create(
            tenant=tenant,
            name=name,
            name_source="profile",
            profile_name=name,
            profile_name_at=MORNING + age,
            email=email,
            created_at=MORNING + age,
            message_count=1,
            first_message_at=MORNING + age,
            last_message_at=MORNING + age,
        )
        for name, email, age in (
            ("Asha", "", timedelta(0)),
            ("Asha Verma", "asha@example.in", timedelta(days=3)),
        )
    ]
    for contact in people:
        ChatMessageFactory.create(contact=contact, sent_at=contact.first_message_at)
    return people[0], people[1]


def merge_page(contact: Contact) -> str:
    return reverse("admin:contacts_contact_merge", args=[contact.pk])


def undo_page(merge: ContactMerge) -> str:
    return reverse("admin:contacts_contactmerge_undo", args=[merge.pk])


def choose(client: Client, *contacts: Contact) -> HttpResponse:
    """Run the list's action on these contacts."""
    return client.post(
        LIST,
        {
            "action": "merge_the_two",
            "_selected_action": [contact.pk for contact in contacts],
        },
    )


def everything() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values())
        for model in (Contact, ContactIdentity, ChatMessage, ContactMerge)
    ]


def test_the_preview_shows_both_and_what_they_become(
    client: Client, pair: tuple[Contact, Contact]
) -> None:
    older, newer = pair
    before = everything()

    response = client.get(merge_page(newer), {"with": older.pk})

    shown = response.context
    assert (shown["survivor"], shown["merged"]) == (older, newer)
    result = shown["result"]
    assert (result.name, result.email, result.message_count) == (
        "Asha Verma",
        "asha@example.in",
        2,
    )
    assert result.phone_number == older.phone_number
    assert everything() == before


def test_a_confirmed_merge_is_kept_with_who_did_it(
    client: Client, clerk: User, pair: tuple[Contact, Contact]
) -> None:
    older, newer = pair

    response = client.post(merge_page(newer), {"with": older.pk})

    assert response["Location"] == reverse(
        "admin:contacts_contact_change", args=[older.pk]
    )
    contact = Contact.objects.get()
    assert (contact.pk, contact.name, contact.message_count) == (
        older.pk,
        "Asha Verma",
        2,
    )
    assert ChatMessage.objects.filter(contact=older).count() == 2
    merge = ContactMerge.objects.get()
    assert (merge.merged_by, merge.reason) == (clerk, "by_hand")


def test_a_merge_is_undone_after_a_look_at_what_comes_back(
    client: Client, clerk: User, pair: tuple[Contact, Contact]
) -> None:
    before = tables()
    client.post(merge_page(pair[0]), {"with": pair[1].pk})
    merge = ContactMerge.objects.get()

    shown = client.get(undo_page(merge)).context["undoing"]
    response = client.post(undo_page(merge))

    assert (shown.survivor.name, shown.restored.name) == ("Asha", "Asha Verma")
    assert response["Location"] == reverse(
        "admin:contacts_contact_change", args=[pair[1].pk]
    )
    assert tables() == before
    merge.refresh_from_db()
    assert merge.undone_by == clerk


def test_a_merge_is_undone_after_a_rename_and_the_page_says_what_stays(
    client: Client, pair: tuple[Contact, Contact]
) -> None:
    older, newer = pair
    client.post(merge_page(older), {"with": newer.pk})
    merge = ContactMerge.objects.get()
    page = reverse("admin:contacts_contact_change", args=[older.pk])
    client.post(page, opened(client, page, name="Somebody"))

    shown = client.get(undo_page(merge)).content.decode()
    client.post(undo_page(merge))

    assert (
        "The name “Somebody”, entered since the merge, stays with contact "
        f"{older.pk}. Its former name “Asha” is not put back."
    ) in shown
    assert list(Contact.objects.order_by("pk").values_list("name", flat=True)) == [
        "Somebody",
        "Asha Verma",
    ]


def test_an_undo_in_whose_way_something_stands_says_so(
    client: Client, pair: tuple[Contact, Contact]
) -> None:
    client.post(merge_page(pair[0]), {"with": pair[1].pk})
    merge = ContactMerge.objects.get()
    ContactFactory.create(tenant=merge.tenant, phone_number=pair[1].phone_number)
    before = everything()

    response = client.post(undo_page(merge), follow=True)

    page = response.content.decode()
    assert "This merge cannot be undone now" in page
    assert "Undo this merge</button>" not in page
    assert everything() == before


@pytest.mark.parametrize("text", ["verma", "last digits"])
def test_the_other_is_found_by_name_or_number(
    client: Client, pair: tuple[Contact, Contact], text: str
) -> None:
    older, newer = pair
    q = str(newer.phone_number)[-6:] if text == "last digits" else text
    ContactFactory.create(name="Asha Verma")  # another tenant's

    found = client.get(merge_page(older), {"q": q}).context["found"]

    assert found == [newer]


def test_the_list_leads_two_chosen_ones_to_the_preview(
    client: Client, pair: tuple[Contact, Contact]
) -> None:
    older, newer = pair

    response = choose(client, newer, older)

    assert response["Location"] == f"{merge_page(older)}?with={newer.pk}"


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_merges_exactly_two(
    client: Client, tenant: Tenant, count: int
) -> None:
    people = ContactFactory.create_batch(count, tenant=tenant)

    response = choose(client, *people)

    assert response["Location"] == LIST
    assert Contact.objects.count() == count


@pytest.mark.parametrize("act", ["get", "post"])
@pytest.mark.parametrize("stranger_is", ["the page's", "the other", "itself"])
def test_a_strangers_contact_is_not_there(
    client: Client, pair: tuple[Contact, Contact], act: str, stranger_is: str
) -> None:
    own = pair[0]
    stranger = ContactFactory.create()
    page, other = {
        "the page's": (stranger, own),
        "the other": (own, stranger),
        "itself": (own, own),
    }[stranger_is]
    before = everything()

    response = getattr(client, act)(merge_page(page), {"with": other.pk})
    nothing = getattr(client, act)(merge_page(own), {"with": 987654})

    assert (response.status_code, nothing.status_code) == (404, 404)
    assert everything() == before


@pytest.mark.parametrize("act", ["get", "post"])
def test_a_strangers_merge_is_not_there(client: Client, clerk: User, act: str) -> None:
    older, newer = make_pair(TenantFactory.create())
    client.force_login(User.objects.create_superuser("owner"))
    client.post(merge_page(older), {"with": newer.pk})
    client.force_login(clerk)
    before = everything()

    response = getattr(client, act)(undo_page(ContactMerge.objects.get()))

    assert response.status_code == 404
    assert everything() == before


def test_two_tenants_contacts_are_not_merged_even_by_a_superuser(
    client: Client, pair: tuple[Contact, Contact]
) -> None:
    client.force_login(User.objects.create_superuser("owner"))
    stranger = ContactFactory.create()

    response = client.post(merge_page(pair[0]), {"with": stranger.pk})
    chosen = choose(client, pair[0], stranger)

    assert (response.status_code, chosen["Location"]) == (404, LIST)
    assert Contact.objects.count() == 3


@pytest.mark.parametrize("act", ["get", "post"])
def test_who_may_only_look_neither_merges_nor_undoes(
    client: Client, pair: tuple[Contact, Contact], act: str
) -> None:
    older, newer = pair
    client.post(merge_page(older), {"with": newer.pk})
    merge = ContactMerge.objects.get()
    again = ContactFactory.create(tenant=older.tenant)
    looker = StaffFactory.create()
    MembershipFactory.create(user=looker, tenant=older.tenant)
    looker.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(looker)
    before = everything()

    answers = [
        getattr(client, act)(merge_page(older), {"with": again.pk}),
        getattr(client, act)(undo_page(merge)),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert everything() == before


@pytest.mark.parametrize("act", ["get", "post"])
@pytest.mark.parametrize("page_is", ["the survivor's", "the merged one's"])
def test_two_that_were_merged_already_are_said_to_be_and_stay_as_they_are(
    client: Client, clerk: User, pair: tuple[Contact, Contact], act: str, page_is: str
) -> None:
    older, newer = pair
    page, other = pair if page_is == "the survivor's" else (newer, older)
    client.post(merge_page(older), {"with": newer.pk})
    client.get(LIST)  # which shows what that had to say
    before = everything()

    response = getattr(client, act)(merge_page(page), {"with": other.pk}, follow=True)

    assert response.redirect_chain[0][0].endswith(f"/{older.pk}/change/")
    (said,) = [str(message) for message in response.context["messages"]]
    assert said.startswith(
        f"Contact {newer.pk} was merged already into contact {older.pk} by {clerk}, "
    )
    assert said.endswith("Nothing was done now.")
    assert everything() == before


def test_one_that_was_merged_into_a_third_already_leads_there(
    client: Client, tenant: Tenant, pair: tuple[Contact, Contact]
) -> None:
    older, newer = pair
    third = ContactFactory.create(tenant=tenant, created_at=MORNING - timedelta(days=9))
    client.post(merge_page(third), {"with": newer.pk})

    response = client.post(merge_page(older), {"with": newer.pk})

    assert response["Location"] == reverse(
        "admin:contacts_contact_change", args=[third.pk]
    )
    assert ContactMerge.objects.count() == 1


def test_a_page_from_before_a_merge_and_its_undo_is_looked_at_again_first(
    client: Client, pair: tuple[Contact, Contact]
) -> None:
    older, newer = pair
    stale = client.get(merge_page(older), {"with": newer.pk}).context["merges"]
    client.post(merge_page(older), {"with": newer.pk})
    client.post(undo_page(ContactMerge.objects.get()))
    before = everything()

    asked = client.post(merge_page(older), {"with": newer.pk, "merges": stale})
    unchanged = everything() == before
    again = {"with": newer.pk, "merges": asked.context["merges"]}
    merged = client.post(merge_page(older), again)

    assert asked.status_code == 200
    assert "Look at both again." in asked.content.decode()
    assert unchanged
    assert merged.status_code == 302
    assert Contact.objects.get() == older


def test_a_stranger_learns_nothing_of_a_merge_by_sending_its_form(
    client: Client, clerk: User
) -> None:
    older, newer = make_pair(TenantFactory.create())
    client.force_login(User.objects.create_superuser("owner"))
    client.post(merge_page(older), {"with": newer.pk})
    client.force_login(clerk)

    answers = [
        client.post(merge_page(one), {"with": other.pk})
        for one, other in ((older, newer), (newer, older))
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
