"""Date cells that Excel may have swapped: nobody's due date is guessed."""

import csv
import datetime
import io

import pytest
from django.test import Client

from customers.models import Customer
from uploads.models import ColumnMapping, FileUpload, RowIssue
from uploads.rejected_files import rejected_file
from uploads.tests.factories import load, make_upload, work_off
from uploads.tests.reviews import check, choices_shown, page_of, start
from uploads.tests.workbooks import row, workbook

HEADER = row(1, "Name", "Mobile", "Loan No", "Due Date")


def date_cell(text: str) -> str:
    """Return a date cell as Excel writes it; style 1 is a day."""
    days = (datetime.date.fromisoformat(text) - datetime.date(1899, 12, 30)).days
    return f'<c s="1"><v>{days}</v></c>'


def sheet(*dates: str) -> bytes:
    """Return a list with these due dates, each a cell's XML or a text."""
    rows = (
        row(line, "Asha", 9876543210 + line, f"LN-{line}", cell)
        for line, cell in enumerate(dates, 2)
    )
    return workbook(HEADER, *rows)


# 9 March was 3 September, 4 April is the same either way.
MIXED = (
    "15/09/2026",
    date_cell("2026-03-09"),
    date_cell("2026-04-04"),
    "2026-03-09",
    "28/09/2026",
)


def due_dates() -> dict[int, str]:
    entries = Customer.objects.values_list("row_number", "due_date")
    return {line: day.isoformat() for line, day in entries if day}


def review_of(data: bytes, review: str = "when_new", **sent: object) -> FileUpload:
    upload = make_upload(data, name="dues.xlsx", **sent)
    upload.review = review
    upload.save(update_fields=["review"])
    return work_off(upload)


@pytest.mark.django_db
def test_date_cells_in_doubt_are_refused_where_nobody_is_asked() -> None:
    upload = load(sheet(*MIXED))

    assert (upload.total_rows, upload.succeeded_rows, upload.failed_rows) == (5, 4, 1)
    issue = RowIssue.objects.get()
    assert (issue.line, issue.code) == (3, "date_swapped")
    assert issue.value_masked == "2026-03-09"
    # A text that looks like a date cell was typed by somebody.
    assert due_dates() == {
        2: "2026-09-15", 4: "2026-04-04", 5: "2026-03-09", 6: "2026-09-28",
    }  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(
    "dates",
    [
        (date_cell("2026-03-09"), date_cell("2026-05-10")),
        (date_cell("2026-03-09"), "15/09/2026", date_cell("2026-09-25")),
        (date_cell("2026-03-09"), "03/04/2026"),
        (date_cell("2026-03-09"), "15-Sep-2026"),
        ("2026-03-09", "15/09/2026"),
        ("2026-03-09 10:30:00", "15/09/2026"),
        (date_cell("2026-04-04"), "15/09/2026"),
        (date_cell("2026-03-09"), "NA", ""),
    ],
    ids=[
        "date cells only", "a day after the 12th", "texts settle nothing",
        "months by name", "texts only", "texts with a time", "the same either way",
        "words for none",
    ],
)  # fmt: skip
def test_date_cells_without_a_doubt_are_what_they_say(dates: tuple[str, ...]) -> None:
    upload = load(sheet(*dates))

    assert upload.failed_rows == 0
    assert upload.layout["date_cells"] == {}
    assert upload.layout["held_for"] == []
    if dates[0] != date_cell("2026-04-04"):
        assert due_dates()[2] == "2026-03-09"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("09/25/2026", date_cell("2026-03-09")),
        ("25/09/2026 10:30", '<c s="4"><v>46090.4375</v></c>'),
        ("25/09/2026", '<c t="d"><v>2026-03-09</v></c>'),
        ("25/09/2026", '<c t="d"><v>2026-03-09T00:00:00</v></c>'),
        ("25/09/2026", '<c s="1"><f>TODAY()</f><v>46090</v></c>'),
        ("25.09.26", date_cell("2026-03-09")),
    ],
)
def test_date_cells_of_each_kind_are_in_doubt(text: str, cell: str) -> None:
    upload = load(sheet(text, cell))

    assert list(RowIssue.objects.values_list("line", "code")) == [(3, "date_swapped")]
    assert upload.succeeded_rows == 1


@pytest.mark.django_db
@pytest.mark.parametrize("date1904", ["0", "1"])
def test_days_of_both_calendars_are_in_doubt(date1904: str) -> None:
    serial = 46090 if date1904 == "0" else 46090 - 1462
    load(
        workbook(
            HEADER,
            row(2, "Asha", 9876543210, "LN-2", "25/09/2026"),
            row(3, "Ravi", 9876543211, "LN-3", f'<c s="1"><v>{serial}</v></c>'),
            settings=f'<workbookPr date1904="{date1904}"/>',
        )
    )

    assert RowIssue.objects.get().value_masked == "2026-03-09"


@pytest.mark.django_db
def test_csv_has_no_date_cells() -> None:
    upload = load(
        "Name,Mobile,Due Date\nA,9876543210,2026-03-09\nB,9876543211,25/09/2026\n"
    )

    assert upload.failed_rows == 0


@pytest.mark.django_db
def test_start_at_once_waits_and_start_asks(admin_client: Client) -> None:
    first = review_of(sheet("15/09/2026"))
    start(admin_client, first)
    assert ColumnMapping.objects.count() == 1

    upload = review_of(sheet(*MIXED), tenant=first.tenant)

    assert upload.status == FileUpload.Status.REVIEW
    (reason,) = upload.layout["held_for"]
    assert "Excel may have swapped" in reason
    page = admin_client.get(page_of(upload)).content.decode()
    assert "A cell says 9 Mar 2026; swapped back it is 3 Sep 2026." in page
    assert "To be answered before it can start" in page

    start(admin_client, upload)

    upload.refresh_from_db()
    assert upload.status == FileUpload.Status.REVIEW
    assert not Customer.objects.filter(upload=upload).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "day", "told"),
    [
        ("swapped back", "2026-09-03", "swapped back"),
        ("as they say", "2026-03-09", "read as they say"),
    ],
)
def test_the_answer_is_obeyed_and_told(
    admin_client: Client, answer: str, day: str, told: str
) -> None:
    upload = review_of(sheet(*MIXED))
    check(admin_client, upload, cells_due_date=answer)
    assert choices_shown(admin_client, upload)["cells_due_date"] == answer

    start(admin_client, upload)
    work_off(upload)

    assert (upload.status, upload.failed_rows) == ("completed", 0)
    assert due_dates()[3] == day
    assert due_dates()[5] == "2026-03-09"
    assert any(told in notice for notice in upload.notices)


@pytest.mark.django_db
def test_an_answer_is_for_one_file(admin_client: Client) -> None:
    upload = review_of(sheet(*MIXED))
    check(admin_client, upload, cells_due_date="swapped back")
    start(admin_client, upload)
    work_off(upload)

    again = review_of(sheet(*MIXED, "30/09/2026"), tenant=upload.tenant)

    assert again.status == FileUpload.Status.REVIEW
    assert choices_shown(admin_client, again)["cells_due_date"] == ""


@pytest.mark.django_db
def test_an_answer_can_be_taken_back(admin_client: Client) -> None:
    upload = review_of(sheet(*MIXED))
    check(admin_client, upload, cells_due_date="swapped back")
    check(admin_client, upload, cells_due_date="")

    start(admin_client, upload)

    upload.refresh_from_db()
    assert upload.status == FileUpload.Status.REVIEW


@pytest.mark.django_db
def test_doubts_are_found_beyond_the_first_rows_of_the_review(
    admin_client: Client,
) -> None:
    dates = ["15/09/2026"] * 1100 + [date_cell("2026-03-09")]
    upload = review_of(sheet(*dates))

    page = admin_client.get(page_of(upload)).content.decode()

    assert "A cell says 9 Mar 2026; swapped back it is 3 Sep 2026." in page


def _refused_cells(upload: FileUpload) -> list[list[str]]:
    told = b"".join(rejected_file(upload, as_csv=True).chunks)
    return list(csv.reader(io.StringIO(told.decode("utf-8-sig"))))


@pytest.mark.django_db
def test_a_refused_date_comes_back_as_both_days_and_is_mended() -> None:
    upload = load(sheet(*MIXED))
    header, refused = _refused_cells(upload)
    assert refused[3] == "2026-03-09 or 2026-09-03"

    unmended = load(b"".join(rejected_file(upload).chunks), tenant=upload.tenant)

    assert RowIssue.objects.get(upload=unmended).code == "date_two"

    refused[3] = "2026-09-03"
    mended = load(workbook(row(1, *header), row(2, *refused)), tenant=upload.tenant)

    assert (mended.succeeded_rows, mended.failed_rows) == (1, 0)
    assert Customer.objects.get(upload=mended).due_date == datetime.date(2026, 9, 3)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "day"), [("swapped back", "2026-09-03"), ("as they say", "2026-03-09")]
)
def test_a_row_refused_for_another_cell_keeps_the_chosen_day(
    admin_client: Client, answer: str, day: str
) -> None:
    bad = row(3, "Ravi", "98765", "LN-3", date_cell("2026-03-09"))
    good = row(2, "Asha", 9876543210, "LN-2", "15/09/2026")
    upload = review_of(workbook(HEADER, good, bad))
    check(admin_client, upload, cells_due_date=answer)
    start(admin_client, upload)
    work_off(upload)

    _, refused = _refused_cells(upload)

    assert refused[3] == day


@pytest.mark.django_db
def test_hidden_and_ragged_rows_keep_the_doubt() -> None:
    hidden = row(3, "Ravi", 9876543211, "LN-3", date_cell("2026-03-09")).replace(
        '<row r="3"', '<row r="3" hidden="1"'
    )
    ragged = row(4, "Uma", 9876543212, "LN-4", date_cell("2026-05-10"), *["x"] * 3)
    good = row(2, "Asha", 9876543210, "LN-2", "15/09/2026")
    last = row(5, "Tara", 9876543213, "LN-5", "25/09/2026")
    upload = load(workbook(HEADER, good, hidden, ragged, last))

    _, *refused = _refused_cells(upload)

    assert [cells[3] for cells in refused] == [
        "2026-03-09 or 2026-09-03",
        "2026-05-10 or 2026-10-05",
    ]
