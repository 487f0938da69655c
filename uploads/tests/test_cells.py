import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads import national_ids
from uploads.cells import (
    masked_value,
    read_email,
    read_loan_number,
    read_name,
    read_short_text,
)
from uploads.national_ids import (
    mask_national_ids,
    passes_verhoeff,
    read_national_id,
)
from uploads.refusals import Refused

GOOD_AADHAARS = ["234123412346", "345678129046", "581209473652", "672309184521"]


@pytest.mark.parametrize(
    ("text", "shown", "whole"),
    [
        ("345678129046", "XXXXXXXX9046", "345678129046"),
        ("3456 7812 9046", "XXXXXXXX9046", "345678129046"),
        ("3456-7812-9046", "XXXXXXXX9046", "345678129046"),
        ("345678129046.0", "XXXXXXXX9046", "345678129046"),
        ("३४५६ ७८१२ ९०४६", "XXXXXXXX9046", "345678129046"),
        ("ABCPK1234F", "XXXXXX234F", "ABCPK1234F"),
        ("abcpk1234f", "XXXXXX234F", "ABCPK1234F"),
        ("XXXX XXXX 2346", "XXXXXXXX2346", ""),
        ("xxxxxxxx2346", "XXXXXXXX2346", ""),
        ("********2346", "XXXXXXXX2346", ""),
        ("XXXXXX234F", "XXXXXX234F", ""),
        ("xxxx-xxxx-2346", "XXXXXXXX2346", ""),
        ("XXXX\u2013XXXX\u20132346", "XXXXXXXX2346", ""),
        ("●●●●●●●●2346", "XXXXXXXX2346", ""),
        ("XXXXX1234F", "XXXXXX234F", ""),
        ("*****1234f", "XXXXXX234F", ""),
        ("3456\u20137812\u20139046", "XXXXXXXX9046", "345678129046"),
        ("345678129046.00", "XXXXXXXX9046", "345678129046"),
        ("'345678129046", "XXXXXXXX9046", "345678129046"),
        ('="345678129046"', "XXXXXXXX9046", "345678129046"),
        ("ABCPK 1234 F", "XXXXXX234F", "ABCPK1234F"),
    ],
)
def test_a_national_id_leaves_its_last_four_and_a_digest(
    text: str, shown: str, whole: str
) -> None:
    assert read_national_id(text) == (shown, whole)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("234123412347", "national_id_check"),
        ("134123412346", "national_id_check"),
        ("034123412346", "national_id_check"),
        ("23412341234", "national_id_length"),
        ("2341234123461", "national_id_length"),
        ("1234", "national_id_length"),
        ("2.34123E+11", "national_id_exponent"),
        ("pending", "national_id_unknown"),
        ("ABCP1234F", "national_id_unknown"),
        ("234123412346, ABCPK1234F", "national_id_unknown"),
        ("234123412346/345678129046", "national_id_unknown"),
        ("2341 2341 2346 3456", "national_id_length"),
        ("234123412346.5", "national_id_unknown"),
        ("2341XXXX2346", "national_id_unknown"),
        ("ABC1234567", "national_id_unknown"),
        ("2346", "national_id_length"),
    ],
)
def test_what_is_no_national_id_is_refused(text: str, code: str) -> None:
    refused = read_national_id(text)

    assert isinstance(refused, Refused)
    assert refused.code == code


def _verhoeff_by_the_book(digits: str) -> bool:
    check = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        for _ in range(place % 8):
            digit = national_ids._PERMUTATION[digit]
        check = national_ids._D5[check][digit]
    return check == 0


@given(st.from_regex(r"[2-9][0-9]{11}", fullmatch=True))
def test_the_quick_check_digit_is_the_one_of_the_book(digits: str) -> None:
    assert passes_verhoeff(digits) is _verhoeff_by_the_book(digits)


@pytest.mark.parametrize("number", GOOD_AADHAARS)
@pytest.mark.parametrize(
    "written", ["{0}", "{1} {2} {3}", "{1}-{2}-{3}", "{1}.{2}.{3}", "{1}\xa0{2}\xa0{3}"]
)
def test_an_aadhaar_number_is_masked_wherever_it_stands(
    number: str, written: str
) -> None:
    text = written.format(number, number[:4], number[4:8], number[8:])

    masked = mask_national_ids(f"KYC:{text};ok")

    assert masked == f"KYC:XXXXXXXX{number[8:]};ok"


@pytest.mark.parametrize(
    "written",
    [
        "2341\u200b2341\u200b2346", "2341\u20112341\u20112346", "2341 - 2341 - 2346",
        "2341,2341,2346", "2341|2341|2346", "2341)(2341)(2346", "234123 412346",
        "2341; 2341; 2346",
        "234 123 412 346", "23-41-23-41-23-46", "2 3 4 1 2 3 4 1 2 3 4 6",
        "२३४१ २३४१ २३४६", "23412 341 2346", "2341-234-12346", "2 34123412346",
    ],
)  # fmt: skip
def test_no_way_of_grouping_its_digits_hides_an_aadhaar_number(written: str) -> None:
    assert mask_national_ids(f"KYC {written} seen") == "KYC XXXXXXXX2346 seen"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("15 Nov 2024 2341 2341 2346", "15 Nov 2024 XXXXXXXX2346"),
        ("1500 2341 2341 2346", "1500 XXXXXXXX2346"),
        ("15-11-2024 1500 2429 1185 1221", "15-11-XXXXXXXX1221"),  # 2024 1500 2429
        ("2341 2341 2346 5", "XXXXXXXX2346 5"),
        ("234123412346 345678129046", "XXXXXXXX2346 XXXXXXXX9046"),
        ("2.34123412346E+11", "XXXXXXXX2346E+11"),
    ],
)
def test_no_number_beside_it_hides_an_aadhaar_number(text: str, masked: str) -> None:
    assert mask_national_ids(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "234123412347",  # fails the check
        "23/41/2341 2346",  # a date, it may be, and an amount
        "25-11-2024 1007",
        "98765 43210 08",  # a mobile number, and a day
        "91 98765 43200",
        "23 412 34 123 46",
        "123412341234",
        "2341234123461",  # thirteen digits
        "+919876543210",
        "LN0000000002",
        "due 2024-11-15, paid 1250",
    ],
)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert mask_national_ids(text) == text


@pytest.mark.parametrize(
    "text",
    ["Asha", "आशा कदम", "李小龍", "محمد خان", "O'Brien, Kate", "K. R. Rao (Jr.)", "NA"],
)
def test_a_name_is_kept_as_it_is(text: str) -> None:
    assert read_name(text) == text


def test_spaces_and_line_ends_within_a_name_become_one_space() -> None:
    assert read_name("Asha \n  Kadam") == "Asha Kadam"


@pytest.mark.parametrize("text", ["12345", "\\.", "---", "१२३"])
def test_a_name_has_a_letter(text: str) -> None:
    assert isinstance(read_name(text), Refused)


def test_an_aadhaar_number_beside_a_name_is_masked() -> None:
    assert read_name("Asha 234123412346") == "Asha XXXXXXXX2346"


def test_what_no_index_can_hold_is_refused() -> None:
    assert isinstance(read_short_text("x" * 201), Refused)
    assert isinstance(read_loan_number("9" * 201), Refused)


def test_a_loan_number_is_kept_though_it_passes_for_an_aadhaar_number() -> None:
    assert read_loan_number("234123412346") == "234123412346"
    assert isinstance(read_loan_number("2.34123E+11"), Refused)


@pytest.mark.parametrize(
    "text",
    ["asha.k@example.com", "a+b@mail.example.co.in", "आशा@example.in", "a@उदाहरण.भारत"],
)
def test_an_email_address_is_kept(text: str) -> None:
    assert read_email(text) == text


@pytest.mark.parametrize(
    "text",
    ["asha", "a@b", "a b@example.com", "a@x.com, b@x.com", "@x.com", "a@.com",
     "a@example.com.", "a@example.com,", "<a@example.com>", "a@example.com;b@x.com",
     ".a@example.com", "a..b@example.com", "a.@example.com", "a@-example.com",
     "a@example.c1", "a@192.168.1.1", "234123412346@example.com",
     f"a@{'क' * 200}!", f"a@{'a' * 200}!"],
)  # fmt: skip
def test_what_is_not_one_email_address_is_refused(text: str) -> None:
    assert isinstance(read_email(text), Refused)


@pytest.mark.parametrize("text", ["mailto:a@x.com", "MAILTO: a@x.com", "'a@x.com"])
def test_an_email_address_is_taken_out_of_its_wrapping(text: str) -> None:
    assert read_email(text) == "a@x.com"


@pytest.mark.parametrize(
    ("field", "text", "shown"),
    [
        ("national_id", "234123412347", "XXXXXXXX2347"),
        ("national_id", "1234", "XXXX"),
        ("national_id", "********2346?", "XXXXXXXX2346"),
        ("primary_phone", "98765O3210", "******3210"),
        ("email", "asha@example", "a***@example"),
        ("loan_amount", "1,25,0000", "1,25,0000"),
        ("loan_amount", "2341 2341 2346", "XXXXXXXX2346"),
        ("days_past_due", "2,34,12,34,12,346", "XXXXXXXX2346"),
        ("state", "+234123412346", "XXXXXXXX2346"),
        ("full_name", "9" * 150, "9" * 100 + "…"),
    ],
)
def test_an_issue_shows_no_more_than_it_must(field: str, text: str, shown: str) -> None:
    assert masked_value(field, text) == shown
