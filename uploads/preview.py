"""The first rows of a customer file, checked before anything is written. Pure.

Nothing of it is kept: it is made from the file each time somebody looks.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any, BinaryIO, NamedTuple

from uploads.columns import KEPT, LABELS, MEANINGS, nearest_header, told_apart
from uploads.date_cells import DateCells
from uploads.header_names import known_fields
from uploads.layout import Layout
from uploads.loan_numbers import masked_loan_number
from uploads.national_ids import mask_as_national_id, mask_national_ids
from uploads.null_values import NULL_VALUES
from uploads.reader import Evidence
from uploads.records import Block, read_blocks
from uploads.rows import Issue, RowReader

ROWS_CHECKED = 1_000
_FIRST_SHOWN = 8
_ROWS_SHOWN = 20
_COLUMNS_SHOWN = 24
_SAMPLES = 3
_LONGEST_SHOWN = 40


class Problem(NamedTuple):
    """What rows have in common that are refused."""

    column: str
    message: str
    row_count: int
    line: int
    value: str  # of that line, masked


class Cell(NamedTuple):
    """A cell as it may be shown, and why it is refused."""

    text: str
    refused: str


class Row(NamedTuple):
    """A row of the table of first rows."""

    line: int
    cells: list[Cell]
    refused: str  # what is wrong with the row as a whole
    is_bad: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the first rows show."""

    good: int
    bad: int
    problems: list[Problem]
    places: list[int]  # of the columns in `rows`
    rows: list[Row]
    samples: dict[int, list[str]]  # by place

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Checked":
        """Return what another process checked, and told as JSON."""
        return cls(
            good=told["good"],
            bad=told["bad"],
            problems=[Problem(*problem) for problem in told["problems"]],
            places=told["places"],
            rows=[
                Row(line, [Cell(*cell) for cell in cells], refused, is_bad)
                for line, cells, refused, is_bad in told["rows"]
            ],
            samples={int(place): few for place, few in told["samples"].items()},
        )


def first_rows(file: BinaryIO, layout: Layout, *, limit: int = ROWS_CHECKED) -> Block:
    """Read the first rows, and no more of the file than holds them."""
    rows, hidden, faults, cleaned_count = [], [], [], 0
    end = file.seek(0, 2)
    blocks = read_blocks(
        file,
        layout.shape(),
        start=layout.data_start,
        end=end,
        first_line=layout.first_line,
    )
    for block in blocks:
        rows += block.rows
        hidden += block.hidden
        faults += block.faults
        cleaned_count += block.cleaned_count
        if len(rows) + len(hidden) + len(faults) >= limit:
            break
    lines = sorted(
        [*(row[0] for row in [*rows, *hidden]), *(fault.line for fault in faults)]
    )
    last = lines[:limit][-1] if lines else 0
    return Block(
        start=layout.data_start,
        end=end,
        first_line=layout.first_line,
        next_line=last + 1,
        rows=[row for row in rows if row[0] <= last],
        faults=[fault for fault in faults if fault.line <= last],
        cleaned_count=cleaned_count,
        hidden=[row for row in hidden if row[0] <= last],
    )


def settle(layout: Layout, block: Block, *, known: Layout) -> Layout:
    """Decide how dates and amounts are read.

    `known` saw the whole file: what it says of a column it read as the same field
    stands above what the first rows show.
    """
    evidence = Evidence(replace(layout, money_styles={}))
    evidence.look_at(block.with_hidden())
    orders, styles = evidence.date_orders(), evidence.money_styles()
    open_dates, told = set(evidence.open_dates()), set(evidence.told_dates())
    date_cells, swappable = evidence.date_cells(), evidence.swappable_cells()
    twelve_digit_loans = evidence.twelve_digit_loans()
    if (known.headers, known.delimiter) == (layout.headers, layout.delimiter):
        before, now = known.columns().fields, layout.columns().fields
        same = {name for name, place in now.items() if before.get(name) == place}
        told |= same & known.told_orders.keys()
        for name in same & set(known.date_orders):
            if name in known.open_dates:
                open_dates.add(name)
                orders[name] = layout.date_orders.get(name, known.date_orders[name])
            else:
                open_dates.discard(name)
                orders[name] = known.date_orders[name]
        for name in same & set(known.date_orders):
            date_cells.pop(name, None)
        for name in same & set(known.date_cells):
            date_cells[name] = layout.date_cells.get(name, DateCells.IN_DOUBT)
            swappable[name] = known.swappable_cells.get(name, ())
        styles |= {n: known.money_styles[n] for n in same & set(known.money_styles)}
        if "loan_number" in same:
            twelve_digit_loans = known.twelve_digit_loans
    return replace(
        layout,
        date_orders=orders,
        money_styles=styles,
        twelve_digit_loans=twelve_digit_loans,
        date_cells=date_cells,
        swappable_cells={name: swappable[name] for name in date_cells},
        open_dates=tuple(name for name in orders if name in open_dates),
        told_dates=tuple(name for name in orders if name in told),
    )


def check(
    block: Block,
    layout: Layout,
    *,
    region: str,
    zone: tzinfo,
    national_id_key: bytes,
) -> Checked:
    """Check rows as they will be when they are loaded."""
    reader = RowReader(
        layout, region=region, zone=zone, national_id_key=national_id_key
    )
    entries, issues = reader.read(block.rows)
    issues += reader.refuse_hidden(block.hidden)
    issues += [Issue(f.line, "", "", f.code, f.message) for f in block.faults]
    by_line: dict[int, list[Issue]] = defaultdict(list)
    for issue in issues:
        by_line[issue.line].append(issue)
    places = _places_shown(layout)
    return Checked(
        good=len(entries),
        bad=len(by_line),
        problems=_problems(issues),
        places=places,
        rows=_rows_shown(block, layout, by_line, places),
        samples=_samples(block, layout),
    )


def open_questions(layout: Layout) -> list[str]:
    """Return what must be answered before a row can be loaded."""
    questions = []
    for name in layout.columns().missing:
        nearest = nearest_header(name, layout.headers)
        hint = f" Perhaps “{nearest}”?" if nearest else ""
        questions.append(
            f"Which column is the customer's {LABELS[name]}? Choose it.{hint}"
        )
    meanings = layout.meanings or {}
    places: dict[str, list[int]] = defaultdict(list)
    for place, name in meanings.items():
        if name != KEPT:
            places[name].append(place)
    for name, several in places.items():
        if len(several) > 1:
            named = " and ".join(
                f"“{told_apart(layout.headers, place)}”" for place in several
            )
            questions.append(
                f"{named} are both chosen as the {MEANINGS[name]}: keep one of them."
            )
    if meanings and {"full_name", "first_name"} <= places.keys():
        whole, part = (
            told_apart(layout.headers, places[name][0])
            for name in ("full_name", "first_name")
        )
        questions.append(
            f"“{whole}” is chosen as the whole name, and “{part}” as the first name: "
            "keep one of them."
        )
    questions += [
        f"Which days do the date cells of “{layout.headers[place]}” mean? Choose it "
        "below, at the column."
        for name, place in layout.columns().fields.items()
        if layout.date_cells.get(name) is DateCells.IN_DOUBT
    ]
    # It would be stored whole.
    questions += [
        f"“{layout.headers[place]}” holds national ids: read it as that, or keep it "
        "as it is, masked."
        for place, name in meanings.items()
        if name not in ("national_id", KEPT)
        and known_fields([layout.headers[place]]) == _ID
    ]
    return questions


_ID = {"national_id"}


def _problems(issues: Sequence[Issue]) -> list[Problem]:
    groups: dict[tuple[str, str, str], list[Issue]] = defaultdict(list)
    for issue in issues:
        groups[issue.code, issue.column, issue.message].append(issue)
    problems = []
    for (_, column, message), group in groups.items():
        first = min(group, key=lambda issue: issue.line)
        count = len({issue.line for issue in group})
        problems.append(Problem(column, message, count, first.line, first.value))
    return sorted(problems, key=lambda problem: (-problem.row_count, problem.line))


def _places_shown(layout: Layout) -> list[int]:
    """Return the columns that were taken for something, and some of the others."""
    columns = layout.columns()
    taken = set(columns.fields.values())
    room = max(_COLUMNS_SHOWN - len(taken), 0)
    named = [place for place in columns.extra if layout.headers[place]]
    return sorted(taken | set(named[:room]))


def _rows_shown(
    block: Block,
    layout: Layout,
    by_line: dict[int, list[Issue]],
    places: Sequence[int],
) -> list[Row]:
    """Return the first rows, and after them the first bad ones."""
    cells = dict(block.with_hidden().rows)
    lines = sorted({*cells, *by_line})
    later_bad = [line for line in lines[_FIRST_SHOWN:] if line in by_line]
    shown = [*lines[:_FIRST_SHOWN], *later_bad[: _ROWS_SHOWN - _FIRST_SHOWN]]
    masks = _Masks(layout)
    fields = layout.columns().fields
    place_of = {
        layout.headers[place] or MEANINGS[name]: place for name, place in fields.items()
    }
    rows = []
    for line in shown:
        refused = {
            place_of.get(issue.column, -1): issue.message
            for issue in by_line.get(line, ())
        }
        row = cells.get(line)
        rows.append(
            Row(
                line,
                [
                    Cell(
                        _short(masks(place, row[place]))
                        if place in refused or row[place].strip() not in NULL_VALUES
                        else "",
                        refused.get(place, ""),
                    )
                    for place in places
                ]
                if row
                else [],
                refused.get(-1, ""),
                line in by_line,
            )
        )
    return rows


def _samples(block: Block, layout: Layout) -> dict[int, list[str]]:
    masks = _Masks(layout)
    samples: dict[int, list[str]] = {}
    rows = block.with_hidden().rows
    for place in range(len(layout.headers)):
        found: list[str] = []
        for _, cells in rows:
            text = cells[place].strip()
            if not text or text in NULL_VALUES:
                continue
            if (shown := _short(masks(place, text))) not in found:
                found.append(shown)
                if len(found) == _SAMPLES:
                    break
        samples[place] = found
    return samples


class _Masks:
    """Shows cells as they will be kept."""

    def __init__(self, layout: Layout) -> None:
        columns = layout.columns()
        ids = {
            place
            for place, header in enumerate(layout.headers)
            if known_fields([header]) == _ID
        }
        self._ids = ids | {columns.fields.get("national_id", -1)}
        self._masks = columns.masks()
        self._loan_number = columns.fields.get("loan_number")
        self._loans_are_guarded = not layout.twelve_digit_loans

    def __call__(self, place: int, text: str) -> str:
        if place in self._ids:
            return mask_as_national_id(text)
        if mask := self._masks.get(place):
            return mask(text)
        if place == self._loan_number:
            return masked_loan_number(text) if self._loans_are_guarded else text
        return mask_national_ids(text)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
