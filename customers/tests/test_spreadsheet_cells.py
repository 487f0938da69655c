import pytest

from customers.spreadsheet_cells import plain_cell, spreadsheet_cell


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        '=HYPERLINK("http://example.com","Click")',
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1+1",
        "\r=1+1",
        " =1+1",
        "＝1+1",
        "+91 98765-43210+1",
        "--1",
        "+",
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
        "+91 98765 43210",
        "-1500.50",
        "-1,50,000",
        "-",
        "12-2024",
        "a=b",
        "'Asha",
    ],
)
def test_phones_amounts_and_words_stay_as_they_are(text: str) -> None:
    assert spreadsheet_cell(text) == text
    assert plain_cell(text) == text
