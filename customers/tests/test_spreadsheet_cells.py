import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from customers.spreadsheet_cells import plain_cell, spreadsheet_cell

DELIMITERS = [",", ";", "\t", "|"]
# A phone or an amount computes nothing. Whoever splits the line elsewhere reads it
# together with the delimiter and the quote behind it.
PLAIN_NUMBER = re.compile(
    r"'*(?:[+-]?[0-9][0-9 ,]*(?:\.[0-9]+)?|-)(?=[,;|\t\r\n]?\"|$)"
)
# A cell whose last character is another program's delimiter: there the next cell begins
# with what stands between the two, a tab or a line end of the file itself.
BETWEEN_CELLS = re.compile(r"\t|\r\n")
HOSTILE = [
    "x,=cmd|' /C calc'!A0",
    "x;=1+1",
    "x\t@SUM(1)",
    '"x";=1+1',
    'x;"=1+1',
    'x;""=1+1"',
    "x\n=1+1",
    "x\r\n=1+1",
    "x\r=1+1",
    "x|+1+1",
    "x; \u200b\ufeff=1+1",
    "x,＝1+1",
    ";=1+1",
    "\n=1+1",
    "=1+1;=1+1",
    "x; -2+3",
    "x;\t=1+1",
    "x;'=1+1",
    "x, +919876543210",
    "\u200b=1+1",
    "\u00a0@SUM(1)",
    '"=1+1',
    "\x00=1+1",
]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        '=HYPERLINK("http://example.com","Click")',
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        " =1+1",
        "＝1+1",
        "﹦1+1",
        "\u200b=1+1",
        "+91 98765-43210+1",
        "--1",
        "+",
        "\tAsha",
    ],
)
def test_what_a_spreadsheet_would_compute_is_made_text(text: str) -> None:
    assert spreadsheet_cell(text) == f"'{text}"
    assert plain_cell(f"'{text}") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Asha Verma",
        "+919876543210",
        "'+919876543210",
        "+91 98765 43210",
        "-1500.50",
        "-1,50,000",
        "-",
        "12-2024",
        "a=b",
        "'Asha",
        "Flat 3, MG Road; Pune | 411001",
        "asha@example.com, ravi@example.com",
    ],
)
def test_phones_amounts_and_words_stay_as_they_are(text: str) -> None:
    assert spreadsheet_cell(text) == text
    assert plain_cell(text) == text


def opened(text: str, *, delimiter: str) -> list[str]:
    """Return every cell of a file as a program with this delimiter takes it."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [cell for row in rows for cell in row]


def computes(cell: str, *, opened_elsewhere: bool) -> bool:
    if PLAIN_NUMBER.match(cell):
        return False
    if opened_elsewhere and (between := BETWEEN_CELLS.match(cell)):
        return computes(cell[between.end() :], opened_elsewhere=False)
    first_seen = cell.lstrip(" \t\r\n\u200b\ufeff\u00a0\x00")[:1]
    return cell[:1] in tuple("\t\r\n") or first_seen in tuple("=+-@＝＋－＠")


CELLS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.sampled_from("x1=+-@＝,;|\t\r\n\"' \u200b"), max_size=12),
)


@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=3))
@example(rows=[["Asha", text, "+919876543210", text] for text in HOSTILE])
@example(rows=[[text, "x"] for text in HOSTILE])
def test_no_cell_is_computed_whatever_delimiter_opens_the_file(
    rows: list[list[str]],
) -> None:
    for delimiter in DELIMITERS:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([[spreadsheet_cell(cell) for cell in row] for row in rows])

        for other in DELIMITERS:
            for cell in opened(text.getvalue(), delimiter=other):
                assert not computes(cell, opened_elsewhere=other != delimiter), (
                    delimiter,
                    other,
                    cell,
                )


@given(text=st.one_of(CELLS, st.text()))
def test_every_cell_comes_back_as_it_was(text: str) -> None:
    assert plain_cell(spreadsheet_cell(text)) == text
