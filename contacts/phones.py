"""Phone numbers as WhatsApp writes them and as people type them. Pure.

WhatsApp's own spelling (`wa_id`: digits, no plus) is compared through `canonical`;
what a clerk typed into a file becomes E.164 through `parse_phone`, or is refused.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneMetadata,
    PhoneNumberType,
    ValidationResult,
)

from contacts.area_codes import area_code_apart

# Brazil's fixed lines start with 2 to 5 after the area code. Mobiles of before 2012
# are known to WhatsApp with and without the ninth digit; younger ones (9 2… to 9 5…)
# only ever had it, and without it they would be somebody's fixed line.
_BRAZIL_OLD_MOBILE = re.compile(r"(55[1-9]\d)([016-9]\d{7})")
_BRAZIL_NINE_DIGITS = re.compile(r"(55[1-9]\d)9([016-9]\d{7})")
_MEXICO = re.compile(r"521?(\d{10})")
_ARGENTINA = re.compile(r"549?(\d{10})")

_CODES_WITH_TWO_SPELLINGS = ("52", "54", "55")
# Where a number may have several spellings, as a regular expression of PostgreSQL too:
# whoever looks at a million of them folds the rest without `canonical`.
SPELLED_IN_TWO_WAYS = r"^\+?5[245]"

_MAX_DIGITS = 15  # E.164
# Nobody writes a number in so many characters; more are not looked at.
LONGEST_TYPED = 1_000
_MOBILE_TYPES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_NOT_MOBILE = (
    "phone_not_mobile",
    "Not a mobile number (a fixed line or a service): enter a mobile.",
)

_MARKS: dict[int, str | None] = {
    **{ord(mark): "-" for mark in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d"},
    0xFF08: "(",
    0xFF09: ")",
    0xFF0B: "+",
    0xFF0E: ".",
}
# Zero-width characters and direction marks come along when a number is copied out of
# an address book; they are invisible and mean nothing.
_MARKS |= dict.fromkeys([0xAD, 0x61C, 0x180E, 0xFEFF])
_MARKS |= dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F)])
_MARKS |= dict.fromkeys(range(0x2060, 0x206A))
_TYPED_SEPARATORS = str.maketrans("", "", " -()")
_FIRST_TYPED = "+(06789"
_EXCEL_TEXT = re.compile(r'="(.*)"')
# What stands for a whole text begins with \A, and what its next part cannot begin with
# is possessive: the time of a match grows with the text, and no faster.
_EXPONENT = re.compile(r"\A[+-]?\d++(?:[.,]\d++)?\s*+[eE]\s*+[+-]?\d++")
_DECIMAL = re.compile(r"\A(\+?\d++)\.(\d++)")
_SHAPE = re.compile(r"\A[(\s]*+(?:\+[(\s]*+)?\d(?:[\d\s().-]*[\d)])?", re.ASCII)
_BETWEEN_NUMBERS = re.compile(r"[^\d\s().-]+")


# libphonenumber's own pattern for Indian mobiles, with the usual prefixes. Without it
# nothing is fast, and all is looked up.
_INDIA = PhoneMetadata.metadata_for_region("IN")
_MOBILES = _INDIA.mobile if _INDIA else None
_PATTERN = (_MOBILES and _MOBILES.national_number_pattern) or "(?!)"
# ASCII: digits of other scripts are turned into these first, or would come out as is.
_MOBILE = re.compile(_PATTERN, re.ASCII)
_TYPED = re.compile(rf"(?:(?:\+|00|0)?91|0)?({_PATTERN})", re.ASCII)
_CLEAN = re.compile(rf"'?{_TYPED.pattern}(?:\.0)?", re.ASCII)
# What stands before the ten digits, with the apostrophe that Excel takes for "text".
_BEFORE_MOBILE = frozenset(
    f"{quote}{code}"
    for quote in ("", "'")
    for code in ("", "0", "91", "091", "0091", "+91")
)


class PhoneRefused(Exception):
    """The text is no mobile number; `message` tells a clerk what to do about it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def canonical(wa_id: str) -> str:
    """Return the one spelling under which all of a number's `wa_id`s are compared.

    Cloud API writes one person as 55 11 8… or 55 11 98…, 52… or 521…, 54… or 549….
    It is a key, not a number to write to. Text that is not digits comes back as it is.
    """
    digits = wa_id.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return wa_id
    if digits[:2] not in _CODES_WITH_TWO_SPELLINGS:
        return digits  # a message asks for its numbers several times
    if brazil := _BRAZIL_OLD_MOBILE.fullmatch(digits):
        return f"{brazil[1]}9{brazil[2]}"
    if mexico := _MEXICO.fullmatch(digits):
        return f"52{mexico[1]}"
    if argentina := _ARGENTINA.fullmatch(digits):
        return f"54{argentina[1]}"
    return digits


def variants(wa_id: str) -> tuple[str, ...]:
    """Return every spelling WhatsApp may use for a number, the canonical one first."""
    number = canonical(wa_id)
    if brazil := _BRAZIL_NINE_DIGITS.fullmatch(number):
        return number, f"{brazil[1]}{brazil[2]}"
    if mexico := _MEXICO.fullmatch(number):
        return number, f"521{mexico[1]}"
    if argentina := _ARGENTINA.fullmatch(number):
        return number, f"549{argentina[1]}"
    return (number,)


def mask(phone: str) -> str:
    """Return the number with only its last four digits to be read, for logs."""
    if len(phone) <= 4:
        return "*" * len(phone)
    return "*" * (len(phone) - 4) + phone[-4:]


def parse_phone(text: str, *, region: str) -> str:
    """Return the E.164 form, with plus, of one mobile number as people write it.

    A number without country code is read as one of `region` (ISO 3166, two letters).
    Raises `PhoneRefused` rather than guess: a wrong number is another person's.
    """
    if region == "IN":
        # The way of 9 numbers in 10, an order faster than the library, same result.
        if clean := _CLEAN.fullmatch(text):
            return f"+91{clean[1]}"
        if len(text) <= LONGEST_TYPED and text and (number := _spaced_mobile(text)):
            return number
    if len(text) > LONGEST_TYPED:
        raise PhoneRefused(
            "phone_too_long",
            "This is far too long for a phone number: keep only the number here.",
        )
    read = _read(text, region)
    if isinstance(read, str):
        return read
    raise PhoneRefused(*read)


def usual_indian_mobiles(texts: Iterable[str]) -> list[str]:
    """Return the E.164 form of each mobile that is written as nearly all are, else "".

    "" says nothing but that the text takes more care: `parse_phone` gives the same for
    the others. For whoever reads a million of them: they are bared all at once.
    """
    typed = [text if text.isascii() else "" for text in texts]
    joined = "\x00".join([*typed, ""])
    bare = joined.replace(".0\x00", "\x00").translate(_TYPED_SEPARATORS)
    begins = _mobile_beginnings()
    return [
        f"+91{ten}"
        if len(number) > 9
        and number[:-10] in _BEFORE_MOBILE
        and (ten := number[-10:]).isdigit()
        and begins[int(ten[:5])]
        and (
            len(text) == len(number)
            or (
                text[0] in _FIRST_TYPED
                and text[-1].isdigit()
                and "." not in text
                and len(text) <= LONGEST_TYPED
                and (ten[0] == "9" or area_code_apart(text) is None)
            )
            or (text.endswith(".0") and len(text) == len(number) + 2)
        )
        else ""
        for text, number in zip(typed, bare.split("\x00")[:-1], strict=True)
    ]


@cache
def _mobile_beginnings() -> bytes:
    """Return whether a mobile of India may begin with a number of five digits.

    The other five are free.
    """
    return bytes(bool(_MOBILE.fullmatch(f"{five:05}00000")) for five in range(100_000))


def _spaced_mobile(text: str) -> str | None:
    """Return the E.164 form of an Indian mobile written with spaces, dashes, brackets.

    The text is not blank. None says nothing but that it takes more care.
    """
    if text[0] not in _FIRST_TYPED or not text[-1].isdigit():
        return None
    found = _TYPED.fullmatch(text.translate(_TYPED_SEPARATORS))
    if found is None or (found[1][0] != "9" and area_code_apart(text) is not None):
        return None
    return f"+91{found[1]}"


# One household's number, and one branch's "not available", stand in many rows.
@lru_cache(maxsize=8192)
def _read(text: str, region: str) -> str | tuple[str, str]:
    plain = _plain(text)
    if not any(character.isdigit() or character.isalpha() for character in plain):
        return "phone_missing", "There is no phone number here."
    compact = _compact(plain)
    if isinstance(compact, tuple):
        return compact
    if region == "IN":
        # A trunk zero before the country code is invalid to the library; here it is
        # a habit.
        compact = re.sub("^091(?=[0-9]{10}$)", "+91", compact)
    found = _look_up(compact, region)
    if isinstance(found, str) and found.startswith("+91"):
        is_apart = area_code_apart(plain)
        if is_apart or (is_apart is not None and _may_be_fixed_line(found)):
            return _NOT_MOBILE
    return found


def _may_be_fixed_line(number: str) -> bool:
    kind = phonenumbers.number_type(phonenumbers.parse(number))
    return kind == PhoneNumberType.FIXED_LINE_OR_MOBILE


def _plain(text: str) -> str:
    """Drop what only carries a number: invisible marks, scripts, wrappings."""
    # Not NFKC: it would read 987654321² as a number ending in 2.
    plain = " ".join(text.translate(_MARKS).split())
    if not plain.isascii():
        plain = "".join(
            str(unicodedata.decimal(mark)) if mark.isdecimal() else mark
            for mark in plain
        )
    if excel_text := _EXCEL_TEXT.fullmatch(plain):
        plain = excel_text[1]  # ="9876543210" keeps Excel from counting with it
    plain = plain.lstrip("'\u2018\u2019`").strip()
    if plain[:4].lower() == "tel:":
        plain = plain[4:].strip()
    return plain


def _compact(plain: str) -> str | tuple[str, str]:
    """Return the digits with at most a leading plus, or why there is no one number."""
    if _EXPONENT.fullmatch(plain):
        return (
            "phone_exponent",
            "Excel has destroyed digits: format the column as text, enter it again.",
        )
    if any(character.isalpha() for character in plain):
        return (
            "phone_letters",
            "There are letters in the phone number: keep only the number here.",
        )
    if decimal := _DECIMAL.fullmatch(plain):
        whole, fraction = decimal.groups()
        if not fraction.strip("0"):
            plain = whole  # a spreadsheet's float; its length is checked below
        elif len(fraction) < 4:
            return (
                "phone_decimal",
                "This is a number with decimals, not a phone number.",
            )
    parts = [part for part in _BETWEEN_NUMBERS.split(plain) if _digits(part)]
    digits = "".join(map(_digits, parts))
    if sum(len(_digits(part)) >= 7 for part in parts) > 1 or len(digits) >= 20:
        return (
            "phone_two_numbers",
            "More than one number: keep one here, the other as alternate phone.",
        )
    if not _SHAPE.fullmatch(plain):
        return (
            "phone_characters",
            "There are signs in the phone number that do not belong there.",
        )
    if plain.lstrip("(").startswith("+"):
        return f"+{digits}"
    if digits.startswith("00") and digits[2:3] not in ("", "0"):
        return f"+{digits[2:]}"
    return digits


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _look_up(compact: str, region: str) -> str | tuple[str, str]:
    """Ask libphonenumber about digits with an optional plus."""
    if len(compact.removeprefix("+")) > _MAX_DIGITS:
        return "phone_too_long", "The phone number has too many digits."
    try:
        number = phonenumbers.parse(compact, region)
    except NumberParseException as exc:
        if exc.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            return "phone_country", "No country has this calling code."
        return "phone_too_short", "The phone number has too few digits."
    # A number of no type is no valid one; `is_valid_number` would look all up again.
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:
        length = phonenumbers.is_possible_number_for_type_with_reason(
            number, PhoneNumberType.MOBILE
        )
        if length == ValidationResult.TOO_LONG:
            return "phone_too_long", "The phone number has too many digits."
        if length == ValidationResult.TOO_SHORT:
            return "phone_too_short", "The phone number has too few digits."
        return (
            "phone_invalid",
            "No such phone number has been given out: check the digits.",
        )
    if kind not in _MOBILE_TYPES:
        return _NOT_MOBILE
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
