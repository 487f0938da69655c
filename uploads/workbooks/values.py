"""What stands in a workbook's cell, as the text that a CSV file would have. Pure."""

import enum
import math
import re
from datetime import date, datetime, timedelta
from decimal import Decimal

from uploads.workbooks.notation import (
    LONG,
    both_ways,
    told_from_date_cells,
    without_marks,
)
from uploads.workbooks.number_formats import NumberFormat

# In place of a formula's result that was never calculated.
FORMULA_WITHOUT_VALUE = "#FORMULA!"


class Meaning(enum.Enum):
    """What a number's format makes of it."""

    NUMBER = enum.auto()
    PERCENT = enum.auto()
    DATE = enum.auto()
    DURATION = enum.auto()


_NUMBER = re.compile(
    r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]{1,3})?"
)
_PLAIN = re.compile(r"(?!-0$)-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{0,4}[1-9])?")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_BREAKS = re.compile(r"[\t\n\r]+")
# Beyond what any column of ours holds: left as it is written, to be refused there.
_HUGE = 1e21
# As Excel shows; the digits after them are the noise of binary fractions.
_DIGITS = 15

_LONG_NUMBER = re.compile(r"-?[0-9]{16,}+")
_LAST_DAY = date(9999, 12, 31)


def number_text(written: str) -> str:
    """Return a number without exponent and without the noise of its binary fraction.

    919810000000.0 is 919810000000, and 15000.500000000002 is 15000.5.
    """
    if _PLAIN.fullmatch(written) and (len(written) <= _DIGITS or "." not in written):
        return written
    if not _NUMBER.fullmatch(written):
        return field_text(written)
    number = float(written)
    if abs(number) >= _HUGE:
        is_spelled = written.isdigit() or "+" in written or not math.isfinite(number)
        return written if is_spelled else f"{number:.{_DIGITS - 1}E}"
    text = f"{Decimal(f'{number:.{_DIGITS}g}'):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def number_cell(written: str, shown_as: NumberFormat | None = None) -> str:
    """Return a number cell: what is shown of it too, where that is something else.

    Of more than 15 digits the last ones are not those that somebody entered.
    """
    text = number_text(written)
    if len(text) > _DIGITS:
        if not (_LONG_NUMBER.fullmatch(text) and math.isfinite(float(text))):
            return text
        mantissa, _, exponent = f"{float(text):.{_DIGITS - 1}E}".partition("E")
        whole, _, rest = mantissa.partition(".")
        sure = f"{whole}.{rest.rstrip('0') or '0'}E{exponent}"
        return both_ways(sure, f"{LONG}{text}")
    if not shown_as:
        return text
    counted = f"{text} {shown_as.unit}" if shown_as.unit else text
    shown = _as_field(shown_as.show_number(text)) if text.isdigit() else ""
    if shown not in ("", counted) and '"' not in shown:
        return both_ways(shown, counted)
    return counted


def text_cell(text: str) -> str:
    """Return a text as the field of a line."""
    return told_from_date_cells(field_text(text))


def shown_text(field: str, shown_as: NumberFormat) -> str:
    """Return such a field with what its format shows of it, where that is more."""
    if '"' in field or not (shown := _as_field(shown_as.show_text(field))):
        return field
    is_more = shown != field.strip() and '"' not in shown
    return both_ways(shown, field) if is_more else field


def _as_field(shown: str) -> str:
    """Return what a format shows: it too may hold line ends, tabs and marks."""
    return without_marks(_BREAKS.sub(" ", shown))


def formatted_text(written: str, meaning: Meaning, *, from_1904: bool) -> str:
    """Return a number as its format means it: dates in ISO's way."""
    if meaning is Meaning.NUMBER or not _NUMBER.fullmatch(written):
        return number_text(written)
    if meaning is Meaning.PERCENT:
        return f"{number_text(repr(float(written) * 100))}%"
    if meaning is Meaning.DURATION:
        return _duration_text(float(written)) or number_text(written)
    return _date_text(float(written), from_1904) or number_text(written)


def _date_text(serial: float, from_1904: bool) -> str:
    """Return a day, with its time where it has one; blank for no day at all."""
    first = date(1904, 1, 1) if from_1904 else date(1899, 12, 30)
    # Excel counts a 29 February 1900, which never was, so days before it are one off.
    if not from_1904 and 1 <= serial < 60:
        first += timedelta(days=1)
    if not 0 <= serial <= (_LAST_DAY - first).days:
        return ""
    seconds = round(serial * 86400)
    if serial < 1:
        return _duration_text(serial)
    moment = datetime(first.year, first.month, first.day) + timedelta(seconds=seconds)  # noqa: DTZ001  a sheet knows no zone
    if seconds % 86400 == 0:
        return moment.date().isoformat()
    return moment.isoformat(" ")


def _duration_text(days: float) -> str:
    if not 0 <= days < 1e6:
        return ""
    minutes, seconds = divmod(round(days * 86400), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def field_text(text: str) -> str:
    """Return a text as one field of a tab-separated line that is one physical line.

    So a line's number is the row's number: line ends within a cell become spaces.
    """
    if "_x" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    if "\n" in text or "\t" in text or "\r" in text:
        text = _BREAKS.sub(" ", text)
    text = without_marks(text)
    if '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return text
