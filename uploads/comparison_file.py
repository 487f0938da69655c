"""A comparison of two files as CSV, line by line, so that memory stays flat."""

import csv
from collections.abc import Iterator
from typing import Any

from customers.comparing import Pair, read_pairs
from customers.models import ComparedGroup, Comparison
from customers.spreadsheet_cells import spreadsheet_cell

HEADER = (
    "Change",
    "Loan number",
    "Name",
    "Phone",
    "National id",
    "Outstanding before",
    "Outstanding after",
    "Outstanding change",
    "Days past due before",
    "Days past due after",
    "Due date before",
    "Due date after",
    "What changed",
    "Line before",
    "Line after",
)
# What the other file says of these nobody knows.
_REFUSED = (
    ComparedGroup.Outcome.UNREADABLE,
    ComparedGroup.Outcome.UNREADABLE_BEFORE,
)
_BOM = "\ufeff"  # or Excel takes UTF-8 for the alphabet of its country


class _Line:
    """What csv writes to: gives the line back instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def lines_of(comparison: Comparison) -> Iterator[str]:
    """Yield the file's lines: worse, better, unchanged, new, gone, then those whose row
    one of the files refused; those who owe most first."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield _BOM + writer.writerow(HEADER)
    groups = {
        group.outcome: group
        for group in comparison.groups.defer("earlier_ids", "later_ids")
    }
    for outcome in ComparedGroup.Outcome:
        # Who is under another phone is among the others already.
        if outcome in groups and outcome != ComparedGroup.Outcome.OTHER_PHONE:
            for pair in read_pairs(group=groups[outcome]):
                yield writer.writerow(_row(outcome, pair))


def _row(outcome: ComparedGroup.Outcome, pair: Pair) -> list[str]:
    before, after, newest = pair.earlier, pair.later, pair.newest
    changed = (
        [*pair.change.moves, *map(str, pair.change.differences)] if pair.change else []
    )
    if pair.issue is not None:
        changed = [f"Line {pair.issue.line}: {pair.issue.message}"]
    cells: list[Any] = [
        outcome.label,
        newest.loan_number,
        newest.full_name,
        newest.primary_phone,
        newest.national_id_masked,
        before and before.outstanding_amount,
        after and after.outstanding_amount,
        None if outcome in _REFUSED else _change(pair),
        before and before.days_past_due,
        after and after.days_past_due,
        before and before.due_date,
        after and after.due_date,
        "; ".join(changed),
        before and before.row_number,
        after and after.row_number,
    ]
    return [spreadsheet_cell("" if cell is None else str(cell)) for cell in cells]


def _change(pair: Pair) -> Any:
    before = pair.earlier.outstanding_amount if pair.earlier else 0
    after = pair.later.outstanding_amount if pair.later else 0
    return None if before is None or after is None else after - before
