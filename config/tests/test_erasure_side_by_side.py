"""A person is forgotten while others work at the files that name them."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from config.erasure import erase_person
from customers.models import Customer
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from uploads.erasing import StillLoading
from uploads.models import FileUpload
from uploads.reading import read_upload
from uploads.services import retry_upload
from uploads.tests.factories import load, make_upload, work_off
from uploads.tests.test_side_by_side import (
    DEADLINE_SECONDS,
    loading_a_part,
    side_by_side,
    wait_until,
)
from uploads.undoing import undo_upload

ASHA = "919800000101"
FILE = "Name,Mobile\nRavi,9800000102\nAsha,9800000101\n"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _kept_apart(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory.create()


def count_waiting() -> int:
    with connection.cursor() as cursor:
        # A transaction sees the backends of its first look else.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])


def erase(tenant: Tenant) -> None:
    erase_person(tenant=tenant, phone=ASHA, now=timezone.now())


def erase_amid(act: Callable[[], object], tenant: Tenant) -> None:
    """Forget Asha, and do something when her entries are gone and her files are not."""
    load("Name,Mobile,Alternate Mobile\nUma,9800000103,9800000101\n", tenant=tenant)
    erasing, acting = (
        threading.Thread(target=partial(side_by_side, one))
        for one in (partial(erase, tenant), act)
    )
    with transaction.atomic():
        list(Customer.objects.select_for_update().filter(full_name="Uma"))
        erasing.start()
        wait_until(count_waiting, "came to the other's entry")
        acting.start()
        # It waits for the erasure, or for nobody.
        wait_until(lambda: not acting.is_alive() or count_waiting() == 2, "acted")
    erasing.join(DEADLINE_SECONDS)
    acting.join(DEADLINE_SECONDS)


def entries_of_asha() -> int:
    return Customer.objects.filter(primary_phone=f"+{ASHA}").count()


def test_who_tries_a_file_again_meanwhile_does_not_bring_the_person_back(
    tenant: Tenant,
) -> None:
    upload = make_upload(FILE, tenant=tenant)
    read_upload(upload_id=upload.pk, now=timezone.now())
    FileUpload.objects.filter(pk=upload.pk).update(status="failed", error="[x] y")

    def try_again() -> None:
        retry_upload(upload_id=upload.pk, by=None, now=timezone.now())
        work_off(upload)

    erase_amid(try_again, tenant)

    assert not entries_of_asha()
    upload.refresh_from_db()
    assert (upload.status, upload.file.name) == ("failed", "")


def test_who_undoes_a_file_meanwhile_is_waited_for_by_nobody_in_a_circle(
    tenant: Tenant,
) -> None:
    upload = load(FILE, tenant=tenant)

    def undo() -> None:
        assert undo_upload(upload_id=upload.pk, by=None, now=timezone.now()) == 1

    erase_amid(undo, tenant)

    upload.refresh_from_db()
    assert (upload.status, upload.erased_rows, upload.undone_rows) == ("undone", 1, 1)
    assert [entry.full_name for entry in Customer.objects.all()] == ["Uma"]


def test_a_file_that_is_sent_meanwhile_came_later(tenant: Tenant) -> None:
    erase_amid(lambda: load(FILE, tenant=tenant), tenant)

    upload = FileUpload.objects.order_by("-pk")[0]
    assert upload.sentence == "Upload completed: 2 successful, 0 failed"
    assert upload.file
    assert entries_of_asha() == 1


def test_the_last_part_of_a_file_that_failed_is_waited_for(tenant: Tenant) -> None:
    upload = make_upload(FILE, tenant=tenant)
    read_upload(upload_id=upload.pk, now=timezone.now())

    with loading_a_part(upload):
        upload.mark_failed(
            stage=FileUpload.Stage.CUSTOMER_CREATION, message="x", now=timezone.now()
        )
        with pytest.raises(
            StillLoading, match=f"A worker is still at upload {upload.pk}"
        ):
            erase(tenant)

    assert entries_of_asha() == 1  # the part was counted
    erase(tenant)
    assert not entries_of_asha()
