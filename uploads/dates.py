"""Dates as lenders write them, read in the order their whole column shows. Pure."""

import enum
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

from uploads.refusals import Refused


class DateOrder(enum.StrEnum):
    """What stands first in the dates of a column."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"
    BOTH = "both"  # some dates can only be read one way, some only the other

    @property
    def example(self) -> str:
        return "03/04 is 4 March" if self is self.MONTH_FIRST else "03/04 is 3 April"


_TIME = re.compile(
    r"(?:T|(?<!\s)\s)\s*+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]++)?)?"
    r"\s*+(?:[ap]\.?m\.?)?\s*+(?:Z|UTC|IST|[+-][0-9]{2}:?[0-9]{2})?",
    re.IGNORECASE,
)
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
_WORDS = re.compile(r"[\s/.,-]+")
_ORDINAL = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?")
_YEAR = re.compile(r"[0-9]{4}|[0-9]{2}")
_SERIAL = re.compile(r"([0-9]{5})(?:\.[0-9]+)?")

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january", "feb february", "mar march", "apr april", "may", "jun june",
            "jul july", "aug august", "sep sept september", "oct october",
            "nov november", "dec december",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip

_EXCEL_DAY_ZERO = date(1899, 12, 30)
_YEARS = range(1900, 2101)
_REMEMBERED = 50_000
_LONGEST_REMEMBERED = 50
# A column may hold a typing error against its own order; more than that is no order.
_SLIPS = 20

_UNKNOWN = Refused("date_unknown", "This is not a date, such as 31/12/2024.")


# In which ways a cell can be read. Texts, because enums are slow to count.
_DAY_FIRST, _MONTH_FIRST, _EITHER, _NEITHER = "day", "month", "either", ""


class _Readings(dict[str, str]):
    """The readings of cells; a few days stand in very many of them."""

    def __missing__(self, cell: str) -> str:
        reading = _reading(cell)
        if len(self) < _REMEMBERED and len(cell) < _LONGEST_REMEMBERED:
            self[cell] = reading
        return reading


def _reading(cell: str) -> str:
    found = _YEAR_LAST.match(cell.strip())
    if found is None:
        return _NEITHER
    first, second = int(found[1]), int(found[3])
    if first <= 12 and second <= 12:
        return _NEITHER if first == second else _EITHER
    if first <= 31 and second <= 12:
        return _DAY_FIRST
    if first <= 12 and second <= 31:
        return _MONTH_FIRST
    return _NEITHER


class DateEvidence:
    """Counts the cells of a column that can be read one way only."""

    def __init__(self) -> None:
        self.day_first = 0
        self.month_first = 0
        self.either = 0
        self._readings = _Readings()

    def look_at(self, cells: Iterable[str]) -> None:
        counts = Counter(map(self._readings.__getitem__, cells))
        self.day_first += counts[_DAY_FIRST]
        self.month_first += counts[_MONTH_FIRST]
        self.either += counts[_EITHER]

    @property
    def open_question(self) -> bool:
        """Nothing but the custom of the country says how the dates are read."""
        return bool(self.either and not self.day_first and not self.month_first)

    def settle(self, otherwise: DateOrder = DateOrder.DAY_FIRST) -> DateOrder:
        """Decide how the whole column is read; `otherwise` where nothing says it."""
        if self.open_question:
            return otherwise
        if self.month_first > self.day_first * _SLIPS:
            return DateOrder.MONTH_FIRST
        if self.day_first >= self.month_first * _SLIPS:
            return DateOrder.DAY_FIRST
        return DateOrder.BOTH


def read_date(text: str, order: DateOrder) -> str | Refused:
    """Return one date as ISO text."""
    plain = _plain(text)
    if found := _YEAR_FIRST.fullmatch(plain):
        return _date(found[1], int(found[3]), int(found[4]))
    if found := _YEAR_LAST.fullmatch(plain):
        first, second = int(found[1]), int(found[3])
        if order is DateOrder.BOTH and first <= 12 and second <= 12 and first != second:
            return Refused(
                "date_order_unclear",
                "Other dates of this column are written both day first and month "
                "first, and this one can be read both ways: write it as 2024-12-31.",
            )
        month_first = order is DateOrder.MONTH_FIRST or (
            order is DateOrder.BOTH and second > 12
        )
        day, month = (second, first) if month_first else (first, second)
        return _date(found[4], month, day)
    if found := _SERIAL.fullmatch(plain):
        day_of_excel = _EXCEL_DAY_ZERO + timedelta(days=int(found[1]))
        return _date(str(day_of_excel.year), day_of_excel.month, day_of_excel.day)
    return _read_words(plain)


def _read_words(plain: str) -> str | Refused:
    """Read 15-Nov-24, 15 November 2024 and Nov 15, 2024."""
    words = _WORDS.split(plain.lower())
    if len(words) != 3:
        return _UNKNOWN
    if words[0] in _MONTHS:
        words[0], words[1] = words[1], words[0]
    day, month = _ORDINAL.fullmatch(words[0]), _MONTHS.get(words[1])
    if day is None or month is None or not _YEAR.fullmatch(words[2]):
        return _UNKNOWN
    return _date(words[2], month, int(day[1]))


def _plain(text: str) -> str:
    plain = text.strip()
    if not plain.isascii():
        plain = "".join(
            str(unicodedata.decimal(mark)) if mark.isdecimal() else mark
            for mark in plain
        )
    plain = plain.removeprefix("'")
    if plain.startswith('="') and plain.endswith('"'):
        plain = plain[2:-1]
    if (time := _TIME.search(plain)) and time.end() == len(plain):
        plain = plain[: time.start()]
    return plain.strip()


def _date(year: str, month: int, day: int) -> str | Refused:
    # Loans fall due and are paid in this century: a two-digit year is 20xx.
    full_year = int(year) if len(year) == 4 else 2000 + int(year)
    try:
        found = date(full_year, month, day)
    except ValueError:
        return Refused("date_impossible", "There is no such day in the calendar.")
    if full_year not in _YEARS:
        return Refused("date_year", "The year of this date cannot be right.")
    return found.isoformat()
