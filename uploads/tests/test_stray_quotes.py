"""Strays take in no row, and addresses stay whole, whatever the columns are."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploads.tests.test_quotes import lines_of, phone, read_parts, records_of

COLUMNS = (
    "Name", "Mobile", "Note", "City", "EMI", "Due Date", "Address", "Loan No",
)  # fmt: skip
NAMES = ("Asha", "Bina Rao", "Carl D'Souza", "देवी", "R. K. Narayan")
NOTES = ("promised", "called twice", "no answer", "", "ok", "paid 500", "visit 12/3")
ADDRESS = ("12 MG Road", "Flat 4", "Sai Park", "Pune", "MH", "Camp", "411001")


def some_columns(rng: random.Random) -> list[str]:
    wanted = {"Name", "Mobile", "Note", *rng.sample(COLUMNS, rng.randint(0, 6))}
    return rng.sample(sorted(wanted), len(wanted))


def cell(rng: random.Random, column: str, number: int) -> str:
    return {
        "Name": rng.choice(NAMES),
        "Mobile": phone(number),
        "Note": rng.choice(NOTES),
        "City": "Pune",
        "EMI": str(rng.randint(1, 9) * 500),
        "Due Date": "12/03/2026",
        "Address": rng.choice(["Pune", "MG Road"]),
        "Loan No": rng.choice([f"LN{number}", f"{1000 + number}"]),
    }[column]


def address(rng: random.Random) -> str:
    lines = (
        ", ".join(rng.choices(ADDRESS, k=rng.randint(1, 4)))
        for _ in range(rng.randint(2, 4))
    )
    return '"{}"'.format("\n".join(lines))


def text_of(columns: list[str], rows: list[list[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in [columns, *rows]).encode()


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_strays_take_in_no_row_whatever_the_columns(seed: int) -> None:
    rng = random.Random(seed)
    columns, share = some_columns(rng), rng.choice([0.05, 0.2])
    rows = []
    for number in range(rng.choice([5, 20, 60])):
        row = [cell(rng, column, number) for column in columns]
        if rng.random() < share:
            place = rng.choice([columns.index("Note"), rng.randrange(len(row))])
            text = row[place]
            row[place] = rng.choice([f'"{text}', f'{text}"', '"', f'{text}""'])
        rows.append(row)
    data = text_of(columns, rows)

    _, parts = read_parts(data)

    records = [cells for blocks in parts for _, cells in records_of(blocks)]
    assert all(",".join(cells).count("98765") <= 1 for cells in records)
    shown = "\n".join(",".join(cells) for cells in records)
    phones = [phone(number) for number in range(len(rows))]
    assert all(one in shown for one in phones if one.encode() in data)


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_addresses_of_several_lines_stay_whole_whatever_the_columns(seed: int) -> None:
    rng = random.Random(seed)
    columns = some_columns(rng)
    rows = [
        [
            address(rng)
            if column in ("Note", "Address") and rng.random() < 0.2
            else cell(rng, column, number)
            for column in columns
        ]
        for number in range(40)
    ]
    starts, line = [], 2
    for row in rows:
        starts.append(line)
        line += 1 + sum(text.count("\n") for text in row)

    good, bad = lines_of(text_of(columns, rows))

    assert (good, bad) == (starts, [])


@pytest.mark.parametrize(
    ("header", "lines", "good", "bad"),
    [
        pytest.param(
            "Note,City,Mobile,Name",
            ['",Pune,9876500008', "x,Pune,9876500009,Bina", 'y",Pune,9876500010,Carl'],
            [3, 4], [2], id="the first row lacks a cell",
        ),
        pytest.param(
            "Name,Note,Mobile",
            ['Asha,"x,z,9876500000', 'Bina,y",9876500001'],
            [3], [2], id="the first row has a cell too many",
        ),
        pytest.param(
            "Name,Mobile,Note,City",
            ['Asha,9876500000,"x,Pune', 'Bina,z,9876500001,y",Pune'],
            [], [2, 3], id="the last row has a cell too many",
        ),
        pytest.param(
            "Name,Mobile,Loan No,Note",
            ['Asha,9876500000,LN1,"x', 'Bina,9876500001,LN2",'],
            [3], [2], id="closed a column before the one where it opens",
        ),
        pytest.param(
            "Name,Note,Mobile",
            [
                'Asha,"x,9876500000', "Bina,y,9876500001", "Carl,z,9876500002",
                'Devi,w",no phone',
            ],
            [3, 4, 5], [2], id="the last row has no phone",
        ),
        pytest.param(
            "Name,Mobile,Address,City",
            ['Asha,9876500000,"Flat 4', "Camp, 411001, Pune, MH", 'India",Pune'],
            [2], [], id="a PIN code where the phones are",
        ),
        pytest.param(
            "Name,Mobile,Address",
            ['Asha,9876500000,"Flat 4', 'Camp, Ph 9876500001, Pune"'],
            [2], [], id="a phone that has a word before it",
        ),
    ],
)  # fmt: skip
def test_numbers_and_words_tell_rows_from_lines(
    header: str, lines: list[str], good: list[int], bad: list[int]
) -> None:
    assert lines_of("\n".join([header, *lines]).encode()) == (good, bad)
