import random

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from contacts.area_codes import area_code_apart
from contacts.phones import PhoneRefused, parse_phone, usual_indian_mobiles

# Towns whose lines have the digits of a mobile, and codes with lines of eight digits.
CITIES = [
    "79", "80", "891", "771", "761", "731", "755", "712", "612", "651", "674", "821",
    "832", "866", "870", "884", "7152", "8562", "6112",
]  # fmt: skip


def written(code: str, subscriber: str) -> list[str]:
    return [
        f"0{code}-{subscriber}",
        f"0{code} {subscriber}",
        f"(0{code}) {subscriber}",
        f"(0{code}){subscriber}",
        f"0{code} {subscriber[:3]} {subscriber[3:]}",
        f"0{code}-{subscriber[:4]}-{subscriber[4:]}",
        f"0{code}.{subscriber}",
        f"'0{code}-{subscriber}",
        f"+91-0{code}-{subscriber}",
        f"+91 (0{code}) {subscriber}",
        f"0091 0{code} {subscriber}",
        f"tel:0{code}-{subscriber}",
    ]


@pytest.mark.parametrize("code", CITIES)
@pytest.mark.parametrize("first", "23456789")
def test_an_area_code_behind_its_zero_is_never_read_as_a_mobile(
    code: str, first: str
) -> None:
    subscriber = (first + "8765432")[: 10 - len(code)]

    for text in written(code, subscriber):
        with pytest.raises(PhoneRefused):
            parse_phone(text, region="IN")
        assert usual_indian_mobiles([text]) == [""], text


@pytest.mark.parametrize(
    "text",
    [
        "+91 761 2621234", "+91-761-2621234", "+91761-2621234", "91 761 2621234",
        "761-2621234", "(761) 2621234", "0 761 2621234", "+91 (0)761 2621234",
        "+91 80 98765432", "80-98765432", "79 91234567", "+91 891 2561234",
        "891 256 1234", "(891) 256-1234", "0771 2234567", "０７７１-２２３４５６７",
        "०७७१-२२३४५६७",
    ],
)  # fmt: skip
def test_an_area_code_apart_says_fixed_line_without_its_zero_too(text: str) -> None:
    with pytest.raises(PhoneRefused) as refused:
        parse_phone(text, region="IN")

    assert refused.value.code == "phone_not_mobile"


@pytest.mark.parametrize("text", ["+91 761 2621234", "+91 (0891) 256-1234"])
def test_so_it_does_to_a_tenant_of_another_country(text: str) -> None:
    with pytest.raises(PhoneRefused) as refused:
        parse_phone(text, region="AE")

    assert refused.value.code == "phone_not_mobile"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("89125 61234", "+918912561234"),
        ("8912561234", "+918912561234"),
        ("08912561234", "+918912561234"),
        ("+91 77122 34567", "+917712234567"),
        ("80987 65432", "+918098765432"),
        ("080987-65432", "+918098765432"),
        ("8098-765432", "+918098765432"),
        ("+91 809 876 5432", "+918098765432"),
        ("(821) 098-7654", "+918210987654"),  # as Excel shows a telephone number
        ("098765 43210", "+919876543210"),
        ("0987 654 3210", "+919876543210"),
        ("8912561234.0", "+918912561234"),
    ],
)
def test_a_mobile_in_groups_is_a_mobile(text: str, number: str) -> None:
    assert parse_phone(text, region="IN") == number
    assert usual_indian_mobiles([text])[0] in ("", number)


def test_mobiles_parted_in_the_middle_are_read_as_before() -> None:
    rng = random.Random(35)
    for _ in range(3_000):
        digits = f"{rng.randrange(6 * 10**9, 10**10)}"
        kind = phonenumbers.number_type(phonenumbers.parse(f"+91{digits}"))
        if kind not in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE):
            continue
        for text in (f"{digits[:5]} {digits[5:]}", f"+91 {digits[:5]}-{digits[5:]}"):
            assert parse_phone(text, region="IN") == f"+91{digits}"
            assert area_code_apart(text) is None


def test_codes_that_no_mobile_begins_with_are_left_to_the_digits() -> None:
    assert area_code_apart("022 23456789") is None
    assert area_code_apart("12345") is None
    assert area_code_apart("") is None
