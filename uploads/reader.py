"""A customer file: how it is read, and where it may be cut. Pure.

`understand` reads the whole file once, in flat memory: its kind, encoding, delimiter
and header, what each column is, in which order its dates are written; and it cuts it
between records into parts that workers load side by side.
"""

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import filterfalse
from typing import BinaryIO

from uploads.amounts import MoneyEvidence, MoneyStyle
from uploads.code_columns import code_notices
from uploads.date_cells import DateCells, choice_notice, doubt_sentence
from uploads.dates import DateEvidence, DateOrder
from uploads.doubtful_rows import DoubtfulRows
from uploads.encodings import (
    Encoding,
    UnknownColumns,
    UnreadableFile,
    chosen_encoding,
    find_encoding,
    refuse_other_kinds,
)
from uploads.header_names import known_fields
from uploads.layout import (
    DATE_FIELDS,
    MONEY_FIELDS,
    Layout,
    column_notices,
    find_layout,
    missing_sentence,
    name_notices,
    no_header_sentence,
    title_sentences,
    unit_notices,
)
from uploads.loan_numbers import LoanNumberEvidence
from uploads.records import Block, read_blocks
from uploads.units import MoneyUnit

ROWS_A_PART = 20_000

_CHUNK = 1 << 20
# Each is told to its uploader. More of them than good rows, and it is no table at all.
_FAULTS_FOR_A_TABLE = 50_000


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
    # What was settled by custom, and who looks at the file is asked about.
    assumptions: list[str]

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
    """Write the text of `source` to `target`, line for line.

    What is no text makes a byte that is none in UTF-8 either, and costs its line there.
    """
    decoder = codecs.getincrementaldecoder(encoding.name)(_NO_TEXT)
    target.write(codecs.BOM_UTF8)
    source.seek(encoding.bom)
    while chunk := source.read(_CHUNK):
        target.write(decoder.decode(chunk).encode("utf-8", "surrogateescape"))
    target.write(decoder.decode(b"", final=True).encode("utf-8", "surrogateescape"))


def _as_no_text(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


_NO_TEXT = "uploads.no_text"
codecs.register_error(_NO_TEXT, _as_no_text)


def by_names(layout: Layout) -> Layout:
    """Leave it to the headers' names what the columns are."""
    return layout


def understand(
    file: BinaryIO,
    *,
    sheet: str = "",
    encoding_name: str = "",
    delimiter: str = "",
    decide: Callable[[Layout], Layout] = by_names,
    may_lack_columns: bool = False,
    now: datetime | None = None,
    loads_hidden: bool = False,
    rows_a_part: int = ROWS_A_PART,
) -> Understood:
    """Read the file once and say how it is to be read.

    `sheet` names the sheet of a workbook whose rows the lines are, as tab-separated
    UTF-8. `encoding_name` and `delimiter` are found unless given; `decide` has the last
    word on what the columns are, once the header is known. `loads_hidden`: rows that
    nobody sees in a workbook are as all others. Rows that can hardly be right are
    counted as of `now`, in the tenant's zone, where it is given. Raises
    `UnreadableFile` when the file cannot be read, or lacks a column that must be there,
    unless it may.
    """
    if sheet:
        encoding, delimiter = Encoding("utf-8"), "\t"
    else:
        refuse_other_kinds(file)
        encoding = (
            chosen_encoding(file, encoding_name)
            if encoding_name
            else find_encoding(file)
        )
    layout, notices = find_layout(file, encoding, delimiter=delimiter, sheet=sheet)
    layout = replace(decide(layout), loads_hidden=loads_hidden)
    columns = layout.columns()
    if columns.missing and not may_lack_columns:
        if not known_fields(layout.headers):
            raise UnknownColumns(no_header_sentence(sheet))
        raise UnknownColumns(missing_sentence(columns, layout.headers))
    if layout.meanings is None:
        notices += column_notices(layout)
    else:
        notices += name_notices(layout)
    notices += code_notices(layout.headers, layout.meanings) + unit_notices(layout)
    if layout.confirmed:  # else it is held for it
        notices += title_sentences(layout)
    evidence = Evidence(layout, now=now)
    hidden_count = 0
    size = file.seek(0, 2)
    blocks = read_blocks(
        file,
        layout.shape(),
        start=layout.data_start,
        end=size,
        first_line=layout.first_line,
    )
    parts: list[Part] = []
    cleaned_count = joined_count = first_joined = 0
    good_count = fault_count = 0
    waiting: list[Block] = []
    waiting_rows = 0
    for block in blocks:
        evidence.look_at(block.with_hidden())
        hidden_count += block.hidden_count
        cleaned_count += block.cleaned_count
        joined_count += len(block.joined)
        first_joined = first_joined or next(iter(block.joined), 0)
        good_count += len(block.rows)
        fault_count += len(block.faults)
        if fault_count > max(good_count, _FAULTS_FOR_A_TABLE):
            raise UnreadableFile(
                f"{fault_count} of the first {good_count + fault_count} rows cannot be "
                "told apart: quotation marks stand astray, or the cells are not parted "
                "as in the header. Save the list as CSV (UTF-8) again and upload that."
            )
        waiting_rows += len(block.rows) + len(block.faults) + len(block.hidden)
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
    if hidden_count:
        notices.append(_hidden_sentence(hidden_count, are_loaded=loads_hidden))
    if joined_count:
        notices.append(
            f"{joined_count} rows have cells of several lines, and are one row each; "
            f"the first begins in line {first_joined}."
        )
    notices += evidence.notices(layout.headers)
    return Understood(
        layout=replace(
            layout,
            date_orders=evidence.date_orders(),
            money_styles=evidence.money_styles(),
            open_dates=evidence.open_dates(),
            told_dates=evidence.told_dates(),
            twelve_digit_loans=evidence.twelve_digit_loans(),
            hidden_count=hidden_count,
            date_cells=evidence.date_cells(),
            swappable_cells=evidence.swappable_cells(),
            held_for=tuple(evidence.held_for(layout.headers)),
        ),
        parts=parts,
        notices=notices,
        assumptions=evidence.assumptions(layout.headers),
    )


def _hidden_sentence(count: int, *, are_loaded: bool) -> str:
    rows = "1 row is" if count == 1 else f"{count} rows are"
    hidden = f"{rows} hidden in the workbook, by a filter, a group or by hand"
    if are_loaded:
        return f"{hidden}: loaded like all others, as was chosen."
    return f"{hidden}: refused, unless somebody chooses to load them."


def _part(first: Block, last: Block, row_count: int) -> Part:
    return Part(
        start=first.start,
        end=last.end,
        first_line=first.first_line,
        row_count=row_count,
    )


class Evidence:
    """What a whole column shows about how its cells are written."""

    def __init__(self, layout: Layout, *, now: datetime | None = None) -> None:
        columns = layout.columns()
        self.places = columns.fields
        # As somebody said who knows; the column itself knows better.
        self.preferred = layout.told_orders
        self.preferred_styles = layout.money_styles
        self.in_units = {
            name for name, unit in layout.units.items() if unit is not MoneyUnit.RUPEES
        }
        self.chosen_cells = layout.date_cells
        self.dates = {
            name: DateEvidence(is_sheet=bool(layout.sheet))
            for name in DATE_FIELDS
            if name in columns.fields
        }
        self.money = {
            name: MoneyEvidence() for name in MONEY_FIELDS if name in columns.fields
        }
        self.others = MoneyEvidence()  # of the columns that nobody mapped
        self.unmapped = columns.extra
        self.by_semicolons = layout.delimiter == ";"
        self.is_sheet = bool(layout.sheet)
        self.loans = LoanNumberEvidence()
        self.is_ours = bool(columns.helpers)
        self.titles = [] if layout.confirmed else title_sentences(layout)
        self.doubtful = DoubtfulRows(self.places, now=now) if now else None

    def look_at(self, block: Block) -> None:
        for name, dates in self.dates.items():
            place = self.places[name]
            dates.look_at([row[place] for _, row in block.rows])
        for name, money in self.money.items():
            if not money.settled:
                place = self.places[name]
                cells = {row[place] for _, row in block.rows}
                money.look_at(filterfalse(str.isdigit, cells))
        if not self.others.settled and self.unclear_amounts():
            for place in self.unmapped:
                self.others.look_at_unknown(
                    filterfalse(str.isdigit, {row[place] for _, row in block.rows}),
                    by_semicolons=self.by_semicolons,
                )
        if "loan_number" in self.places and not self.loans.settled:
            place = self.places["loan_number"]
            self.loans.look_at([row[place] for _, row in block.rows])
        if self.doubtful and block.rows:
            self.doubtful.look_at(block.rows)

    def date_orders(self) -> dict[str, DateOrder]:
        return {
            name: dates.settle(self.preferred.get(name, DateOrder.DAY_FIRST))
            for name, dates in self.dates.items()
        }

    def open_dates(self) -> tuple[str, ...]:
        return tuple(name for name, dates in self.dates.items() if dates.open_question)

    def told_dates(self) -> tuple[str, ...]:
        """Return the fields whose order the cells show, or somebody told before."""
        return tuple(
            name
            for name, dates in self.dates.items()
            if dates.has_evidence or name in self.preferred
        )

    def date_cells(self) -> dict[str, DateCells]:
        """Return what is done with date cells that Excel may have swapped."""
        return {
            name: self.chosen_cells.get(name, DateCells.IN_DOUBT)
            for name, dates in self.dates.items()
            if dates.may_be_swapped
        }

    def swappable_cells(self) -> dict[str, tuple[str, ...]]:
        return {
            name: tuple(self.dates[name].swappable_cells) for name in self.date_cells()
        }

    def money_styles(self) -> dict[str, MoneyStyle]:
        known = [*self.money.values(), self.others]
        # A number cell in a workbook is written with a dot, whatever its texts are.
        is_european = (
            not self.is_sheet
            and not any(money.indian for money in known)
            and any(money.european for money in known)
        )
        by_others = MoneyStyle.EUROPEAN if is_european else MoneyStyle.INDIAN
        styles = {name: money.settle() for name, money in self.money.items()}
        for name in self.unclear_amounts():
            styles[name] = self.preferred_styles.get(name, by_others)
        return styles

    def unclear_amounts(self) -> list[str]:
        """Return the fields whose column has amounts as 15.000 and settles nothing.

        1.234 in a column of lakhs is 1,23,400 rupees: there it is a decimal's dot.
        """
        return [
            name
            for name, money in self.money.items()
            if money.is_unclear and name not in self.in_units
        ]

    def twelve_digit_loans(self) -> bool:
        # What stands bare in a file of refused rows was judged in the whole file.
        return self.is_ours or self.loans.settle()

    def assumptions(self, headers: Sequence[str]) -> list[str]:
        orders = self.date_orders()
        return [
            f"Dates of \u201c{headers[self.places[name]]}\u201d are read "
            f"{orders[name]} ({orders[name].example}); nothing in the column says "
            "otherwise."
            for name in self.open_dates()
        ]

    def held_for(self, headers: Sequence[str]) -> list[str]:
        """Return what somebody has to see before a row is loaded, in sentences."""
        doubtful, orders = self.doubtful, self.date_orders()
        return [
            *self.titles,
            *(
                doubt_sentence(headers[self.places[name]], order=orders[name].told)
                for name in self.date_cells()
            ),
            *self._dotted(headers),
            *(doubtful.sentences(orders) if doubtful else []),
        ]

    def _dotted(self, headers: Sequence[str]) -> list[str]:
        styles = self.money_styles()
        return [
            f"Amounts of \u201c{headers[self.places[name]]}\u201d are written as "
            + (
                "15.000, and read as fifteen thousand: other columns of the file say "
                "that a dot parts thousands."
                if styles[name] is MoneyStyle.EUROPEAN
                else "15.000, which may be fifteen or fifteen thousand. Nothing in the "
                "file says which: the rows that have them are refused."
            )
            for name in self.unclear_amounts()
            if name not in self.preferred_styles
        ]

    def notices(self, headers: Sequence[str]) -> list[str]:
        notices = []
        for name, order in self.date_orders().items():
            header = headers[self.places[name]]
            if order is DateOrder.BOTH:
                notices.append(
                    f"\u201c{header}\u201d holds dates written day first and dates "
                    "written month first: those that can be read both ways are refused."
                )
            elif order is DateOrder.MONTH_FIRST and name not in self.open_dates():
                notices.append(f"Dates of \u201c{header}\u201d are read month first.")
        chosen = [
            choice_notice(headers[self.places[name]], how)
            for name, how in self.date_cells().items()
        ]
        notices += filter(None, chosen)
        for name, money in self.money.items():
            if money.settle() is MoneyStyle.EUROPEAN:
                header = headers[self.places[name]]
                notices.append(
                    f"Amounts of \u201c{header}\u201d are read the European way, "
                    "as in 1.250,00."
                )
        return notices + self.held_for(headers)
