"""Amounts of rupees as lenders write them, and whole numbers. Pure."""

import enum
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal

from uploads.national_ids import is_aadhaar
from uploads.refusals import Refused
from uploads.units import MoneyUnit


class MoneyStyle(enum.StrEnum):
    """How a column writes its thousands and decimals."""

    INDIAN = "indian"  # 1,25,000.50, and 125,000.50 too
    EUROPEAN = "european"  # 125.000,50


# 0,500 is half a rupee to some and five hundred to nobody; 0.500 likewise.
_GROUPS = r"[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]?(?:,[0-9]{2})*,[0-9]{3}"
# The way of nearly all: ₹1,25,000.50 or Rs. 500/- or 1250, below numeric(14,2)'s limit.
# Twelve digits in one piece may be an Aadhaar number, which takes more care.
USUAL_AMOUNT = re.compile(
    r"(?:(?:₹|[Rr][Ss]\.?|INR) ?)?"
    r"((?:[0-9]{1,11}|[1-9][0-9]{0,2}(?:,[0-9]{3}){1,3}"
    r"|[1-9][0-9]?(?:,[0-9]{2}){0,3},[0-9]{3})(?:\.[0-9]{1,2})?)(?:/-)?"
)
_NUMBER = re.compile(rf"(?:[0-9]+|{_GROUPS})(?:\.[0-9]+)?")
_EUROPEAN = re.compile(r"(?:[0-9]+|[1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,[0-9]+)?")
_ONLY_EUROPEAN = re.compile(
    r"\A(?:[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]{1,2}|[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}"
    r"|[0-9]+,[0-9]{1,2})"
)
_ONLY_INDIAN = re.compile(
    rf"\A(?:(?:{_GROUPS})(?:\.[0-9]{{1,2}})?|[0-9]+\.[0-9]{{1,2}})"
)
# 15.000 is fifteen to some and fifteen thousand to others; 15000.000 and 0.500 are not.
_DOTTED = re.compile(r"\A[1-9][0-9]{0,2}\.[0-9]{3}")
_COMMAED = re.compile(r"\A[1-9][0-9]{0,2},[0-9]{3}")
# In a column of anything these are amounts, and no addresses or lists.
_SURELY_EUROPEAN = re.compile(r"\A[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]{1,2}")
_DECIMAL_COMMA = re.compile(r"\A[0-9]+,[0-9]{1,2}")

_CURRENCY_BEFORE = re.compile(r"(?:₹|rs\.?|inr)\s*", re.IGNORECASE)
# Blanks are counted from the first of them only, not from each.
_CURRENCY_AFTER = re.compile(r"(?<!\s)\s*+(?:₹|rs\.?|inr)", re.IGNORECASE)
_UNIT = re.compile(r"(lakhs?|lacs?|crores?|cr)\.?\Z", re.IGNORECASE)
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_DAYS = re.compile(r"(-?[0-9]{1,9})(?:\.0+)?(?:\s*days?)?", re.IGNORECASE)

_TWELVE_DIGITS = re.compile(r"([0-9]{12})(?:\.0)?")
_LONGEST_LOOKED_AT = 60
_LIMIT = Decimal(10) ** 12  # numeric(14,2)
# Retail loans end far below; "1250 Cr" is more likely a credit balance.
_CRORES_BELIEVED = 1000
_IN_UNIT_BELIEVED = _CRORES_BELIEVED * MoneyUnit.CRORE.factor

_NO_AMOUNT = Refused("amount_unknown", "This is not an amount in rupees.")
_AADHAAR = Refused(
    "amount_national_id", "This is an Aadhaar number, not an amount in rupees."
)
_UNCLEAR = Refused(
    "amount_thousands_unclear",
    "Three digits behind the mark may be thousands or decimals: write 15.000 as 15000 "
    "or as 15.00, whichever it is.",
)
_TOO_LARGE = Refused("amount_too_large", "An amount must be below 1,00,000 crore.")


def read_amount(text: str) -> str | Refused:
    """Return an amount of an ordinary column as a plain decimal number."""
    if usual := USUAL_AMOUNT.fullmatch(text):
        return usual[1].replace(",", "")
    return _read(text, _NUMBER, thousands=",", decimal=".")


def read_european_amount(text: str) -> str | Refused:
    """Return an amount of a column that writes all its amounts as 1.250,00."""
    return _read(text, _EUROPEAN, thousands=".", decimal=",")


def read_amount_in(
    text: str, unit: MoneyUnit, *, european: bool = False
) -> str | Refused:
    """Return in rupees an amount of a column that counts in another unit.

    A cell with a unit of its own, as 2 Cr, is in that. What is no whole number of paise
    is refused: nothing is rounded.
    """
    if european:
        return _read(text, _EUROPEAN, thousands=".", decimal=",", unit=unit)
    return _read(text, _NUMBER, thousands=",", decimal=".", unit=unit)


class MoneyEvidence:
    """Counts the cells of a column that can be read one way only."""

    def __init__(self) -> None:
        self.european = 0
        self.indian = 0
        self.dotted = 0  # as 15.000: two ways, and the column alone does not say which

    def look_at(self, cells: Iterable[str]) -> None:
        for cell in cells:
            number = _unsigned(cell)
            if _ONLY_INDIAN.fullmatch(number):
                self.indian += 1
            elif _ONLY_EUROPEAN.fullmatch(number):
                self.european += 1
            elif _DOTTED.fullmatch(number):
                self.dotted += 1

    def look_at_unknown(self, cells: Iterable[str], *, by_semicolons: bool) -> None:
        """Count the amounts of a column that may hold anything.

        A decimal comma says something where cells are parted `by_semicolons`.
        """
        for cell in cells:
            number = _unsigned(cell)
            if _SURELY_EUROPEAN.fullmatch(number) or (
                by_semicolons and _DECIMAL_COMMA.fullmatch(number)
            ):
                self.european += 1
            elif _ONLY_INDIAN.fullmatch(number):
                self.indian += 1

    @property
    def is_unclear(self) -> bool:
        """Whether a dot parts thousands or decimals is not said in this column."""
        return bool(self.dotted and not self.european and not self.indian)

    @property
    def settled(self) -> bool:
        """Nothing that follows can make the column European."""
        return self.indian > 0

    def settle(self) -> MoneyStyle:
        """Decide how the whole column is read."""
        if self.european and not self.indian:
            return MoneyStyle.EUROPEAN
        return MoneyStyle.INDIAN


def read_days(text: str) -> str | Refused:
    """Return a whole number of days; never the first number of a range."""
    if _WHOLE.fullmatch(text):
        return text
    days = _DAYS.fullmatch(_ascii(text).strip().removeprefix("'"))
    if days is None:
        return Refused("days_unknown", "This is not a whole number of days.")
    return days[1]


def _read(
    text: str,
    pattern: re.Pattern[str],
    *,
    thousands: str,
    decimal: str,
    unit: MoneyUnit = MoneyUnit.RUPEES,
) -> str | Refused:
    signed = _bare(text)
    number, negative = _sign(signed)
    is_signed = number != signed
    number = _without_currency(number)
    if not is_signed:  # ₹-500 and -₹500 are one
        number, negative = _sign(number)
    scale = unit.factor
    if own_unit := _UNIT.search(number):
        number = number[: own_unit.start()].rstrip()
        scale = Decimal(10**5 if own_unit[1][0] in "lL" else 10**7)
    if not pattern.fullmatch(number):
        return _NO_AMOUNT
    unclear = _DOTTED if decimal == "." else _COMMAED
    if scale == 1 and unclear.fullmatch(number):
        return _UNCLEAR
    if (bare := _TWELVE_DIGITS.fullmatch(number)) and is_aadhaar(bare[1]):
        return _AADHAAR
    # A cell of thousands of digits is not worth counting with.
    if len(number) > _LONGEST_LOOKED_AT:
        return _TOO_LARGE
    written = Decimal(number.replace(thousands, "").replace(decimal, "."))
    if own_unit and own_unit[1].lower() == "cr" and written >= _CRORES_BELIEVED:
        return Refused(
            "amount_cr_unclear",
            "Cr may mean crore or credit: write the amount out in rupees.",
        )
    amount = written * scale
    if amount >= _LIMIT:
        return _TOO_LARGE
    if unit is not MoneyUnit.RUPEES and amount >= _IN_UNIT_BELIEVED:
        return Refused(
            "amount_unit_unlikely",
            f"In {unit} this is a thousand crore rupees or more: is it in rupees?",
        )
    paise = amount.quantize(Decimal("0.01"))
    if paise != amount and unit is not MoneyUnit.RUPEES:
        return Refused(
            "amount_decimals",
            f"In {unit} this is no whole number of paise, and nothing is rounded.",
        )
    if paise != amount:
        return Refused(
            "amount_decimals", "An amount has at most two decimals: paise, no less."
        )
    return f"-{paise}" if negative and paise else str(paise)


def _unsigned(text: str) -> str:
    """Return an amount without sign and currency, as far as it has them."""
    plain = text.strip()
    if len(plain) > _LONGEST_LOOKED_AT:
        return plain
    number, _ = _sign(_bare(plain))
    number, _ = _sign(_without_currency(number))
    return number


def _bare(text: str) -> str:
    plain = _ascii(text).strip().removeprefix("'")
    if plain.startswith('="') and plain.endswith('"'):
        plain = plain[2:-1]
    return plain.strip().removesuffix("/-").strip()


def _sign(number: str) -> tuple[str, bool]:
    """Take off one of the signs accountants write: (1,250), 1250- or -1250."""
    if number.startswith("(") and number.endswith(")"):
        return number[1:-1].strip(), True
    if number.startswith("-"):
        return number[1:].strip(), True
    if number.endswith("-"):
        return number[:-1].strip(), True
    return number.removeprefix("+").strip(), False


def _without_currency(number: str) -> str:
    if before := _CURRENCY_BEFORE.match(number):
        return number[before.end() :]
    return _CURRENCY_AFTER.sub("", number) if number[-1:].isalpha() else number


def _ascii(text: str) -> str:
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(mark)) if mark.isdecimal() else mark for mark in text
    )
