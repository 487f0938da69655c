"""A stretch of a file's bytes as records, each with its physical line. Pure.

The csv module parses, in its strict mode; what it stumbles over costs one line.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from uploads.encodings import UnreadableFile
from uploads.quotes import cells_of, heads_rows, takes_in_rows
from uploads.text import cleaned
from uploads.workbooks.notation import HIDDEN_ROW, SHOWN, one_way

if TYPE_CHECKING:
    import _csv

# As COPY's lines, about what a socket holds: PostgreSQL takes one block in while the
# next is read.
_CHUNK = 1 << 17
# A line longer than this is no line of a table; memory stays flat.
LONGEST_LINE = 8 << 20
# A quoted cell may hold line ends: Excel's up to 253, and 32,767 characters. A record
# that is longer was never closed. What may be one is held until its end is known.
_LONGEST_RECORD = 1 << 18
_MOST_LINES_IN_RECORD = 300

# csv's own limit of 131,072 would end the whole file at one long remark.
csv.field_size_limit(LONGEST_LINE)

_CLOSING_QUOTE_AND_SPACE = re.compile(r'"[ \t]+(?=[,;|\t\r\n]|$)')


class Fault(NamedTuple):
    """A record that is no row: its line, and why."""

    line: int
    code: str
    message: str
    cells: list[str]  # as far as they can be told apart


@dataclass(frozen=True, slots=True)
class Shape:
    """What a record looks like: what parts it, and how many cells it has."""

    encoding: str
    damaged: bool
    delimiter: str
    width: int
    # Cells up to the last column with a header: what follows may be left out.
    needed: int
    is_sheet: bool = False  # the lines are a workbook's rows
    # Of a sheet: the places of what counts, and of what is kept as it is.
    counts: frozenset[int] = frozenset()
    kept: frozenset[int] = frozenset()
    loads_hidden: bool = False


@dataclass(slots=True)
class Block:
    """Some whole records that follow each other in the file."""

    start: int
    end: int
    first_line: int
    next_line: int
    rows: list[tuple[int, list[str]]]
    faults: list[Fault]
    cleaned_count: int
    # The first lines of records that have several.
    joined: list[int] = field(default_factory=list)
    # Rows of a sheet that nobody sees, where they are not among the others.
    hidden: list[tuple[int, list[str]]] = field(default_factory=list)
    hidden_count: int = 0

    def with_hidden(self) -> "Block":
        """Return the block with its hidden rows, which say how columns are written."""
        if not self.hidden:
            return self
        return replace(self, rows=[*self.rows, *self.hidden])


def read_blocks(
    file: BinaryIO, shape: Shape, *, start: int, end: int, first_line: int
) -> Iterator[Block]:
    """Yield the records between two places of the file, a block at a time.

    `start` and `end` must stand between records. Blank records are passed over. Raises
    `UnreadableFile` on a line that no memory should hold.
    """
    file.seek(start)
    position, line, carry = start, first_line, b""
    errors = "replace" if shape.damaged else "strict"
    final = False
    while not final:
        chunk = file.read(min(_CHUNK, end - position - len(carry)))
        final = position + len(carry) + len(chunk) >= end or not chunk
        data = carry + chunk
        cut = len(data) if final else after_last_line(data)
        if cut == 0 and not final:
            if len(data) > LONGEST_LINE:
                raise UnreadableFile(
                    f"Line {line} is longer than {LONGEST_LINE >> 20} MB: this is not "
                    "a table of customers."
                )
            carry = data
            continue
        text, cleaned_count = cleaned(data[:cut], shape.encoding, errors)
        lines = text.splitlines(keepends=True)
        hidden_lines: set[int] = set()
        if shape.is_sheet and HIDDEN_ROW in text:
            hidden_lines = _unmark_hidden(lines, line)
        parser = _Parser(lines, shape, first_line=line)
        # A file may be megabytes of line ends: they are counted, and not parsed.
        taken = len(lines) if text.isspace() else parser.parse(final=final)
        if taken < len(lines):  # a quoted cell goes on beyond this block
            cut -= sum(map(len, data[:cut].splitlines(keepends=True)[taken:]))
        if shape.is_sheet and SHOWN in text:
            parser.read_one_way()
        hidden = []
        if hidden_lines:
            hidden = [row for row in parser.rows if row[0] in hidden_lines]
            if not shape.loads_hidden:
                parser.rows = [row for row in parser.rows if row[0] not in hidden_lines]
        yield Block(
            start=position,
            end=position + cut,
            first_line=line,
            next_line=line + taken,
            rows=parser.rows,
            faults=parser.faults,
            joined=parser.joined,
            cleaned_count=cleaned_count,
            hidden=[] if shape.loads_hidden else hidden,
            hidden_count=len(hidden),
        )
        position, line, carry = position + cut, line + taken, data[cut:]


def _unmark_hidden(lines: list[str], first_line: int) -> set[int]:
    """Take the marks from the lines of hidden rows; return which lines they are."""
    hidden = {index for index, line in enumerate(lines) if line.startswith(HIDDEN_ROW)}
    for index in hidden:
        lines[index] = lines[index].removeprefix(HIDDEN_ROW)
    return {first_line + index for index in hidden}


def after_last_line(data: bytes) -> int:
    """Return the place after the last line end; 0 when there is none to be sure of."""
    if found := data.rfind(b"\n") + 1:
        return found
    # A carriage return at the very end may be the first half of CRLF.
    return data.rfind(b"\r", 0, -1) + 1


class _Parser:
    """Turns physical lines into rows and faults.

    A quote opens a cell at the cell's beginning, and nowhere else. Lines are one record
    only if it closes its cells, is no longer than a record may be, and takes in no rows
    (`quotes`). Else its first line is refused alone, and the next one begins anew. No
    line behind a record has a say in that: a part is read as the whole file was.
    """

    def __init__(self, lines: list[str], shape: Shape, *, first_line: int) -> None:
        self.lines = lines
        self.shape = shape
        self.first_line = first_line
        self.rows: list[tuple[int, list[str]]] = []
        self.faults: list[Fault] = []
        self.joined: list[int] = []

    def parse(self, *, final: bool) -> int:
        """Parse all lines; return how many are used up.

        Fewer than all are when the last record may go on in the next block.
        """
        start = len(self.lines) if self._parse_at_once() else 0
        while start < len(self.lines):
            stumbled = self._parse_from(start)
            if stumbled is None:
                break
            start, stop = stumbled
            # Whichever of these lines leaves a cell open, it ends as the first one's
            # does: none is looked for a second time.
            for index in range(start, max(stop - 1, start + 1)):
                start = self._take_one(index, stop, final=final)
                if start == index:
                    return index
                if start == stop:
                    break
        return len(self.lines)

    def read_one_way(self) -> None:
        """Settle what cells are that show one thing and count another."""
        counts, kept = self.shape.counts, self.shape.kept
        for _, row in self.rows:
            for place, cell in enumerate(row):
                if SHOWN in cell:
                    row[place] = one_way(
                        cell, counts=place in counts, is_kept=place in kept
                    )
        for fault in self.faults:  # in whichever columns
            fault.cells[:] = [
                one_way(cell, counts=False, is_kept=False) for cell in fault.cells
            ]

    def _parse_at_once(self) -> bool:
        """Parse all lines without looking at each; False unless each is a record."""
        try:
            rows = list(_reader(iter(self.lines), self.shape.delimiter))
        except csv.Error:
            return False
        if len(rows) != len(self.lines):
            return False
        if set(map(len, rows)) == {self.shape.width} and not self.shape.damaged:
            self.rows = [
                (line, row)
                for line, row in enumerate(rows, start=self.first_line)
                if row[0] or any(map(str.strip, row))
            ]
        else:
            for index, row in enumerate(rows):
                if row:
                    self._take(index, row)
        return True

    def _parse_from(self, start: int) -> tuple[int, int] | None:
        """Parse up to the first record that csv, or common sense, stumbles over.

        Returns the lines between which it stands, or None at the end.
        """
        # Starts anywhere at no cost: a file may stumble at each of its lines.
        lines = map(self.lines.__getitem__, range(start, len(self.lines)))
        reader = _reader(lines, self.shape.delimiter)
        stop = start
        try:
            for row in reader:
                begin, stop = stop, start + reader.line_num
                if stop - begin > 1 and not self._is_record(row, begin, stop):
                    return begin, stop
                self._take(begin, row, lines=stop - begin)
        except csv.Error:
            return stop, start + reader.line_num
        return None

    def _take_one(self, index: int, stop: int, *, final: bool) -> int:
        """Take the record that begins at a line; return where the next one does.

        An open cell ends, or csv stumbles, at the line before `stop`. Returns `index`
        itself when the lines do not tell yet what the record is.
        """
        row = self._row(index, index + 1)
        if row is not None:
            self._take(index, row)
            return index + 1
        message = _STRAY_QUOTE
        if self._may_be_record(index, stop):
            if stop == len(self.lines) and not final:
                return index
            row = self._row(index, stop)
            if row is not None and self._is_record(row, index, stop):
                self._take(index, row, lines=stop - index)
                return stop
            if row is not None:
                message = _TAKES_IN_ROWS
        self._fault(index, [self.lines[index].strip()], "stray_quote", message)
        return index + 1

    def _row(self, begin: int, stop: int) -> list[str] | None:
        """Return the cells of some lines, if they are one record and no more."""
        lines = self.lines[begin:stop]
        for tried in (lines, [_CLOSING_QUOTE_AND_SPACE.sub('"', one) for one in lines]):
            reader = _reader(iter(tried), self.shape.delimiter)
            try:
                row = next(reader, [])
            except csv.Error:
                continue
            if reader.line_num == len(lines):
                return row
        return None

    def _may_be_record(self, begin: int, stop: int) -> bool:
        """Tell whether some lines are few and short enough for one record."""
        return (
            stop - begin <= _MOST_LINES_IN_RECORD
            and sum(map(len, self.lines[begin:stop])) <= _LONGEST_RECORD
        )

    def _is_record(self, row: list[str], begin: int, stop: int) -> bool:
        """Tell whether several lines are one record, as csv has it."""
        return self._may_be_record(begin, stop) and not takes_in_rows(
            row,
            self.lines[begin:stop],
            delimiter=self.shape.delimiter,
            needed=self.shape.needed,
            width=self.shape.width,
        )

    def _take(self, index: int, row: list[str], *, lines: int = 1) -> None:
        """Take a record that begins at a line as a row or a fault; or as nothing."""
        if lines > 1:
            self.joined.append(self.first_line + index)
        is_wide = len(row) == self.shape.width
        if not ((is_wide and row[0]) or any(map(str.strip, row))):
            return
        if self.shape.damaged and "\ufffd" in "".join(row):
            self._fault(index, row, "encoding", _ENCODING)
        elif is_wide:
            self.rows.append((self.first_line + index, row))
        else:
            self._take_ragged(index, row)

    def _take_ragged(self, index: int, row: list[str]) -> None:
        """Forgive blank cells too many and headerless ones too few; nothing else."""
        width = self.shape.width
        if self.shape.needed <= len(row) < width:
            row += [""] * (width - len(row))
        elif len(row) < width or any(map(str.strip, row[width:])):
            self._fault(
                index,
                row,
                "row_ragged",
                f"This row has {len(row)} cells where the header has {width}: "
                + (_BESIDE if self.shape.is_sheet else _DELIMITERS_AMISS),
            )
            return
        self.rows.append((self.first_line + index, row[:width]))

    def _fault(self, index: int, cells: list[str], code: str, message: str) -> None:
        self.faults.append(Fault(self.first_line + index, code, message, cells))


_BESIDE = "delete what stands to the right of the table."
_DELIMITERS_AMISS = "an amount with commas needs quotes, a blank cell its delimiter."
_STRAY_QUOTE = "A quotation mark in this row is never closed, or stands astray."
_TAKES_IN_ROWS = (
    "A quotation mark opens a cell of this row, and only one in a row below closes it: "
    "take it out, or close the cell where it ends."
)
_ENCODING = (
    "This row is not in the encoding of the file: save the file as CSV UTF-8 again."
)


def _reader(lines: Iterator[str], delimiter: str) -> "_csv.Reader":
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def parse_leniently(
    lines: Sequence[str], delimiter: str
) -> list[tuple[int, list[str]]]:
    """Return (index of the last line, cells) of the non-blank records among lines.

    For the first lines of a file, whose header is not found yet. Nothing is refused:
    a line with a quote astray has the cells that its delimiters part.
    """
    records = []
    start = 0
    while start < len(lines):
        row, stop = _record_from(lines, start, delimiter)
        if any(map(str.strip, row)):
            records.append((stop - 1, row))
        start = stop
    return records


def _record_from(
    lines: Sequence[str], start: int, delimiter: str
) -> tuple[list[str], int]:
    """Return the cells of the record that begins at a line, and where it stops."""
    some = lines[start : start + _MOST_LINES_IN_RECORD]
    reader = _reader(iter(some), delimiter)
    try:
        row = next(reader)
    except csv.Error:
        return cells_of(lines[start], delimiter), start + 1
    joined = some[: reader.line_num]
    if len(joined) > 1 and (
        takes_in_rows(row, joined, delimiter=delimiter, needed=len(row), width=len(row))
        or heads_rows(row, joined, delimiter=delimiter)
    ):
        return cells_of(lines[start], delimiter), start + 1
    return row, start + len(joined)
