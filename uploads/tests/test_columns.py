import pytest

from customers.models import Customer
from uploads import header_names
from uploads.columns import (
    letter,
    match_columns,
    nearest_header,
    propose_meanings,
    told_apart,
)
from uploads.header_names import ALIASES, aliases, find_field, fold
from uploads.tests.factories import load
from uploads.tests.test_rejected import written


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Customer Name", "full_name"),
        ("BORROWER_NAME", "full_name"),
        ("नाम", "full_name"),
        ("Mob. No.", "primary_phone"),
        ("Primary Phone", "primary_phone"),
        ("Contact No", "primary_phone"),
        ("मोबाइल", "primary_phone"),
        ("Alternate Mobile", "alternate_phone"),
        ("Aadhar No.", "national_id"),
        ("PAN", "national_id"),
        ("E-Mail", "email"),
        ("Loan A/c No", "loan_number"),
        ("LAN", "loan_number"),
        ("Agreement No", "loan_number"),
        ("App ID", "loan_number"),
        ("Disbursed Amt", "loan_amount"),
        ("O/S Amt", "outstanding_amount"),
        ("POS", "outstanding_amount"),
        ("Instalment", "emi_amount"),
        ("FDD", "due_date"),
        ("Next Due", "due_date"),
        ("DPD", "days_past_due"),
        ("Region", "state"),
        ("Last Repayment Date", "last_contact_date"),
        ("as on", "as_of_date"),
        ("ＥＭＩ", "emi_amount"),
        ("Amount (₹)", "loan_amount"),
        ("Outstanding (Rs.)", "outstanding_amount"),
        ("Loan Amount [INR]", "loan_amount"),
        ("EMI Amount in Rs", "emi_amount"),
        ("Due Date (DD/MM/YYYY)", "due_date"),
        ("Due Date (dd-mmm-yy)", "due_date"),
        ("Last Contact Date YYYY-MM-DD", "last_contact_date"),
        ("DPD (days)", "days_past_due"),
        ("Primary Mobile Number", "primary_phone"),
        ("Name of the Borrower", "full_name"),
        ("  O/S  Amt. ", "outstanding_amount"),
        ("Mobile\nNo.", "primary_phone"),
        ("Reg. Mob. No", "primary_phone"),
        ("CustMobNo", "primary_phone"),
        ("Alt Mob Number", "alternate_phone"),
        ("Loan Acc No.", "loan_number"),
        ("LoanAcctNum", "loan_number"),
        ("Outst. Amt", "outstanding_amount"),
        ("POS Amount", "outstanding_amount"),
        ("Sanc Amount (Rs.)", "loan_amount"),
        ("Inst. Amt", "emi_amount"),
        ("Last Repayment Dt", "last_contact_date"),
        ("Due Dt. (DD-MM-YYYY)", "due_date"),
        ("No. of days past due", "days_past_due"),
    ],
)
def test_a_header_is_known_by_its_usual_names(header: str, field: str) -> None:
    assert match_columns([header]).fields == {field: 0}


@pytest.mark.parametrize(
    "header",
    [
        "Loan Amount (in Lakhs)",
        "Due Date (MM/DD/YYYY)",
        "Customer Name (Rs)",
        "EMI (days)",
        "Due Date (days)",
        "(Rs.)",
        "No.",
        "Date",
        "Amt in Lakhs",
        "Loan Disb Date",
        "of the",
    ],
)
def test_a_header_that_says_more_than_its_name_is_not_sure(header: str) -> None:
    assert match_columns([header]).fields == {}


def test_no_two_fields_have_a_name_in_common() -> None:
    fields: dict[str, set[str]] = {}
    for field in ALIASES:
        for name in aliases(field):
            assert find_field(name) is not None
            for key in (fold(name), header_names._shortened(name)):
                fields.setdefault(key, set()).add(field)

    assert [key for key, named in fields.items() if key and len(named) > 1] == []


@pytest.mark.parametrize("header", ["Bucket", "DPD Bucket", "bucket no"])
def test_a_bucket_is_no_number_of_days(header: str) -> None:
    columns = match_columns(["Name", "Mobile", header])

    assert "days_past_due" not in columns.fields
    assert propose_meanings(["Name", "Mobile", header]).keys() == {0, 1}


def test_an_unknown_column_is_kept_and_none_is_dropped_unseen() -> None:
    columns = match_columns(["Name", "Mobile", "Docket", "", "Docket"])

    assert columns.fields == {"full_name": 0, "primary_phone": 1}
    assert columns.extra == {2: "Docket", 3: "column D", 4: "Docket (E)"}


@pytest.mark.parametrize(
    "unknown",
    [
        ["Note (E)", "Note", "Note"],
        ["column D", "", "x"],
        ["", "column C", ""],
        ["Note", "Note (D)", "Note", "Note (D)", "Note (E)"],
    ],
)
def test_each_column_is_kept_under_a_name_of_its_own(unknown: list[str]) -> None:
    extra = match_columns(["Name", "Mobile", *unknown]).extra

    assert len(set(extra.values())) == len(unknown)


def test_of_two_columns_for_one_field_the_surer_is_taken_and_both_are_named() -> None:
    columns = match_columns(["Branch", "State", "Name", "Mobile"])

    assert columns.fields["state"] == 1
    assert columns.extra == {0: "Branch"}
    assert columns.doubled == (("state", 1, 0),)


def test_columns_of_one_name_are_told_apart_by_their_letters() -> None:
    headers = ("Name", "Mobile", "Name", "")

    called = [told_apart(headers, place) for place in range(4)]

    assert called == ["Name (A)", "Mobile", "Name (C)", "column D"]


@pytest.mark.django_db
def test_the_notice_says_which_of_two_columns_of_one_name_was_taken() -> None:
    upload = load("Name,Mobile,Name\nAsha,9876543210,Kadam\n")

    assert upload.notices[0].startswith(
        "Both “Name (A)” and “Name (C)” may be the name"
    )


def test_a_second_national_id_is_a_secret() -> None:
    columns = match_columns(["Name", "Mobile", "PAN", "Aadhaar"])

    assert columns.fields["national_id"] == 3
    assert columns.secret == {2}


@pytest.mark.parametrize(
    ("header", "speaks"),
    [
        ("Guarantor Aadhaar No", True),
        ("GuarantorPAN", True),
        ("co_applicant_uid", True),
        ("PAN of Nominee", True),
        ("गारंटर आधार", True),
        ("Aadhaar Verified?", True),
        ("Company", False),
        ("Panel", False),
        ("Fluid", False),
        ("Remarks", False),
    ],
)
def test_a_header_may_speak_of_ids_and_of_more(header: str, speaks: bool) -> None:
    columns = match_columns(["Name", "Mobile", header])

    assert columns.about_ids == ({2} if speaks else set())
    assert columns.extra == {2: header}


@pytest.mark.django_db
def test_somebody_elses_id_is_kept_masked_and_what_is_none_as_it_is() -> None:
    load(
        "Name,Mobile,Guarantor Aadhaar,PAN of Nominee,Aadhaar Seen On\n"
        "Asha,9876543210,2341 2341 2347,abcpk1234f,15/11/2024\n"
        "Vikram,9876543211,asked for,K-100,9876500000\n"
    )

    asha, vikram = Customer.objects.order_by("row_number")
    assert asha.extra == {
        "Guarantor Aadhaar": "XXXXXXXX2347",
        "PAN of Nominee": "XXXXXX234f",
        "Aadhaar Seen On": "15/11/2024",
    }
    assert set(vikram.extra.values()) == {"asked for", "K-100", "9876500000"}


@pytest.mark.django_db
def test_somebody_elses_id_is_masked_in_the_file_of_refused_rows() -> None:
    upload = load("Name,Mobile,Guarantor Aadhaar\nAsha,12,2341 2341 2347\n")

    assert "XXXXXXXX2347" in written(upload)
    assert "2341" not in written(upload)


def test_the_helpers_of_a_rejected_rows_file_are_passed_over() -> None:
    columns = match_columns(["Name", "Mobile", "_line", "_error"])

    assert columns.helpers == {2, 3}
    assert not columns.extra


def test_a_missing_required_column_is_told_with_its_nearest_header() -> None:
    headers = ["Custmer Nme", "Mobile", "EMI"]

    assert match_columns(headers).missing == ("full_name",)
    assert nearest_header("full_name", headers) == "Custmer Nme"
    assert nearest_header("full_name", ["EMI", "zzz"]) is None


def test_a_near_match_is_a_guess_and_not_acted_on() -> None:
    columns = match_columns(["Name", "Mobile", "Outstandng Amount"])

    assert columns.guesses == (("Outstandng Amount", "outstanding_amount"),)
    assert "outstanding_amount" not in columns.fields


@pytest.mark.parametrize(
    ("place", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ")]
)
def test_a_column_has_the_letter_a_spreadsheet_gives_it(place: int, name: str) -> None:
    assert letter(place) == name
