"""Date cells of a workbook whose day and month Excel may have swapped. Pure.

A list written day first and opened in a month-first Excel: `09/03/2026` becomes a date
cell of 3 September, and `15/09/2026` stays a text. Such a column shows itself: its
texts settle the order, and no date cell in it has a day after the 12th.
"""

import enum
from datetime import date

from uploads.refusals import Refused
from uploads.workbooks.notation import is_date_cell


class DateCells(enum.StrEnum):
    """What is done with the date cells of such a column."""

    IN_DOUBT = "in doubt"  # they are refused
    AS_THEY_SAY = "as they say"
    SWAPPED_BACK = "swapped back"


IN_DOUBT = Refused(
    "date_swapped",
    "Excel may have swapped the day and the month of this date: other dates of the "
    "column stayed text, in an order that this Excel did not know, and no date cell "
    "has a day after the 12th. Look it up at its lender, and write it as 2026-12-31.",
)
TWO_DATES = Refused(
    "date_two", "There are two dates in this cell: leave the one that is right."
)
_OR = " or "


def may_be_swapped(cell: str) -> bool:
    """Tell whether a cell is a day that is another one with day and month swapped."""
    month, day = cell[5:7], cell[8:10]
    return month != day and max(month, day) <= "12" and is_date_cell(cell)


def swapped_back(cell: str) -> str:
    """Return such a day the other way round."""
    return f"{cell[:5]}{cell[8:10]}-{cell[5:7]}{cell[10:]}"


def both_days(cell: str) -> str:
    """Return both days as they go out with a refused row, of which one is to be left.

    One alone would be loaded as it stands, whoever sends the row back as it was.
    """
    return f"{cell[:10]}{_OR}{swapped_back(cell)[:10]}"


def are_two_days(text: str) -> bool:
    return text[10:14] == _OR and is_date_cell(text[:10]) and is_date_cell(text[14:])


def doubt_sentence(header: str, *, order: str) -> str:
    return (
        f"Excel may have swapped the day and the month of \u201c{header}\u201d: the "
        f"dates that stayed text are written {order}, and none of its date cells has a "
        "day after the 12th."
    )


def choice_notice(header: str, how: DateCells) -> str:
    """Say how the date cells of a column are read; blank while that is in doubt."""
    if how is DateCells.IN_DOUBT:
        return ""
    done = "swapped back" if how is DateCells.SWAPPED_BACK else "read as they say"
    return (
        f"Day and month of \u201c{header}\u201d, in its date cells: {done}, as chosen."
    )


def told_both_ways(cell: str) -> tuple[str, str]:
    """Return for people what a cell says, and what it is swapped back."""
    return _told(cell), _told(swapped_back(cell))


def _told(cell: str) -> str:
    day = date.fromisoformat(cell[:10])
    return f"{day.day} {day:%b %Y}"
