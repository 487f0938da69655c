"""Dates as lenders write them, read in the order their whole column shows. Pure."""

import enum
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from uploads.date_cells import TWO_DATES, are_two_days, may_be_swapped
from uploads.refusals import Refused
from uploads.workbooks.notation import is_date_cell


class DateOrder(enum.StrEnum):
    """What stands first in the dates of a column."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"
    BOTH = "both"  # some dates can only be read one way, some only the other

    @property
    def told(self) -> str:
        return "day first, and month first" if self is self.BOTH else self.value

    @property
    def example(self) -> str:
        return "03/04 is 4 March" if self is self.MONTH_FIRST else "03/04 is 3 April"


_OFFSET = r"[+-][0-9]{1,2}(?::?[0-9]{2})?"
# As JavaScript, Java, Go, PostgreSQL and people write it: Z, +0530, UTC+05:30, +00,
# +05:30[Asia/Kolkata], +0000 UTC.
_TIME = re.compile(
    r"(?:T|(?<!\s)\s)\s*+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,][0-9]++)?)?"
    r"\s*+(?:(?P<half>[ap])\.?m\.?)?\s*+"
    rf"(?:(?P<zone>Z|IST|(?:UTC|GMT)(?:{_OFFSET})?|{_OFFSET}(?:\s[A-Z]{{3,4}})?)"
    r"(?:\[[A-Za-z0-9_/+-]{1,40}\])?)?",
    re.IGNORECASE,
)
_SIGNED = re.compile(r"([+-])([0-9]{1,2}?)(?::?([0-9]{2}))?(?![0-9])")
_INDIA = timezone(timedelta(hours=5, minutes=30))
_MOST_HOURS = 14  # Kiribati
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
_NO_YEAR = Refused("date_year", "The year of this date cannot be right.")


# In which ways a cell can be read. Texts, because enums are slow to count.
_DAY_FIRST, _MONTH_FIRST, _EITHER, _NEITHER = "day", "month", "either", ""
# Date cells of a workbook: another day when day and month are swapped, or none at all.
_SWAPPABLE, _SURE = "swappable", "sure"
_SAMPLES = 3


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
        if may_be_swapped(cell):
            return _SWAPPABLE
        return _SURE if is_date_cell(cell) and cell[8:10] > "12" else _NEITHER
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

    def __init__(self, *, is_sheet: bool = False) -> None:
        self.day_first = 0
        self.month_first = 0
        self.either = 0
        # Of a workbook; a CSV file has no date cells, whatever its texts look like.
        self.swappable_cells: list[str] = []
        self._has_sure_cells = False
        self._is_sheet = is_sheet
        self._readings = _Readings()

    def look_at(self, cells: Sequence[str]) -> None:
        counts = Counter(map(self._readings.__getitem__, cells))
        self.day_first += counts[_DAY_FIRST]
        self.month_first += counts[_MONTH_FIRST]
        self.either += counts[_EITHER]
        if self._is_sheet and not self._has_sure_cells:
            self._has_sure_cells = bool(counts[_SURE])
            if counts[_SWAPPABLE] and len(self.swappable_cells) < _SAMPLES:
                self._note_samples(cells)

    def _note_samples(self, cells: Sequence[str]) -> None:
        for cell in cells:
            if self._readings[cell] == _SWAPPABLE and cell not in self.swappable_cells:
                self.swappable_cells.append(cell)
                if len(self.swappable_cells) == _SAMPLES:
                    return

    @property
    def has_evidence(self) -> bool:
        """Whether any cell can be read in one order only."""
        return bool(self.day_first or self.month_first)

    @property
    def may_be_swapped(self) -> bool:
        """Whether Excel may have swapped day and month of the column's date cells."""
        return bool(
            self.swappable_cells
            and not self._has_sure_cells
            and (self.day_first or self.month_first)
        )

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


def read_date(text: str, order: DateOrder, zone: tzinfo) -> str | Refused:
    """Return one date as ISO text.

    Of a moment that names its own zone it is the date in `zone`: midnight in India is
    written as half past six in the evening before by whoever writes in UTC.
    """
    plain, moment = _parted(text)
    day = _read_day(plain, order)
    if moment is None or not moment["zone"] or isinstance(day, Refused):
        return day
    try:
        at = datetime.combine(date.fromisoformat(day), _time_of(moment))
    except ValueError:
        return Refused("date_time", "There is no such time of day, or no such zone.")
    there = at.astimezone(zone).date()
    return there.isoformat() if there.year in _YEARS else _NO_YEAR


def _time_of(moment: re.Match[str]) -> time:
    """Return the time of day with its zone; raise `ValueError` for none there is."""
    hour = int(moment["hour"])
    if moment["half"] and hour <= 12:  # 13:30 PM says it twice
        hour = hour % 12 + (12 if moment["half"] in "pP" else 0)
    named = moment["zone"].upper()
    offset = UTC
    if named == "IST":
        offset = _INDIA
    elif signed := _SIGNED.search(named):
        hours, minutes = int(signed[2]), int(signed[3] or 0)
        if hours > _MOST_HOURS or minutes > 59:
            raise ValueError
        east = timedelta(hours=hours, minutes=minutes)
        offset = timezone(east if signed[1] == "+" else -east)
    return time(hour, int(moment["minute"]), int(moment["second"] or 0), tzinfo=offset)


def _read_day(plain: str, order: DateOrder) -> str | Refused:
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
    if are_two_days(plain):
        return TWO_DATES
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


def _parted(text: str) -> tuple[str, re.Match[str] | None]:
    """Return the date that a text begins with, and its time of day, if any."""
    plain = text.strip().replace("\u2212", "-")
    if not plain.isascii():
        plain = "".join(
            str(unicodedata.decimal(mark)) if mark.isdecimal() else mark
            for mark in plain
        )
    plain = plain.removeprefix("'")
    if plain.startswith('="') and plain.endswith('"'):
        plain = plain[2:-1]
    moment = _TIME.search(plain)
    if moment is None or moment.end() < len(plain):
        return plain.strip(), None
    return plain[: moment.start()].rstrip(" ,").strip(), moment


def _date(year: str, month: int, day: int) -> str | Refused:
    # Loans fall due and are paid in this century: a two-digit year is 20xx.
    full_year = int(year) if len(year) == 4 else 2000 + int(year)
    try:
        found = date(full_year, month, day)
    except ValueError:
        return Refused("date_impossible", "There is no such day in the calendar.")
    if full_year not in _YEARS:
        return _NO_YEAR
    return found.isoformat()
