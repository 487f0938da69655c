"""The choices of a file's uploader, as a form made for that file."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from uploads.choices import Choices, header_fingerprint
from uploads.code_columns import code_columns, kept_places
from uploads.columns import (
    KEPT,
    LABELS,
    MEANINGS,
    REQUIRED,
    told_apart,
)
from uploads.date_cells import DateCells, told_both_ways
from uploads.dates import DateOrder
from uploads.encodings import CHOICES as ENCODINGS
from uploads.layout import DELIMITERS, MONEY_FIELDS
from uploads.models import FileUpload
from uploads.reviewing import Reviewed
from uploads.units import MoneyUnit, find_amount, find_unit

# A form has at most 1,000 fields; beyond these a column keeps the meaning it was given.
_COLUMNS_OFFERED = 200

_MEANINGS = [
    ("", "keep it as it is"),
    *(
        (name, f"{label} *" if name in REQUIRED else label)
        for name, label in MEANINGS.items()
    ),
]
_ENCODINGS = [*ENCODINGS.items()]
_DELIMITERS = [*DELIMITERS.items()]
_ORDERS = [
    (order.value, f"{order} ({order.example})")
    for order in (DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST)
]
_UNITS = [
    (MoneyUnit.RUPEES.value, "amounts in rupees"),
    *((unit.value, f"amounts in {unit}") for unit in list(MoneyUnit)[1:]),
]


_DATE_CELLS = [
    ("", "choose which day they mean"),
    (DateCells.AS_THEY_SAY.value, "as the cells say"),
    (DateCells.SWAPPED_BACK.value, "day and month swapped back"),
]
_HIDDEN_ROWS = [
    ("refuse", "are refused, and come back with the refused rows"),
    ("load", "are loaded like all others"),
]


class ColumnChoice(NamedTuple):
    """A column as the page shows it."""

    header: str
    samples: list[str]
    field: Any
    cells: Any  # the field for its date cells, where Excel may have swapped them
    readings: list[tuple[str, str]]  # of some of these, both ways
    order: Any  # the field for its dates, where nothing in the file settles them
    code: Any  # the field for what it is to a phone, where it is a country code
    unit: Any  # the field for what its amounts are counted in, where the header says it
    note: str
    is_asked: bool


class ReviewForm(forms.Form):
    """How a file is to be read, each choice as it stands."""

    def __init__(
        self, *args: Any, upload: FileUpload, reviewed: Reviewed, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.reviewed = reviewed
        layout = reviewed.layout
        self.units = Choices.of(upload.choices).units
        self.meanings = {
            place: name
            for place, name in (layout.meanings or layout.all_meanings()).items()
            if name != KEPT
        }
        self.codes = code_columns(layout.headers, layout.meanings)
        if str(upload.file.name) == upload.rows_file:
            self._offer("encoding", "Encoding", _ENCODINGS, layout.encoding)
        if not layout.sheet:
            self._offer(
                "delimiter", "Cells are separated by", _DELIMITERS, layout.delimiter
            )
        if layout.hidden_count:
            self._offer(
                "hidden_rows",
                f"Rows that are hidden in the workbook ({layout.hidden_count:,})",
                _HIDDEN_ROWS,
                "load" if layout.loads_hidden else "refuse",
            )
        for place in self._offered():
            header = told_apart(layout.headers, place)
            meaning = self.meanings.get(place, "")
            self._offer(f"column_{place}", f"{header} is", _MEANINGS, meaning)
            if unit := self._unit_of(place):
                self._offer(
                    f"unit_{place}", f"Amounts of {header} are", _UNITS, unit.value
                )
            if place in self.codes:
                self._offer(
                    f"code_{place}",
                    f"{header} is to phones",
                    [
                        ("use", f"the country code of {self.codes[place]}"),
                        ("keep", "nothing: phones are read without it"),
                    ],
                    "keep" if place in kept_places(layout.meanings) else "use",
                )
        for name in layout.date_cells:
            how = layout.date_cells[name]
            self._offer(
                f"cells_{name}",
                f"Date cells of the {LABELS[name]}",
                _DATE_CELLS,
                "" if how is DateCells.IN_DOUBT else how.value,
            )
        for name in layout.open_dates:
            self._offer(
                f"dates_{name}",
                f"Dates of the {LABELS[name]} are read",
                _ORDERS,
                layout.date_orders[name].value,
            )

    def choices(self) -> Choices:
        """Return what is chosen, as far as it differs from what was found."""
        chosen, found = self.cleaned_data, self.reviewed.found
        kept = kept_places(self.reviewed.layout.meanings)
        meanings = dict.fromkeys(kept, KEPT) | self.meanings
        for place in self._offered():
            as_code = chosen.get(f"code_{place}", "use")
            meanings[place] = chosen[f"column_{place}"] or (
                KEPT if as_code == "keep" else ""
            )
        encoding, delimiter = chosen.get("encoding", ""), chosen.get("delimiter", "")
        return Choices(
            encoding="" if encoding == found.encoding else encoding,
            delimiter="" if delimiter == found.delimiter else delimiter,
            loads_hidden=chosen.get("hidden_rows") == "load",
            header=header_fingerprint(self.reviewed.layout.headers),
            meanings={place: name for place, name in meanings.items() if name},
            date_cells={
                name: DateCells(how)
                for name in self.reviewed.layout.date_cells
                if (how := chosen[f"cells_{name}"])
            },
            date_orders={
                name: DateOrder(chosen[f"dates_{name}"])
                for name in self.reviewed.layout.open_dates
            },
            units={
                place: MoneyUnit(chosen[f"unit_{place}"])
                for place in self._offered()
                if f"unit_{place}" in chosen
            },
        )

    def columns(self) -> Iterator[ColumnChoice]:
        """Yield the columns with their samples and what is to be said about each."""
        layout = self.reviewed.layout
        by_names = replace(layout, meanings=None).columns()
        guesses = set(by_names.guesses)
        for place in self._offered():
            header, meaning = layout.headers[place], self.meanings.get(place, "")
            rivals = [
                other if place == taken else taken
                for _, taken, other in by_names.doubled
                if place in (taken, other)
            ]
            note = ""
            if rivals:
                rival = told_apart(layout.headers, rivals[0])
                note = f"“{rival}” may be the same: which is it?"
            elif meaning and (header.strip(), meaning) in guesses:
                note = "A guess by its name: look whether it is right."
            if not note and not meaning:
                note = self._unit_note(header)
            dates, cells = f"dates_{meaning}", f"cells_{meaning}"
            unit, code = f"unit_{place}", f"code_{place}"
            yield ColumnChoice(
                told_apart(layout.headers, place),
                self.reviewed.checked.samples.get(place, []),
                self[f"column_{place}"],
                self[cells] if cells in self.fields else None,
                [
                    told_both_ways(cell)
                    for cell in layout.swappable_cells.get(meaning, ())
                ],
                self[dates] if dates in self.fields else None,
                self[code] if code in self.fields else None,
                self[unit] if unit in self.fields else None,
                note,
                bool(note) or not self.fields.keys().isdisjoint((dates, cells)),
            )

    @property
    def columns_beyond(self) -> int:
        """How many columns are kept as they are without being offered."""
        helpers = self.reviewed.layout.columns().helpers
        return len(self.reviewed.layout.headers) - len(helpers) - len(self._offered())

    def _unit_of(self, place: int) -> MoneyUnit | None:
        """Return in what a column's amounts are read; None where nobody has to ask."""
        layout = self.reviewed.layout
        header, meaning = layout.headers[place], self.meanings.get(place, "")
        unit = find_unit(header) or layout.title_unit
        if meaning in MONEY_FIELDS and (unit or meaning in layout.units):
            return layout.units.get(meaning, MoneyUnit.RUPEES)
        is_amount = find_unit(header) or find_amount(header)
        return self.units.get(place, unit if is_amount else None)

    def _unit_note(self, header: str) -> str:
        name, title = find_amount(header), self.reviewed.layout.title
        if unit := find_unit(header):
            why = f"Its header says {unit}, not rupees"
        else:
            why = f"“{title}” stands above the header" if title else ""
        if not name or not why:
            return ""
        return f"The {LABELS[name]}? {why}: choose what it is, and look at the unit."

    def _offered(self) -> list[int]:
        columns = self.reviewed.layout.columns()
        places = sorted({*columns.fields.values(), *columns.extra})
        taken = set(self.meanings)
        return [
            place
            for index, place in enumerate(places)
            if index < _COLUMNS_OFFERED or place in taken
        ]

    def _offer(
        self, name: str, label: str, choices: list[tuple[str, str]], initial: str
    ) -> None:
        self.fields[name] = forms.ChoiceField(
            label=label,
            choices=choices,
            required=bool(choices[0][0]),  # a column may well have no meaning
            initial=initial,
            widget=UnfoldAdminSelectWidget,
        )
