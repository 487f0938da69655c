"""Tell a cell of several lines from a stray quotation mark that takes in rows. Pure.

Both are a record that csv reads without a complaint. Which of the two it is, its own
lines say, and nothing else: so it is the same wherever the file is cut.
"""

import csv
import re
from collections.abc import Sequence

from uploads.null_values import NULL_VALUES_AND_NIL

# A phone has as many digits, or more; so have most dates.
_LONG_NUMBER = 7
# Cells that a row may have too many, of an amount or two with commas.
_MOST_TOO_MANY = 3
_LINE_END = re.compile(r"\r\n|\r|\n")
# The PIN code of an address stands where it stands by chance.
_PIN_CODE = re.compile(r"[1-8][0-9]{2} ?[0-9]{3}")


def takes_in_rows(
    record: Sequence[str],
    lines: Sequence[str],
    *,
    delimiter: str,
    needed: int,
    width: int,
) -> bool:
    """Tell whether lines that csv made one record of are rows by themselves.

    `needed` to `width` cells make a row. A record of another width takes in rows when
    one of its further lines has enough cells. One of the right width does when, of the
    lines inside its quotes,

    - one has a long number where the record has its own, as phones and dates stand
      below each other; or further right, in a row of too many cells, or
    - the first and another are rows without the rest, and nothing in them says
      otherwise: names do not stand where the record has numbers.
    """
    if not _is_row(record, needed, width):
        return any(
            line.count(delimiter) + 1 >= needed
            and len(cells_of(line, delimiter)) >= needed
            for line in lines[1:]
        )
    for place in _several_lines(record):
        pieces = _LINE_END.split(record[place])
        # Most cells of several lines are addresses: without a look at their words.
        counts = [piece.count(delimiter) + 1 for piece in pieces]
        behind = len(record) - place - 1
        is_near = (
            max(counts[1:]) + 1 >= needed
            or counts[-1] > place
            or counts[-1] + behind + 1 >= needed
        )
        may_be_above = place + counts[0] + 1 >= needed and any(
            map(_is_long_number, record[place + 1 :])
        )
        if is_near or may_be_above:
            inside = _Inside(
                record, place, pieces, delimiter=delimiter, needed=needed, width=width
            )
            if inside.has_rows():
                return True
    return False


def heads_rows(record: Sequence[str], lines: Sequence[str], *, delimiter: str) -> bool:
    """Tell whether lines that csv made one header of have a row among them.

    No header has a long number ahead of a name of several lines; a row has its phone.
    """
    first = _several_lines(record)[0]
    return any(
        len(cells) > first and any(map(_is_long_number, cells[:first]))
        for cells in (cells_of(line, delimiter) for line in lines[1:])
    )


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line by itself; a quote that stays open parts nothing."""
    line = line.rstrip("\r\n") + "\n"
    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    if cells and cells[-1].endswith("\n"):  # a quoted cell that nothing closes
        cells[-1:] = cells[-1][:-1].split(delimiter)
    return cells


class _Inside:
    """The lines of one cell, as the beginning, the middle and the end of rows.

    Its first line follows what stands before the cell, its last one goes on with what
    stands behind it; those between stand alone. A quotation mark would end the cell,
    so that delimiters alone part what is in it.
    """

    def __init__(
        self,
        record: Sequence[str],
        place: int,
        pieces: Sequence[str],
        *,
        delimiter: str,
        needed: int,
        width: int,
    ) -> None:
        self.record = ["" if _has_line_end(cell) else cell for cell in record]
        self.place, self.needed, self.width = place, needed, width
        first, *between, last = pieces
        self.opening = [*record[:place], *first.split(delimiter)]
        self.between = [line.split(delimiter) for line in between]
        self.ending = last.split(delimiter)
        self.closing = [*self.ending, *record[place + 1 :]]

    def has_rows(self) -> bool:
        return (
            self._is_above(self.opening, start=self.place + 1)
            or any(self._is_above(row) or self._is_below(row) for row in self.between)
            or self._is_below(self.ending, length=len(self.closing))
            or self._has_alike()
            or self._has_rows_of_words()
        )

    def _is_above(self, row: Sequence[str], *, start: int = 0) -> bool:
        """Tell whether numbers stand in a line, from a place on, as behind the cell."""
        if len(row) + 1 < self.needed:
            return False
        behind = range(self.place + 1, len(self.record))
        differs = _differ(self.record[self.place + 1 :], row[self.place + 1 :])
        return any(
            self._meets(
                row, behind, shift, start=start, only_digits=differs or shift != 0
            )
            for shift in {*self._shifts(len(row)), *self._shifts_of_closing(len(row))}
        )

    def _is_below(self, row: Sequence[str], *, length: int = 0) -> bool:
        """Tell whether numbers stand in a line as they do before the cell."""
        length = length or len(row)
        if len(row) <= self.place and length < self.needed - 1:
            return False
        return any(
            self._meets(row, range(self.place), shift, only_digits=shift != 0)
            for shift in self._shifts(length)
        )

    def _shifts(self, length: int) -> list[int]:
        """Return by how many places the cells of a row of this length may be off."""
        if length == self.needed - 1:
            return [0, -1]
        return list(range(min(length - self.width, _MOST_TOO_MANY) + 1)) or [0]

    def _shifts_of_closing(self, length: int) -> list[int]:
        """Return by how many places what is behind the cell may be off."""
        if length < self.needed:
            return []
        return [-1, 1, len(self.ending) - 1 - self.place]

    def _meets(
        self,
        row: Sequence[str],
        places: range,
        shift: int,
        *,
        only_digits: bool,
        start: int = 0,
    ) -> bool:
        """Tell whether both have a long number at one of these places."""
        return any(
            _is_long_number(kept := self.record[place])
            and _is_long_number(cell := row[place + shift])
            and _may_be_alike(kept, cell, only_digits=only_digits)
            for place in places
            if start <= place + shift < len(row)
        )

    def _has_alike(self) -> bool:
        """Tell whether two lines before the last are rows, with numbers alike."""
        seen: set[int] = set()
        for row in [self.opening, *self.between]:
            if _is_row(row, self.needed, self.width):
                places = {
                    place
                    for place, cell in enumerate(row)
                    if _is_long_number(cell) and _kind(cell) == "number"
                }
                if places & seen:
                    return True
                seen |= places
        return False

    def _has_rows_of_words(self) -> bool:
        """Tell whether the first line and another are rows, for all that they say."""
        before = self.record[: self.place]
        behind = self.place + 1
        if not _is_row(self.opening, self.needed, self.width) or _differ(
            self.record[behind:], self.opening[behind:]
        ):
            return False
        further = [*self.between, self.closing]
        if len(self.ending) < behind:
            further.pop()
        return any(
            _is_row(row, self.needed, self.width)
            and not _differ(before, row)
            and (not before or any(map(str.strip, row[: self.place])))
            for row in further
        )


def _is_row(cells: Sequence[str], needed: int, width: int) -> bool:
    return needed <= len(cells) and not any(map(str.strip, cells[width:]))


def _several_lines(record: Sequence[str]) -> list[int]:
    """Return the places of the cells of several lines."""
    return [place for place, cell in enumerate(record) if _has_line_end(cell)]


def _has_line_end(cell: str) -> bool:
    return "\n" in cell or "\r" in cell


def _is_long_number(cell: str) -> bool:
    return len(cell) >= _LONG_NUMBER and sum(map(str.isdigit, cell)) >= _LONG_NUMBER


def _may_be_alike(kept: str, cell: str, *, only_digits: bool) -> bool:
    """Tell whether long numbers may be of one column.

    What begins with a word, as "Ph 020 1234567" in a remark, stands below the like.
    """
    if only_digits:
        return _kind(kept) == _kind(cell) == "number"
    return not cell.strip()[:1].isalpha() or kept.strip()[:1].isalpha()


def _differ(record: Sequence[str], cells: Sequence[str]) -> bool:
    """Tell whether numbers and words stand in each other's places, mostly."""
    same = different = 0
    for kept, cell in zip(record, cells, strict=False):
        kinds = {_kind(kept), _kind(cell)}
        if _PIN_CODE.fullmatch(cell.strip()):
            kinds = {"number", "word"} if _is_long_number(kept) else set()
        same += kinds == {"number"}
        different += kinds == {"number", "word"}
    return different > same


def _kind(cell: str) -> str:
    if any(map(str.isalpha, cell)):
        return "" if cell.strip() in NULL_VALUES_AND_NIL else "word"
    return "number" if any(map(str.isdigit, cell)) else ""
