"""Rows that nobody sees in a workbook are not loaded in silence."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from customers.models import Customer
from tenants.tests.factories import TenantFactory
from tenants.tests.programs import program_of
from uploads.models import FileUpload, RowIssue
from uploads.rejected_files import rejected_file
from uploads.tests.factories import load, make_upload, work_off
from uploads.tests.reviews import check, choices_shown, page_of, start
from uploads.tests.workbooks import row, workbook, worksheet

HEADER = row(1, "Name", "Mobile", "Loan No", "Outstanding")
ASHA = row(2, "Asha", 9876543210, "LN-1", 100)
RAVI = row(3, "Ravi", 9876543211, "LN-2", 200)
UMA = row(4, "Uma", 9876543212, "LN-3", 300)


def with_attributes(written: str, attributes: str) -> str:
    """Return a row's XML with more attributes, as a program may write them."""
    return written.replace('">', f'" {attributes}>', 1)


HIDDEN_RAVI = with_attributes(RAVI, 'hidden="1"')


@pytest.mark.django_db
@pytest.mark.parametrize(
    "attributes",
    [
        'hidden="1"',
        'spans="1:4" hidden="1" x14ac:dyDescent="0.25"',
        'outlineLevel="1" hidden="true" collapsed="false"',
        'customFormat="false" ht="12.8" hidden="true" customHeight="false"',
        'ht="0" customHeight="1"',
        'ht="0.0"',
        "hidden='1'",  # as Excel does not write it
    ],
)
def test_a_hidden_row_is_refused_and_named(attributes: str) -> None:
    ravi = with_attributes(RAVI, attributes)
    sheet = worksheet(HEADER, ASHA, ravi, UMA).replace(
        "<worksheet ", '<worksheet xmlns:x14ac="urn:x" '
    )

    upload = load(workbook(members={"xl/worksheets/sheet1.xml": sheet}))

    assert (upload.total_rows, upload.succeeded_rows, upload.failed_rows) == (3, 2, 1)
    issue = RowIssue.objects.get()
    assert (issue.line, issue.code) == (3, "row_hidden")
    assert (issue.loan_number, issue.primary_phone) == ("LN-2", "+919876543211")
    assert any(notice.startswith("1 row is hidden") for notice in upload.notices)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "attributes",
    [
        'hidden="0"', 'hidden="false"', 'ht="15"', 'ht="0.75"', 'outlineLevel="1"',
        'spans="1:4"', 'collapsed="1"',
    ],
)  # fmt: skip
def test_a_row_that_can_be_seen_is_loaded(attributes: str) -> None:
    upload = load(workbook(HEADER, ASHA, with_attributes(RAVI, attributes), UMA))

    assert (upload.succeeded_rows, upload.failed_rows) == (3, 0)
    assert not any("hidden" in notice for notice in upload.notices)


@pytest.mark.django_db
def test_hidden_rows_come_back_and_can_be_sent_in() -> None:
    quoted = row(5, 'The "Big" One', 9876543213, "LN-4", 400)
    upload = load(
        workbook(HEADER, ASHA, HIDDEN_RAVI, UMA, with_attributes(quoted, 'hidden="1"'))
    )

    refused = b"".join(rejected_file(upload).chunks)
    again = load(refused, tenant=upload.tenant)

    assert (again.succeeded_rows, again.failed_rows) == (2, 0)
    names = set(
        Customer.objects.filter(upload=again).values_list("full_name", flat=True)
    )
    assert names == {"Ravi", 'The "Big" One'}


@pytest.mark.django_db
def test_all_rows_hidden_is_a_file_of_refused_rows() -> None:
    upload = load(workbook(HEADER, HIDDEN_RAVI))

    assert upload.status == FileUpload.Status.COMPLETED
    assert (upload.total_rows, upload.failed_rows) == (1, 1)


@pytest.mark.django_db
def test_a_hidden_header_is_a_header() -> None:
    upload = load(workbook(with_attributes(HEADER, 'hidden="1"'), ASHA, RAVI))

    assert (upload.succeeded_rows, upload.failed_rows) == (2, 0)


def _reviewed(admin_client: Client, **sent: Any) -> FileUpload:
    upload = make_upload(workbook(HEADER, ASHA, HIDDEN_RAVI, UMA), **sent)
    upload.review = FileUpload.Review.ALWAYS
    upload.save(update_fields=["review"])
    return work_off(upload)


@pytest.mark.django_db
def test_the_review_shows_hidden_rows_and_can_load_them(admin_client: Client) -> None:
    upload = _reviewed(admin_client)
    page = admin_client.get(page_of(upload))
    assert choices_shown(admin_client, upload)["hidden_rows"] == "refuse"
    assert (page.context["reviewed"].checked.good, upload.total_rows) == (2, 3)

    check(admin_client, upload, hidden_rows="load")

    page = admin_client.get(page_of(upload))
    assert page.context["reviewed"].checked.good == 3

    start(admin_client, upload)
    work_off(upload)

    assert (upload.succeeded_rows, upload.failed_rows) == (3, 0)
    assert any("as was chosen" in notice for notice in upload.notices)


@pytest.mark.django_db
def test_what_the_review_does_not_choose_stays_refused(admin_client: Client) -> None:
    upload = _reviewed(admin_client)

    start(admin_client, upload)
    work_off(upload)

    assert (upload.succeeded_rows, upload.failed_rows) == (2, 1)


@pytest.mark.django_db
def test_a_file_without_hidden_rows_asks_nothing(admin_client: Client) -> None:
    upload = make_upload(workbook(HEADER, ASHA))
    upload.review = FileUpload.Review.ALWAYS
    upload.save(update_fields=["review"])
    work_off(upload)

    assert "hidden_rows" not in choices_shown(admin_client, upload)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ('<col min="3" max="3" hidden="1"/>', "Column C is hidden"),
        (
            '<col min="3" max="4" width="9" hidden="true"/>',
            "Columns C and D are hidden",
        ),
        ('<col min="4" max="16384" width="0"/>', "Column D is hidden"),
        ('<col min="1" max="4" hidden="false" width="9"/>', ""),
        ('<col min="5" max="16384" hidden="1"/>', ""),
        ('<col min="x" max="99999999999999" hidden="1"/>', ""),
    ],
)
def test_a_hidden_column_is_read_and_named(columns: str, told: str) -> None:
    sheet = worksheet(HEADER, ASHA).replace(
        "<sheetData>", f"<cols>{columns}</cols><sheetData>"
    )

    upload = load(workbook(members={"xl/worksheets/sheet1.xml": sheet}))

    assert Customer.objects.get().loan_number == "LN-1"
    notices = " ".join(upload.notices)
    assert ("hidden in the workbook" in notices) is bool(told)
    assert told in notices


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "succeeded"), [([], 2), (["--hidden-rows", "load"], 3)]
)
def test_the_command_can_load_hidden_rows(
    options: list[str], succeeded: int, tmp_path: Path
) -> None:
    TenantFactory.create(slug="hidden-rows")
    file = tmp_path / "dues.xlsx"
    file.write_bytes(workbook(HEADER, ASHA, HIDDEN_RAVI, UMA))

    call_command(
        "import_customers", str(file), "--tenant", "hidden-rows", "--here",
        "--allow-failed", *options, stdout=StringIO(), stderr=StringIO(),
    )  # fmt: skip

    upload = FileUpload.objects.get()
    assert (upload.succeeded_rows, upload.failed_rows) == (succeeded, 3 - succeeded)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "status", "succeeded"),
    [
        ({}, 201, 2),
        ({"hidden_rows": "refuse"}, 201, 2),
        ({"hidden_rows": "load"}, 201, 3),
        ({"hidden_rows": "show"}, 400, 0),
    ],
)
def test_a_program_can_load_hidden_rows(
    sent: dict[str, str], status: int, succeeded: int
) -> None:
    program = program_of(TenantFactory.create())
    file = SimpleUploadedFile("a.xlsx", workbook(HEADER, ASHA, HIDDEN_RAVI, UMA))

    answer = program.post("/api/v1/uploads/", {"file": file, **sent})

    assert answer.status_code == status
    for upload in FileUpload.objects.all():
        work_off(upload)
    assert Customer.objects.count() == succeeded
