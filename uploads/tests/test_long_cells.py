"""What a cell or a header costs is bounded, whatever stands in it."""

import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from customers.models import Customer
from uploads.amounts import MoneyStyle
from uploads.column_readers import cell_reader, column_reader
from uploads.columns import LABELS, match_columns, nearest_header, told_apart
from uploads.dates import DateOrder
from uploads.header_names import BY_NAME, LONGEST_HEADER, find_field
from uploads.layout import DATE_FIELDS, MONEY_FIELDS, Layout
from uploads.models import FileUpload, RowIssue
from uploads.national_ids import read_national_id
from uploads.refusals import CELL_TOO_LONG, LONGEST_CELL
from uploads.rows import RowReader
from uploads.tests.factories import load

INDIA = ZoneInfo("Asia/Kolkata")
FILES = Path(__file__).parent / "files"
# By the field's own name, so that each is mapped, and one beside them.
LAYOUT = Layout(
    encoding="utf-8",
    damaged=False,
    delimiter=",",
    headers=(*LABELS, "Remarks", "Guarantor PAN"),
    data_start=0,
    first_line=2,
    date_orders=dict.fromkeys(DATE_FIELDS, DateOrder.DAY_FIRST),
    money_styles=dict.fromkeys(MONEY_FIELDS, MoneyStyle.INDIAN),
    meanings=dict(enumerate(LABELS)),
)
READ = [name for name in LABELS if name != "national_id"]


def values(name: str, cell: str) -> tuple[Any, Any]:
    """Return a cell as its whole column reads it, and as it is read by itself."""
    column = column_reader(name, LAYOUT, region="IN", zone=INDIA, blank="")
    careful = cell_reader(name, LAYOUT, region="IN", zone=INDIA, blank="").value
    return column([cell])[0], careful(cell)


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("mark", ["a", "5", " ", "-", "आ", "५"])
def test_a_cell_over_the_limit_is_refused_in_every_column(name: str, mark: str) -> None:
    cell = f"9{mark * (LONGEST_CELL - 1)}1"

    assert values(name, cell) == (CELL_TOO_LONG, CELL_TOO_LONG)


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("mark", ["a", "5", " ", "-", "आ", "५"])
def test_a_cell_at_the_limit_is_read(name: str, mark: str) -> None:
    column, careful = values(name, f"9{mark * (LONGEST_CELL - 2)}1")

    assert column == careful
    assert careful != CELL_TOO_LONG


def test_a_national_id_over_the_limit_is_refused() -> None:
    assert read_national_id("X" * LONGEST_CELL + "1") == CELL_TOO_LONG
    assert read_national_id("X" * LONGEST_CELL) != CELL_TOO_LONG


def test_a_phone_between_too_many_blanks_is_read_neither_way() -> None:
    for blanks, is_read in [(LONGEST_CELL - 10, True), (LONGEST_CELL - 9, False)]:
        column, careful = values("primary_phone", f"98765{' ' * blanks}43210")

        assert column == careful
        assert (careful == "+919876543210") is is_read


def test_blanks_around_a_cell_do_not_count() -> None:
    blanks = " " * LONGEST_CELL

    assert values("full_name", f"{blanks}Asha{blanks}") == ("Asha", "Asha")
    assert values("emi_amount", f"{blanks}500{blanks}") == ("500", "500")


@pytest.mark.django_db
def test_a_long_cell_is_told_in_a_sentence_cut_and_masked() -> None:
    aadhaar = "234123412346"
    load(
        "Name,Mobile,Aadhaar,State\n"
        f"Asha,{'9876543210 ' * 200},{aadhaar * 100},{f'{aadhaar} ' * 100}\n"
        "Vikram,9876543211,,Kerala\n"
    )

    issues = {issue.column_name: issue for issue in RowIssue.objects.all()}
    assert set(issues) == {"Mobile", "Aadhaar", "State"}
    assert {issue.code for issue in issues.values()} == {"cell_too_long"}
    for issue in issues.values():
        assert "more than 1,000 characters" in issue.message
        assert len(issue.value_masked) <= 101
        assert aadhaar not in issue.value_masked
        assert "9876543210" not in issue.value_masked
    assert Customer.objects.get().full_name == "Vikram"


@pytest.mark.django_db
def test_a_long_remark_is_kept_without_its_national_id() -> None:
    remark = f"{'called - no answer. ' * 500}Aadhaar 2341 2341 2346 {'X-' * 2000}"

    load(f"Name,Mobile,Remarks\nAsha,9876543210,{remark}\n")

    kept = Customer.objects.get().extra["Remarks"]
    assert kept == remark.replace("2341 2341 2346", "XXXXXXXX2346").strip()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["stars.csv", "dashes.csv", "spaces.csv"])
def test_files_of_thousands_of_marks_load_in_a_second(name: str) -> None:
    began = time.process_time()

    upload = load((FILES / name).read_bytes(), name=name)

    assert time.process_time() - began < 1
    assert upload.status == FileUpload.Status.COMPLETED


@pytest.mark.parametrize(
    "mark",
    [
        "X",
        "*",
        " ",
        "(",
        "-",
        "5",
        "5,",
        "1.",
        "a.",
        "a@",
        "e\u0301\u0327",
        "५",
        "\u200d",
    ],
)
def test_a_row_of_the_longest_cells_takes_no_longer_than_its_bytes(mark: str) -> None:
    cells = [f"5{mark * 20_000}!" for _ in LAYOUT.headers]
    reader = RowReader(LAYOUT, region="IN", zone=INDIA, national_id_key=b"k")
    began = time.process_time()

    entries, issues = reader.read([(2, cells)])

    assert time.process_time() - began < 1
    assert len(entries) == 0
    assert {issue.code for issue in issues} == {"cell_too_long", "text_too_long"}


def test_a_header_over_the_limit_names_no_field_and_is_shown_cut() -> None:
    long = "Mobile" + " " * LONGEST_HEADER
    headers = ["Name", "Mobile", long, f"Aadhaar of the guarantor {'-' * 900}"]

    columns = match_columns(headers)

    assert find_field("Mobile" + " " * (LONGEST_HEADER - 6)) is not None
    assert find_field(long) is None
    assert columns.fields == {"full_name": 0, "primary_phone": 1}
    assert columns.about_ids == {3}
    assert len(told_apart(headers, 3)) < LONGEST_HEADER + 6
    assert nearest_header("primary_phone", [long]) is None


HEADERS = {
    "accents": "a" + "\u0301\u0327" * 100_000,
    "dashes": "-" * 200_000,
    "brackets": "(rs) " * 40_000,
    "words": "customer name of the " * 10_000,
    "capitals": "aB" * 100_000,
}


@pytest.mark.django_db
@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_a_header_of_any_length_is_kept_in_a_second(header: str) -> None:
    began = time.process_time()

    upload = load(f"Name,Mobile,{header}\nAsha,9876543210,seen\n")

    assert time.process_time() - began < 1
    assert upload.status == FileUpload.Status.COMPLETED
    assert list(Customer.objects.get().extra.values()) == ["seen"]
    assert max(map(len, upload.layout["headers"])) <= LONGEST_CELL


def test_a_thousand_headers_like_a_name_are_compared_in_a_second() -> None:
    headers = [f"{alias[::-1] * 4}"[:LONGEST_HEADER] for alias in BY_NAME] * 3
    began = time.process_time()

    nearest_header("full_name", headers)
    match_columns(headers)

    assert time.process_time() - began < 1
