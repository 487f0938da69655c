"""A stretch of a file's bytes as records, each with its physical line. Pure.

The csv module parses, in its strict mode; what it stumbles over costs one line.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from uploads.encodings import UnreadableFile
from uploads.text import cleaned
from uploads.workbooks.notation import HIDDEN_ROW, SHOWN, one_way

if TYPE_CHECKING:
    import _csv

# As COPY's lines, about what a socket holds: PostgreSQL takes one block in while the
# next is read.
_CHUNK = 1 << 17
# A line longer than this is no line of a table; memory stays flat.
LONGEST_LINE = 8 << 20
# A quoted cell may hold line ends, but one that swallows this much was never closed.
_LONGEST_RECORD = 1 << 20
_MOST_LINES_IN_RECORD = 1000

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
    """Turns physical lines into rows and faults."""

    def __init__(self, lines: list[str], shape: Shape, *, first_line: int) -> None:
        self.lines = lines
        self.shape = shape
        self.first_line = first_line
        self.rows: list[tuple[int, list[str]]] = []
        self.faults: list[Fault] = []

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
            if stop == len(self.lines) and not final and self._may_go_on(start):
                return start
            self._take_alone(start)
            start += 1
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
        width = self.shape.width
        stop = start
        try:
            for row in reader:
                begin, stop = stop, start + reader.line_num
                if (
                    stop - begin > 1
                    and len(row) != width
                    and any(map(str.strip, row))
                    and self._swallowed(begin)
                ):
                    return begin, stop
                self._take(begin, row)
        except csv.Error:
            return stop, start + reader.line_num
        return None

    def _take(self, index: int, row: list[str]) -> None:
        """Take a record that begins at a line as a row or a fault; or as nothing."""
        if len(row) != self.shape.width:
            if any(map(str.strip, row)):
                self._take_ragged(index, row)
        elif self.shape.damaged and "\ufffd" in "".join(row):
            self._fault(index, row, "encoding", _ENCODING)
        elif row[0] or any(map(str.strip, row)):
            self.rows.append((self.first_line + index, row))

    def _may_go_on(self, start: int) -> bool:
        """Tell whether an unclosed record is short enough to be a record yet."""
        open_lines = self.lines[start:]
        return (
            len(open_lines) <= _MOST_LINES_IN_RECORD
            and sum(map(len, open_lines)) <= _LONGEST_RECORD
        )

    def _swallowed(self, begin: int) -> bool:
        """Tell whether the second line of a misshapen record is a row of its own."""
        row = self._row_of_line(begin + 1)
        return row is not None and len(row) >= self.shape.needed

    def _take_alone(self, index: int) -> None:
        """Take one physical line by itself: a quote in it is astray."""
        row = self._row_of_line(index)
        if row is None:
            line = self.lines[index].strip()
            self._fault(index, [line], "stray_quote", _STRAY_QUOTE)
        elif len(row) != self.shape.width:
            self._take_ragged(index, row)
        elif any(map(str.strip, row)):
            self.rows.append((self.first_line + index, row))

    def _row_of_line(self, index: int) -> list[str] | None:
        line = _CLOSING_QUOTE_AND_SPACE.sub('"', self.lines[index])
        try:
            return next(_reader(iter([line]), self.shape.delimiter), [])
        except csv.Error:
            return None

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
_ENCODING = (
    "This row is not in the encoding of the file: save the file as CSV UTF-8 again."
)


def _reader(lines: Iterator[str], delimiter: str) -> "_csv.Reader":
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def parse_leniently(
    lines: Sequence[str], delimiter: str
) -> list[tuple[int, list[str]]]:
    """Return (index of the last line, cells) of the non-blank records among lines."""
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    return [(reader.line_num - 1, row) for row in reader if any(map(str.strip, row))]
