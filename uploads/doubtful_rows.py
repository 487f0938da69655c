"""Rows that are loaded as they are, and that somebody should look at first. Pure.

Counted over the whole file, in sets of distinct cells: a clean column costs little.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from typing import NamedTuple

from uploads.amounts import read_amount, read_days, read_european_amount
from uploads.dates import DateOrder, read_date
from uploads.refusals import LONGEST_CELL

_FIRST_YEAR = 1990
_MOST_YEARS_AHEAD = 30
# Lenders count the first day or not, as `customers.dues` has it.
_TOLERANCE = 1  # day
_REMEMBERED = 50_000
_LONGEST_REMEMBERED = 50

_EARLY = f"a due date before {_FIRST_YEAR}"
_LATE = f"a due date more than {_MOST_YEARS_AHEAD} years ahead"
_NEGATIVE = "an outstanding amount below zero"
_FUTURE = "an as-of date that is yet to come"
_CONTRADICTION = (
    "a due date that is not the as-of date less the days past due, by more than "
    f"{_TOLERANCE} day"
)
_MAY_BE_NEGATIVE = re.compile(r"\(|(?<!/)-")  # 500/- is not
# Parts the cells of a column that is looked at in one piece; no cell can hold it.
_NUL = "\x00"

_Dues = tuple[str, str, str]  # due date, days past due, as-of date


class _Found(NamedTuple):
    row_count: int
    line: int  # the first of them


class DoubtfulRows:
    """Counts the rows of a file whose figures can hardly be right."""

    def __init__(self, places: Mapping[str, int], *, now: datetime) -> None:
        """`now` is in the tenant's zone."""
        self._zone, today = now.tzinfo or UTC, now.date()
        self._due = places.get("due_date")
        self._outstanding = places.get("outstanding_amount")
        self._days, self._as_of = places.get("days_past_due"), places.get("as_of_date")
        # The 29th of February has no such day in other years.
        self._latest = date(
            today.year + _MOST_YEARS_AHEAD, today.month, min(today.day, 28)
        )
        self._found: dict[str, _Found] = {}
        self._usual: set[str] = set()
        self._unusual: dict[str, str] = {}
        self._dues: Counter[_Dues] = Counter()
        self._first_lines: dict[_Dues, int] = {}
        self._dues_uncounted = False
        self._today = today
        self._as_of_days: Counter[str] = Counter()
        self._as_of_lines: dict[str, int] = {}

    def look_at(self, rows: Sequence[tuple[int, list[str]]]) -> None:
        if self._due is not None:
            place = self._due
            due = [row[place] for _, row in rows]
            self._look_at_due_dates(due, rows)
            if self._days is not None and self._as_of is not None:
                days, as_of = self._days, self._as_of
                self._look_at_dues(
                    list(
                        zip(
                            due,
                            [row[days] for _, row in rows],
                            [row[as_of] for _, row in rows],
                            strict=True,
                        )
                    ),
                    rows,
                )
        if self._as_of is not None:
            self._look_at_as_of_dates(self._as_of, rows)
        if self._outstanding is not None:
            place = self._outstanding
            self._look_at_outstanding([row[place] for _, row in rows], rows)

    def sentences(self, date_orders: Mapping[str, DateOrder]) -> list[str]:
        """Say what was found, once it is known how the dates are read."""
        found = dict(self._found)
        if (dues := self._contradictions(date_orders)).row_count:
            found[_CONTRADICTION] = dues
        if (yet_to_come := self._yet_to_come(date_orders)).row_count:
            found[_FUTURE] = yet_to_come
        return [
            self._sentence(what, *found[what])
            for what in (_EARLY, _LATE, _NEGATIVE, _CONTRADICTION, _FUTURE)
            if what in found
        ]

    def _sentence(self, what: str, count: int, line: int) -> str:
        at_least = what == _CONTRADICTION and self._dues_uncounted
        rows = "1 row has" if count == 1 else f"{count} rows have"
        return f"{'At least ' if at_least else ''}{rows} {what}, e.g. line {line}."

    def _look_at_due_dates(
        self, cells: Sequence[str], rows: Sequence[tuple[int, list[str]]]
    ) -> None:
        unusual: dict[str, str] = {}
        for cell in set(cells) - self._usual:
            if what := self._unusual.get(cell) or self._judge(cell):
                unusual[cell] = what
        if not unusual:
            return
        for (line, _), cell in zip(rows, cells, strict=True):
            if odd := unusual.get(cell):
                self._note(odd, line)

    def _look_at_as_of_dates(
        self, place: int, rows: Sequence[tuple[int, list[str]]]
    ) -> None:
        counts = Counter(row[place] for _, row in rows)
        if new := counts.keys() - self._as_of_lines.keys():
            kept = {cell for cell in new if len(cell) <= _LONGEST_REMEMBERED}
            if len(self._as_of_lines) < _REMEMBERED:
                for line, row in rows:
                    if row[place] in kept:
                        self._as_of_lines.setdefault(row[place], line)
            for cell in new - self._as_of_lines.keys():
                del counts[cell]
        self._as_of_days.update(counts)

    def _yet_to_come(self, date_orders: Mapping[str, DateOrder]) -> _Found:
        order = date_orders.get("as_of_date", DateOrder.DAY_FIRST)
        today = self._today.toordinal()
        lines = {
            cell: line
            for cell, line in self._as_of_lines.items()
            if (_day(cell, order, self._zone) or 0) > today
        }
        return _Found(
            sum(self._as_of_days[cell] for cell in lines),
            min(lines.values(), default=0),
        )

    def _judge(self, cell: str) -> str:
        """Say what is odd about a due date; blank for nothing, or for no date."""
        what = ""
        if cell and len(cell) <= LONGEST_CELL:
            # The year is the same, whichever of day and month stands first.
            read = read_date(cell, DateOrder.DAY_FIRST, self._zone)
            if not isinstance(read, str):
                read = read_date(cell, DateOrder.MONTH_FIRST, self._zone)
            if isinstance(read, str):
                day = date.fromisoformat(read)
                if day.year < _FIRST_YEAR:
                    what = _EARLY
                elif day > self._latest:
                    what = _LATE
        if len(cell) <= _LONGEST_REMEMBERED:
            if what and len(self._unusual) < _REMEMBERED:
                self._unusual[cell] = what
            elif not what and len(self._usual) < _REMEMBERED:
                self._usual.add(cell)
        return what

    def _look_at_outstanding(
        self, cells: Sequence[str], rows: Sequence[tuple[int, list[str]]]
    ) -> None:
        joined = _NUL.join(cells)
        if "-" not in joined and "(" not in joined:
            return
        for (line, _), cell in zip(rows, cells, strict=True):
            if _MAY_BE_NEGATIVE.search(cell) and _is_negative(cell):
                self._note(_NEGATIVE, line)

    def _look_at_dues(
        self, dues: Sequence[_Dues], rows: Sequence[tuple[int, list[str]]]
    ) -> None:
        counts = Counter(dues)
        unknown = counts.keys() - self._dues.keys()
        if unknown and len(self._dues) < _REMEMBERED:
            unknown = {
                one for one in unknown if max(map(len, one)) > _LONGEST_REMEMBERED
            }
            for (line, _), one in zip(rows, dues, strict=True):
                if one not in unknown:
                    self._first_lines.setdefault(one, line)
        if unknown:
            self._dues_uncounted = True
            for one in unknown:
                del counts[one]
        self._dues.update(counts)

    def _contradictions(self, date_orders: Mapping[str, DateOrder]) -> _Found:
        orders = (
            date_orders.get("due_date", DateOrder.DAY_FIRST),
            date_orders.get("as_of_date", DateOrder.DAY_FIRST),
        )
        count, line = 0, 0
        read_due, read_as_of = (
            _Read(partial(_day, order=order, zone=self._zone)) for order in orders
        )
        read_days_of = _Read(_days)
        for dues, row_count in self._dues.items():
            due, days, as_of = dues
            if _contradict(read_due[due], read_days_of[days], read_as_of[as_of]):
                count += row_count
                first = self._first_lines[dues]
                line = min(line, first) if line else first
        return _Found(count, line)

    def _note(self, what: str, line: int) -> None:
        count, first = self._found.get(what, (0, line))
        self._found[what] = _Found(count + 1, first)


def _is_negative(cell: str) -> bool:
    text = cell.strip()
    if len(text) > LONGEST_CELL:
        return False
    readings = (read_amount(text), read_european_amount(text))
    return any(isinstance(one, str) and one.startswith("-") for one in readings)


class _Read(dict[str, int | None]):
    """The numbers that cells say; a few stand in very many rows."""

    def __init__(self, read: Callable[[str], int | None]) -> None:
        self._read = read

    def __missing__(self, cell: str) -> int | None:
        self[cell] = number = self._read(cell)
        return number


def _day(cell: str, order: DateOrder, zone: tzinfo) -> int | None:
    """Return a day as a number, None for none."""
    read = read_date(cell, order, zone)
    return date.fromisoformat(read).toordinal() if isinstance(read, str) else None


def _days(cell: str) -> int | None:
    read = read_days(cell.strip())
    return int(read) if isinstance(read, str) else None


def _contradict(due: int | None, days: int | None, as_of: int | None) -> bool:
    if due is None or days is None or as_of is None:
        return False
    late = as_of - due
    if days <= 0:  # the next due date may be named, however far it is
        return late > _TOLERANCE
    return abs(late - days) > _TOLERANCE
