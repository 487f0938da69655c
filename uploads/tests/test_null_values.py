"""A word for nothing is nothing, in every column of a file."""

import random
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest

from customers.models import Customer
from uploads.amounts import MoneyStyle
from uploads.column_readers import cell_reader, column_reader
from uploads.dates import DateOrder
from uploads.layout import DATE_FIELDS, MONEY_FIELDS, Layout
from uploads.models import RowIssue
from uploads.reader import understand
from uploads.rows import RowReader
from uploads.tests.factories import load

INDIA = ZoneInfo("Asia/Kolkata")
FIELDS = [
    "full_name", "primary_phone", "alternate_phone", "national_id", "email", "language",
    "state", "loan_number", "loan_amount", "outstanding_amount", "emi_amount",
    "due_date", "days_past_due", "last_contact_date", "as_of_date",
]  # fmt: skip
GOOD = {
    "full_name": "Asha Rao",
    "primary_phone": "9876543210",
}
LAYOUT = Layout(
    encoding="utf-8",
    damaged=False,
    delimiter=",",
    headers=(*FIELDS, "Remarks"),
    data_start=0,
    first_line=2,
    date_orders=dict.fromkeys(DATE_FIELDS, DateOrder.DAY_FIRST),
    money_styles=dict.fromkeys(MONEY_FIELDS, MoneyStyle.INDIAN),
)
WORDS = [
    "nan", "NaN", "NAN", "NaT", "<NA>", "NULL", "null", "Null", "None", "NONE", "\\N",
    "#N/A", "(null)", "(NULL)", "undefined", "Undefined", "-", "--", "---", "\u2014",
    "NA", "N/A", "n.a.", "#NA", "-nan", "-1.#IND", "<null>", "[NULL]", "(blank)",
    "not available", "Not Available", "NOT APPLICABLE", " NULL ", "'NULL", "'-",
]  # fmt: skip


def row_with(field: str, word: str) -> list[str]:
    return [word if name == field else GOOD.get(name, "") for name in LAYOUT.headers]


def read(rows: list[list[str]]):
    reader = RowReader(LAYOUT, region="IN", zone=INDIA, national_id_key=b"key")
    return reader.read(list(enumerate(rows, start=2)))


@pytest.mark.parametrize("word", WORDS)
def test_it_is_nothing_where_a_cell_may_be_empty(word: str) -> None:
    optional = [name for name in LAYOUT.headers if name not in GOOD]
    blank, _ = read([row_with("", "")])

    entries, issues = read([row_with(name, word) for name in optional])

    assert issues == []
    for name, column in entries.columns.items():
        assert set(column) == set(blank.columns[name]), name


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    ("field", "code"),
    [("full_name", "name_missing"), ("primary_phone", "phone_missing")],
)
def test_it_is_refused_where_a_cell_must_not_be_empty(
    field: str, code: str, word: str
) -> None:
    entries, (issue,) = read([row_with(field, word)])

    assert len(entries) == 0
    assert (issue.column, issue.code) == (field, code)


@pytest.mark.parametrize(
    "name", ["Null Kumar", "Nanda", "Nan Singh", "Anna", "K. None", "Nath", "Nil"]
)
def test_a_name_that_holds_such_a_word_is_a_name(name: str) -> None:
    entries, issues = read([row_with("full_name", name)])

    assert issues == []
    assert entries.columns["full_name"] == [name]


@pytest.mark.parametrize("field", [*MONEY_FIELDS, "days_past_due"])
def test_nil_may_be_a_figure_and_is_refused_as_one(field: str) -> None:
    _, issues = read([row_with(field, "Nil")])

    assert [issue.column for issue in issues] == [field]


def test_nil_among_remarks_is_kept() -> None:
    entries, _ = read([row_with("Remarks", "Nil")])

    assert entries.columns["extra"] == ['{"Remarks": "Nil"}']


def test_an_error_of_excel_is_none_of_these_words() -> None:
    _, issues = read([row_with("state", "#REF!"), row_with("Remarks", "#DIV/0!")])

    assert [issue.code for issue in issues] == ["cell_error", "cell_error"]


@pytest.mark.parametrize("field", ["full_name", "loan_number", "email", "loan_amount"])
def test_a_whole_column_is_read_as_its_cells_are(field: str) -> None:
    rng = random.Random(field)
    cells = [rng.choice([*WORDS, "Asha Rao", "LN00012", "12345"]) for _ in range(3_000)]

    fast = column_reader(field, LAYOUT, region="IN", zone=INDIA, blank="blank")(cells)

    careful = cell_reader(field, LAYOUT, region="IN", zone=INDIA, blank="blank").value
    assert fast == [careful(cell) for cell in cells]
    assert "NULL" not in fast


def test_words_do_not_count_among_a_columns_loan_numbers() -> None:
    """Else twelve digits, the lender's own, pass for a few among others."""
    numbers = [f"1{number:011}" for number in range(10)]
    lines = [f"Asha,98765{n:05},{number}" for n, number in enumerate(numbers)]
    lines += [f"Ravi,98764{n:05},NULL" for n in range(30)]
    file = BytesIO("\n".join(["Name,Mobile,Loan No", *lines]).encode())

    assert understand(file).layout.twelve_digit_loans


@pytest.mark.django_db
def test_a_row_of_such_words_is_refused_and_comes_back() -> None:
    upload = load("Name,Mobile,Loan No\nAsha,9876543210,L1\nNULL,NULL,NULL\n")

    assert (upload.succeeded_rows, upload.failed_rows) == (1, 1)
    assert {issue.code for issue in RowIssue.objects.all()} == {
        "name_missing",
        "phone_missing",
    }
    assert Customer.objects.get().loan_number == "L1"
