"""The cells of a customer file: what is taken, and what is refused. Pure.

A reader takes a cell's text, stripped and not blank, of LONGEST_CELL characters at
most, and returns what PostgreSQL is to read for it, or why not. Refuse, never guess: a
wrong digit is another person's money.
"""

import re

from contacts.phones import PhoneRefused, mask, parse_phone
from uploads.loan_numbers import passes_as_aadhaar
from uploads.national_ids import (
    is_aadhaar,
    mask_as_national_id,
    mask_national_ids,
)
from uploads.refusals import Refused
from uploads.workbooks.values import FORMULA_WITHOUT_VALUE

# Longer than any real one; below what a PostgreSQL index can hold.
LONGEST_INDEXED = 200
LONGEST_TEXT = 20_000
LONGEST_SHOWN = 100
LONGEST_EMAIL = 254  # RFC 5321, section 4.5.3.1.3: a path, less its brackets

# Indian scripts write vowels with signs that Unicode counts among no letters. Of two
# classes beside each other none holds what the other does, or a long text takes ages.
_LETTER = r"(?:[^\W\d_\u0900-\u0dff]|[\u0900-\u0dff])"
_ALNUM = r"(?:[^\W_\u0900-\u0dff]|[\u0900-\u0dff])"
_ATOM = r"[^\s@.,;:<>()\"\[\]\\]+"
_EMAIL = re.compile(
    rf"\A{_ATOM}+(?:\.{_ATOM}+)*+"
    rf"@(?:{_ALNUM}(?:[\w\u0900-\u0dff-]*{_ALNUM})?\.)+{_LETTER}{{2,}}"
)
# The way of nearly all. Who takes it sees to it that there is no Aadhaar number in it.
USUAL_EMAIL = re.compile(
    r"\A[A-Za-z0-9_+-]++(?:\.[A-Za-z0-9_+-]++)*+"
    r"@(?:[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+\.)++[A-Za-z]{2,}+"
)
# A number of somebody's own may be 12E5, but not 1E+15.
_EXPONENT = re.compile(r"\A-?[0-9]++(?:\.[0-9]++[eE]\+?|[eE]\+)[0-9]++")

# As Excel shows them, in a workbook and in the CSV files it saves. #N/A is none of
# them: it says that there is nothing (`null_values`).
_ERROR = Refused(
    "cell_error",
    "Excel shows an error in this cell: mend its formula, or clear the cell.",
)
CELL_ERRORS = {
    **dict.fromkeys(
        (
            "#REF!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#VALUE!",
            "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!",
            "#BUSY!", "#GETTING_DATA",
        ),
        _ERROR,
    ),
    FORMULA_WITHOUT_VALUE: Refused(
        "formula_without_value",
        "The result of this cell's formula was not saved: open the workbook in Excel, "
        "save it there, and upload it again.",
    ),
}  # fmt: skip

# As refused rows go out.
_MASKED_BY_US = re.compile(r"X{8}[0-9]{4}\?")
_LOAN_NUMBER_IS_AADHAAR = Refused(
    "loan_number_national_id",
    "By its check digit this is an Aadhaar number: enter the loan's number. If it is "
    "that, put letters before it, such as LN.",
)

_TOO_LONG = Refused("text_too_long", "This text is too long for its column.")


def read_phone(text: str, region: str) -> str | Refused:
    """Return a mobile number as E.164 with plus."""
    try:
        return parse_phone(text, region=region)
    except PhoneRefused as refused:
        return Refused(refused.code, refused.message)


def read_name(text: str) -> str | Refused:
    """Return a person's name, which has a letter in it, of whatever script.

    An Aadhaar number beside the name is masked.
    """
    name = " ".join(text.split())
    if name.replace(" ", "").isalpha():
        return name
    if not any(map(str.isalpha, name)):
        return Refused("name_without_letters", "A name has at least one letter.")
    return mask_national_ids(name)


def read_short_text(text: str) -> str | Refused:
    """Return the text of an indexed column, an Aadhaar number in it masked."""
    if len(text) > LONGEST_INDEXED:
        return _TOO_LONG
    return mask_national_ids(" ".join(text.split()))


def read_loan_number(text: str) -> str | Refused:
    """Return a loan's number as it is written.

    It is not searched for Aadhaar numbers: one in ten loan numbers of twelve digits
    passes the check by chance, and the loan would be lost.
    """
    if _MASKED_BY_US.fullmatch(text):
        return _LOAN_NUMBER_IS_AADHAAR
    if len(text) > LONGEST_INDEXED:
        return _TOO_LONG
    if text.isalnum():
        return text
    plain = " ".join(text.split()).removeprefix("'")
    if plain.startswith('="') and plain.endswith('"'):
        plain = plain[2:-1]
    if _EXPONENT.fullmatch(plain):
        return Refused(
            "loan_number_exponent",
            "Excel has destroyed digits: format the column as text, enter it again.",
        )
    return plain


def read_guarded_loan_number(text: str) -> str | Refused:
    """Return a loan's number in a column whose own are not of twelve digits."""
    number = read_loan_number(text)
    if isinstance(number, str) and passes_as_aadhaar(number):
        return _LOAN_NUMBER_IS_AADHAAR
    return number


def read_email(text: str) -> str | Refused:
    """Return one e-mail address."""
    address = text.removeprefix("'")
    if address[:7].lower() == "mailto:":
        address = address[7:].strip()
    if len(address) > LONGEST_EMAIL or not _EMAIL.fullmatch(address):
        return Refused("email_unknown", "This is not one e-mail address.")
    if mask_national_ids(address) != address:
        return Refused(
            "email_national_id", "There is an Aadhaar number in this e-mail address."
        )
    return address


def masked_value(field: str, text: str) -> str:
    """Return what a row's issue may show of the refused cell."""
    if field == "national_id":
        shown = mask_as_national_id(text)
    elif field in ("primary_phone", "alternate_phone"):
        shown = mask(text)
    elif field == "email" and "@" in text:
        name, _, domain = text.partition("@")
        shown = mask_national_ids(f"{name[:1]}***@{domain}")
    else:
        shown = mask_national_ids(text)
        if is_aadhaar("".join(filter(str.isdecimal, shown))):
            shown = mask_as_national_id(text)  # nobody needs more of a refused cell
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"
