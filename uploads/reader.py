"""A customer file: how it is read, and where it may be cut. Pure.

`understand` reads the whole file once, in flat memory: its kind, encoding, delimiter
and header, what each column is, in which order its dates are written; and it cuts it
between records into parts that workers load side by side.
"""

import codecs
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import filterfalse
from typing import BinaryIO

from uploads.amounts import MoneyEvidence, MoneyStyle
from uploads.columns import Columns
from uploads.dates import DateEvidence, DateOrder
from uploads.encodings import (
    Encoding,
    UnreadableFile,
    find_encoding,
    refuse_other_kinds,
)
from uploads.layout import (
    DATE_FIELDS,
    MONEY_FIELDS,
    Layout,
    find_layout,
    missing_sentence,
)
from uploads.records import Block, read_blocks

ROWS_A_PART = 20_000

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows that are loaded as one act."""

    start: int
    end: int
    first_line: int
    row_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What `understand` found."""

    layout: Layout
    parts: list[Part]
    notices: list[str]

    @property
    def row_count(self) -> int:
        return sum(part.row_count for part in self.parts)


def wide_encoding(file: BinaryIO) -> Encoding | None:
    """Return the encoding of a file that must be rewritten as UTF-8 to be cut by bytes.

    Raises `UnreadableFile` for whatever is no text.
    """
    refuse_other_kinds(file)
    encoding = find_encoding(file)
    return encoding if encoding.name.startswith(("utf-16", "utf-32")) else None


def rewrite_as_utf8(source: BinaryIO, encoding: Encoding, target: BinaryIO) -> None:
    """Write the text of `source` to `target`, line for line."""
    decoder = codecs.getincrementaldecoder(encoding.name)("replace")
    source.seek(encoding.bom)
    while chunk := source.read(_CHUNK):
        target.write(decoder.decode(chunk).encode("utf-8", "replace"))
    target.write(decoder.decode(b"", final=True).encode("utf-8", "replace"))


def understand(file: BinaryIO, *, rows_a_part: int = ROWS_A_PART) -> Understood:
    """Read the file once and say how it is to be read.

    Raises `UnreadableFile` when it cannot be, or lacks a column that must be there.
    """
    refuse_other_kinds(file)
    encoding = find_encoding(file)
    layout, notices = find_layout(file, encoding)
    columns = layout.columns()
    if columns.missing:
        raise UnreadableFile(missing_sentence(columns, layout.headers))
    evidence = _Evidence(columns)
    size = file.seek(0, 2)
    blocks = read_blocks(
        file,
        layout.shape(),
        start=layout.data_start,
        end=size,
        first_line=layout.first_line,
    )
    parts: list[Part] = []
    cleaned_count = 0
    waiting: list[Block] = []
    waiting_rows = 0
    for block in blocks:
        evidence.look_at(block)
        cleaned_count += block.cleaned_count
        waiting_rows += len(block.rows) + len(block.faults)
        waiting.append(block)
        if waiting_rows >= rows_a_part:
            parts.append(_part(waiting[0], waiting[-1], waiting_rows))
            waiting, waiting_rows = [], 0
        else:
            del waiting[1:-1]  # only the first and the last place matter
    if waiting_rows:
        parts.append(_part(waiting[0], waiting[-1], waiting_rows))
    if not parts:
        raise UnreadableFile("The file has a header, but no row below it.")
    if cleaned_count:
        notices.append(
            f"{cleaned_count} invisible or control characters were taken out."
        )
    notices += evidence.notices(layout.headers)
    return Understood(
        layout=replace(
            layout,
            date_orders=evidence.date_orders(),
            money_styles=evidence.money_styles(),
        ),
        parts=parts,
        notices=notices,
    )


def _part(first: Block, last: Block, row_count: int) -> Part:
    return Part(
        start=first.start,
        end=last.end,
        first_line=first.first_line,
        row_count=row_count,
    )


class _Evidence:
    """What a whole column shows about how its cells are written."""

    def __init__(self, columns: Columns) -> None:
        self.places = columns.fields
        self.dates = {
            name: DateEvidence() for name in DATE_FIELDS if name in columns.fields
        }
        self.money = {
            name: MoneyEvidence() for name in MONEY_FIELDS if name in columns.fields
        }

    def look_at(self, block: Block) -> None:
        for name, dates in self.dates.items():
            dates.look_at(self._cells(name, block))
        for name, money in self.money.items():
            if not money.settled:
                money.look_at(self._cells(name, block))

    def _cells(self, name: str, block: Block) -> Iterable[str]:
        place = self.places[name]
        return filterfalse(str.isdigit, {row[place] for _, row in block.rows})

    def date_orders(self) -> dict[str, DateOrder]:
        return {name: dates.settle() for name, dates in self.dates.items()}

    def money_styles(self) -> dict[str, MoneyStyle]:
        return {name: money.settle() for name, money in self.money.items()}

    def notices(self, headers: Sequence[str]) -> list[str]:
        notices = []
        for name, dates in self.dates.items():
            header = headers[self.places[name]]
            if dates.settle() is DateOrder.BOTH:
                notices.append(
                    f"\u201c{header}\u201d holds dates written day first and dates "
                    "written month first: those that can be read both ways are refused."
                )
            elif dates.settle() is DateOrder.MONTH_FIRST:
                notices.append(f"Dates of \u201c{header}\u201d are read month first.")
            elif dates.open_question:
                notices.append(
                    f"Dates of \u201c{header}\u201d are read day first (03/04 is "
                    "3 April); nothing in the column says otherwise."
                )
        for name, money in self.money.items():
            if money.settle() is MoneyStyle.EUROPEAN:
                header = headers[self.places[name]]
                notices.append(
                    f"Amounts of \u201c{header}\u201d are read the European way, "
                    "as in 1.250,00."
                )
        return notices
