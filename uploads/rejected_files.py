"""The refused rows as a file: a workbook when they came in one, else CSV.

CSV has the delimiter of the file that came, and is UTF-8 with a byte order mark
whatever that one was: Excel takes UTF-8 for Windows-1252 without it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from django.core.files.storage import default_storage
from django.db import connection

from uploads.file_processes import Limits, read_apart, spending_space
from uploads.layout import Layout
from uploads.models import FileUpload, RowIssue
from uploads.row_issues import MORE_ISSUES
from uploads.workbooks.conversion import is_workbook

_CHUNK = 1 << 16
WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Of a million rows that are all refused, a workbook takes a minute, CSV a fifth of it.
LIMITS = Limits(seconds=180)
_ISSUES = """
COPY (
    SELECT line, CASE
        WHEN column_name <> '' THEN column_name || ': ' || message
        WHEN code = %s THEN value_masked || '. ' || message
        ELSE message END
    FROM upload_row_issues WHERE upload_id = %s ORDER BY line, id
) TO STDOUT (FORMAT csv)
"""


class RowsGone(Exception):
    """The refused rows cannot be written any more; the message is fit to show."""


class KeptFileGone(RowsGone):
    """The file that an upload came as is kept no longer."""

    def __init__(self) -> None:
        super().__init__(
            "The kept file was deleted: its rows cannot be written any more."
        )


class IssuesGone(RowsGone):
    """Nothing tells any more which rows of a file were refused."""

    def __init__(self) -> None:
        super().__init__(
            "What was wrong with the rows is kept no longer: which rows were refused "
            "cannot be told any more."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedFile:
    """A file on its way out."""

    name: str
    content_type: str
    chunks: Iterator[bytes]


def rejected_file(
    upload: FileUpload,
    *,
    as_csv: bool = False,
    is_look: bool = False,
    limits: Limits = LIMITS,
) -> RejectedFile:
    """Return the refused rows of an upload; raises `RowsGone` and `NotReadNow`.

    `as_csv`: commas, whatever the file came as. `is_look`: its name and kind, and
    nothing in it. It is whole before its first byte is sent, so that a failure is told.
    """
    if not upload.file or not default_storage.exists(upload.rows_file):
        raise KeptFileGone
    if not RowIssue.objects.filter(upload=upload).exists():
        raise IssuesGone
    stem = PurePath(upload.original_name).stem
    delimiter = "," if as_csv else _delimiter(upload)
    return RejectedFile(
        name=f"{stem}-refused-rows.{'csv' if delimiter else 'xlsx'}",
        content_type="text/csv; charset=utf-8" if delimiter else WORKBOOK_TYPE,
        chunks=iter(()) if is_look else _write(upload, delimiter, limits),
    )


def _delimiter(upload: FileUpload) -> str:
    """Return the delimiter of the file that came, "" if it was a workbook."""
    with default_storage.open(str(upload.file.name)) as kept:
        if is_workbook(cast(BinaryIO, kept)):
            return ""
    return Layout.of(upload.layout).delimiter


def _write(upload: FileUpload, delimiter: str, limits: Limits) -> Iterator[bytes]:
    parts = upload.parts.filter(failed_rows__gt=0).order_by("number")
    asked = {
        "layout": Layout.of(upload.layout).as_json(),
        "parts": list(parts.values_list("start_byte", "end_byte", "first_line")),
        "delimiter": delimiter,
    }
    with (
        spending_space(),
        default_storage.open(upload.rows_file) as kept,
        TemporaryFile() as errors,
        TemporaryFile() as target,
    ):
        with (
            connection.cursor() as cursor,
            cursor.copy(_ISSUES, [MORE_ISSUES, upload.pk]) as issues,
        ):
            for data in issues:
                errors.write(data)
        if not errors.tell():  # deleted at this moment
            raise IssuesGone
        errors.flush()
        read_apart(
            "write_refused",
            asked,
            file=cast(BinaryIO, kept),
            errors=cast(BinaryIO, errors),
            target=cast(BinaryIO, target),
            limits=limits,
        )
        target.seek(0)
        return _Chunks(os.dup(target.fileno()))


class _Chunks:
    """The bytes of a file that has no name, which is gone when nobody reads it more."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = b"" if self._descriptor is None else os.read(self._descriptor, _CHUNK)
        if not chunk:
            self.close()
            raise StopIteration
        return chunk

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    # A client may hang up before the first byte.
    __del__ = close
