"""Whole columns, read the fast way, hold what the careful way reads cell by cell.

100,000 and more cells, from a seed: as people write them, and as nobody should.
"""

import hashlib
import hmac
import random
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from contacts import phones
from uploads import amounts
from uploads.amounts import MoneyStyle
from uploads.column_readers import Value, cell_reader, column_reader
from uploads.dates import DateOrder
from uploads.layout import Layout
from uploads.national_ids import digester
from uploads.null_values import NULL_VALUES
from uploads.refusals import Refused
from uploads.rows import RowReader

INDIA = ZoneInfo("Asia/Kolkata")
LAYOUT = Layout(
    encoding="utf-8",
    damaged=False,
    delimiter=",",
    headers=("Name", "Mobile", "Alternate Mobile", "Aadhaar", "Email", "State",
             "Language", "Loan No", "Loan Amount", "EMI", "Due Date", "DPD", "Remark"),
    data_start=0,
    first_line=2,
    date_orders={"due_date": DateOrder.DAY_FIRST},
    money_styles={"loan_amount": MoneyStyle.INDIAN, "emi_amount": MoneyStyle.EUROPEAN},
)  # fmt: skip
ABSENT = ["", "", " ", "\n", "NA", "n/a", "-", "--", "nil", "None", "not available",
          "NULL", "NaN", "\\N", "undefined", "#N/A"]  # fmt: skip
DIRT = " \t-+().,'\"₹/xX०९²eE_:;\u200b\xa0\\"


def mobile(rng: random.Random) -> str:
    return f"{rng.choice('6789')}{rng.randrange(10**9):09}"


def phone(rng: random.Random) -> str:
    number = mobile(rng)
    cut = rng.randint(0, 10)
    before = rng.choice(
        ["", "", "0", "91", "+91", "+91 ", "(+91) ", "0091", "'", "tel:"]
    )
    between = rng.choice(["", "", " ", "-", ") ", " (0) "])
    after = rng.choice(["", "", ".0", ".00", " ", "/", f"/{mobile(rng)}", " (wife)"])
    return f"{before}{number[:cut]}{between}{number[cut:]}{after}"


def amount(rng: random.Random) -> str:
    whole = rng.choice([str, "{:,}".format])(rng.randrange(10 ** rng.randint(1, 13)))
    if rng.random() < 0.4:
        whole = re.sub(r"(?<=\d)(?=(\d\d)+\d$)", ",", whole.replace(",", ""))
    before = rng.choice(["", "", "₹", "₹ ", "Rs. ", "Rs", "INR ", "-", "(", "+"])
    paise = rng.choice(["", "", ".5", ".50", ".500", ".505", ",50", "."])
    after = rng.choice(["", "", "/-", "-", ")", " lakh", " Cr", " crore", "e3", " "])
    return f"{before}{whole}{paise}{after}"


def day(rng: random.Random) -> str:
    year, month, of_month = (
        rng.randint(1890, 2110),
        rng.randint(0, 13),
        rng.randint(0, 32),
    )
    mark = rng.choice("-/. ")
    name = rng.choice(["Jan", "FEB", "march", "Sept", "December", "Foo"])
    return rng.choice([
        f"{year}{mark}{month:02}{mark}{of_month:02}",
        f"{of_month:02}{mark}{month:02}{mark}{year}",
        f"{of_month}{mark}{month}{mark}{year % 100:02}",
        f"{of_month}{mark}{name}{mark}{year}",
        f"{rng.randint(0, 99999)}",
        f"{of_month:02}/{month:02}/{year} 10:30",
    ])  # fmt: skip


def name(rng: random.Random) -> str:
    words = ["Asha", "D'Souza", "आशा", "कदम", "K.", "李小龍", "42", "Rao", "(Jr.)", "É"]
    return rng.choice([" ", "  ", " ", "-", "\n"]).join(rng.choices(words, k=3))


def digits(rng: random.Random) -> str:
    number = "".join(rng.choices("0123456789", k=rng.choice([4, 11, 12, 12, 12, 13])))
    mark = rng.choice(["", "", " ", "-"])
    return mark.join([number[:4], number[4:8], number[8:]])


def loan_number(rng: random.Random) -> str:
    return rng.choice(
        [f"LN{rng.randrange(10**6)}", digits(rng), "L/1-2", "1.2E+5", "x" * 201]
    )


def email(rng: random.Random) -> str:
    return rng.choice(["a", "a.b+c", "_k9-", ".a", "a..b", "é", digits(rng)]) + (
        rng.choice(["@x.com", "@x-y.co.in", "@-x.com", "@x", "@x.c", " @x.com", ""])
    )


def email_without_id(rng: random.Random) -> str:
    return re.sub(r"\d{4}", "12", email(rng))


def days(rng: random.Random) -> str:
    return rng.choice(["{}", "{}.0", "{} days", "-{}", "{}-60"]).format(
        rng.randrange(400)
    )


def dirtied(
    written: Callable[[random.Random], str], seed: int, count: int
) -> list[str]:
    rng = random.Random(seed)
    cells = []
    for _ in range(count):
        cell = rng.choice(ABSENT) if rng.random() < 0.1 else written(rng)
        if rng.random() < 0.1:
            at = rng.randint(0, len(cell))
            cell = cell[:at] + rng.choice(DIRT) + cell[at:]
        cells.append(cell)
    return cells


def both_ways(
    field: str, cells: list[str], layout: Layout = LAYOUT
) -> tuple[list[Value], list[Value]]:
    fast = column_reader(field, layout, region="IN", zone=INDIA, blank="blank")(cells)
    careful = cell_reader(field, layout, region="IN", zone=INDIA, blank="blank").value
    return fast, [careful(cell) for cell in cells]


@pytest.mark.parametrize(
    ("field", "written", "count"),
    [
        ("full_name", name, 15_000),
        ("full_name", lambda rng: f"{name(rng)} {digits(rng)}", 5_000),
        ("full_name", lambda rng: rng.choice(["#REF!", "# 1", "#Asha", "आशा"]), 500),
        ("alternate_phone", phone, 10_000),
        ("emi_amount", amount, 10_000),
        ("due_date", day, 20_000),
        ("days_past_due", days, 5_000),
        ("loan_number", loan_number, 10_000),
        ("email", email, 5_000),
        ("email", email_without_id, 20_000),
    ],
)
def test_a_column_is_read_as_its_cells_are(
    field: str, written: Callable[[random.Random], str], count: int
) -> None:
    cells = dirtied(written, seed=20241115, count=count)

    fast, careful = both_ways(field, cells)

    assert [
        case for case in zip(cells, fast, careful, strict=True) if case[1] != case[2]
    ] == []
    assert sum(isinstance(value, str) for value in fast) > count / 10


def test_a_guarded_column_of_loan_numbers_is_read_as_its_cells_are() -> None:
    cells = dirtied(loan_number, seed=4, count=10_000)
    guarded = replace(LAYOUT, twelve_digit_loans=False)

    fast, careful = both_ways("loan_number", cells, guarded)

    assert fast == careful
    refused = [value.code for value in fast if isinstance(value, Refused)]
    assert refused.count("loan_number_national_id") > 50


def test_a_column_of_phones_is_read_as_libphonenumber_reads_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cells = dirtied(phone, seed=1, count=30_000)
    fast = column_reader("primary_phone", LAYOUT, region="IN", zone=INDIA, blank="")(
        cells
    )

    never = re.compile("(?!)")
    monkeypatch.setattr(phones, "_CLEAN", never)
    monkeypatch.setattr(phones, "_TYPED", never)
    careful = cell_reader(
        "primary_phone", LAYOUT, region="IN", zone=INDIA, blank=""
    ).value

    assert [
        cell for cell, read in zip(cells, fast, strict=True) if read != careful(cell)
    ] == []
    assert sum(isinstance(value, str) for value in fast) > 5_000


def test_a_column_of_amounts_is_read_as_the_careful_way_reads_them() -> None:
    cells = dirtied(amount, seed=2, count=30_000)
    fast = column_reader("loan_amount", LAYOUT, region="IN", zone=INDIA, blank="blank")(
        cells
    )

    for cell, read in zip(cells, fast, strict=True):
        careful = (
            amounts._read(cell.strip(), amounts._NUMBER, thousands=",", decimal=".")
            if cell.strip() and cell.strip() not in NULL_VALUES
            else "blank"
        )
        if isinstance(careful, Refused) or careful == "blank":
            assert read == careful, cell
        else:
            assert isinstance(read, str), cell
            assert Decimal(read) == Decimal(careful), cell


def test_a_digest_is_the_hmac_of_the_library() -> None:
    for key in (b"", b"k", b"k" * 64, b"k" * 65, bytes(range(200))):
        digest = digester(key)
        for whole in ("234123412346", "ABCPK1234F"):
            assert digest(whole) == hmac.digest(key, whole.encode(), "sha256").hex()
            assert digest(whole) != hashlib.sha256(whole.encode()).hexdigest()


def test_a_block_is_read_as_its_rows_are() -> None:
    """The good ones stay with their lines, the bad ones with their reasons."""
    rng = random.Random(3)
    columns = {
        "Name": name, "Mobile": phone, "Alternate Mobile": phone, "Aadhaar": digits,
        "Email": email, "State": name, "Language": name, "Loan No": loan_number,
        "Loan Amount": amount, "EMI": lambda rng: "1.250,50", "Due Date": day,
        "DPD": days, "Remark": digits,
    }  # fmt: skip
    cells = [
        ["Asha", "9876543210", *[""] * 11]
        if rng.random() < 0.5
        else [
            written(rng) if rng.random() < 0.3 or place < 2 else ""
            for place, written in enumerate(columns.values())
        ]
        for _ in range(5_000)
    ]
    rows = list(enumerate(cells, start=2))
    reader = RowReader(LAYOUT, region="IN", zone=INDIA, national_id_key=b"k")

    entries, issues = reader.read(rows)

    alone = [reader.read([row]) for row in rows]
    assert entries.lines == [line for one, _ in alone for line in one.lines]
    assert list(zip(*entries.columns.values(), strict=True)) == [
        values for one, _ in alone for values in zip(*one.columns.values(), strict=True)
    ]
    assert issues == [issue for _, of_row in alone for issue in of_row]
    assert {issue.line for issue in issues}.isdisjoint(entries.lines)
    assert len(entries) + len({issue.line for issue in issues}) == len(rows)
    assert len(entries) > 1_000
    assert len(issues) > 1_000
