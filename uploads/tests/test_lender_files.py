"""Whose file an upload is: found out from its header and its loans."""

from datetime import date

import pytest
from django.utils import timezone

from customers.lenders import (
    count_loans_in_common,
    find_file_before,
    newest_deliveries,
)
from customers.models import LenderFile
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from uploads.models import FileUpload, RowIssue
from uploads.tasks import sweep
from uploads.tests.factories import load
from uploads.tests.test_rejected import send_again, written
from uploads.undoing import undo_upload

pytestmark = pytest.mark.django_db

HEADER = "Name,Mobile,Loan No,Outstanding,As On\n"


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory.create()


def book(tenant: Tenant, day: str, *loans: str, header: str = HEADER) -> FileUpload:
    """A file of a day with these loans."""
    rows = [
        f"Asha,98765{place:05},{loan},100,{day}\n" for place, loan in enumerate(loans)
    ]
    return load(header + "".join(rows), tenant=tenant)


def lender_of(upload: FileUpload) -> int:
    return LenderFile.objects.get(pk=upload.pk).lender_id


def test_files_of_one_header_with_loans_in_common_are_one_lenders(
    tenant: Tenant,
) -> None:
    october = book(tenant, "2026-10-01", "A1", "A2", "A3")
    november = book(tenant, "2026-11-01", "A2", "A3", "A4")

    assert lender_of(november) == lender_of(october) == october.pk
    assert find_file_before(november.pk) == october.pk
    assert LenderFile.objects.get(pk=november.pk).day == date(2026, 11, 1)


def test_files_without_a_loan_in_common_are_two_lenders(tenant: Tenant) -> None:
    book(tenant, "2026-10-01", "A1", "A2")
    other = book(tenant, "2026-10-02", "B1", "B2")

    assert lender_of(other) == other.pk
    assert find_file_before(other.pk) is None


def test_another_header_is_another_lender(tenant: Tenant) -> None:
    book(tenant, "2026-10-01", "A1", "A2")
    header = HEADER.replace("Outstanding", "EMI")
    other = book(tenant, "2026-11-01", "A1", "A2", header=header)

    assert lender_of(other) == other.pk


def test_another_tenants_files_are_nothing_to_it(tenant: Tenant) -> None:
    book(TenantFactory.create(), "2026-10-01", "A1", "A2")
    own = book(tenant, "2026-11-01", "A1", "A2")

    assert lender_of(own) == own.pk
    assert find_file_before(own.pk) is None


def test_a_loan_number_that_two_lenders_have_by_chance_joins_nothing(
    tenant: Tenant,
) -> None:
    one = book(tenant, "2026-10-01", *(f"A{n}" for n in range(9)), "1001")
    other = book(tenant, "2026-10-02", *(f"B{n}" for n in range(9)), "B10")
    next_one = book(tenant, "2026-11-01", *(f"A{n}" for n in range(9)), "B10")

    assert lender_of(next_one) == lender_of(one) != lender_of(other)


def test_the_newest_is_told_by_the_day_a_file_speaks_of(tenant: Tenant) -> None:
    november = book(tenant, "2026-11-01", "A1", "A2")
    october = book(tenant, "2026-10-01", "A1", "A2", "A3")

    newest = newest_deliveries(tenant_ids=[tenant.pk], lender_ids=[lender_of(october)])

    assert newest[november.pk].upload_ids == (november.pk,)
    assert find_file_before(november.pk) == october.pk
    assert find_file_before(october.pk) is None


def test_what_is_undone_is_no_lenders_newest_file(tenant: Tenant) -> None:
    october = book(tenant, "2026-10-01", "A1", "A2")
    november = book(tenant, "2026-11-01", "A1", "A2")
    undo_upload(upload_id=november.pk, by=None, now=timezone.now())

    newest = newest_deliveries(tenant_ids=[tenant.pk], lender_ids=[october.pk])

    assert newest[october.pk].upload_ids == (october.pk,)


def test_parts_of_one_day_are_one_delivery(tenant: Tenant) -> None:
    book(tenant, "2026-10-01", "A1", "A2", "A3", "A4")
    parts = [
        book(tenant, "2026-11-01", "A1", "A2"),
        book(tenant, "2026-11-01", "A3", "A4"),
    ]

    (newest,) = newest_deliveries(
        tenant_ids=[tenant.pk], lender_ids=[lender_of(parts[1])]
    ).values()

    assert newest.upload_ids == (parts[0].pk, parts[1].pk)


def test_a_corrected_file_is_part_of_the_file_that_it_corrects(tenant: Tenant) -> None:
    parent = load(
        f"{HEADER}A,9876543210,A1,1,2026-11-01\nB,12,A2,1,2026-11-01\n", tenant=tenant
    )
    child = send_again(
        parent, written(parent).replace('"B","12",', '"B","9876543211",')
    )

    (newest,) = newest_deliveries(
        tenant_ids=[tenant.pk], lender_ids=[parent.pk]
    ).values()

    assert newest.upload_ids == (parent.pk, child.pk)
    assert not LenderFile.objects.filter(pk=child.pk).exists()


def test_a_file_whose_rows_all_came_corrected_finds_its_lender_then(
    tenant: Tenant,
) -> None:
    october = book(tenant, "2026-10-01", "A1", "A2")
    parent = load(f"{HEADER}B,12,A2,1,2026-11-01\n", tenant=tenant)
    assert lender_of(parent) == parent.pk

    send_again(parent, written(parent).replace('"B","12",', '"B","9876543211",'))

    assert lender_of(parent) == october.pk
    assert LenderFile.objects.get(pk=parent.pk).day == date(2026, 11, 1)


def test_loans_in_both_are_counted(tenant: Tenant) -> None:
    october = book(tenant, "2026-10-01", "A1", "A2", "A3")
    november = book(tenant, "2026-11-01", "A2", "A3", "A4", "A5")
    other = book(tenant, "2026-11-01", "B1")

    common, of = count_loans_in_common(
        tenant=tenant, upload_id=november.pk, others=[october.pk, other.pk]
    )

    assert (common, of) == ({october.pk: 2}, 4)


def test_what_ended_before_there_was_a_register_comes_into_it(tenant: Tenant) -> None:
    october = book(tenant, "2026-10-01", "A1", "A2")
    november = book(tenant, "2026-11-01", "A1", "A2")
    LenderFile.objects.all().delete()

    sweep()

    assert lender_of(october) == lender_of(november) == october.pk


def test_a_cancelled_file_is_its_lenders_and_never_its_newest(tenant: Tenant) -> None:
    october = book(tenant, "2026-10-01", "A1", "A2")
    november = book(tenant, "2026-11-01", "A1", "A2")
    FileUpload.objects.filter(pk=november.pk).update(status="cancelled")
    LenderFile.objects.filter(pk=november.pk).delete()

    sweep()

    (newest,) = newest_deliveries(
        tenant_ids=[tenant.pk], lender_ids=[lender_of(november)]
    ).values()
    assert lender_of(november) == october.pk
    assert newest.upload_ids == (october.pk,)


def test_an_issue_names_the_loan_of_its_row_as_far_as_it_is_readable() -> None:
    upload = load(
        f"{HEADER}A,9876543210,LN/1,1_000,2026-11-01\n"
        "B,12,LN/2,1,2026-11-01\n"
        "C,9876543212,#REF!,1,2026-11-01\n"
    )

    known = RowIssue.objects.filter(upload=upload).order_by("line")

    assert list(known.values_list("loan_number", "primary_phone")) == [
        ("LN/1", "+919876543210"),
        ("LN/2", ""),
        ("", "+919876543212"),
    ]
