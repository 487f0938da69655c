"""Whole columns of cells read at once: the usual ones without a call for each. Pure.

A fast way stands for its careful one only where both read the same; whatever else a
cell holds goes the careful way (`uploads.cells`, `.amounts`, `.dates`).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from functools import partial

from contacts.phones import usual_indian_mobiles
from uploads.amounts import (
    USUAL_AMOUNT,
    MoneyStyle,
    read_amount,
    read_amount_in,
    read_days,
    read_european_amount,
)
from uploads.cells import (
    CELL_ERRORS,
    LONGEST_EMAIL,
    LONGEST_INDEXED,
    USUAL_EMAIL,
    read_email,
    read_guarded_loan_number,
    read_loan_number,
    read_name,
    read_phone,
    read_short_text,
)
from uploads.code_columns import PHONE_FIELDS
from uploads.date_cells import IN_DOUBT, DateCells, may_be_swapped, swapped_back
from uploads.dates import read_date
from uploads.layout import DATE_FIELDS, MONEY_FIELDS, Layout
from uploads.national_ids import mask_national_ids
from uploads.null_values import NULL_VALUES, NULL_VALUES_AND_NIL
from uploads.refusals import CELL_TOO_LONG, LONGEST_CELL, Refused

# Fields in which "nil" is a figure, or a name.
_NIL_IS_SOMETHING = frozenset(["full_name", *MONEY_FIELDS, "days_past_due"])
# Few different cells, each in very many rows.
_REPETITIVE = frozenset([*DATE_FIELDS, "state", "language", "days_past_due"])
_REMEMBERED = 50_000
_LONGEST_REMEMBERED = 50
# Parts the cells of a column that is looked at in one piece; no cell can hold it.
_NUL = "\x00"
_MISSING = {
    "full_name": Refused("name_missing", "The name is missing."),
    "primary_phone": Refused("phone_missing", "The phone number is missing."),
}
_SAYS_NONE = {
    "full_name": Refused(
        "name_missing",
        "The name is missing: this word says that there is none. If it is the name, "
        "write the whole name.",
    ),
    "primary_phone": Refused(
        "phone_missing", "The phone number is missing: this says that there is none."
    ),
}

Value = str | Refused
ColumnReader = Callable[[Sequence[str]], list[Value]]


class CellReader(dict[str, Value]):
    """Reads the cells of one field, one by one and with care."""

    def __init__(self, name: str, read: Callable[[str], Value], *, blank: str) -> None:
        self.read = read
        self.blank: Value = _MISSING.get(name, blank)
        self._null: Value = _SAYS_NONE.get(name, blank)
        self._nulls = NULL_VALUES if name in _NIL_IS_SOMETHING else NULL_VALUES_AND_NIL

    def __missing__(self, cell: str) -> Value:
        """Remember a cell that may come again and again."""
        value = self.value(cell)
        if len(self) < _REMEMBERED and len(cell) < _LONGEST_REMEMBERED:
            self[cell] = value
        return value

    def value(self, cell: str) -> Value:
        text = cell.strip()
        if not text:
            return self.blank
        if text in self._nulls:
            return self._null
        if text[0] == "#" and (error := CELL_ERRORS.get(text)):
            return error
        if len(text) > LONGEST_CELL:
            return CELL_TOO_LONG
        return self.read(text)


class DateCellReader(CellReader):
    """Reads the dates of a column in whose date cells Excel may have swapped some."""

    def __init__(
        self,
        name: str,
        read: Callable[[str], Value],
        *,
        blank: str,
        date_cells: DateCells,
    ) -> None:
        super().__init__(name, read, blank=blank)
        self._date_cells = date_cells

    def value(self, cell: str) -> Value:
        if self._date_cells is not DateCells.AS_THEY_SAY and may_be_swapped(cell):
            if self._date_cells is DateCells.IN_DOUBT:
                return IN_DOUBT
            cell = swapped_back(cell)
        return super().value(cell)


def cell_reader(
    name: str, layout: Layout, *, region: str, zone: tzinfo, blank: str
) -> CellReader:
    """Return what reads the cells of a field in this file."""
    read = _careful(name, layout, region, zone)
    if name in layout.date_cells:
        return DateCellReader(
            name, read, blank=blank, date_cells=layout.date_cells[name]
        )
    return CellReader(name, read, blank=blank)


def column_reader(
    name: str, layout: Layout, *, region: str, zone: tzinfo, blank: str
) -> ColumnReader:
    """Return what reads a field's columns in this file, as `cell_reader` each cell."""
    reader = cell_reader(name, layout, region=region, zone=zone, blank=blank)
    if name in _REPETITIVE:
        return lambda column: list(map(reader.__getitem__, column))
    if name in PHONE_FIELDS and region == "IN":
        return _indian_phones(reader)
    if reader.read is read_amount:
        return _amounts(reader)
    if name == "full_name":
        return _names(reader)
    if name == "email":
        return _emails(reader)
    if name == "loan_number":
        return _loan_numbers(reader)
    careful, none = reader.value, reader.blank
    return lambda column: [careful(cell) if cell else none for cell in column]


def _careful(
    name: str, layout: Layout, region: str, zone: tzinfo
) -> Callable[[str], Value]:
    if name in PHONE_FIELDS:
        return partial(read_phone, region=region)
    if name in layout.date_orders:
        return partial(read_date, order=layout.date_orders[name], zone=zone)
    if name in layout.money_styles:
        european = layout.money_styles[name] is MoneyStyle.EUROPEAN
        if unit := layout.units.get(name):
            return partial(read_amount_in, unit=unit, european=european)
        return read_european_amount if european else read_amount
    return {
        "full_name": read_name,
        "email": read_email,
        "language": read_short_text,
        "state": read_short_text,
        "loan_number": read_loan_number
        if layout.twelve_digit_loans
        else read_guarded_loan_number,
        "days_past_due": read_days,
    }[name]


def _indian_phones(reader: CellReader) -> ColumnReader:
    careful, none = reader.value, reader.blank
    return lambda column: [
        mobile or (careful(cell) if cell else none)
        for mobile, cell in zip(usual_indian_mobiles(column), column, strict=True)
    ]


def _amounts(reader: CellReader) -> ColumnReader:
    careful, none, usual = reader.value, reader.blank, USUAL_AMOUNT.fullmatch
    return lambda column: [
        found[1].replace(",", "")
        if (found := usual(cell))
        else (careful(cell) if cell else none)
        for cell in column
    ]


def _names(reader: CellReader) -> ColumnReader:
    careful, none = reader.value, reader.blank

    def with_letters(cell: str) -> Value:
        """Read a name of other letters, in a column without national ids."""
        name = " ".join(cell.split())
        if name[:1] == "#" or len(cell) > LONGEST_CELL:
            return careful(cell)
        return name if any(map(str.isalpha, name)) else careful(cell)

    def read(column: Sequence[str]) -> list[Value]:
        joined = f"\x00{_NUL.join(column)}\x00"
        plain = joined[1:-1].replace(" ", "").split("\x00")
        are_plain: Iterable[bool] = map(str.isalpha, plain)
        names, otherwise = column, careful
        if "  " in joined or "\x00 " in joined or " \x00" in joined:
            names = [" ".join(cell.split()) for cell in column]
        if not NULL_VALUES.isdisjoint(names):
            are_plain = [False] * len(column)
        elif mask_national_ids(joined) is joined:
            otherwise = with_letters
        return [
            name
            if is_plain and len(cell) <= LONGEST_CELL
            else (otherwise(cell) if name else none)
            for name, is_plain, cell in zip(names, are_plain, column, strict=True)
        ]

    return read


def _emails(reader: CellReader) -> ColumnReader:
    careful, none, usual = reader.value, reader.blank, USUAL_EMAIL.fullmatch

    def read(column: Sequence[str]) -> list[Value]:
        joined = _NUL.join(column)
        if mask_national_ids(joined) is not joined:
            return [careful(cell) if cell else none for cell in column]
        return [
            cell
            if len(cell) <= LONGEST_EMAIL and usual(cell)
            else (careful(cell) if cell else none)
            for cell in column
        ]

    return read


def _loan_numbers(reader: CellReader) -> ColumnReader:
    careful, none = reader.value, reader.blank
    are_guarded = reader.read is not read_loan_number

    def read(column: Sequence[str]) -> list[Value]:
        if not NULL_VALUES.isdisjoint(column):
            column = ["" if cell in NULL_VALUES else cell for cell in column]
        if are_guarded:
            return [
                cell
                if 4 < len(cell) <= LONGEST_INDEXED
                and cell.isalnum()
                and (len(cell) != 12 or cell[0].isalpha())  # twelve digits take care
                else (careful(cell) if cell else none)
                for cell in column
            ]
        return [
            cell
            if 4 < len(cell) <= LONGEST_INDEXED and cell.isalnum()
            else (careful(cell) if cell else none)
            for cell in column
        ]

    return read
