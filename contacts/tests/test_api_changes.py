"""A program keeps a copy of the contacts: it hears of every change and every end."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.erasure import erase_person
from contacts.api_changes import MARGIN
from contacts.deduplicating import merge_two
from contacts.models import Contact, ContactMerge, DeletedContact
from contacts.tests.factories import ContactFactory
from contacts.unmerging import undo_merge
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from tenants.tests.programs import program_of

pytestmark = pytest.mark.django_db(transaction=True)

CONTACTS = "/api/v1/contacts/"


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory.create()


@pytest.fixture
def program(tenant: Tenant) -> Client:
    return program_of(tenant)


def ask(program: Client, since: datetime | str, **query: Any) -> dict[str, Any]:
    sent = since if isinstance(since, str) else since.isoformat()
    answer = program.get(CONTACTS, {"updated_since": sent, **query})
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def ends_of(program: Client, since: datetime) -> dict[int, dict[str, Any]]:
    """Return the tombstones by their ids."""
    return {
        one["id"]: one for one in ask(program, since)["results"] if "merged_into" in one
    }


def walk(program: Client, address: str | None) -> Iterator[dict[str, Any]]:
    while address:
        page = program.get(address).json()
        yield page
        address = page["next"]


def merge(survivor: Contact, merged: Contact) -> ContactMerge:
    merge_two(
        tenant_id=survivor.tenant_id,
        survivor_id=survivor.pk,
        merged_id=merged.pk,
        merged_by=None,
        now=timezone.now(),
    )
    return ContactMerge.objects.latest("pk")


def erase(tenant: Tenant, phone: str) -> None:
    erase_person(tenant=tenant, phone=phone, now=timezone.now())


def test_a_merged_contact_is_told_with_the_one_it_is_part_of(
    tenant: Tenant, program: Client
) -> None:
    survivor, merged = ContactFactory.create_batch(2, tenant=tenant)
    began = timezone.now()

    merge(survivor, merged)

    kept, gone = ask(program, began)["results"]
    assert kept["id"] == survivor.pk
    assert set(gone) == {"id", "updated_at", "merged_into", "erased"}
    assert (gone["id"], gone["merged_into"], gone["erased"]) == (
        merged.pk, survivor.pk, False,
    )  # fmt: skip
    assert datetime.fromisoformat(gone["updated_at"]) >= began


def test_an_undone_merge_brings_both_back_as_news(
    tenant: Tenant, program: Client
) -> None:
    survivor, merged = ContactFactory.create_batch(2, tenant=tenant)
    done = merge(survivor, merged)
    between = timezone.now()

    undo_merge(
        merge_id=done.pk, tenant_id=tenant.pk, undone_by=None, now=timezone.now()
    )

    told = ask(program, between)["results"]
    assert {one["id"] for one in told} == {survivor.pk, merged.pk}
    assert not any("merged_into" in one for one in told)
    assert all(datetime.fromisoformat(one["updated_at"]) >= between for one in told)
    assert not DeletedContact.objects.exists()


def test_a_contact_that_is_merged_again_is_told_again(
    tenant: Tenant, program: Client
) -> None:
    one, two, three = ContactFactory.create_batch(3, tenant=tenant)
    began = timezone.now()
    first = merge(one, two)
    undo_merge(
        merge_id=first.pk, tenant_id=tenant.pk, undone_by=None, now=timezone.now()
    )

    merge(three, two)
    # Who survived is merged in turn: both lead to the last.
    merge(one, three)

    ends = ends_of(program, began)
    assert {pk: end["merged_into"] for pk, end in ends.items()} == {
        two.pk: one.pk, three.pk: one.pk,
    }  # fmt: skip


def test_an_erased_contact_is_told_and_nothing_of_the_person(
    tenant: Tenant, program: Client
) -> None:
    contact = ContactFactory.create(
        tenant=tenant, phone_number="919876543210", name="Asha Verma"
    )
    other = ContactFactory.create(tenant=tenant)
    began = timezone.now()
    merge(contact, other)

    erase(tenant, "919876543210")

    answer = program.get(CONTACTS, {"updated_since": began.isoformat()})
    told = {one["id"]: one for one in answer.json()["results"]}
    assert set(told) == {contact.pk, other.pk}
    for one in told.values():
        assert set(one) == {"id", "updated_at", "merged_into", "erased"}
        assert (one["merged_into"], one["erased"]) == (None, True)
    assert "Asha" not in answer.content.decode()
    assert "9876543210" not in answer.content.decode()


def test_one_deleted_by_somebodys_own_sql_is_told_as_erased(
    tenant: Tenant, program: Client
) -> None:
    contact = ContactFactory.create(tenant=tenant)
    began = timezone.now()

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM contacts WHERE id = %s", [contact.pk])

    assert ends_of(program, began)[contact.pk]["erased"]


def test_a_strangers_ends_are_not_there(tenant: Tenant) -> None:
    survivor, merged = ContactFactory.create_batch(2, tenant=tenant)
    began = timezone.now()
    merge(survivor, merged)

    stranger = program_of(TenantFactory.create())

    assert ask(stranger, began - timedelta(days=1))["results"] == []


def test_without_updated_since_and_with_a_phone_no_ends_are_told(
    tenant: Tenant, program: Client
) -> None:
    survivor, merged = (
        ContactFactory.create(tenant=tenant, phone_number=f"91987654321{n}")
        for n in range(2)
    )
    began = timezone.now()
    merge(survivor, merged)

    everybody = program.get(CONTACTS).json()
    by_phone = ask(program, began, phone="9876543210")

    assert [one["id"] for one in everybody["results"]] == [survivor.pk]
    assert "next_updated_since" not in everybody
    assert [one["id"] for one in by_phone["results"]] == [survivor.pk]


def test_a_phone_and_a_moment_hold_together(tenant: Tenant, program: Client) -> None:
    contact = ContactFactory.create(tenant=tenant, phone_number="919876543210")
    ContactFactory.create(tenant=tenant)

    after = ask(program, contact.updated_at + timedelta(hours=1), phone="9876543210")
    at_once = ask(program, contact.updated_at, phone="9876543210")

    assert after["results"] == []
    assert [one["id"] for one in at_once["results"]] == [contact.pk]


def test_pages_have_contacts_and_ends_once_in_the_order_of_changes(
    tenant: Tenant, program: Client
) -> None:
    """Many in one microsecond, and the ends between them."""
    moment = datetime(2026, 11, 22, 9, tzinfo=UTC)
    contacts = ContactFactory.create_batch(9, tenant=tenant, updated_at=moment)
    for contact in contacts[::3]:
        contact.delete()
    DeletedContact.objects.update(updated_at=moment)

    address = f"{CONTACTS}?updated_since={quote(moment.isoformat())}&limit=2"
    pages = list(walk(program, address))

    seen = [one["id"] for page in pages for one in page["results"]]
    assert [len(page["results"]) for page in pages] == [2, 2, 2, 2, 1]
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 9
    assert len({page["next_updated_since"] for page in pages}) == 1


def test_who_changes_while_pages_are_read_is_skipped_by_none(
    tenant: Tenant, program: Client
) -> None:
    moment = datetime(2026, 11, 22, 9, tzinfo=UTC)
    contacts = [
        ContactFactory.create(tenant=tenant, updated_at=moment + timedelta(seconds=n))
        for n in range(6)
    ]
    address = f"{CONTACTS}?updated_since={quote(moment.isoformat())}&limit=2"
    seen: list[tuple[int, str]] = []

    for number, page in enumerate(walk(program, address)):
        seen += [(one["id"], one["updated_at"]) for one in page["results"]]
        if number == 0:  # one that was read, one that was not
            later = moment + timedelta(hours=1)
            Contact.objects.filter(pk=contacts[0].pk).update(updated_at=later)
            Contact.objects.filter(pk=contacts[3].pk).update(updated_at=later)
            Contact.objects.filter(pk=contacts[4].pk).delete()

    assert len(seen) == len(set(seen))
    order = [pk for pk, _ in seen]
    first, second, third, fourth, fifth, sixth = (one.pk for one in contacts)
    # In the order of their changes: the first one again, as it is now.
    assert order == [first, second, third, sixth, first, fourth, fifth]


def test_a_change_that_is_committed_late_is_not_missed(
    tenant: Tenant, program: Client
) -> None:
    """Its time is older than what was read before it was committed."""
    late = ContactFactory.create(tenant=tenant)
    began, written, read = timezone.now(), threading.Event(), threading.Event()

    def write_slowly() -> None:
        try:
            with transaction.atomic():
                Contact.objects.filter(pk=late.pk).update(
                    name="late", updated_at=timezone.now()
                )
                written.set()
                read.wait(30)
        finally:
            connection.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert written.wait(30)
    Contact.objects.filter(pk=ContactFactory.create(tenant=tenant).pk).update(
        updated_at=timezone.now()
    )
    missed = ask(program, began)
    read.set()
    writer.join(30)

    names = [one["name"] for one in missed["results"]]
    assert "late" not in names
    again = ask(program, missed["next_updated_since"])
    assert "late" in [one["name"] for one in again["results"]]


def test_a_long_transaction_holds_the_moment_of_the_next_question_back(
    tenant: Tenant, program: Client
) -> None:
    ContactFactory.create(tenant=tenant)
    open_, done = threading.Event(), threading.Event()
    began: list[datetime] = []

    def hold() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT now() FROM pg_sleep(0.2)")
                began.append(cursor.fetchone()[0])
                open_.set()
                done.wait(30)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert open_.wait(30)
    told = ask(program, began[0] - timedelta(days=1))
    done.set()
    holder.join(30)

    following = datetime.fromisoformat(told["next_updated_since"])
    assert following == began[0] - MARGIN
    assert following < timezone.now() - MARGIN - timedelta(seconds=0.2)


def test_the_next_question_may_be_asked_with_what_the_answer_says(
    tenant: Tenant, program: Client
) -> None:
    ContactFactory.create(tenant=tenant)
    told = ask(program, "2026-11-22T14:30:00 05:30")["next_updated_since"]

    # As it is typed, whatever its offset is.
    answer = program.get(f"{CONTACTS}?updated_since={told}")

    assert answer.status_code == 200
    assert datetime.fromisoformat(told) <= timezone.now() - MARGIN


def test_a_moment_in_the_future_has_no_changes_yet(program: Client) -> None:
    told = ask(program, "9999-12-31T23:59:59Z")

    assert (told["results"], told["next"]) == ([], None)


def test_a_cursor_of_the_list_is_none_of_its_changes(
    tenant: Tenant, program: Client
) -> None:
    ContactFactory.create_batch(3, tenant=tenant)
    since = (timezone.now() - timedelta(days=9000)).isoformat()
    of_list, of_changes = (
        program.get(CONTACTS, {"limit": 1, **query}).json()["next"].split("cursor=")[1]
        for query in ({}, {"updated_since": since})
    )
    of_list, of_changes = (one.split("&")[0] for one in (of_list, of_changes))

    for query in ({"cursor": of_changes}, {"cursor": of_list, "updated_since": since}):
        answer = program.get(CONTACTS, query)
        assert answer.status_code == 400
        assert answer.json()["detail"].startswith("cursor: not one of ours.")


def test_the_row_at_a_cursor_may_be_gone(tenant: Tenant, program: Client) -> None:
    contacts = ContactFactory.create_batch(4, tenant=tenant)
    since = quote((timezone.now() - timedelta(days=9000)).isoformat())
    page = program.get(f"{CONTACTS}?updated_since={since}&limit=2").json()

    Contact.objects.filter(pk=page["results"][-1]["id"]).delete()

    following = walk(program, page["next"])
    rest = [one["id"] for page in following for one in page["results"]]
    assert set(rest) == {one.pk for one in contacts[2:]} | {page["results"][-1]["id"]}


def test_changes_take_as_many_queries_as_one(tenant: Tenant, program: Client) -> None:
    counts = []
    since = datetime(2020, 1, 1, tzinfo=UTC)
    for _ in range(2):
        for _ in range(3):
            merge(*ContactFactory.create_batch(2, tenant=tenant))
        with CaptureQueriesContext(connection) as queries:
            ask(program, since)
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_changes_are_read_from_an_index(tenant: Tenant, program: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        ask(program, datetime(2020, 1, 1, tzinfo=UTC))
    (of_contacts,) = (
        one["sql"]
        for one in queries
        if 'ORDER BY "contacts"."updated_at" ASC' in one["sql"]
    )

    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_sort = off")
        cursor.execute(f"EXPLAIN {of_contacts}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("RESET enable_seqscan; RESET enable_sort")

    assert "ix_contact_updated" in plan
    assert "Sort" not in plan
