"""An Aadhaar number among loan numbers is none; a loan's own number stays."""

import io
import random
from dataclasses import replace

import pytest

from customers.models import Customer
from uploads.cells import read_guarded_loan_number
from uploads.layout import Layout
from uploads.loan_numbers import LoanNumberEvidence, masked_loan_number
from uploads.models import RowIssue
from uploads.national_ids import is_aadhaar
from uploads.preview import first_rows, settle
from uploads.reader import understand
from uploads.refusals import Refused
from uploads.tests.everywhere import texts_of_all_tables
from uploads.tests.factories import load
from uploads.tests.test_rejected import send_again, written

AADHAAR = "234123412346"
AADHAARS = [AADHAAR, "345678129046", "498712304560", "581209473652", "672309184521"]
OTHERS = [f"45{n:010}" for n in range(50, 70) if not is_aadhaar(f"45{n:010}")]


def numbers(count: int) -> list[str]:
    """Loan numbers of twelve digits: one in ten of them passes the check."""
    rng = random.Random(7)
    return [f"45{rng.randrange(10**10):010}" for _ in range(count)]


def file_of(loan_numbers: list[str]) -> str:
    rows = [f"Asha,98765{n:05},{loan}" for n, loan in enumerate(loan_numbers)]
    return "\n".join(["Name,Mobile,Loan No", *rows])


@pytest.mark.parametrize(
    ("cells", "are_usual"),
    [
        pytest.param(AADHAARS, False, id="aadhaar numbers"),
        pytest.param([AADHAAR], False, id="one alone"),
        pytest.param([*OTHERS[:5], AADHAAR], True, id="one of six"),
        pytest.param([*OTHERS[:1], AADHAAR], False, id="one of two"),
        pytest.param(numbers(3_000), True, id="a lender's own"),
        pytest.param(["LN1"] * 9 + [AADHAAR], False, id="one among others"),
        pytest.param(["LN1"] * 9 + OTHERS[:1], False, id="few among others"),
        pytest.param(["LN1"] * 900 + numbers(50), True, id="those of a second lender"),
        pytest.param(["LN1"] * 900 + AADHAARS * 9, False, id="ids of a few"),
        pytest.param([""] * 9 + OTHERS[:3], True, id="blank but for these"),
        pytest.param(
            [f"{n[:4]}-{n[4:8]}/{n[8:]}" for n in numbers(40)], True, id="in groups"
        ),
        pytest.param([f"'{n}" for n in numbers(40)], True, id="apostrophes"),
        pytest.param([f"{n}.0" for n in numbers(40)], True, id="floats"),
        pytest.param(["LN0000000001"] * 9, False, id="none of twelve digits"),
    ],
)
def test_a_column_says_whether_twelve_digits_are_its_own(
    cells: list[str], are_usual: bool
) -> None:
    evidence = LoanNumberEvidence()
    for start in range(0, len(cells), 100):
        if not evidence.settled:
            evidence.look_at(cells[start : start + 100])

    assert evidence.settle() is are_usual


@pytest.mark.parametrize(
    "text",
    [AADHAAR, "2341 2341 2346", "2341-2341-2346", "23412 341 2346", f"'{AADHAAR}",
     f'="{AADHAAR}"', f"{AADHAAR}.0", "२३४१२३४१२३४६", f"+{AADHAAR}"],
)  # fmt: skip
def test_an_aadhaar_number_is_no_loan_number(text: str) -> None:
    refused = read_guarded_loan_number(text)

    assert isinstance(refused, Refused)
    assert refused.code == "loan_number_national_id"
    assert masked_loan_number(text) == "XXXXXXXX2346?"


@pytest.mark.parametrize(
    "text", ["LN234123412346", "234123412347", "2341234123461", "LN/2341/23412346"]
)
def test_other_numbers_are_loan_numbers(text: str) -> None:
    assert read_guarded_loan_number(text) == text
    assert masked_loan_number(text) == text


def test_what_excel_left_of_an_aadhaar_number_is_masked() -> None:
    refused = read_guarded_loan_number("2.34123412346E+11")

    assert isinstance(refused, Refused)
    assert masked_loan_number("2.34123412346E+11") == "XXXXXXXX2346E+11"
    assert masked_loan_number("2.34123E+11") == "2.34123E+11"


@pytest.mark.django_db
def test_an_aadhaar_number_among_loan_numbers_stands_nowhere() -> None:
    parent = load(file_of(["LN1", "LN2", "LN3", AADHAAR]))

    issue = RowIssue.objects.get()
    assert (issue.line, issue.code) == (5, "loan_number_national_id")
    assert issue.value_masked == "XXXXXXXX2346"
    assert AADHAAR not in texts_of_all_tables()

    again = send_again(parent, written(parent))

    assert (again.succeeded_rows, again.failed_rows) == (0, 1)
    assert AADHAAR not in written(again)

    mended = written(parent).replace("XXXXXXXX2346?", f"LN{AADHAAR}")
    assert send_again(parent, mended).succeeded_rows == 1


@pytest.mark.django_db
def test_a_lenders_own_numbers_stay_also_when_a_row_comes_back() -> None:
    passing = next(filter(is_aadhaar, numbers(300)))
    parent = load(file_of(numbers(300)) + f"\nVikram,12,{passing}")
    assert parent.succeeded_rows == 300
    mended = written(parent).replace(',"12",', ',"9876543210",')

    child = send_again(parent, mended)
    unlinked = load(mended)
    unmarked = send_again(parent, f"Name,Mobile,Loan No\nVikram,9876543210,{passing}\n")

    for upload in (child, unlinked, unmarked):
        entry = Customer.objects.get(upload=upload)
        assert entry.loan_number == passing


def test_the_first_rows_are_checked_as_the_whole_file_shows() -> None:
    file = io.BytesIO(file_of(OTHERS[:9]).encode())
    found = understand(file).layout
    assert found.twelve_digit_loans is True
    whole = replace(found, twelve_digit_loans=False)

    checked = settle(found, first_rows(file, found), known=whole)

    assert checked.twelve_digit_loans is False


@pytest.mark.django_db
def test_a_layout_kept_before_columns_were_judged_keeps_all_numbers() -> None:
    kept = load(file_of(["LN1", "LN2"])).layout
    assert Layout.of(kept).twelve_digit_loans is False

    del kept["twelve_digit_loans"]

    assert Layout.of(kept).twelve_digit_loans is True
