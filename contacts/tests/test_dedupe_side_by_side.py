"""Merging beside others who hold what it wants, each on a connection of their own."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from contacts.deduplicating import merge_groups, merge_two
from contacts.duplicates import find_duplicates
from contacts.models import Contact, ContactMerge
from contacts.tests.factories import ContactFactory
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(act: Callable[[], None]) -> threading.Thread:
    """Run it in a thread, with a connection of its own."""

    def run() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def wait_until_somebody_waits() -> None:
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waited")


def run_sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def spelled_twice(tenant: Tenant) -> tuple[Contact, Contact]:
    older, newer = (
        ContactFactory.create(tenant=tenant, phone_number=number)
        for number in ("5511981234567", "551181234567")
    )
    return older, newer


def test_a_batch_that_ends_in_a_deadlock_begins_again() -> None:
    tenant = TenantFactory.create()
    older, newer = spelled_twice(tenant)
    merged: list[int] = []

    def dedupe() -> None:
        # Whoever waits so long looks for the circle, and gives way.
        run_sql("SET deadlock_timeout = '50ms'")
        groups = find_duplicates(tenant_id=tenant.pk)
        merged.extend(merge_groups(tenant_id=tenant.pk, groups=groups, now=NOON))

    with transaction.atomic():
        # In the order that the product never takes.
        run_sql("SET LOCAL deadlock_timeout = '30s'")
        run_sql("SELECT FROM contacts WHERE id = %s FOR UPDATE", newer.pk)
        merging = elsewhere(dedupe)
        wait_until_somebody_waits()
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
        wait_until_somebody_waits()
    deletion.join(30)

    assert len(refusals) == 1
    assert "records of merges and cannot be deleted" in refusals[0]
    assert Contact.objects.get() == older
