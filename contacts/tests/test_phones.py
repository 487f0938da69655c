import random
import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts import phones
from contacts.phones import PhoneRefused, canonical, mask, parse_phone, variants


@pytest.mark.parametrize(
    "text",
    [
        "9876543210",
        "09876543210",
        "919876543210",
        "0919876543210",
        "+919876543210",
        "+91 98765-43210",
        "+ 91 98765 43210",
        "(+91)9876543210",
        "(+91) 98765 43210",
        "+91 (0) 98765 43210",
        "0091 98765 43210",
        "tel:+919876543210",
        "TEL: 98765 43210",
        "'9876543210",
        '="9876543210"',
        " 9876543210 ",
        "98765.43210",
        "987-654-3210",
        "९८७६५४३२१०",
        "+९१ ९८७६५ ४३२१०",
        "９８７６５４３２１０",
        "9८७६५४३२१०",
        "+91 9८765 ४३210",
        "＋９１９８７６５４３２１０",
        "+91\xa098765\u202f43210",
        "\u202a+919876543210\u202c",
        "\u200b98765\u200d43210\ufeff",
        "98765‑43210",
        "9876543210.0",
        "919876543210.00",
    ],
)
def test_an_indian_mobile_is_read_however_it_is_written(text: str) -> None:
    assert parse_phone(text, region="IN") == "+919876543210"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+14155552671", "+14155552671"),
        ("+1 415 555 0001", "+14155550001"),
        ("00971 50 123 4567", "+971501234567"),
        ("+44 7400 123456", "+447400123456"),
        ("+9779841234567", "+9779841234567"),
    ],
)
def test_a_foreign_mobile_needs_its_country_code(text: str, number: str) -> None:
    assert parse_phone(text, region="IN") == number


def test_a_number_without_country_code_is_read_in_the_tenants_country() -> None:
    assert parse_phone("050 123 4567", region="AE") == "+971501234567"
    assert parse_phone("+91 98765 43210", region="AE") == "+919876543210"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "phone_missing"),
        ("  - ", "phone_missing"),
        ("9.19876E+11", "phone_exponent"),
        ("9.876543210e9", "phone_exponent"),
        ("9876543210 (wife)", "phone_letters"),
        ("98765O3210", "phone_letters"),
        ("1800-FLOWERS", "phone_letters"),
        ("9876543210 ext 5", "phone_letters"),
        ("Not available", "phone_letters"),
        ("उपलब्ध नहीं", "phone_letters"),
        ("1234567890", "phone_not_mobile"),
        ("022 2888 1234", "phone_not_mobile"),
        ("1800123456", "phone_not_mobile"),
        ("+442079460958", "phone_not_mobile"),
        ("9876543210/9876543211", "phone_two_numbers"),
        ("9876543210, 022-28881234", "phone_two_numbers"),
        ("98765 43210 98765 43211", "phone_two_numbers"),
        ("9876543210 +919876543211", "phone_two_numbers"),
        ("12345", "phone_too_short"),
        ("987654321", "phone_too_short"),
        ("987654321.0", "phone_too_short"),
        ("98765432101", "phone_too_long"),
        ("971501234567", "phone_too_long"),
        ("9876543210123456", "phone_too_long"),
        ("98765432.10", "phone_decimal"),
        ("9876543210.5", "phone_decimal"),
        ("-9876543210", "phone_characters"),
        ("9,87,65,43,210", "phone_characters"),
        ("987654321²", "phone_characters"),
        ("++919876543210", "phone_characters"),
        ("4768967923", "phone_invalid"),
        ("0000000000", "phone_too_short"),
        ("+999123456789", "phone_country"),
    ],
)
def test_what_is_no_mobile_number_is_refused_with_its_reason(
    text: str, code: str
) -> None:
    with pytest.raises(PhoneRefused) as refused:
        parse_phone(text, region="IN")

    assert refused.value.code == code
    assert refused.value.message.endswith(".")
    assert not any(character.isdigit() for character in refused.value.message)


def _typed(number: str, rng: random.Random) -> str:
    prefix = rng.choice(
        ["", "", "0", "91", "+91", "+91 ", "(+91) ", "091", "0091 ", "+"]
    )
    cut = rng.randint(1, 9)
    separator = rng.choice(["", "", " ", "-", ".", "  ", ") ", "("])
    tail = rng.choice(["", "", "", " ", "-", ".0", "1", ")"])
    return f"{prefix}{number[:cut]}{separator}{number[cut:]}{tail}"


def _outcome(text: str) -> str:
    try:
        return parse_phone(text, region="IN")
    except PhoneRefused as refused:
        return refused.code


def test_the_fast_way_reads_what_libphonenumber_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = random.Random(20241115)
    texts = [
        _typed(f"{rng.randrange(10**9, 10**10)}", rng) if rng.random() < 0.4
        else _typed(f"{rng.randrange(6 * 10**9, 10**10)}", rng)
        for _ in range(20_000)
    ]  # fmt: skip
    fast = [_outcome(text) for text in texts]

    never = re.compile("(?!)")
    monkeypatch.setattr(phones, "_CLEAN", never)
    monkeypatch.setattr(phones, "_TYPED", never)
    slow = [_outcome(text) for text in texts]

    assert sum(outcome.startswith("+91") for outcome in fast) > 5_000
    cases = zip(texts, fast, slow, strict=True)
    assert [case for case in cases if case[1] != case[2]] == []


def test_a_million_numbers_are_read_as_each_of_them_is() -> None:
    rng = random.Random(20241116)
    texts = [_typed(f"{rng.randrange(6 * 10**9, 10**10)}", rng) for _ in range(30_000)]
    texts += ["", "98765", "9198765432", "९८७६५४३२१०", "98765४3210", "0", ".0", "+91"]

    usual = phones.usual_indian_mobiles(texts)

    cases = [case for case in zip(texts, usual, strict=True) if case[1]]
    assert [case for case in cases if case[1] != _outcome(case[0])] == []
    assert len(cases) > 5_000


def test_the_last_five_digits_of_an_indian_mobile_are_free() -> None:
    """Else their beginnings alone would not tell whether there are such numbers."""
    begins = phones._mobile_beginnings()
    for beginning in range(100_000):
        expected = bool(begins[beginning])
        for end in ("00001", "49999", "50000", "73915", "99999"):
            found = phones._MOBILE.fullmatch(f"{beginning:05}{end}")
            assert bool(found) is expected, f"{beginning:05}{end}"


@given(st.text(alphabet="0123456789+-() .eE'tel:/,x९१²", max_size=24))
def test_any_text_is_either_a_valid_mobile_or_refused(text: str) -> None:
    try:
        number = parse_phone(text, region="IN")
    except PhoneRefused:
        return

    assert number.isascii()
    parsed = phonenumbers.parse(number, None)
    assert phonenumbers.is_valid_number(parsed)
    assert phonenumbers.format_number(parsed, 0) == number


@pytest.mark.parametrize(
    ("wa_id", "key"),
    [
        pytest.param("919876543210", "919876543210", id="india"),
        pytest.param("+919876543210", "919876543210", id="with plus"),
        pytest.param("551187654321", "5511987654321", id="brazil, eight digits"),
        pytest.param("5511987654321", "5511987654321", id="brazil, nine digits"),
        pytest.param("551132654321", "551132654321", id="brazil, fixed line"),
        pytest.param("5511942345678", "5511942345678", id="brazil, young mobile"),
        pytest.param("5215512345678", "525512345678", id="mexico, 521"),
        pytest.param("525512345678", "525512345678", id="mexico, 52"),
        pytest.param("5491112345678", "541112345678", id="argentina, 549"),
        pytest.param("541112345678", "541112345678", id="argentina, 54"),
        pytest.param("IN.1234567890", "IN.1234567890", id="a user id is left alone"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_all_spellings_of_a_number_have_one_canonical_form(
    wa_id: str, key: str
) -> None:
    assert canonical(wa_id) == key


def test_a_brazilian_fixed_line_is_never_taken_for_a_mobile() -> None:
    fixed_line = "551132654321"
    mobile = "5511932654321"

    assert canonical(fixed_line) != canonical(mobile)
    assert variants(fixed_line) == (fixed_line,)
    assert variants(mobile) == (mobile,)


@pytest.mark.parametrize(
    "wa_id",
    [
        "919876543210",
        "551187654321",
        "5511987654321",
        "551132654321",
        "5215512345678",
        "541112345678",
    ],
)
def test_every_variant_of_a_number_is_the_same_number(wa_id: str) -> None:
    spellings = variants(wa_id)

    assert wa_id in spellings
    assert spellings[0] == canonical(wa_id)
    assert {canonical(spelling) for spelling in spellings} == {canonical(wa_id)}


@pytest.mark.parametrize(
    ("phone", "shown"),
    [("+919876543210", "*********3210"), ("1234", "****"), ("", "")],
)
def test_a_masked_number_shows_its_last_four_digits_only(
    phone: str, shown: str
) -> None:
    assert mask(phone) == shown
