"""Records of a customer file become customers' entries, or the issues they have. Pure.

Every row of every file comes this way, so it goes column by column: one reader is
mapped over the cells of a whole block. What a cell means is for its reader to say.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, cast

from contacts.phones import USUAL_MOBILES
from uploads.amounts import (
    USUAL_AMOUNT,
    MoneyStyle,
    read_amount,
    read_days,
    read_european_amount,
)
from uploads.cells import (
    ABSENT,
    CELL_ERRORS,
    LONGEST_TEXT,
    masked_value,
    read_email,
    read_loan_number,
    read_name,
    read_phone,
    read_short_text,
)
from uploads.columns import LABELS, REQUIRED
from uploads.dates import read_date
from uploads.layout import DATE_FIELDS, Layout
from uploads.national_ids import (
    mask_as_national_id,
    mask_national_ids,
    read_national_id,
)
from uploads.refusals import Refused

# What a row brings to `customers`, in this order.
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
_BLANK = {
    **dict.fromkeys(COLUMNS[:9], ""),
    **dict.fromkeys(COLUMNS[9:16], NULL),
    "extra": "{}",
}
# Fields in which "NA" may mean nought, or must not stand at all.
_NEVER_ABSENT = frozenset(
    [*REQUIRED, "loan_amount", "outstanding_amount", "emi_amount", "days_past_due"]
)
# Few different cells, each in very many rows.
_REPETITIVE = frozenset([*DATE_FIELDS, "state", "language", "days_past_due"])
_REMEMBERED = 50_000
PHONE_FIELDS = ("primary_phone", "alternate_phone")

Value = str | Refused
Entry = tuple[int, tuple[str, ...]]

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


class Issue(NamedTuple):
    """What is wrong with one cell of a row."""

    line: int
    column: str
    value: str  # masked
    code: str
    message: str


class RowReader:
    """Reads the rows of one file."""

    def __init__(self, layout: Layout, *, region: str, national_id_key: bytes) -> None:
        columns = layout.columns()
        self._places = columns.fields
        self._headers = layout.headers
        self._key = national_id_key
        self._readers = {
            name: _column_reader(name, layout, region)
            for name in columns.fields
            if name != "national_id"
        }
        self._extra = columns.extra
        self._secret = columns.secret

    def read(
        self, rows: Sequence[tuple[int, list[str]]]
    ) -> tuple[list[Entry], list[Issue]]:
        """Return the good rows as (line, values in the order of COLUMNS), and the rest.

        Values are texts as COPY reads them, but not escaped yet. A row stands in one of
        the two; a bad one has an issue for each cell that is refused.
        """
        if not rows:
            return [], []
        numbers = [number for number, _ in rows]
        cells = list(zip(*[cells for _, cells in rows], strict=True))
        refused: dict[int, list[Issue]] = {}
        values = {name: [blank] * len(rows) for name, blank in _BLANK.items()}
        for name, read in self._readers.items():
            column = cells[self._places[name]]
            values[name] = self._sift(name, read(column), column, numbers, refused)
        if "national_id" in self._places:
            self._read_national_ids(cells, numbers, values, refused)
        if self._extra:
            self._keep_extra(cells, numbers, values, refused)
        entries = list(zip(numbers, zip(*values.values(), strict=True), strict=True))
        if not refused:
            return entries, []
        return (
            [entry for index, entry in enumerate(entries) if index not in refused],
            [issue for index in sorted(refused) for issue in refused[index]],
        )

    def _sift(
        self,
        name: str,
        values: list[Value],
        column: Sequence[str],
        numbers: list[int],
        refused: dict[int, list[Issue]],
    ) -> list[str]:
        """Note what was refused among the values of a column."""
        if Refused in set(map(type, values)):
            header = self._headers[self._places[name]] or LABELS[name]
            for index, value in enumerate(values):
                if isinstance(value, Refused):
                    shown = masked_value(name, column[index].strip())
                    issue = Issue(numbers[index], header, shown, *value)
                    refused.setdefault(index, []).append(issue)
                    values[index] = ""
        return cast(list[str], values)

    def _read_national_ids(
        self,
        cells: Sequence[Sequence[str]],
        numbers: list[int],
        values: dict[str, list[str]],
        refused: dict[int, list[Issue]],
    ) -> None:
        """Fill in what may be shown of each id, and its digest."""
        column = cells[self._places["national_id"]]
        digests = values["national_id_digest"]
        shown: list[Value] = [""] * len(column)
        for index, cell in enumerate(column):
            text = cell.strip()
            if not text:
                continue
            read = CELL_ERRORS.get(text) or read_national_id(text)
            if not isinstance(read, Refused):
                shown[index], whole = read
                if whole:
                    digests[index] = hmac.digest(
                        self._key, whole.encode(), "sha256"
                    ).hex()
            elif text.casefold() not in ABSENT:
                shown[index] = read
        values["national_id_masked"] = self._sift(
            "national_id", shown, column, numbers, refused
        )

    def _keep_extra(
        self,
        cells: Sequence[Sequence[str]],
        numbers: list[int],
        values: dict[str, list[str]],
        refused: dict[int, list[Issue]],
    ) -> None:
        """Keep the cells of unmapped columns by their headers, as JSON."""
        kept = [
            (key, _masked_column(cells[place], secret=place in self._secret))
            for place, key in self._extra.items()
        ]
        for key, column in kept:
            if CELL_ERRORS.keys().isdisjoint(column):
                continue
            for index, text in enumerate(column):
                if error := CELL_ERRORS.get(text):
                    issue = Issue(numbers[index], key, text, *error)
                    refused.setdefault(index, []).append(issue)
        keys = [key for key, _ in kept]
        extra = values["extra"]
        for index, row in enumerate(zip(*(column for _, column in kept), strict=True)):
            found = {key: text for key, text in zip(keys, row, strict=True) if text}
            if found:
                extra[index] = _encode(found)
                if len(extra[index]) > LONGEST_TEXT and any(
                    len(text) > LONGEST_TEXT for text in found.values()
                ):
                    too_long = _TOO_LONG._replace(line=numbers[index])
                    refused.setdefault(index, []).append(too_long)


_TOO_LONG = Issue(
    0, "", "", "text_too_long", "A cell of this row is too long to be kept."
)
_MISSING = {
    "full_name": Refused("name_missing", "The name is missing."),
    "primary_phone": Refused("phone_missing", "The phone number is missing."),
}


def _masked_column(column: Sequence[str], *, secret: bool) -> list[str]:
    """Return an unmapped column as it may be kept."""
    texts = [text.strip() for text in column]
    if secret:
        return list(map(mask_as_national_id, texts))
    # One search for the whole column; NUL parts its cells, as no cell can hold it.
    joined = "\x00".join(texts)
    masked = mask_national_ids(joined)
    return texts if masked is joined else masked.split("\x00")


class _CellReader(dict[str, Value]):
    """Reads the cells of one field; remembers them when they come again and again."""

    def __init__(self, name: str, read: Callable[[str], Value]) -> None:
        self.read = read
        self.blank: Value = _MISSING.get(name, _BLANK[name])
        self.may_be_absent = name not in _NEVER_ABSENT
        self.repetitive = name in _REPETITIVE

    def __missing__(self, cell: str) -> Value:
        value = self.value(cell)
        if len(self) < _REMEMBERED:
            self[cell] = value
        return value

    def value(self, cell: str) -> Value:
        text = cell.strip()
        if not text:
            return self.blank
        if text[0] == "#" and (error := CELL_ERRORS.get(text)):
            return error
        value = self.read(text)
        if isinstance(value, str):
            return value
        if self.may_be_absent and text.casefold() in ABSENT:
            return self.blank
        return value


ColumnReader = Callable[[Sequence[str]], list[Value]]


def _column_reader(name: str, layout: Layout, region: str) -> ColumnReader:
    """Return what reads a field's cells, the usual ones without a call for each."""
    reader = _CellReader(name, _reader(name, layout, region))
    if reader.repetitive:
        return lambda column: list(map(reader.__getitem__, column))
    careful = reader.value
    if reader.read is read_amount:
        usual = USUAL_AMOUNT.fullmatch
        return lambda column: [
            found[1].replace(",", "") + (found[2] or "")
            if (found := usual(cell))
            else careful(cell)
            for cell in column
        ]
    if name in PHONE_FIELDS and region in USUAL_MOBILES:
        code, mobiles = USUAL_MOBILES[region]
        mobile = mobiles.fullmatch
        return lambda column: [
            code + found[1] if (found := mobile(cell)) else careful(cell)
            for cell in column
        ]
    return lambda column: list(map(careful, column))


def _reader(name: str, layout: Layout, region: str) -> Callable[[str], Value]:
    """Return what reads the cells of a field in this file."""
    if name in PHONE_FIELDS:
        return partial(read_phone, region=region)
    if name in layout.date_orders:
        return partial(read_date, order=layout.date_orders[name])
    if name in layout.money_styles:
        european = layout.money_styles[name] is MoneyStyle.EUROPEAN
        return read_european_amount if european else read_amount
    return {
        "full_name": read_name,
        "email": read_email,
        "language": read_short_text,
        "state": read_short_text,
        "loan_number": read_loan_number,
        "days_past_due": read_days,
    }[name]


class LineWriter:
    """Writes entries as lines of COPY … FROM STDIN, in the text format.

    Ids are UUIDs of version 7 that follow each other, so a load appends to the index.
    The fingerprint is MD5 of phone|national id|timestamp|uuid4: unique, always. For the
    national id stands its digest.
    """

    columns = ("id", "tenant_id", "upload_id", "row_number", *COLUMNS, "fingerprint")

    def __init__(self, *, tenant_id: int, upload_id: int, now: datetime) -> None:
        self._owner = f"{tenant_id}\t{upload_id}"
        self._now = now.isoformat()
        self._ticks = int(now.timestamp() * 1000) << 12

    def lines(self, entries: Sequence[Entry]) -> bytes:
        """Return the lines of entries."""
        noise = os.urandom(23 * len(entries)).hex()
        now, owner, md5 = self._now, self._owner, hashlib.md5
        lines = []
        at = 0
        # 48 bits of milliseconds, then 12 that count on: RFC 9562, section 6.2.
        for tick, (number, values) in enumerate(entries, self._ticks):
            random = noise[at : at + 46]
            at += 46
            uuid4 = f"{random[:12]}4{random[12:15]}a{random[15:30]}"
            mark = f"{values[1]}|{values[4]}|{now}|{uuid4}".encode()
            lines.append(
                f"{tick >> 12:012x}7{tick & 4095:03x}b{random[30:45]}\t{owner}\t"
                f"{number}\t{TAB.join(values)}\t"
                f"{md5(mark, usedforsecurity=False).hexdigest()}\n"
            )
        self._ticks += len(entries)
        return "".join(lines).replace("\\", "\\\\").encode()


TAB = "\t"
