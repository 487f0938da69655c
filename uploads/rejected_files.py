"""The refused rows as a file: a workbook when they came in one, else CSV.

CSV has the delimiter of the file that came, and is UTF-8 with a byte order mark
whatever that one was: Excel takes UTF-8 for Windows-1252 without it.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from tempfile import TemporaryFile
from typing import BinaryIO, cast

import xlsxwriter
from django.core.files.storage import default_storage

from uploads.layout import Layout
from uploads.models import FileUpload
from uploads.rejected import rejected_rows
from uploads.workbooks.conversion import is_workbook

_CHUNK = 1 << 16
WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A wider one helps nobody who mends names and numbers.
_COLUMN_WIDTH = 18


class KeptFileGone(Exception):
    """The file that an upload came as is kept no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedFile:
    """A file on its way out."""

    name: str
    content_type: str
    chunks: Iterator[bytes]


def rejected_file(upload: FileUpload, *, as_csv: bool = False) -> RejectedFile:
    """Return the refused rows of an upload; raises `KeptFileGone`.

    `as_csv`: commas, whatever the file came as. Nothing of it is in memory but a few
    rows.
    """
    if not upload.file or not default_storage.exists(upload.rows_file):
        raise KeptFileGone(upload.pk)
    stem = PurePath(upload.original_name).stem
    if as_csv:
        return _csv_file(upload, stem, delimiter=",")
    with default_storage.open(upload.file.name) as kept:
        came_as_workbook = is_workbook(cast(BinaryIO, kept))
    if came_as_workbook:
        return RejectedFile(
            name=f"{stem}-refused-rows.xlsx",
            content_type=WORKBOOK_TYPE,
            chunks=_workbook_chunks(upload),
        )
    return _csv_file(upload, stem, delimiter=Layout.of(upload.layout).delimiter)


def _csv_file(upload: FileUpload, stem: str, *, delimiter: str) -> RejectedFile:
    return RejectedFile(
        name=f"{stem}-refused-rows.csv",
        content_type="text/csv; charset=utf-8",
        chunks=_csv_chunks(upload, delimiter),
    )


def _csv_chunks(upload: FileUpload, delimiter: str) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    yield codecs.BOM_UTF8
    for row in rejected_rows(upload):
        writer.writerow(row)
        if text.tell() > _CHUNK:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _workbook_chunks(upload: FileUpload) -> Iterator[bytes]:
    with TemporaryFile() as file:
        _write_workbook(upload, cast(BinaryIO, file))
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


def _write_workbook(upload: FileUpload, file: BinaryIO) -> None:
    # Row by row to the disk; texts stand in their cells, not in a table of their own.
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    sheet = book.add_worksheet("Refused rows")
    # As text, or Excel makes 9.19877E+11 of the phone that somebody mends.
    text = book.add_format({"num_format": "@"})
    sheet.set_column(0, len(upload.layout["headers"]) + 2, _COLUMN_WIDTH, text)
    for number, row in enumerate(rejected_rows(upload)):
        for place, cell in enumerate(row):
            sheet.write_string(number, place, cell, text)
    book.close()
