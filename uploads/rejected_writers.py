"""Refused rows as a CSV file or a workbook. Pure."""

import codecs
import csv
import io
from collections.abc import Iterable
from typing import BinaryIO

import xlsxwriter

# A wider one helps nobody who mends names and numbers.
_COLUMN_WIDTH = 18


def write_csv(rows: Iterable[list[str]], file: BinaryIO, *, delimiter: str) -> None:
    file.write(codecs.BOM_UTF8)
    text = io.TextIOWrapper(file, "utf-8", newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    text.flush()
    text.detach()


def write_workbook(rows: Iterable[list[str]], file: BinaryIO, *, width: int) -> None:
    # Row by row to the disk; texts stand in their cells, not in a table of their own.
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    sheet = book.add_worksheet("Refused rows")
    # As text, or Excel makes 9.19877E+11 of the phone that somebody mends.
    text = book.add_format({"num_format": "@"})
    sheet.set_column(0, width, _COLUMN_WIDTH, text)
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            sheet.write_string(number, place, cell, text)
    book.close()
