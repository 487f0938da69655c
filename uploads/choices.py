"""What an uploader decided about how a file is read. Pure.

Kept with the upload, so that every reading of the file follows it. Decisions about
columns belong to one header: another delimiter makes another header of the same line.
"""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from uploads.columns import is_helper
from uploads.date_cells import DateCells
from uploads.dates import DateOrder
from uploads.header_names import LONGEST_HEADER, fold
from uploads.layout import Layout, units_decided
from uploads.units import MoneyUnit

# No folded header holds it, so that no two headers run into one.
_BETWEEN = "\x1f"
# Besides currencies and other symbols.
_MEANT = frozenset("#%&@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Decisions; what is blank stays as it is found."""

    encoding: str = ""
    delimiter: str = ""
    # Rows of a workbook that nobody sees are loaded as all others.
    loads_hidden: bool = False
    # Whose columns the following are.
    header: str = ""
    meanings: dict[int, str] = field(default_factory=dict)
    date_orders: dict[str, DateOrder] = field(default_factory=dict)
    # By place, also rupees where the header says otherwise.
    units: dict[int, MoneyUnit] = field(default_factory=dict)
    # It is to be loaded although the same bytes were loaded before.
    again: bool = False
    # Of this file only: the next one of this header was saved by another Excel.
    date_cells: dict[str, DateCells] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "Choices":
        meanings, orders = kept.get("meanings", {}), kept.get("date_orders", {})
        return cls(
            encoding=kept.get("encoding", ""),
            delimiter=kept.get("delimiter", ""),
            loads_hidden=kept.get("loads_hidden", False),
            header=kept.get("header", ""),
            meanings={int(place): name for place, name in meanings.items()},
            date_orders={name: DateOrder(order) for name, order in orders.items()},
            units={
                int(place): MoneyUnit(unit)
                for place, unit in kept.get("units", {}).items()
            },
            again=kept.get("again", False),
            date_cells={
                name: DateCells(how) for name, how in kept.get("date_cells", {}).items()
            },
        )

    def are_about(self, layout: Layout) -> bool:
        """Tell whether the columns that were decided on are those of this file."""
        return self.header == header_fingerprint(layout.headers)

    def applied_to(self, layout: Layout) -> Layout:
        """Return the layout as it was decided."""
        return replace(
            layout,
            meanings=self.meanings,
            date_orders=self.date_orders,
            told_dates=None,
            units=units_decided(
                layout.headers,
                self.meanings,
                self.units,
                title_unit=layout.title_unit,
            ),
            confirmed=True,
            date_cells=self.date_cells,
        )


def header_fingerprint(headers: Sequence[str]) -> str:
    """Return what headers are known by that differ in spelling only.

    A sign that means something makes another header: "₹" is not "#". The two columns
    that a rejected-rows file has besides do not count: mended, it is of the same shape
    as the file it came from.
    """
    folded = [_spelled_alike(header) for header in headers if not is_helper(header)]
    return hashlib.sha256(_BETWEEN.join(folded).encode()).hexdigest()


def _spelled_alike(header: str) -> str:
    letters = fold(header)
    signs = "".join(
        mark
        for mark in unicodedata.normalize("NFKC", header[:LONGEST_HEADER])
        if mark in _MEANT or unicodedata.category(mark)[0] == "S"
    )
    return f"{letters}{signs}" or " ".join(header.split())


def in_order(headers: Sequence[str], meanings: Mapping[int, str]) -> list[str]:
    """Return the field of each column, blank for one that is kept as it is."""
    return [
        meanings.get(place, "")
        for place, header in enumerate(headers)
        if not is_helper(header)
    ]


def by_place(headers: Sequence[str], fields: Sequence[str]) -> dict[int, str]:
    """Return the fields of `in_order` by the places of these headers."""
    places = [place for place, header in enumerate(headers) if not is_helper(header)]
    return {place: name for place, name in zip(places, fields, strict=True) if name}
