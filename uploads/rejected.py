"""The refused rows of a file, to be mended and sent again.

They have the file's own columns in its order, then `_line` and `_error`, which a file
that comes back is allowed to have. National ids in them are masked: a good one keeps
its four and is read like any masked id; a bad one gets a question mark and is refused
again until somebody enters it anew. So does one among the loan numbers. Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import BinaryIO, NamedTuple

from customers.spreadsheet_cells import plain_cell, spreadsheet_cell
from uploads.date_cells import DateCells, both_days, may_be_swapped, swapped_back
from uploads.layout import Layout
from uploads.loan_numbers import masked_loan_number
from uploads.national_ids import (
    mask_as_national_id,
    mask_national_ids,
    read_national_id,
)
from uploads.null_values import NULL_VALUES_AND_NIL
from uploads.records import Block, read_blocks
from uploads.refusals import Refused

# Stands beyond the last column of a row whose cells could not be told apart. The row is
# refused again as long as it does: its cells may stand in each other's places.
STILL_TO_MEND = "Mend this row, then empty this cell"
# Digits of an id, or more: in a row whose cells stand anywhere.
_LONG = 12

Row = tuple[int, list[str]]


class Part(NamedTuple):
    """Where the rows of a part stand in the kept file."""

    start: int
    end: int
    first_line: int


def rejected_rows(
    file: BinaryIO,
    layout: Layout,
    *,
    parts: Iterable[Part],
    errors: Iterable[tuple[int, str]],
) -> Iterator[list[str]]:
    """Yield the header, then each refused row, in the order of the file.

    `errors` are the sentences about its lines, by line; `parts` those that have any.
    Reads the file block by block, in flat memory.
    """
    writer = _RowWriter(layout)
    yield writer.header()
    by_line = _by_line(errors)
    for part in parts:
        for block in read_blocks(
            file,
            layout.shape(),
            start=part.start,
            end=part.end,
            first_line=part.first_line,
        ):
            yield from _refused_in(block, by_line(block.next_line), writer)


def _by_line(
    errors: Iterable[tuple[int, str]],
) -> Callable[[int], dict[int, str]]:
    """Return what hands out the sentences about all lines before the one given."""
    told = (
        (line, " ".join(sentence for _, sentence in sentences))
        for line, sentences in groupby(errors, key=itemgetter(0))
    )
    ahead = next(told, None)

    def before(line: int) -> dict[int, str]:
        nonlocal ahead
        found = {}
        while ahead and ahead[0] < line:
            found[ahead[0]] = ahead[1]
            ahead = next(told, None)
        return found

    return before


def plain_rows(rows: Sequence[Row]) -> list[Row]:
    """Return rows of such a file as they were before their formulas were escaped."""
    return [(line, list(map(plain_cell, cells))) for line, cells in rows]


def _refused_in(
    block: Block, errors: dict[int, str], writer: "_RowWriter"
) -> Iterator[list[str]]:
    refused = [
        (line, writer.row(cells, line, errors[line]))
        for line, cells in block.with_hidden().rows
        if line in errors
    ]
    refused += [
        (fault.line, writer.misshapen(fault.cells, fault.line, errors[fault.line]))
        for fault in block.faults
        if fault.line in errors
    ]
    for _, row in sorted(refused, key=lambda numbered: numbered[0]):
        yield row


class _RowWriter:
    """Writes rows of one file as anybody may see and open them."""

    def __init__(self, layout: Layout) -> None:
        columns = layout.columns()
        self.headers = layout.headers
        self.places = [
            place for place in range(len(self.headers)) if place not in columns.helpers
        ]
        self.id_place = columns.fields.get("national_id")
        self.loan_place = columns.fields.get("loan_number")
        self.twelve_digit_loans = layout.twelve_digit_loans
        self.masks = columns.masks()
        self.date_cells = {
            columns.fields[name]: how
            for name, how in layout.date_cells.items()
            if name in columns.fields
        }
        self.has_doubts = DateCells.IN_DOUBT in self.date_cells.values()

    def header(self) -> list[str]:
        headers = [self.headers[place] for place in self.places]
        return [*map(spreadsheet_cell, headers), "_line", "_error"]

    def row(self, cells: Sequence[str], line: int, error: str) -> list[str]:
        """Write a row of which one cell or another was refused."""
        shown = [self._masked(place, cells[place]) for place in self.places]
        return self._write(shown, line, error)

    def misshapen(self, cells: Sequence[str], line: int, error: str) -> list[str]:
        """Write a row whose cells were not told apart for sure."""
        if self.has_doubts:  # in whichever column
            cells = [both_days(one) if may_be_swapped(one) else one for one in cells]
        shown = [
            _masked_if_long(cell) if place == self.id_place else mask_national_ids(cell)
            for place, cell in enumerate(cells)
        ]
        width = len(self.headers)
        shown += [""] * (width - len(shown))
        return [
            *self._write([shown[place] for place in self.places], line, error),
            *map(spreadsheet_cell, shown[width:] or [STILL_TO_MEND]),
        ]

    def _write(self, shown: Iterable[str], line: int, error: str) -> list[str]:
        return [*map(spreadsheet_cell, shown), str(line), spreadsheet_cell(error)]

    def _masked(self, place: int, cell: str) -> str:
        if place == self.id_place:
            return _masked_id(cell.strip())
        if mask := self.masks.get(place):
            return mask(cell)
        if place in self.date_cells and may_be_swapped(cell):
            return _day_of(cell, self.date_cells[place])
        if place == self.loan_place:
            # Where they are of twelve digits, one in ten would be lost by chance.
            return cell if self.twelve_digit_loans else masked_loan_number(cell)
        return mask_national_ids(cell)


def _day_of(cell: str, how: DateCells) -> str:
    """Return a date cell as it is read, or as whoever mends it is to decide."""
    if how is DateCells.IN_DOUBT:
        return both_days(cell)
    return swapped_back(cell) if how is DateCells.SWAPPED_BACK else cell


def _masked_id(text: str) -> str:
    if not text or text in NULL_VALUES_AND_NIL:
        return text
    read = read_national_id(text)
    if isinstance(read, Refused):
        return f"{mask_as_national_id(text)}?"
    shown, _ = read
    return shown


def _masked_if_long(cell: str) -> str:
    if sum(map(str.isdigit, cell)) >= _LONG:
        return mask_as_national_id(cell)
    return mask_national_ids(cell)
