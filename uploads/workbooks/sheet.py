"""A worksheet's rows, each as the line of its own number. Pure.

Memory is flat, whatever the sheet holds. An XML parser reads it, but for the rows
written the way that Excel writes them: one expression takes these apart, twice as fast.
"""

import re
from collections.abc import Callable, Sequence
from typing import IO, BinaryIO

from uploads.columns import MOST_COLUMNS, letter
from uploads.encodings import UnreadableFile
from uploads.workbooks.archive import DAMAGED, TOO_LARGE
from uploads.workbooks.book import Book
from uploads.workbooks.elements import Attributes, UsualElements, new_parser
from uploads.workbooks.notation import HIDDEN_ROW
from uploads.workbooks.values import (
    FORMULA_WITHOUT_VALUE,
    field_text,
    formatted_text,
    number_cell,
    shown_text,
    text_cell,
)

# Some 350,000 rows of 14 columns.
MOST_CELLS = 5_000_000
MOST_WRITTEN = 256 << 20
_MOST_ROWS = 1 << 20

# Rows are as wide as the widest of these: the header is among them.
_FIRST_ROWS = 200
_REMEMBERED = 50_000

_ROW = r'<row r="([0-9]{1,7})"( [^<>&]*+)?>'
# Five groups: the style; the place of a shared text, or a text, or type and value.
# What is possessive is not tried again in another way.
_CELL = (
    r'(?:<c r="%s[0-9]+"(?: s="([0-9]+)")?+(?: t="s"><v>([0-9]{1,9})</v></c>'
    r'| t="inlineStr"><is><t(?: xml:space="preserve")?+>([^<&]++)</t></is></c>'
    r'|(?: t="([a-z]+)")?+(?:/>|><v>([^<&]++)</v></c>)))?+'
)
_GROUPS = 5
_WIDEST_USUAL = 100
_NUMBERS = ("", "n")
_TEXTS = ("str", "inlineStr")
# By a filter, a group or by hand; rows without a height are not seen either.
_TRUE = ("1", "true", "on")
_HIDDEN = re.compile(
    r"""\s(?:hidden\s*+=\s*+["'](?:1|true|on)["']|ht\s*+=\s*+["']0(?:\.0*+)?["'])"""
)
_DIGITS_OF_PLACE = 10  # more than any place among the shared texts has
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
# At most 15 digits, and nothing that would be written in another way.
_USUAL_NUMBER = re.compile(
    r"(?:[1-9][0-9]{0,9}|0)(?:\.[0-9]{0,4}[1-9])?|[1-9][0-9]{10,14}"
)


# Is given a row's number, its cells, and whether it is hidden.
_TakeRow = Callable[[int, list[str], bool], None]


def is_hidden_row(attributes: Attributes) -> bool:
    """Tell whether nobody sees a row: a filter, a group or somebody's hand hides it."""
    return attributes.get("hidden") in _TRUE or _is_nought(attributes.get("ht"))


def is_hidden_column(attributes: Attributes) -> bool:
    return attributes.get("hidden") in _TRUE or _is_nought(attributes.get("width"))


def _is_nought(size: str | None) -> bool:
    return bool(size and size.strip("0") in ("", "."))


def _places_of(attributes: Attributes) -> range:
    """Return the places of columns that share their attributes."""
    first, last = attributes.get("min", ""), attributes.get("max", "")
    if not (first[:6].isdecimal() and last[:6].isdecimal()):
        return range(0)
    return range(max(int(first[:6]) - 1, 0), min(int(last[:6]), MOST_COLUMNS))


def usual_row(width: int) -> re.Pattern[str]:
    """Return what takes apart a row of so many cells, without its end tag."""
    return re.compile(_ROW + "".join(_CELL % letter(place) for place in range(width)))


class SheetWriter:
    """Writes a sheet's rows as lines, parted by tabs."""

    def __init__(self, book: Book, strings: Sequence[str], target: BinaryIO) -> None:
        self.row_count = 0  # with anything in them
        self.hidden_columns: list[int] = []
        self._values = _Values(book, strings)
        self._target = target
        self._last_row = self._last_taken = 0
        self._first_lines: list[tuple[int, list[str], bool]] | None = []
        self._width = 0
        self._lines: list[str] = []
        self._cells_left = MOST_CELLS
        self._written = 0

    def write(self, file: IO[bytes]) -> None:
        """Write all rows of a worksheet's XML."""
        reader = _RowReader(self._values, self._take)
        reader.read(file, self._flush)
        self.hidden_columns = sorted(
            place for place in reader.hidden_columns if place < self._width
        )
        self._end_first_lines()
        self._flush()

    def _take(self, number: int, cells: list[str], is_hidden: bool) -> None:
        """Take the texts of a row; rows that are left out are blank lines."""
        if not self._last_row < number <= _MOST_ROWS:
            raise UnreadableFile(DAMAGED)
        self._last_row = number
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            return  # of an empty sheet nothing is written, and the next one is read
        skipped = number - self._last_taken - 1
        self._last_taken = number
        self._cells_left -= len(cells)
        if self._cells_left < 0:
            raise UnreadableFile(TOO_LARGE)
        self.row_count += 1
        if self._first_lines is not None:
            if self.row_count <= _FIRST_ROWS:
                self._width = max(self._width, len(cells))
                self._first_lines.append((skipped, cells, is_hidden))
                return
            self._end_first_lines()
        self._append(skipped, cells, is_hidden)

    def _append(self, skipped: int, cells: list[str], is_hidden: bool) -> None:
        if skipped:
            self._lines.append("\n" * skipped)
        if is_hidden:
            self._lines.append(HIDDEN_ROW)
        line = "\t".join(cells) + "\t" * (self._width - len(cells))
        self._lines.append(line + "\n")

    def _end_first_lines(self) -> None:
        first_lines, self._first_lines = self._first_lines, None
        for skipped, cells, is_hidden in first_lines or ():
            self._append(skipped, cells, is_hidden)

    def _flush(self) -> None:
        data = "".join(self._lines).encode("utf-8", "replace")
        self._lines.clear()
        self._written += len(data)
        if self._written > MOST_WRITTEN:
            raise UnreadableFile(TOO_LARGE)
        self._target.write(data)


class _Values:
    """What stands in a cell, by its type and style."""

    def __init__(self, book: Book, strings: Sequence[str]) -> None:
        self.strings = strings
        self.meanings = book.meanings
        self.formats = book.formats
        # Their numbers are not written as they stand.
        self.special = book.meanings.keys() | book.formats.keys()
        self.text_styles = {
            style for style, shown in book.formats.items() if shown.shows_texts
        }
        self._from_1904 = book.from_1904
        self._formatted: dict[tuple[str, str], str] = {}

    def text(self, kind: str, style: str, written: str) -> str:
        """Return a cell that is not blank as the field of a line."""
        if kind == "s":
            is_place = written.isdecimal() and len(written) < _DIGITS_OF_PLACE
            place = int(written) if is_place else -1
            if not 0 <= place < len(self.strings):
                raise UnreadableFile(DAMAGED)
            return self.styled(self.strings[place], style)
        if kind == "b":
            return "FALSE" if written.strip() == "0" else "TRUE"
        if kind in _TEXTS:
            return self.styled(text_cell(written), style)
        if kind not in _NUMBERS:  # errors, and dates in ISO's way
            return field_text(written)
        if style not in self.meanings:
            return number_cell(written.strip(), self.formats.get(style))
        # The same days come again and again.
        if (text := self._formatted.get((style, written))) is None:
            text = formatted_text(
                written.strip(), self.meanings[style], from_1904=self._from_1904
            )
            if len(self._formatted) < _REMEMBERED:
                self._formatted[style, written] = text
        return text

    def styled(self, field: str, style: str) -> str:
        """Return a text as its style shows it."""
        if style not in self.text_styles:
            return field
        return shown_text(field, self.formats[style])


class _Places(dict[str, int]):
    """The places of columns, by their letters."""

    def __missing__(self, letters: str) -> int:
        place = 0
        for mark in letters:
            place = place * 26 + ord(mark) - ord("A") + 1
        self[letters] = place - 1
        return place - 1


class _RowReader:
    """Takes a worksheet's XML in pieces and hands on its rows."""

    def __init__(self, values: _Values, take: _TakeRow) -> None:
        self._values = values
        self._take = take
        self._places = _Places()
        self._usual_row: re.Pattern[str] | None = None
        self._usual_width = 0
        self._is_hidden = False
        self.hidden_columns: set[int] = set()
        self._within_data = False
        self._number = 0  # of the row
        self._numbered = True
        self._cells: list[str] = []
        self._place = 0
        self._kind = self._style = ""
        self._has_formula = self._spoken = self._listening = False
        self._pieces: list[str] = []
        self._parser = parser = new_parser()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def read(self, file: IO[bytes], after_chunk: Callable[[], None]) -> None:
        elements = UsualElements(
            self._parser, end_tag="</row>", take_usual=self._take_usual
        )
        elements.read(file, after_chunk)

    def _take_usual(self, row: str) -> bool:
        """Take a row without its end tag; False if it is written in another way."""
        if not self._usual_row or not self._within_data:
            return False
        found = self._usual_row.fullmatch(row)
        if found is None:
            return False
        values, strings = self._values, self._values.strings
        special, is_usual = values.special, _USUAL_NUMBER.fullmatch
        text_styles = values.text_styles
        parts = found.groups("")
        cells: list[str] = []
        append = cells.append
        try:
            for style, shared, text, kind, written in zip(
                *(parts[group::_GROUPS] for group in range(2, _GROUPS + 2)), strict=True
            ):
                if style in text_styles and (shared or text):
                    field = strings[int(shared)] if shared else text_cell(text)
                    append(values.styled(field, style))
                elif shared:
                    append(strings[int(shared)])
                elif text:
                    append(text_cell(text))
                elif not written:
                    append("")
                elif kind in _NUMBERS and style not in special and is_usual(written):
                    append(written)
                else:
                    append(values.text(kind, style, written))
        except IndexError as exc:
            raise UnreadableFile(DAMAGED) from exc
        self._number = int(parts[0])
        is_hidden = bool(parts[1] and _HIDDEN.search(parts[1]))
        self._take(self._number, cells, is_hidden)
        return True

    def _learn_width(self, width: int) -> None:
        """Have rows that are as wide as this one taken apart at once from now on."""
        if self._usual_width < width <= _WIDEST_USUAL:
            self._usual_width = width
            self._usual_row = usual_row(width)

    def _fill(self, cells: list[str], place: int) -> None:
        """Make cells long enough for one at this place to follow."""
        if place >= MOST_COLUMNS:
            raise UnreadableFile(
                f"There is a cell in column {letter(place)}, far away from the table. "
                f"A sheet of customers has {MOST_COLUMNS} columns at most: delete "
                "what stands beside it, or save the table alone as CSV."
            )
        cells += [""] * (place - len(cells))

    def _start(self, tag: str, attributes: Attributes) -> None:
        name = tag.rpartition(":")[2]
        if name == "sheetData":
            self._within_data = True
        if not self._within_data:
            if name == "col" and is_hidden_column(attributes):
                self.hidden_columns.update(_places_of(attributes))
            return
        if name == "c":
            self._start_cell(attributes)
        elif name in ("v", "t"):
            self._listening = not self._spoken
        elif name == "f":
            self._has_formula = True
        elif name == "rPh":
            self._spoken = True
        elif name == "row":
            number = attributes.get("r", "")
            self._numbered = number.isdecimal()
            self._number = int(number[:9]) if self._numbered else self._number + 1
            self._cells, self._place = [], -1
            self._is_hidden = is_hidden_row(attributes)

    def _start_cell(self, attributes: Attributes) -> None:
        self._kind = attributes.get("t", "")
        self._style = attributes.get("s", "")
        self._has_formula = False
        self._pieces.clear()
        if found := _REFERENCE.fullmatch(attributes.get("r", "")):
            self._place = self._places[found[1]]
            if not self._numbered:  # its row has no number of its own
                self._number, self._numbered = int(found[2]), True
        else:  # by its place, as some report programs write
            self._place += 1

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if not self._within_data:
            return
        if name == "c":
            self._end_cell()
        elif name in ("v", "t"):
            self._listening = False
        elif name == "rPh":
            self._spoken = False
        elif name == "row":
            self._learn_width(len(self._cells))
            self._take(self._number, self._cells, self._is_hidden)
        elif name == "sheetData":
            self._within_data = False

    def _end_cell(self) -> None:
        written = "".join(self._pieces)
        if written:
            text = self._values.text(self._kind, self._style, written)
        elif self._has_formula and self._kind != "str":
            text = FORMULA_WITHOUT_VALUE
        else:
            return
        if self._place < len(self._cells):
            self._cells[self._place] = text
        else:
            self._fill(self._cells, self._place)
            self._cells.append(text)

    def _text(self, text: str) -> None:
        if self._listening:
            self._pieces.append(text)
