"""A lender's customer file, of any length and with the dirt such files come with.

The same seed makes the same bytes. All people in it are invented.
"""

import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import islice
from typing import BinaryIO

HEADER = (
    "Customer Name,Mobile No,Alternate Mobile,Aadhaar No,Email,Language,State,Loan No,"
    "Loan Amount,Outstanding,EMI,Due Date,DPD,Last Contact Date\n"
)
BAD_SHARE = 0.04
_SEED = 20241115
_ROWS_A_WRITE = 5_000

_FIRST = [
    *("Asha", "Vikram", "Meera", "Sandeep", "Kiran", "Farhan", "Lata", "Gopal"),
    *("Nisha", "Tarun", "Uma", "Yusuf", "Divya", "Hemant", "Jaya", "Manoj", "Rekha"),
    *("Joseph", "आशा", "विक्रम"),
]
_LAST = [
    *("Kadam", "Rathi", "Kaul", "Qureshi", "Hegde", "Menon", "Chopra", "Borkar"),
    *("Solanki", "Lobo", "Dutta", "Joshi", "Shetty", "Gill", "Thakur", "Bhat"),
    *("D'Souza", "कदम"),
]
_STATES = ("Maharashtra", "Karnataka", "Kerala", "Gujarat", "Tamil Nadu", "Bihar")
_LANGUAGES = ("hi", "mr", "en", "ta", "")
_SERIES = ("98", "97", "99", "96", "95", "94", "93")
_DAYS = [date(2024, 1, 1) + timedelta(days=day) for day in range(540)]
_EXCEL_DAY_ZERO = date(1899, 12, 30)

_PHONES: tuple[Callable[[str], str], ...] = (
    lambda mobile: mobile,
    lambda mobile: f"+91{mobile}",
    lambda mobile: f"0{mobile}",
    lambda mobile: f"91{mobile}",
    lambda mobile: f"+91 {mobile[:5]} {mobile[5:]}",
    lambda mobile: f"+91-{mobile}",
    lambda mobile: f"{mobile[:5]} {mobile[5:]}",
    lambda mobile: f"'{mobile}",
    lambda mobile: f"{mobile}.0",
    lambda mobile: f"0091{mobile}",
)
_AMOUNTS: tuple[Callable[[int], str], ...] = (
    str,
    str,
    lambda rupees: f"{rupees}.50",
    lambda rupees: f'"{lakh_commas(rupees)}"',
    lambda rupees: f'"₹{lakh_commas(rupees)}"',
    lambda rupees: f"Rs. {rupees}/-",
)
_DATES: tuple[Callable[[date], str], ...] = (
    lambda day: day.strftime("%d/%m/%Y"),
    lambda day: day.isoformat(),
    lambda day: day.strftime("%d-%b-%y"),
    lambda day: str((day - _EXCEL_DAY_ZERO).days),
)
# By column: what a clerk, a phone or Excel makes of a cell, and nobody can read.
_SPOILT = (
    (0, ""),
    (1, "9.19876E+11"),
    (1, "98765O3210"),
    (1, "9876543210/9876543211"),
    (1, "022 2888 1234"),
    (3, "234123412347"),
    (8, '"1,250,00"'),
    (10, "NaN"),
    (11, "31-Feb-24"),
    (12, "31-60"),
)
# Verhoeff's tables, as UIDAI publishes them.
_PRODUCT = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_INVERSE = "0432156789"


def write_portfolio(target: BinaryIO, *, rows: int) -> None:
    """Write a file of so many rows, four in a hundred of them bad."""
    target.write(HEADER.encode())
    lines = _lines(rows)
    while some := "".join(islice(lines, _ROWS_A_WRITE)):
        target.write(some.encode())


def lakh_commas(rupees: int) -> str:
    """Return an amount as India groups it: 12,34,567."""
    head, tail = divmod(rupees, 1000)
    groups = [f"{tail:03}"]
    while head >= 100:
        head, pair = divmod(head, 100)
        groups.insert(0, f"{pair:02}")
    return ",".join([str(head), *groups]) if head else str(tail)


def aadhaar(first_eleven: str) -> str:
    """Return eleven digits with the check digit that belongs to them."""
    check = 0
    for place, mark in enumerate(reversed(first_eleven), start=1):
        digit = int(mark)
        for _ in range(place % 8):
            digit = _TURN[digit]
        check = int(_PRODUCT[check][digit])
    return first_eleven + _INVERSE[check]


def _lines(rows: int) -> Iterator[str]:
    rng = random.Random(_SEED)
    choice, between = rng.choice, rng.randrange
    ids = [aadhaar(str(between(2 * 10**10, 10**11))) for _ in range(20_000)]
    for number in range(rows):
        mobile = f"{choice(_SERIES)}{between(10**8):08}"
        rupees = between(5_000, 2_500_000)
        amount = choice(_AMOUNTS)
        cells = [
            f"{choice(_FIRST)} {choice(_LAST)}",
            choice(_PHONES)(mobile),
            choice(_PHONES)(f"98{between(10**8):08}") if number % 4 == 0 else "",
            choice(ids) if number % 2 else "",
            f"person{number}@example.com" if number % 3 == 0 else "",
            choice(_LANGUAGES),
            choice(_STATES),
            f"LN{number:010}",
            amount(rupees),
            amount(between(rupees)),
            amount(rupees // 24),
            choice(_DATES)(choice(_DAYS)),
            str(between(180)),
            choice(_DATES)(choice(_DAYS)),
        ]
        if rng.random() < BAD_SHARE:
            place, spoilt = choice(_SPOILT)
            cells[place] = spoilt
        yield ",".join(cells) + "\n"
