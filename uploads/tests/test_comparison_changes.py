"""Files that change, or go, while they are compared."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from config.erasure import erase_person
from customers.comparing import ComparisonGone, compare_uploads, read_pairs
from customers.models import ComparedGroup, Comparison
from tenants.models import Tenant
from uploads.comparison_file import lines_of
from uploads.models import FileUpload, UploadAct
from uploads.retention import purge_issues
from uploads.tests.factories import load
from uploads.tests.test_comparison_pages import file_of, page_of
from uploads.tests.test_rejected import send_again, written
from uploads.tests.test_side_by_side import DEADLINE_SECONDS, side_by_side, wait_until
from uploads.undoing import undo_upload

pytestmark = pytest.mark.django_db

HEADER = "Name,Mobile,Loan No,Outstanding\n"
CHANGED = "changed while they were compared"


def month(tenant: Tenant, add: int, *, rows: int = 3, more: str = "") -> FileUpload:
    text = "".join(f"Asha,98765{n:05},LN{n},{100 + n + add}\n" for n in range(rows))
    return load(HEADER + text + more, tenant=tenant)


def compared(earlier: FileUpload, later: FileUpload) -> Comparison:
    return compare_uploads(
        tenant=later.tenant,
        earlier_id=earlier.pk,
        later_id=later.pk,
        now=timezone.now(),
    )


def undo(upload: FileUpload) -> None:
    undo_upload(upload_id=upload.pk, by=None, now=timezone.now())


def purge(upload: FileUpload) -> None:
    assert purge_issues(days=1, now=timezone.now() + timedelta(days=2)) == 1


def erase(upload: FileUpload) -> None:
    erase_person(tenant=upload.tenant, phone="919876500001", now=timezone.now())


@pytest.mark.parametrize("act", [undo, erase, purge])
def test_a_comparison_goes_with_what_it_compares(
    act: Callable[[FileUpload], None], tenant: Tenant
) -> None:
    first, second = month(tenant, 0), month(tenant, 5, more="Uma,98,LN9,1\n")
    third, fourth = (
        load(HEADER + f"Uma,9800000000,X1,{owed}\n", tenant=tenant) for owed in (1, 2)
    )
    compared(first, second)
    other = compared(third, fourth)

    act(second)

    assert list(Comparison.objects.all()) == [other]
    assert {group.comparison for group in ComparedGroup.objects.all()} == {other}


def test_a_comparison_goes_with_what_corrects_its_file(tenant: Tenant) -> None:
    first, second = month(tenant, 0), month(tenant, 5, more="Uma,98,LN9,1\n")
    child = send_again(second, written(second).replace('"98"', '"9876599999"'))
    assert child.succeeded_rows == 1
    compared(first, second)

    undo(child)

    assert not Comparison.objects.exists()


def test_a_download_ends_where_its_comparison_goes(tenant: Tenant) -> None:
    first, second = month(tenant, 0, rows=1500), month(tenant, 5, rows=1500)
    lines = lines_of(compared(first, second))
    [next(lines) for _ in range(5)]

    undo(second)

    with pytest.raises(ComparisonGone):
        list(lines)


def test_a_comparison_that_is_made_anew_is_another_one(tenant: Tenant) -> None:
    first, second = month(tenant, 0), month(tenant, 5)
    (group,) = compared(first, second).groups.all()
    erase(second)
    compared(first, second)

    with pytest.raises(ComparisonGone):
        list(read_pairs(group=group))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "undone", "undone_at": "2026-11-01T00:00Z"}, "was undone"),
        ({"status": "processing"}, "Nothing is compared yet"),
    ],
    ids=["undone", "unfinished"],
)
def test_what_is_not_compared_is_not_downloaded(
    client: Client, tenant: Tenant, fields: dict[str, str], said: str
) -> None:
    first, second = month(tenant, 0), month(tenant, 5)
    FileUpload.objects.filter(pk=first.pk).update(**fields)

    answer = client.post(f"{file_of(second)}?with={first.pk}", follow=True)

    assert said in answer.content.decode()
    assert not UploadAct.objects.filter(act="compared").exists()


def test_rows_whose_issues_are_kept_no_longer_may_be_any_loan(
    client: Client, tenant: Tenant
) -> None:
    first, second = month(tenant, 0), month(tenant, 5, rows=2, more="A,98,LN2,1\n")
    purge(second)

    text = client.get(page_of(second), {"with": first.pk}).content.decode()

    assert "In 1 refused row of" in text
    assert "a loan that seems gone may be among them" in text


def count_waiting() -> int:
    with connection.cursor() as cursor:
        # A transaction sees the backends of its first look else.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])


def undo_amid(act: Callable[[], object], upload: FileUpload, *, locked: str) -> None:
    """Undo an upload when an act has come to a table, and let it go on."""
    acting = threading.Thread(target=lambda: side_by_side(act))
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE")
        acting.start()
        wait_until(count_waiting, f"came to {locked}")
        undo(upload)
    acting.join(DEADLINE_SECONDS)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_download", [False, True], ids=["page", "download"])
@pytest.mark.parametrize("locked", ["upload_compared_groups", "upload_comparisons"])
def test_an_undo_meanwhile_is_told(
    client: Client, tenant: Tenant, is_download: bool, locked: str
) -> None:
    first, second = month(tenant, 0), month(tenant, 5)
    compared(first, second)
    answers: list[Any] = []

    def ask() -> None:
        answers.append(
            client.post(f"{file_of(second)}?with={first.pk}", follow=True)
            if is_download
            else client.get(page_of(second), {"with": first.pk}, follow=True)
        )

    undo_amid(ask, second, locked=locked)

    text = answers[0].content.decode()
    assert CHANGED in text
    assert "was undone: its entries are gone" in text
    assert not UploadAct.objects.filter(act="compared").exists()


@pytest.mark.django_db(transaction=True)
def test_a_comparison_that_is_being_made_waits_for_an_undo(tenant: Tenant) -> None:
    first, second = month(tenant, 0), month(tenant, 5)

    def compare() -> None:
        with pytest.raises(ComparisonGone):
            compared(first, second)

    comparing = threading.Thread(target=lambda: side_by_side(compare))
    with transaction.atomic():
        undo(second)
        comparing.start()
        wait_until(count_waiting, "waited for the undo")
    comparing.join(DEADLINE_SECONDS)

    assert not Comparison.objects.exists()
