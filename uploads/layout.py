"""What a customer file looks like: delimiter, header, columns. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from uploads.amounts import MoneyStyle
from uploads.code_columns import kept_places
from uploads.columns import (
    KEPT,
    LABELS,
    MEANINGS,
    MOST_COLUMNS,
    Columns,
    match_columns,
    nearest_header,
    told_apart,
)
from uploads.date_cells import DateCells
from uploads.dates import DateOrder
from uploads.encodings import Encoding, UnknownColumns, UnreadableFile
from uploads.header_names import known_fields
from uploads.national_ids import mask_national_ids
from uploads.records import Shape, after_last_line, parse_leniently
from uploads.refusals import LONGEST_CELL
from uploads.text import cleaned
from uploads.units import (
    MoneyUnit,
    find_amount,
    find_amount_in_unit,
    find_title_unit,
    find_unit,
)
from uploads.workbooks.notation import plain_head

DATE_FIELDS = ("due_date", "last_contact_date", "as_of_date")
MONEY_FIELDS = ("loan_amount", "outstanding_amount", "emi_amount")
_COUNT = frozenset([*DATE_FIELDS, *MONEY_FIELDS, "days_past_due"])

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_HEAD = 1 << 20
_HEAD_LINES = 200
_NAMED_IN_NOTICE = 12
_LONGEST_SHOWN = 100
_HEADER_WITHIN = 20  # rows
_ALIKE_IN_A_TABLE = 0.9
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the rows of one file are read; kept with the upload, as JSON."""

    encoding: str
    damaged: bool
    delimiter: str
    headers: tuple[str, ...]
    data_start: int
    first_line: int
    date_orders: dict[str, DateOrder] = field(default_factory=dict)
    money_styles: dict[str, MoneyStyle] = field(default_factory=dict)
    # Field by place, where somebody decided; None: by the headers' names.
    meanings: dict[int, str] | None = None
    # Date columns in which nothing says what stands first.
    open_dates: tuple[str, ...] = ()
    # Those whose order the cells or somebody told; None: kept before that was noted.
    told_dates: tuple[str, ...] | None = None
    sheet: str = ""  # of a workbook: its rows are lines, parted by tabs
    # Loan numbers of twelve digits are the lender's own. Where they are not, one that
    # passes for an Aadhaar number is taken for it.
    twelve_digit_loans: bool = True
    # By field, what amounts are counted in that are not in rupees, as somebody decided.
    units: dict[str, MoneyUnit] = field(default_factory=dict)
    # What stands above the header and names a unit, and the unit: amounts are in it
    # once somebody says so.
    title: str = ""
    title_unit: MoneyUnit | None = None
    # Somebody decided what the columns are, here or for an earlier file.
    confirmed: bool = False
    # Sentences: why somebody looks first, also where the header is known.
    held_for: tuple[str, ...] = ()
    # Rows of a workbook that nobody sees are loaded as all others.
    loads_hidden: bool = False
    hidden_count: int = 0
    # Date columns of a workbook in which Excel may have swapped day and month, and some
    # cells of each.
    date_cells: dict[str, DateCells] = field(default_factory=dict)
    swappable_cells: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def shape(self) -> Shape:
        columns = self.columns()
        return Shape(
            encoding=self.encoding,
            damaged=self.damaged,
            delimiter=self.delimiter,
            width=len(self.headers),
            needed=columns.width,
            is_sheet=bool(self.sheet),
            counts=frozenset(
                place for name, place in columns.fields.items() if name in _COUNT
            ),
            kept=frozenset(columns.extra),
            loads_hidden=self.loads_hidden,
        )

    @property
    def told_orders(self) -> dict[str, DateOrder]:
        """Orders that are more than the usual one of a column that says nothing."""
        return {
            name: order
            for name, order in self.date_orders.items()
            if self.told_dates is None or name in self.told_dates
        }

    @property
    def loaded_orders(self) -> dict[str, DateOrder]:
        """Orders that were told, or said to whoever had the rows loaded."""
        known = {*self.told_orders, *self.open_dates}
        return {n: order for n, order in self.date_orders.items() if n in known}

    @property
    def undecided_dates(self) -> tuple[str, ...]:
        """Date columns whose order neither the file nor anybody told."""
        return tuple(n for n in self.open_dates if n not in self.told_orders)

    def columns(self) -> Columns:
        return match_columns(
            self.headers, self.meanings, amounts_are_sure=self.title_unit is None
        )

    def all_meanings(self) -> dict[int, str]:
        """Return what the columns are, by place, as it is remembered."""
        fields = self.columns().fields
        return dict.fromkeys(kept_places(self.meanings), KEPT) | {
            place: name for name, place in fields.items()
        }

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "Layout":
        """Return the layout that was kept as JSON; other keys may stand beside it."""
        orders, styles = kept["date_orders"], kept["money_styles"]
        meanings = kept.get("meanings")
        return cls(
            encoding=kept["encoding"],
            damaged=kept["damaged"],
            delimiter=kept["delimiter"],
            headers=tuple(kept["headers"]),
            data_start=kept["data_start"],
            first_line=kept["first_line"],
            date_orders={name: DateOrder(order) for name, order in orders.items()},
            money_styles={name: MoneyStyle(style) for name, style in styles.items()},
            meanings=None
            if meanings is None
            else {int(place): name for place, name in meanings.items()},
            open_dates=tuple(kept.get("open_dates", ())),
            told_dates=tuple(told)
            if (told := kept.get("told_dates")) is not None
            else None,
            sheet=kept.get("sheet", ""),
            twelve_digit_loans=kept.get("twelve_digit_loans", True),
            units={
                name: MoneyUnit(unit) for name, unit in kept.get("units", {}).items()
            },
            title=kept.get("title", ""),
            title_unit=MoneyUnit(kept["title_unit"])
            if kept.get("title_unit")
            else None,
            confirmed=kept.get("confirmed", False),
            held_for=tuple(kept.get("held_for", ())),
            loads_hidden=kept.get("loads_hidden", False),
            hidden_count=kept.get("hidden_count", 0),
            date_cells={
                name: DateCells(how) for name, how in kept.get("date_cells", {}).items()
            },
            swappable_cells={
                name: tuple(cells)
                for name, cells in kept.get("swappable_cells", {}).items()
            },
        )


def find_layout(
    file: BinaryIO, encoding: Encoding, *, delimiter: str = "", sheet: str = ""
) -> tuple[Layout, list[str]]:
    """Find delimiter, unless it is given, and header in the first rows.

    `sheet` names the sheet of a workbook whose rows the lines are. A header of names
    that nobody knows is one too: somebody may know what they mean.
    """
    file.seek(encoding.bom)
    head = file.read(_HEAD)
    cut = len(head) if len(head) < _HEAD else after_last_line(head)
    if not cut:
        raise UnreadableFile(
            "The first line is longer than 1 MB: this is not a table of customers."
        )
    text, _ = cleaned(head[:cut], encoding.name, "replace")
    lines = (plain_head(text) if sheet else text).splitlines(keepends=True)
    skipped = next((n for n, line in enumerate(lines) if line.strip()), None)
    if skipped is None:
        raise UnreadableFile("The file is empty.")
    hint = None if sheet else _SEPARATOR_LINE.fullmatch(lines[skipped])
    if hint and hint[1] in DELIMITERS:
        skipped, delimiters = skipped + 1, [hint[1]]
    else:
        delimiters = list(DELIMITERS)
    lines = lines[skipped : skipped + _HEAD_LINES]
    if delimiter:
        delimiters = [delimiter]
    best = _best_attempt(lines, delimiters)
    if hint and not best.known and not delimiter:  # it is a hint, and may be wrong
        best = _best_attempt(lines, DELIMITERS)
    if not best.known:
        unknown = _unknown_header(lines, delimiters)
        if unknown is None:
            raise UnknownColumns(no_header_sentence(sheet))
        best = unknown
    if best.width > MOST_COLUMNS:
        raise UnreadableFile(
            f"This file has {best.width} columns. A list of customers has "
            f"{MOST_COLUMNS} at most: leave out those that nobody needs."
        )
    header_lines = skipped + best.last_line + 1
    raw_lines = head[:cut].splitlines(keepends=True)
    notices = [encoding.notice] if encoding.notice else []
    if best.delimiter != "," and not sheet:
        notices.append(f"The cells are separated by {DELIMITERS[best.delimiter]}.")
    if best.rows_above:
        notices.append(
            f"The header was found in {'row' if sheet else 'line'} {header_lines}; "
            "what stands above it was passed over."
        )
    if not best.known:
        notices.append("None of the headers has a name that is known here.")
    title, title_unit = _title_in_unit(lines, best)
    layout = Layout(
        encoding=encoding.name,
        damaged=encoding.damaged,
        delimiter=best.delimiter,
        headers=tuple(
            mask_national_ids(" ".join(header.split()))[:LONGEST_CELL]
            for header in best.headers[: best.width]
        ),
        data_start=encoding.bom + sum(map(len, raw_lines[:header_lines])),
        first_line=header_lines + 1,
        sheet=sheet,
        title=title,
        title_unit=title_unit,
    )
    return layout, notices


def _title_in_unit(
    lines: Sequence[str], header: "_Attempt"
) -> tuple[str, MoneyUnit | None]:
    """Return the cell above a header that names a unit, as it may be shown, and it."""
    above = parse_leniently(lines[: header.last_line + 1], header.delimiter)
    for _, row in above[: header.rows_above]:
        for cell in row[:MOST_COLUMNS]:
            if unit := find_title_unit(cell):
                title = mask_national_ids(" ".join(cell.split()))
                return title[:_LONGEST_SHOWN], unit
    return "", None


class _Attempt(NamedTuple):
    """What a delimiter makes of the first rows."""

    delimiter: str
    headers: list[str]
    last_line: int  # index of the header's last line
    rows_above: int
    known: int
    alike: float  # the share of rows as wide as the header
    width: int  # up to the last column with a header, or with a cell below it

    @property
    def score(self) -> tuple[int, float, int]:
        return self.known, self.alike, len(self.headers)


def _best_attempt(lines: Sequence[str], delimiters: Iterable[str]) -> _Attempt:
    attempts = [_try_delimiter(lines, delimiter) for delimiter in delimiters]
    return max(attempts, key=lambda attempt: attempt.score)


def _try_delimiter(lines: Sequence[str], delimiter: str) -> _Attempt:
    rows = parse_leniently(lines, delimiter)
    known, above = max(
        (
            # One that is wider is refused, whatever its columns are.
            (len(known_fields(row[:MOST_COLUMNS])), -index)
            for index, (_, row) in enumerate(rows[:_HEADER_WITHIN])
        ),
        default=(0, 0),
    )
    return _attempt(delimiter, rows, -above, known)


def _unknown_header(lines: Sequence[str], delimiters: Iterable[str]) -> _Attempt | None:
    """Return the header of a table whose columns have names of their own, if any.

    It is the first row that may be one: names in all its cells, each another, and
    below it rows that are as wide.
    """
    attempts = []
    for delimiter in delimiters:
        rows = parse_leniently(lines, delimiter)
        for above, (_, row) in enumerate(rows[:_HEADER_WITHIN]):
            if _may_be_names(row):
                attempts.append(_attempt(delimiter, rows, above, known=0))
                break
    tables = [attempt for attempt in attempts if attempt.alike > _ALIKE_IN_A_TABLE]
    return max(tables, key=lambda attempt: attempt.score, default=None)


def _may_be_names(row: Sequence[str]) -> bool:
    names = [cell.strip() for cell in row]
    while names and not names[-1]:
        names.pop()
    return len(set(names)) == len(names) > 1 and all(
        any(map(str.isalpha, name)) for name in names
    )


def _attempt(
    delimiter: str, rows: Sequence[tuple[int, list[str]]], above: int, known: int
) -> _Attempt:
    last_line, headers = rows[above] if rows else (0, [])
    below = rows[above + 1 :]
    alike = sum(len(row) == len(headers) for _, row in below) / (len(below) or 1)
    # What is blank to the right of the table may be very wide, and costs memory.
    width = max(map(_used_width, [headers, *(row for _, row in below)]))
    return _Attempt(
        delimiter,
        headers,
        last_line,
        above,
        known,
        alike,
        min(width, len(headers)),
    )


def _used_width(row: Sequence[str]) -> int:
    return max((place for place, cell in enumerate(row, 1) if cell.strip()), default=0)


def no_header_sentence(sheet: str) -> str:
    return (
        f"No header was found in the first {_HEADER_WITHIN} rows"
        + (f" of the sheet \u201c{sheet}\u201d" if sheet else "")
        + ": a row that names the columns, such as Customer Name, Mobile No, Loan No, "
        "EMI, Due Date."
    )


def missing_sentence(columns: Columns, headers: Sequence[str]) -> str:
    sentences = []
    for name in columns.missing:
        sentence = f"There is no column for the customer's {LABELS[name]}."
        if nearest := nearest_header(name, headers):
            sentence += (
                f" The nearest header is \u201c{nearest}\u201d: if that is it, "
                f"rename it to \u201c{LABELS[name]}\u201d."
            )
        sentences.append(sentence)
    found = ", ".join(header for header in headers if header)
    return f"{' '.join(sentences)} The headers found: {mask_national_ids(found[:500])}."


def column_notices(layout: Layout) -> list[str]:
    """Return what is to be said about the columns as they were taken."""
    columns = layout.columns()
    called = partial(told_apart, layout.headers)
    notices = [
        f"Both \u201c{called(taken)}\u201d and \u201c{called(other)}\u201d may be the "
        f"{MEANINGS[name]}: \u201c{called(taken)}\u201d was taken, the other is kept "
        "beside it."
        for name, taken, other in columns.doubled
    ]
    notices += [
        f"\u201c{header}\u201d looks like {LABELS[name]}, but is not sure enough to be "
        "taken for it: rename the column if it is."
        for header, name in columns.guesses
    ]
    kept = [key for place, key in columns.extra.items() if layout.headers[place]]
    if len(kept) > _NAMED_IN_NOTICE:
        more = f"{len(kept) - _NAMED_IN_NOTICE} more columns"
        kept = [*kept[:_NAMED_IN_NOTICE], more]
    if kept:
        notices.append(f"Kept as they are, beside the customer: {', '.join(kept)}.")
    return notices


def name_notices(layout: Layout) -> list[str]:
    """Return what is to be said where a first name alone was chosen as the name."""
    columns = layout.columns()
    name = columns.fields.get("full_name")
    if name is None or "first_name" not in known_fields([layout.headers[name]]):
        return []
    parts = {"middle_name", "last_name"}
    return [
        f"\u201c{told_apart(layout.headers, place)}\u201d is kept beside the customer, "
        f"and is not joined to \u201c{told_apart(layout.headers, name)}\u201d: choose "
        "both as parts of the name at the review of a file, if they are."
        for place in columns.extra
        if parts & known_fields([layout.headers[place]])
    ]


def units_decided(
    headers: Sequence[str],
    meanings: Mapping[int, str],
    decided: Mapping[int, MoneyUnit],
    *,
    title_unit: MoneyUnit | None = None,
) -> dict[str, MoneyUnit]:
    """Return by field the units of amounts that are not in rupees.

    `decided` has those that somebody chose, by place; else the header's own counts, or
    that of a title above it.
    """
    units = {
        name: decided.get(place)
        or find_unit(headers[place])
        or title_unit
        or MoneyUnit.RUPEES
        for place, name in meanings.items()
        if name in MONEY_FIELDS and place < len(headers)
    }
    return {name: unit for name, unit in units.items() if unit != MoneyUnit.RUPEES}


def unit_notices(layout: Layout) -> list[str]:
    """Return what is to be said about the amounts that are not in rupees."""
    columns = layout.columns()
    called = partial(told_apart, layout.headers)
    notices = [
        f"\u201c{called(columns.fields[name])}\u201d is read in {unit}: 1.5 is "
        f"{(unit.factor * 3 / 2).normalize():,f} rupees."
        for name, unit in layout.units.items()
        if name in columns.fields
    ]
    return notices + [
        f"\u201c{called(place)}\u201d is in {find_unit(layout.headers[place])}, not in "
        f"rupees: it is not taken for the {LABELS[name]} unless somebody says so at "
        "the review of a file, and is kept as it is."
        for place in columns.extra
        if (name := find_amount_in_unit(layout.headers[place]))
    ]


def title_sentences(layout: Layout) -> list[str]:
    """Return what is to be said about amounts below a title that names a unit."""
    columns = layout.columns()
    called = partial(told_apart, layout.headers)
    aside = [
        f"\u201c{called(place)}\u201d"
        for place in columns.extra
        if find_amount(layout.headers[place]) and not find_unit(layout.headers[place])
    ]
    if layout.title_unit is None or not aside:
        return []
    return [
        f"\u201c{layout.title}\u201d stands above the header: {' and '.join(aside)} "
        f"may be in {layout.title_unit}, and no amount is taken for rupees unless "
        "somebody says so at the review of a file. Until then it is kept as it is."
    ]
