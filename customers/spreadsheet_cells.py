"""Cells of the CSV files that we write, harmless to whoever opens them. Pure.

A spreadsheet computes a cell that begins like a formula, quotes or not, and a name in
a lender's file may be one (OWASP, "CSV Injection"). It need not stand at the cell's
beginning: a spreadsheet that takes another delimiter than the file's, as Excel does in
half of the world, begins a cell after each comma, semicolon, tab, bar or line end of
ours, and a quote that does not stand first is no quote to it.
"""

import re

# Excel takes the wide forms of East Asian keyboards too.
_FORMULA = "=+\\-@＝＋－＠﹦﹢﹣﹫"
# What may stand before them without protecting: blanks, characters that are not seen,
# and quotes, which whoever splits the cell elsewhere takes off. No tab and no line end:
# a cell that begins with one is escaped whatever follows.
_UNSEEN = (
    '" \\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\xa0\\xad\\u034f\\u061c\\u115f\\u1160'
    "\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3000"
    "\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb"
)
_FORMULA_FOLLOWS = f"'*+[{_UNSEEN}]*+[{_FORMULA}\\t\\r\\n]"
_CELL_BEGINS = r"\A|\r\n|[,;|\t\r\n]"
_TO_ESCAPE = re.compile(f"({_CELL_BEGINS})(?={_FORMULA_FOLLOWS})")
_ESCAPED = re.compile(f"({_CELL_BEGINS})'(?={_FORMULA_FOLLOWS})")
# A phone and an amount begin with a sign and compute nothing.
_NUMBER = re.compile(r"\A'*+(?:[+-]?[0-9][0-9 ,]*+(?:\.[0-9]+)?|-)", re.ASCII)


def spreadsheet_cell(text: str) -> str:
    """Return the text as a cell that is never computed; `+91…` stays as it is.

    What would begin a formula gets an apostrophe before it, which spreadsheets take for
    "this is text"; one that stood there already gets another, so that `plain_cell`
    knows ours from the file's.
    """
    if _NUMBER.fullmatch(text):
        return text
    return _TO_ESCAPE.sub(r"\1'", text)


def plain_cell(text: str) -> str:
    """Return what `spreadsheet_cell` was given, of a file of ours that comes back."""
    if "'" not in text:
        return text
    plain = _ESCAPED.sub(r"\1", text)
    return plain if spreadsheet_cell(plain) == text else text
