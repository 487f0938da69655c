"""Tell a cell of several lines from a stray quotation mark that takes in rows. Pure.

Both are a record that csv reads without a complaint. Which of the two it is, its own
lines say, and nothing else: so it is the same wherever the file is cut.
"""

import csv
from collections.abc import Sequence

from uploads.null_values import NULL_VALUES_AND_NIL

# A phone has as many digits, or more.
_LONG_NUMBER = 7


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
    one of its further lines has enough cells. One of the right width does when

    - a further line has a long number where the record has its own, as phones are
      below each other, or
    - its first line is a row without the others, and has a long number where the record
      has one behind the cell of several lines, or
    - its first line and another are rows without the others, and nothing in them says
      otherwise: names do not stand where the record has numbers.
    """
    # Most cells of several lines are addresses: without a look at each of their words.
    most = max([line.count(delimiter) for line in lines[1:]]) + 1
    if not _is_row(record, needed, width):
        return most >= needed and any(
            len(cells_of(line, delimiter)) >= needed for line in lines[1:]
        )
    first, behind = _several_lines(record)
    is_row, has_number = False, False
    if lines[0].count(delimiter) + 1 >= needed:
        if behind == len(record) and most <= first and most < needed:
            return False  # no further line is near to a row
        opening = cells_of(lines[0], delimiter)
        is_row = _is_row(opening, needed, width)
        is_row = is_row and not _differ(record[behind:], opening[behind:])
        has_number = is_row and _share_a_number(record[behind:], opening[behind:])
    if has_number:
        return True
    before = record[:first]
    for line in lines[1:]:
        if line.count(delimiter) < min(first, needed - 1):
            continue
        cells = cells_of(line, delimiter)
        if len(cells) > first and _share_a_number(before, cells):
            return True
        if (
            is_row
            and _is_row(cells, needed, width)
            and not _differ(before, cells)
            and (not first or any(map(str.strip, cells[:first])))
        ):
            return True
    return False


def heads_rows(record: Sequence[str], lines: Sequence[str], *, delimiter: str) -> bool:
    """Tell whether lines that csv made one header of have a row among them.

    No header has a long number ahead of a name of several lines; a row has its phone.
    """
    first, _ = _several_lines(record)
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


def _is_row(cells: Sequence[str], needed: int, width: int) -> bool:
    return needed <= len(cells) and not any(map(str.strip, cells[width:]))


def _several_lines(record: Sequence[str]) -> tuple[int, int]:
    """Return the first place of cells of several lines, and the one behind the last."""
    places = [
        place for place, cell in enumerate(record) if "\n" in cell or "\r" in cell
    ]
    return places[0], places[-1] + 1


def _share_a_number(record: Sequence[str], cells: Sequence[str]) -> bool:
    return any(
        _is_long_number(kept) and _is_long_number(cell)
        for kept, cell in zip(record, cells, strict=False)
    )


def _is_long_number(cell: str) -> bool:
    return sum(map(str.isdigit, cell)) >= _LONG_NUMBER


def _differ(record: Sequence[str], cells: Sequence[str]) -> bool:
    """Tell whether numbers and words stand in each other's places, mostly."""
    kinds = [
        {_kind(kept), _kind(cell)}
        for kept, cell in zip(record, cells, strict=False)
        if _kind(kept) and _kind(cell)
    ]
    return kinds.count({"number", "word"}) > kinds.count({"number"})


def _kind(cell: str) -> str:
    if any(map(str.isalpha, cell)):
        return "" if cell.strip() in NULL_VALUES_AND_NIL else "word"
    return "number" if any(map(str.isdigit, cell)) else ""
