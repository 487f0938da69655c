"""A country code in a column of its own belongs to the phone beside it."""

import pytest

from customers.models import Customer
from uploads.country_codes import code_places, read_country
from uploads.models import RowIssue
from uploads.tests.factories import load


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *[(text, "91") for text in ("91", "+91", "0091", "91.0", "IN", "in", "India")],
        *[(text, "91") for text in ("'+91", "(+91)", "India (+91)", "IN +91", " 91 ")],
        ("971", "971"),
        ("US", "1"),
    ],
)
def test_a_country_code_is_read_as_people_write_it(text: str, code: str) -> None:
    read = read_country(text)

    assert read
    assert read[0] == code


@pytest.mark.parametrize("text", ["999", "0", "Yes", "XX", "91 971", "0172", "91.5"])
def test_what_is_no_country_code_is_not_read(text: str) -> None:
    assert read_country(text) is None


@pytest.mark.parametrize(
    ("headers", "places"),
    [
        ("Name,Country Code,Phone,Alt", {"primary_phone": 1, "alternate_phone": 1}),
        ("Name,X,Phone,Alt,ISD Code", {"primary_phone": 4, "alternate_phone": 4}),
        ("ISD,X,Phone,Alt,Alt ISD", {"primary_phone": 0, "alternate_phone": 4}),
        ("X,Dial Code,Phone,Alt,STD Code", {"primary_phone": 1, "alternate_phone": 1}),
        ("X,Country,Phone,Alt", {}),
    ],
)
def test_a_code_is_found_by_its_header(headers: str, places: dict[str, int]) -> None:
    phones = {"primary_phone": 2, "alternate_phone": 3}

    assert code_places(headers.split(","), phones) == places


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "phone", "read"),
    [
        ("91", "9842026001", "+919842026001"),
        ("+91", "919842026001", "+919842026001"),
        ("", "9842026001", "+919842026001"),
        ("NULL", "9842026001", "+919842026001"),
        ("1", "7325550123", "+17325550123"),
        ("971", "501234567", "+971501234567"),
        ("971", "0501234567", "+971501234567"),
        ("971", "+971501234567", "+971501234567"),
        ("65.0", "91234567", "+6591234567"),
        ("AE", "501234567", "+971501234567"),
        ("Yes", "+919842026001", "+919842026001"),
        ("91", "+971501234567", "phone_country_code_differs"),
        ("971", "+919842026001", "phone_country_code_differs"),
        ("999", "9842026001", "phone_country_code_unknown"),
    ],
)
def test_a_phone_is_read_with_the_code_beside_it(
    code: str, phone: str, read: str
) -> None:
    load(f"Name,Country Code,Mobile\nZoya Rao,{code},{phone}\nRavi,91,9842026009\n")

    found = Customer.objects.filter(full_name="Zoya Rao").first()
    assert (found.primary_phone if found else RowIssue.objects.get().code) == read
