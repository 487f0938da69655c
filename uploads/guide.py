"""What each column of a customer file may hold, with examples. Pure.

The examples are read by what reads customer files, so the page cannot say otherwise
than the product does; a test reads them all.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from customers.rupees import rupees
from uploads.amounts import MoneyStyle
from uploads.columns import LABELS, REQUIRED
from uploads.dates import DateOrder
from uploads.header_names import aliases
from uploads.layout import DATE_FIELDS, MONEY_FIELDS, Layout
from uploads.rows import NULL, RowReader

_NAME = (
    "The customer's name, in any script, with at least one letter. In columns of its "
    "parts it is joined in the order of names, wherever they stand: First Name (Given "
    "Name, FName, पहला नाम), Middle Name (MName, मध्य नाम), Last Name (Surname, Family "
    "Name, LName, उपनाम). A last name beside a whole name is added where it is not "
    "in it. A father's, a nominee's or anybody else's name is kept aside."
)
_INDIA = ZoneInfo("Asia/Kolkata")
_PHONE = (
    "A mobile number, with or without country code; without it, it is one of the "
    "tenant's country. Its country code may stand in a column of its own (Country "
    "Code, ISD Code, Dial Code), which the review names and can turn off. Format the "
    "column as text, or Excel destroys digits."
)
_PHONES_TAKEN = (
    "9876543210", "09876543210", "+91 98765-43210", "0091 9876543210",
    "९८७६५४३२१०", "+1 650 253 0000",
)  # fmt: skip
_PHONES_REFUSED = (
    "9.19876E+11", "98765", "987654321012", "9876543210 (wife)", "1234567890",
    "9876543210 / 9876543211", "0891-2561234", "080 98765432",
)  # fmt: skip
_MONEY = (
    "Rupees. A minus, brackets or nothing at all are read as they are meant. A header "
    "with a unit, as Loan Amount (in Lakhs), is read only once you say so, and so is "
    "every amount below a line such as Amounts in Rs. Lakhs. 15.000 is "
    "fifteen thousand where the column, or another one of the file, is written as "
    "1.250,00; else it is refused."
)
_MONEY_TAKEN = (
    "1,25,000", "₹15,000.50", "Rs. 500/-", "INR 1250", "1.25 lakh", "2 cr",
    "(1,250)",
)  # fmt: skip
_MONEY_REFUSED = ("1,250,00", "15.000", "Nil", "1_000", "about 500")
_DATE = (
    "A date. What stands first, day or month, is decided for the whole column; where "
    "nothing in it tells, you are asked; so you are where Excel may have swapped them. "
    "A moment with a zone falls on its day in the tenant's zone."
)
_DATES_TAKEN = (
    "2026-12-05", "05/12/2026", "5-Dec-26", "5 December 2026", "46361",
    "2026-12-04T18:30:00Z",
)  # fmt: skip
_DATES_REFUSED = ("31-02-2026", "2026-13-01", "soon", "05/12/1826")

# about, two rows of the template, taken, refused
_FIELDS: dict[str, tuple[str, tuple[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "full_name": (
        _NAME,
        ("Asha Verma", "विक्रम सिंह"),
        ("Asha Verma", "विक्रम सिंह", "D'Souza, Maria"),
        ("12345", "NULL"),
    ),
    "primary_phone": (
        _PHONE, ("9876543210", "+91 98765 43211"), _PHONES_TAKEN, _PHONES_REFUSED,
    ),
    "alternate_phone": (
        "A second mobile number. Blank, NA and - mean that there is none.",
        ("", "09876543212"),
        ("9876543210", "NA", "#N/A"),
        ("98765", "022 2345 6789"),
    ),
    "national_id": (
        "Aadhaar or PAN. It is never kept whole: four characters to show, and a "
        "keyed digest to find the customer by.",
        ("XXXX XXXX 2346", ""),
        ("2341 2341 2346", "XXXX XXXX 2346", "ABCPK1234F"),
        ("2341 2341 2345", "2.34123E+11", "12345"),
    ),
    "email": (
        "One e-mail address.",
        ("asha@example.com", ""),
        ("asha@example.com", "NA"),
        ("asha at example.com", "a@example.com, b@example.com"),
    ),
    "language": (
        "Any text.", ("Hindi", "Marathi"), ("Hindi", "हिन्दी"), (),
    ),
    "state": (
        "A state, region or branch: any text.",
        ("Maharashtra", "Karnataka"),
        ("Maharashtra", "Pune Branch"),
        (),
    ),
    "loan_number": (
        "The loan's number as you write it. Format the column as text: a number cell "
        "is taken as its format shows it, and keeps 15 digits at most.",
        ("LN-2407", "000418"),
        ("LN-2407", "000418", "MH/2024/77"),
        ("1.23457E+11", "1E+15"),
    ),
    "loan_amount": (_MONEY, ("1,25,000", "80000"), _MONEY_TAKEN, _MONEY_REFUSED),
    "outstanding_amount": (
        _MONEY, ("80,500.50", "42000"), ("80,500.50", "-1250", "0", "NULL"),
        _MONEY_REFUSED,
    ),
    "emi_amount": (_MONEY, ("4,250", "3100"), ("4,250", "₹4250"), ("4,25",)),
    "due_date": (_DATE, ("2026-11-05", "2026-09-16"), _DATES_TAKEN, _DATES_REFUSED),
    "days_past_due": (
        "How many days the payment is late.", ("0", "45"), ("0", "45"), ("31-60", "x"),
    ),
    "last_contact_date": (
        _DATE, ("2026-10-02", ""), ("2026-10-02", "02-10-2026"), ("31-02-2026",),
    ),
    "as_of_date": (
        "The day for which the amounts hold. " + _DATE,
        ("2026-10-31", "2026-10-31"),
        ("2026-10-31", "31/10/2026"),
        ("30/02/2026",),
    ),
}  # fmt: skip


class Example(NamedTuple):
    """A cell, and what becomes of it: a value or a refusal."""

    cell: str
    result: str


class Column(NamedTuple):
    """What a column may hold."""

    field: str
    label: str
    is_required: bool
    about: str
    headers: list[str]
    taken: list[Example]
    refused: list[Example]


def columns() -> Iterator[Column]:
    """Yield what there is to know of each field."""
    for field, (about, _, taken, refused) in _FIELDS.items():
        yield Column(
            field,
            LABELS[field],
            field in REQUIRED,
            about,
            aliases(field),
            [Example(cell, _shown(field, read_cell(field, cell)[0])) for cell in taken],
            [Example(cell, read_cell(field, cell)[1]) for cell in refused],
        )


def _shown(field: str, kept: str) -> str:
    """Return what is kept as a page of the desk shows it: 2 cr is ₹2,00,00,000."""
    if not kept:
        return "none"
    if field in MONEY_FIELDS:
        return str(rupees(Decimal(kept)))
    if field in DATE_FIELDS:
        day = date.fromisoformat(kept)
        return f"{day.day} {day:%b %Y}"
    return kept


def template_rows() -> list[list[str]]:
    """Return the header and two rows of the template."""
    samples = [samples for _, samples, _, _ in _FIELDS.values()]
    header = [LABELS[field][0].upper() + LABELS[field][1:] for field in _FIELDS]
    return [header, *map(list, zip(*samples, strict=True))]


def read_cell(field: str, cell: str) -> tuple[str, str]:
    """Return what a cell is kept as, and why it is refused; one of them is blank."""
    cells = {"full_name": "Asha", "primary_phone": "9876543210", field: cell}
    layout = Layout(
        encoding="utf-8",
        damaged=False,
        delimiter=",",
        headers=tuple(LABELS[name] for name in cells),
        data_start=0,
        first_line=1,
        date_orders={
            name: DateOrder.DAY_FIRST for name in DATE_FIELDS if name == field
        },
        money_styles={
            name: MoneyStyle.INDIAN for name in MONEY_FIELDS if name == field
        },
        meanings=dict(enumerate(cells)),
    )
    reader = RowReader(layout, region="IN", zone=_INDIA, national_id_key=b"of no row")
    entries, issues = reader.read([(1, list(cells.values()))])
    if issues:
        return "", issues[0].message
    kept = "national_id_masked" if field == "national_id" else field
    value = entries.columns[kept][0]
    return ("" if value == NULL else value), ""
