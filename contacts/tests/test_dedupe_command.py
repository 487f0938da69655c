"""`dedupe_contacts`, as an operator runs it."""

import json

import pytest
from django.core.management import CommandError

from contacts.deduplicating import merge_groups
from contacts.duplicates import find_duplicates
from contacts.models import Contact, ContactMerge
from contacts.services import name_by_staff
from contacts.tests.dedupes import (
    ASHA,
    NOON,
    ask,
    contacts_and_messages,
    of_tenant,
    run,
    twice,
)
from contacts.tests.factories import ContactFactory
from contacts.tests.merges import tables
from messaging.models import ChatMessage
from messaging.tests.factories import ChatMessageFactory
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory


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
    before = tables()
    run("--apply")
    merge = ContactMerge.objects.get()

    told = run("--undo", str(merge.pk))

    assert f"contact {merge.merged_contact_id} is back" in told
    assert told.rstrip().endswith("is as before.")
    assert tables() == before


@pytest.mark.usefixtures("old_database")
@pytest.mark.parametrize("as_json", [True, False])
def test_an_undo_says_masked_what_staff_entered_since(
    tenant: Tenant, as_json: bool
) -> None:
    twice(tenant)
    run("--apply")
    merge = ContactMerge.objects.get()
    survivor = Contact.objects.get()
    name_by_staff(contact=survivor, name="Somebody", now=merge.merged_at)

    told = run("--undo", str(merge.pk), *(["--json"] if as_json else []))

    sentences = json.loads(told)["kept"] if as_json else told.splitlines()[1:]
    assert len(sentences) == 1
    assert "The name “S***”, entered since the merge, stays" in sentences[0]
    assert "Somebody" not in told
    survivor.refresh_from_db()
    assert survivor.name == "Somebody"


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
