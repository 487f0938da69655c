from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploads import amounts
from uploads.amounts import (
    MoneyEvidence,
    MoneyStyle,
    read_amount,
    read_days,
    read_european_amount,
)
from uploads.refusals import Refused


@pytest.mark.parametrize(
    ("text", "rupees"),
    [
        ("1250", "1250"),
        ("1250.5", "1250.50"),
        ("0", "0"),
        ("1,25,000", "125000"),
        ("125,000", "125000"),
        ("1,25,000.00", "125000"),
        ("12,34,56,789.10", "123456789.10"),
        ("₹15,000.50", "15000.50"),
        ("₹ 1,500", "1500"),
        ("Rs. 500/-", "500"),
        ("Rs.1500/-", "1500"),
        ("rs. 99", "99"),
        ("INR 1250", "1250"),
        ("1250 INR", "1250"),
        ("1500/-", "1500"),
        ("(1,250)", "-1250"),
        ("1250-", "-1250"),
        ("-500", "-500"),
        ("₹-500", "-500"),
        ("-₹500", "-500"),
        ("₹ -500", "-500"),
        ("(₹1,250.00)", "-1250"),
        ("+500", "500"),
        ("₹+500", "500"),
        ("-0", "0"),
        ("00500", "500"),
        ("1.25 lakh", "125000"),
        ("1.5 Lakhs", "150000"),
        ("2 cr", "20000000"),
        ("0.5 Cr.", "5000000"),
        ("1250.000", "1250"),
        ("1,250.000", "1250"),
        ("0.500", "0.50"),
        ("15.0000", "15"),
        ("1.250 lakh", "125000"),
        ("999999999999.99", "999999999999.99"),
        ("234123412347", "234123412347"),
        ("2,34,12,34,12,346", "234123412346"),
        ("'15000", "15000"),
        ('="15000"', "15000"),
        ("₹१५,०००", "15000"),
    ],
)
def test_an_amount_is_read_as_lenders_write_it(text: str, rupees: str) -> None:
    amount = read_amount(text)

    assert isinstance(amount, str)
    assert Decimal(amount) == Decimal(rupees)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1,250,00", "amount_unknown"),
        ("1,25,0000", "amount_unknown"),
        ("1,2,3", "amount_unknown"),
        (",500", "amount_unknown"),
        ("0,500", "amount_unknown"),
        ("00,500", "amount_unknown"),
        ("+-500", "amount_unknown"),
        ("-+500", "amount_unknown"),
        ("--500", "amount_unknown"),
        ("(-500)", "amount_unknown"),
        ("1.25L", "amount_unknown"),
        ("1 250,00", "amount_unknown"),
        ("1'250", "amount_unknown"),
        ("Rs 1,25,000.00 Dr", "amount_unknown"),
        ("5.", "amount_unknown"),
        (".5", "amount_unknown"),
        ("12,34,567.891", "amount_decimals"),
        ("1.250,00", "amount_unknown"),
        ("NaN", "amount_unknown"),
        ("Infinity", "amount_unknown"),
        ("1e400", "amount_unknown"),
        ("1_000", "amount_unknown"),
        ("abc", "amount_unknown"),
        ("NA", "amount_unknown"),
        ("-", "amount_unknown"),
        ("500 600", "amount_unknown"),
        ("#REF!", "amount_unknown"),
        ("1250 Cr", "amount_cr_unclear"),
        ("12.345", "amount_thousands_unclear"),
        ("15.000", "amount_thousands_unclear"),
        ("2.500", "amount_thousands_unclear"),
        ("120.000", "amount_thousands_unclear"),
        ("-15.000", "amount_thousands_unclear"),
        ("(15.000)", "amount_thousands_unclear"),
        ("15.000-", "amount_thousands_unclear"),
        ("₹ 15.000/-", "amount_thousands_unclear"),
        ("15.000 INR", "amount_thousands_unclear"),
        ("१५.०००", "amount_thousands_unclear"),
        ('="15.000"', "amount_thousands_unclear"),
        ("1234.567", "amount_decimals"),
        ("0.00000001 lakh", "amount_decimals"),
        ("1000000000000", "amount_too_large"),
        ("234123412346", "amount_national_id"),
        ("₹ 234123412346.0", "amount_national_id"),
        ("'२३४१२३४१२३४६", "amount_national_id"),
        ("9" * 400, "amount_too_large"),
        ("100000 crore", "amount_too_large"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, code: str) -> None:
    refused = read_amount(text)

    assert isinstance(refused, Refused)
    assert refused.code == code


written = st.builds(
    lambda mark, whole, paise, tail: f"{mark}{whole}{paise}{tail}",
    st.sampled_from(["", "", "₹", "₹ ", "Rs. ", "Rs", "INR ", "-", "("]),
    st.one_of(
        st.integers(0, 10**13).map(str),
        st.integers(0, 10**13).map("{:,}".format),
        st.from_regex(r"[0-9]{1,3}(,[0-9]{2,3}){0,4}", fullmatch=True),
    ),
    st.sampled_from(["", ".5", ".50", ".500", ".505", "."]),
    st.sampled_from(["", "", "/-", "-", ")", " "]),
)


@settings(max_examples=500)
@given(written)
def test_the_fast_way_reads_what_the_careful_way_reads(text: str) -> None:
    fast = read_amount(text)
    careful = amounts._read(text, amounts._NUMBER, thousands=",", decimal=".")

    if isinstance(careful, Refused):
        assert fast == careful
    else:
        assert isinstance(fast, str)
        assert Decimal(fast) == Decimal(careful)


@given(st.text(max_size=30))
def test_any_text_is_an_amount_within_the_column_or_refused(text: str) -> None:
    amount = read_amount(text)

    if isinstance(amount, str):
        assert abs(Decimal(amount)) < 10**12
        assert Decimal(amount) == round(Decimal(amount), 2)


@pytest.mark.parametrize(
    ("cells", "style"),
    [
        (["1.250,00", "15.000,50", "900"], MoneyStyle.EUROPEAN),
        (["1250,5", "900"], MoneyStyle.EUROPEAN),
        (["1,250.00", "1.250,00"], MoneyStyle.INDIAN),
        (["1250.50", "1.250,00"], MoneyStyle.INDIAN),
        (["1250", "900"], MoneyStyle.INDIAN),
        (["1.250"], MoneyStyle.INDIAN),
    ],
)
def test_only_a_whole_column_makes_amounts_european(
    cells: list[str], style: MoneyStyle
) -> None:
    evidence = MoneyEvidence()

    evidence.look_at(cells)

    assert evidence.settle() is style


def test_a_european_column_is_read_the_european_way() -> None:
    assert read_european_amount("1.250,00") == "1250.00"
    assert read_european_amount("€") == read_amount("€")
    assert read_european_amount("15.000") == "15000.00"
    assert read_european_amount("1.355,9") == "1355.90"
    assert isinstance(read_european_amount("1,250.00"), Refused)


@pytest.mark.parametrize("text", ["15,000", "₹1,250", "-120,000"])
def test_three_digits_behind_a_comma_are_refused_in_a_european_column(
    text: str,
) -> None:
    refused = read_european_amount(text)

    assert isinstance(refused, Refused)
    assert refused.code == "amount_thousands_unclear"


@pytest.mark.parametrize(
    ("text", "days"), [("45", "45"), ("45.0", "45"), ("-3", "-3"), ("30 days", "30")]
)
def test_days_are_whole_numbers(text: str, days: str) -> None:
    assert read_days(text) == days


@pytest.mark.parametrize("text", ["31-60", "45.5", "0-30", "B1", "99999999999", "1e3"])
def test_a_range_is_no_number_of_days(text: str) -> None:
    assert isinstance(read_days(text), Refused)
