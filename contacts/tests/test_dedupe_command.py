"""`dedupe_contacts`, as an operator runs it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection

from contacts.deduplicating import merge_groups
from contacts.duplicates import Ground, find_duplicates
from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.tests.factories import ContactFactory
from contacts.unique_number import has_unique_number
from messaging.models import ChatMessage
from messaging.tests.factories import ChatMessageFactory
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ASHA = "919876543210"


@pytest.fixture
def tenant(db: None) -> Tenant:
    return TenantFactory.create(slug="lender")


@pytest.fixture
def old_database(db: None) -> None:
    """A database of the old service: the unique index is missing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE contacts DROP CONSTRAINT contacts_tenant_id_phone_number_key"
        )


def run(*arguments: str) -> str:
    answer = StringIO()
    call_command("dedupe_contacts", *arguments, stdout=answer)
    return answer.getvalue()


def ask(*arguments: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run("--json", *arguments))
    return report


def of_tenant(report: dict[str, Any], slug: str = "lender") -> dict[str, Any]:
    found: dict[str, Any] = next(
        one for one in report["tenants"] if one["tenant"] == slug
    )
    return found


def twice(tenant: Tenant, phone_number: str = ASHA) -> tuple[Contact, Contact]:
    """Make the newer contact first: what counts is `created_at`."""
    newer, older = (
        ContactFactory.create(
            tenant=tenant, phone_number=phone_number, created_at=NOON - age, name="Asha"
        )
        for age in (timedelta(days=1), timedelta(days=9))
    )
    return older, newer


def contacts_and_messages() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values())
        for model in (Contact, ContactIdentity, ChatMessage, ContactMerge)
    ]


@pytest.mark.usefixtures("old_database")
def test_a_dry_run_shows_masked_people_and_changes_nothing(tenant: Tenant) -> None:
    older, newer = twice(tenant)
    before = contacts_and_messages()

    shown = run()

    assert "lender: 1 people with 1 duplicates" in shown
    assert f"{older.pk}  ********3210    A***" in shown
    assert shown.count(str(newer.pk)) >= 1
    assert "Nothing was changed; --apply merges the duplicates." in shown
    assert ASHA not in shown
    assert "Asha" not in shown
    assert contacts_and_messages() == before


@pytest.mark.usefixtures("old_database")
def test_apply_keeps_the_oldest_with_all_messages(tenant: Tenant) -> None:
    older, newer = twice(tenant)
    texts = {
        ChatMessageFactory.create(contact=contact).text for contact in (newer, older)
    }

    report = of_tenant(ask("--apply"))

    assert (report["merged"], report["left"]) == (1, 0)
    assert Contact.objects.get().pk == older.pk
    messages = ChatMessage.objects.filter(contact=older)
    assert set(messages.values_list("text", flat=True)) == texts
    merge = ContactMerge.objects.get()
    assert (merge.merged_contact_id, merge.reason) == (newer.pk, "duplicate")
    assert report["merges"][0]["id"] == merge.pk


@pytest.mark.usefixtures("old_database")
def test_applying_again_finds_nothing(tenant: Tenant) -> None:
    twice(tenant)
    run("--apply")
    before = contacts_and_messages()

    assert of_tenant(ask("--apply"))["merged"] == 0
    assert contacts_and_messages() == before


@pytest.mark.parametrize(
    "numbers",
    [
        ("5511981234567", "551181234567"),
        ("5215512345678", "525512345678"),
        ("5491123456789", "541123456789"),
    ],
    ids=["Brazil's ninth digit", "Mexico's 521", "Argentina's 549"],
)
def test_one_number_in_two_spellings_is_one_person(
    tenant: Tenant, numbers: tuple[str, str]
) -> None:
    for number in numbers:
        ContactFactory.create(tenant=tenant, phone_number=number)

    run("--apply")

    assert Contact.objects.get().phone_number == max(numbers, key=len)


def linked(tenant: Tenant) -> tuple[Contact, Contact]:
    """Make one who shows a number that means the other, who shows none."""
    holder = ContactFactory.create(tenant=tenant, phone_number=None)
    showing = ContactFactory.create(tenant=tenant, phone_number=ASHA)
    ContactIdentity.objects.create(
        tenant=tenant, contact=holder, kind="phone", value=ASHA
    )
    return holder, showing


def test_a_number_that_means_another_contact_joins_the_two(tenant: Tenant) -> None:
    holder, _ = linked(tenant)

    run("--apply")

    contact = Contact.objects.get()
    assert (contact.pk, contact.phone_number) == (holder.pk, ASHA)


def test_a_number_that_changed_hands_is_only_a_suggestion(tenant: Tenant) -> None:
    holder, _ = linked(tenant)
    Contact.objects.filter(pk=holder.pk).update(phone_number="919800000002")
    ContactIdentity.objects.filter(contact=holder).update(seen_at=NOON)
    ContactIdentity.objects.create(
        tenant=tenant,
        contact=holder,
        kind="phone",
        value="919800000002",
        seen_at=NOON + timedelta(days=200),
    )

    report = of_tenant(ask())
    run("--apply")

    assert report["groups"] == 0
    (suggestion,) = report["suggestions"]
    assert suggestion["why"] == "the number of one was the other's before"
    assert Contact.objects.count() == 2


def test_equal_name_and_email_is_only_a_suggestion(tenant: Tenant) -> None:
    people = [
        ContactFactory.create(tenant=tenant, name=name, email=email)
        for name, email in (
            ("Asha Verma", "asha@example.in"),
            ("asha verma", "Asha@example.in"),
            ("Asha Verma", "other@example.in"),
            ("Asha Verma", ""),
            ("Asha Verma", ""),
        )
    ]

    (suggestion,) = of_tenant(ask())["suggestions"]
    run("--apply")

    assert [one["id"] for one in suggestion["contacts"]] == [
        one.pk for one in people[:2]
    ]
    assert Contact.objects.count() == 5


@pytest.mark.usefixtures("old_database")
@pytest.mark.parametrize(("only", "left"), [("phone", 2), ("identity", 2)])
def test_only_one_kind_is_merged_when_asked_so(
    tenant: Tenant, only: str, left: int
) -> None:
    twice(tenant, "919800000009")
    linked(tenant)

    run("--apply", "--only", only)

    assert Contact.objects.count() == 3
    remaining = find_duplicates(tenant_id=tenant.pk)
    assert [set(group.grounds) for group in remaining] == [set(Ground) - {Ground(only)}]


@pytest.mark.usefixtures("old_database")
def test_contacts_of_other_tenants_are_strangers(tenant: Tenant) -> None:
    stranger = TenantFactory.create()
    ContactFactory.create(tenant=stranger, phone_number=ASHA)
    theirs = twice(stranger, "919800000009")
    ContactFactory.create(tenant=tenant, phone_number=ASHA)

    run("--apply", "--tenant", "lender")

    assert Contact.objects.count() == 4
    assert Contact.objects.filter(pk__in=[one.pk for one in theirs]).count() == 2


@pytest.mark.usefixtures("old_database")
def test_a_limit_merges_so_many_people(tenant: Tenant) -> None:
    for number in range(3):
        twice(tenant, f"91980000000{number}")

    report = of_tenant(ask("--apply", "--limit", "2"))

    assert (report["merged"], report["left"]) == (2, 1)


@pytest.mark.usefixtures("old_database")
def test_whoever_is_stopped_between_batches_begins_again(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.deduplicating.BATCH_SIZE", 2)
    for number in range(5):
        twice(tenant, f"91980000000{number}")
    groups = find_duplicates(tenant_id=tenant.pk)

    stopped = merge_groups(tenant_id=tenant.pk, groups=groups, now=NOON)
    assert next(stopped) == 2
    run("--apply")

    assert Contact.objects.count() == ContactMerge.objects.count() == 5
    assert list(stopped) == [0, 0]


@pytest.mark.usefixtures("old_database")
def test_more_of_one_number_than_a_batch_holds_are_one_person(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.deduplicating.BATCH_SIZE", 3)
    ContactFactory.create_batch(11, tenant=tenant, phone_number=ASHA)

    run("--apply")

    assert Contact.objects.count() == 1
    assert ContactMerge.objects.count() == 10


@pytest.mark.usefixtures("old_database")
def test_an_undo_brings_the_duplicate_back(tenant: Tenant) -> None:
    twice(tenant)
    before = contacts_and_messages()[:3]
    run("--apply")
    merge = ContactMerge.objects.get()

    told = run("--undo", str(merge.pk))

    assert f"contact {merge.merged_contact_id} is back" in told
    assert contacts_and_messages()[:3] == before


@pytest.mark.usefixtures("old_database")
def test_an_undo_of_another_tenants_merge_is_like_one_of_none(tenant: Tenant) -> None:
    twice(tenant)
    run("--apply")
    merge = ContactMerge.objects.get()
    TenantFactory.create(slug="rival")
    before = contacts_and_messages()

    with pytest.raises(CommandError, match=f"There is no merge {merge.pk}."):
        run("--undo", str(merge.pk), "--tenant", "rival")
    with pytest.raises(CommandError, match=r"There is no merge 987654\."):
        run("--undo", "987654")

    assert contacts_and_messages() == before


@pytest.mark.usefixtures("old_database")
def test_an_undo_that_cannot_be_says_why_and_changes_nothing(tenant: Tenant) -> None:
    twice(tenant)
    run("--apply")
    merge = ContactMerge.objects.get()
    run("--undo", str(merge.pk))
    before = contacts_and_messages()

    with pytest.raises(CommandError, match="was undone already"):
        run("--undo", str(merge.pk))

    assert contacts_and_messages() == before


def test_a_missing_index_is_named_with_the_statements_that_add_it(
    tenant: Tenant, old_database: None
) -> None:
    told = run()

    assert (
        "CREATE UNIQUE INDEX CONCURRENTLY contacts_tenant_id_phone_number_key "
        "ON contacts (tenant_id, phone_number);"
    ) in told
    assert "USING INDEX contacts_tenant_id_phone_number_key;" in told


def test_an_index_that_is_there_is_not_talked_about(tenant: Tenant) -> None:
    assert "INDEX" not in run()
    assert ask()["unique_index"] is True


@pytest.fixture
def without_index(transactional_db: None) -> Iterator[None]:
    """An old database outside a transaction; whatever happens, mended at the end."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE contacts DROP CONSTRAINT contacts_tenant_id_phone_number_key"
        )
    yield
    Contact.objects.all().delete()
    if not has_unique_number():
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX IF EXISTS contacts_tenant_id_phone_number_key")
            cursor.execute(
                "ALTER TABLE contacts ADD CONSTRAINT"
                " contacts_tenant_id_phone_number_key UNIQUE (tenant_id, phone_number)"
            )


@pytest.mark.django_db(transaction=True)
def test_the_index_is_added_once_nobody_is_there_twice(without_index: None) -> None:
    tenant = TenantFactory.create(slug="lender")
    twice(tenant)

    with pytest.raises(CommandError, match="a number stands twice"):
        run("--add-index")
    assert Contact.objects.count() == 2
    assert ask("--apply", "--add-index")["unique_index"] is True

    with pytest.raises(IntegrityError, match="contacts_tenant_id_phone_number_key"):
        ContactFactory.create(tenant=tenant, phone_number=ASHA)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_constraint"
            " WHERE conname = 'contacts_tenant_id_phone_number_key' AND contype = 'u'"
        )
        assert cursor.fetchone() == (1,)
