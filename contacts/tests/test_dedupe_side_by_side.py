"""Merging beside others who hold what it wants, each on a connection of their own."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from contacts.deduplicating import merge_groups, merge_two
from contacts.duplicates import find_duplicates
from contacts.models import Contact, ContactMerge
from contacts.tests.merges import spelled_twice
from contacts.tests.side_by_side import elsewhere, wait_until_waiting
from tenants.tests.factories import TenantFactory

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)


def run_sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def test_a_batch_that_ends_in_a_deadlock_begins_again() -> None:
    tenant = TenantFactory.create()
    older, newer = spelled_twice(tenant)
    merged: list[int] = []

    def dedupe() -> None:
        # Who has waited so long looks for a circle, once, and gives way: by then the
        # other must wait too.
        run_sql("SET deadlock_timeout = '2s'")
        groups = find_duplicates(tenant_id=tenant.pk)
        merged.extend(merge_groups(tenant_id=tenant.pk, groups=groups, now=NOON))

    with transaction.atomic():
        # In the order that the product never takes.
        run_sql("SET LOCAL deadlock_timeout = '30s'")
        run_sql("SELECT FROM contacts WHERE id = %s FOR UPDATE", newer.pk)
        merging = elsewhere(dedupe)
        wait_until_waiting()
        run_sql("SELECT FROM contacts WHERE id = %s FOR UPDATE", older.pk)
    merging.join(30)

    assert merged == [1]
    assert Contact.objects.get() == older
    assert ContactMerge.objects.count() == 1


def test_a_survivor_stays_for_the_merge_that_is_being_recorded() -> None:
    older, newer = spelled_twice(TenantFactory.create())
    refusals: list[str] = []

    def delete() -> None:
        try:
            run_sql("DELETE FROM contacts WHERE id = %s", older.pk)
        except IntegrityError as exc:
            refusals.append(str(exc))

    with transaction.atomic():
        merge_two(
            tenant_id=older.tenant_id,
            survivor_id=older.pk,
            merged_id=newer.pk,
            merged_by=None,
            now=NOON,
        )
        deletion = elsewhere(delete)
        wait_until_waiting()
    deletion.join(30)

    assert len(refusals) == 1
    assert "records of merges and cannot be deleted" in refusals[0]
    assert Contact.objects.get() == older
