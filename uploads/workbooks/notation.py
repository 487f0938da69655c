"""What the lines of a workbook's rows say besides their cells. Pure.

The conversion writes it, and `uploads.records` takes it out again, before anybody reads
a cell. The marks are noncharacters, which Unicode leaves to a program's own use: what
a workbook's own texts have of them is dropped.

Cells that Excel shows as a day are written in ISO's way, and nothing else is: a text
that looks like one has a blank behind it.
"""

import re

# Before the first cell of a row that nobody sees.
HIDDEN_ROW = "\ufdd0"
# Between what identifies something and what counts something. `HL004711`, mark, `4711`:
# as the cell's format shows it, and the cell's number.
SHOWN = "\ufdd1"
# Behind that mark, where the number has more digits than a number cell keeps. Before it
# stand the digits that are sure, with an exponent; behind it all that were written.
LONG = "\ufdd2"

_MARKS = re.compile("[\ufdd0-\ufdd2]")
_SHOWN_FIRST = re.compile("(?<![^\t\n])[^\t\n\ufdd1]*+\ufdd1\ufdd2?+")
_DATE_CELL = re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}(?:[ T][0-9:.]{8,16})?")


def without_marks(text: str) -> str:
    """Return a workbook's own text, which marks nothing."""
    return text if text.isascii() else _MARKS.sub("", text)


def is_date_cell(cell: str) -> bool:
    """Tell whether the cell of a line is one that Excel shows as a day."""
    return bool(_DATE_CELL.fullmatch(cell))


def told_from_date_cells(text: str) -> str:
    """Return a text that no date cell looks like."""
    if text[4:5] == "-" and _DATE_CELL.fullmatch(text):
        return f"{text} "
    return text


def both_ways(shown: str, number: str) -> str:
    """Return a cell that is read in one way or another, by its column."""
    return f"{shown}{SHOWN}{number}"


def plain_head(text: str) -> str:
    """Return lines as they are looked through for a header: names and numbers."""
    if HIDDEN_ROW in text:
        text = text.replace(HIDDEN_ROW, "")
    return _SHOWN_FIRST.sub("", text) if SHOWN in text else text


def one_way(cell: str, *, counts: bool, is_kept: bool) -> str:
    """Return what a cell is in its column.

    `counts`: of amounts, days and dates. `is_kept`: of what is kept as it is.
    """
    shown, mark, number = cell.partition(SHOWN)
    if not mark:
        return cell
    if number[:1] == LONG:
        return number[1:] if counts or is_kept else shown
    return number if counts else shown
