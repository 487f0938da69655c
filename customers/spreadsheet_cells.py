"""Cells of the CSV files that we write, harmless to whoever opens them in Excel. Pure.

A spreadsheet computes a cell that begins like a formula, quotes or not, and a name in
a lender's file may be one (OWASP, "CSV Injection").
"""

import re

# Excel takes the wide forms of East Asian keyboards too; a tab or a line end before
# them does not protect.
_BEGINNINGS = frozenset("=+-@＝＋－＠")
# A phone and an amount begin with a sign and compute nothing.
_NUMBER = re.compile(r"[+-]?[0-9][0-9 ,]*(?:\.[0-9]+)?|-", re.ASCII)


def spreadsheet_cell(text: str) -> str:
    """Return the text as a cell that is never computed; `+91…` stays as it is.

    What would be a formula gets an apostrophe before it, which spreadsheets take for
    "this is text" and our own reader of files takes off loan numbers and phones.
    """
    if text.lstrip()[:1] in _BEGINNINGS and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def plain_cell(text: str) -> str:
    """Return what `spreadsheet_cell` was given, of a file of ours that comes back."""
    if text.startswith("'") and spreadsheet_cell(text[1:]) == text:
        return text[1:]
    return text
