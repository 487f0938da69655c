"""Records of a customer file become customers' entries, or the issues they have. Pure.

Every row of every file comes this way, so it goes column by column: one reader is
mapped over the cells of a whole block. What a cell means is for its reader to say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from itertools import pairwise
from json.encoder import encode_basestring
from typing import NamedTuple, TypeVar, cast

from uploads.cells import CELL_ERRORS, LONGEST_TEXT, masked_value
from uploads.code_columns import find_codes
from uploads.column_readers import (
    CellReader,
    ColumnReader,
    Value,
    cell_reader,
    column_reader,
)
from uploads.columns import MEANINGS
from uploads.country_codes import with_codes
from uploads.layout import Layout
from uploads.name_headers import NAME_PARTS, name_columns
from uploads.name_parts import join_names, read_name_part
from uploads.national_ids import (
    digester,
    mask_national_ids,
    read_national_id,
)
from uploads.null_values import NULL_VALUES, NULL_VALUES_AND_NIL
from uploads.refusals import Refused
from uploads.row_issues import RowIssues

# What a row may bring to `customers`, in this order.
COLUMNS = (
    "full_name",
    "primary_phone",
    "alternate_phone",
    "national_id_masked",
    "national_id_digest",
    "email",
    "language",
    "state",
    "loan_number",
    "loan_amount",
    "outstanding_amount",
    "emi_amount",
    "due_date",
    "days_past_due",
    "last_contact_date",
    "as_of_date",
    "extra",
)
# What COPY is told to read as NULL. The reader takes control characters out, so no cell
# can say it, as one may well say \\N.
NULL = "\x01"
_BLANK = {**dict.fromkeys(COLUMNS[:9], ""), **dict.fromkeys(COLUMNS[9:16], NULL)}

_Cell = TypeVar("_Cell")


class Issue(NamedTuple):
    """What is wrong with one cell of a row."""

    line: int
    column: str
    value: str  # masked
    code: str
    message: str
    # Which loan the row speaks of, as far as its own cells could be read.
    loan_number: str = ""
    primary_phone: str = ""


@dataclass(frozen=True, slots=True)
class Entries:
    """Good rows, column by column: texts as COPY reads them, but not escaped yet.

    Of what the file has no column for there is none here either.
    """

    lines: Sequence[int]
    columns: dict[str, Sequence[str]]  # in the order of COLUMNS

    def __len__(self) -> int:
        return len(self.lines)


class RowReader:
    """Reads the rows of one file.

    A phone without country code is one of `region`; a moment with a zone of its own
    falls on its day in `zone`.
    """

    def __init__(
        self, layout: Layout, *, region: str, zone: tzinfo, national_id_key: bytes
    ) -> None:
        columns = layout.columns()
        self._parts = name_columns(columns.fields)
        self._places = columns.fields
        if self._parts:
            self._places = {"full_name": columns.fields[self._parts[0]]} | self._places
        self._headers = layout.headers
        self._digest = digester(national_id_key)
        self._readers = {
            name: column_reader(
                name, layout, region=region, zone=zone, blank=_BLANK[name]
            )
            for name in self._places
            if name != "national_id" and name not in NAME_PARTS
        }
        self._layout, self._region, self._zone = layout, region, zone
        self._codes = find_codes(layout.headers, layout.meanings)
        self._abroad: dict[tuple[str, str], CellReader] = {}
        self._extra = columns.extra
        self._masks = columns.masks()
        brought = {*self._places, *(["extra"] if columns.extra else [])}
        if "national_id" in brought:
            brought |= {"national_id_masked", "national_id_digest"}
        self.columns = tuple(name for name in COLUMNS if name in brought)

    def read(
        self, rows: Sequence[tuple[int, list[str]]]
    ) -> tuple[Entries, list[Issue]]:
        """Return the good rows, and what is wrong with the others.

        A row stands in one of the two; a bad one has an issue for each cell that is
        refused, the columns of the customer's fields first. Of more than
        `MOST_ISSUES` the last one says how many there are besides.
        """
        if not rows:
            return Entries([], {name: [] for name in self.columns}), []
        lines = [line for line, _ in rows]
        cells = list(zip(*[cells for _, cells in rows], strict=True))
        values: dict[str, list[str]] = {}
        refused = RowIssues()
        for name, read in self._readers.items():
            if name == "full_name" and self._parts:
                values[name] = self._read_names(cells, read, lines, refused)
                continue
            column = cells[self._places[name]]
            read_values = read(column)
            if name in self._codes:
                read_values = with_codes(
                    column,
                    cells[self._codes[name]],
                    read_values,
                    region=self._region,
                    read_in=partial(self._read_abroad, name),
                )
            values[name] = self._sift(name, read_values, column, lines, refused)
        if "national_id" in self._places:
            self._read_national_ids(cells, lines, values, refused)
        if self._extra:
            self._keep_extra(cells, lines, values, refused)
        bad = refused.rows()
        return (
            Entries(
                _without(lines, bad),
                {name: _without(values[name], bad) for name in self.columns},
            ),
            [
                _named(issue, index, values)
                for index in bad
                for issue in refused.of_row(index)
            ],
        )

    def _read_names(
        self,
        cells: Sequence[Sequence[str]],
        read: ColumnReader,
        lines: list[int],
        refused: RowIssues,
    ) -> list[str]:
        """Read names that stand in several columns."""
        columns, bad = [], set()
        for name in self._parts:
            column = cells[self._places[name]]
            parts = read_name_part(column)
            bad |= {n for n, part in enumerate(parts) if isinstance(part, Refused)}
            columns.append(self._sift(name, parts, column, lines, refused))
        if bad:  # said already
            columns = [
                ["" if n in bad else part for n, part in enumerate(column)]
                for column in columns
            ]
        joined = join_names(columns, is_whole=self._parts[0] == "full_name")
        names = read(joined)
        for index in bad:
            names[index] = ""
        return self._sift("full_name", names, joined, lines, refused)

    def _read_abroad(self, name: str, cell: str, country: str) -> Value:
        """Read a phone that the code beside it puts into another country."""
        if (name, country) not in self._abroad:
            self._abroad[name, country] = cell_reader(
                name,
                self._layout,
                region=country,
                zone=self._zone,
                blank=_BLANK[name],
            )
        return self._abroad[name, country].value(cell)

    def refuse_hidden(self, rows: Sequence[tuple[int, list[str]]]) -> list[Issue]:
        """Refuse rows that nobody saw in their workbook; say of which loans they are.

        Whatever else may be wrong with them shows when they come again.
        """
        values = {
            name: read([cells[self._places[name]] for _, cells in rows])
            for name, read in self._readers.items()
            if name in ("loan_number", "primary_phone")
        }
        return [
            _named(Issue(line, "", "", *_HIDDEN), index, values)
            for index, (line, _) in enumerate(rows)
        ]

    def _sift(
        self,
        name: str,
        values: list[Value],
        column: Sequence[str],
        lines: list[int],
        refused: RowIssues,
    ) -> list[str]:
        """Note what was refused among the values of a column."""
        header = self._headers[self._places[name]] or MEANINGS[name]
        kinds = list(map(type, values))
        index = -1
        for _ in range(kinds.count(Refused)):
            index = kinds.index(Refused, index + 1)
            shown = masked_value(name, column[index].strip())
            issue = Issue(lines[index], header, shown, *cast(Refused, values[index]))
            refused.add(index, issue)
        return cast(list[str], values)

    def _read_national_ids(
        self,
        cells: Sequence[Sequence[str]],
        lines: list[int],
        values: dict[str, list[str]],
        refused: RowIssues,
    ) -> None:
        """Fill in what may be shown of each id, and its digest."""
        column = cells[self._places["national_id"]]
        digests = [""] * len(column)
        shown: list[Value] = [""] * len(column)
        for index, cell in enumerate(column):
            if not cell or not (text := cell.strip()) or text in NULL_VALUES_AND_NIL:
                continue
            read = read_national_id(text)
            if not isinstance(read, Refused):
                shown[index], whole = read
                if whole:
                    digests[index] = self._digest(whole)
            else:
                shown[index] = CELL_ERRORS.get(text, read)
        values["national_id_digest"] = digests
        values["national_id_masked"] = self._sift(
            "national_id", shown, column, lines, refused
        )

    def _keep_extra(
        self,
        cells: Sequence[Sequence[str]],
        lines: list[int],
        values: dict[str, list[str]],
        refused: RowIssues,
    ) -> None:
        """Keep the cells of unmapped columns by their headers, as JSON."""
        members = []
        for place, key in self._extra.items():
            texts = _masked_column(cells[place], self._masks.get(place))
            if not CELL_ERRORS.keys().isdisjoint(texts):
                for index, text in enumerate(texts):
                    if error := CELL_ERRORS.get(text):
                        issue = Issue(lines[index], key, text, *error)
                        refused.add(index, issue)
            if len(max(texts, key=len)) > LONGEST_TEXT:
                for index, text in enumerate(texts):
                    if len(text) > LONGEST_TEXT:
                        too_long = _TOO_LONG._replace(line=lines[index])
                        refused.add(index, too_long)
            name = f"{encode_basestring(key)}: "
            members.append(
                [name + encode_basestring(text) if text else "" for text in texts]
            )
        values["extra"] = [
            f"{{{', '.join(filter(None, row))}}}" for row in zip(*members, strict=True)
        ]


def _named(issue: Issue, index: int, values: Mapping[str, Sequence[Value]]) -> Issue:
    """Return an issue with what of its row tells which loan it was to bring."""
    loan, phone = (
        values[name][index] if name in values else ""
        for name in ("loan_number", "primary_phone")
    )
    return issue._replace(
        loan_number=loan if isinstance(loan, str) else "",
        primary_phone=phone if isinstance(phone, str) else "",
    )


def _without(column: list[_Cell], bad: Sequence[int]) -> list[_Cell]:
    """Return a column without some of its places, which are given in order."""
    if not bad:
        return column
    kept = column[: bad[0]]
    for before, after in pairwise([*bad, len(column)]):
        kept += column[before + 1 : after]
    return kept


_HIDDEN = Refused(
    "row_hidden",
    "This row is hidden in the workbook, by a filter, a group or by hand, and was not "
    "loaded. If it belongs to the list, send it in with the refused rows.",
)
_TOO_LONG = Issue(
    0, "", "", "text_too_long", "A cell of this row is too long to be kept."
)


def _masked_column(
    column: Sequence[str], mask: Callable[[str], str] | None
) -> list[str]:
    """Return an unmapped column as it may be kept."""
    texts = [text.strip() for text in column]
    if not NULL_VALUES.isdisjoint(texts):
        texts = ["" if text in NULL_VALUES else text for text in texts]
    if mask:
        return list(map(mask, texts))
    # One search for the whole column; NUL parts its cells, as no cell can hold it.
    joined = "\x00".join(texts)
    masked = mask_national_ids(joined)
    return texts if masked is joined else masked.split("\x00")
