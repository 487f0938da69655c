"""One part of a file, loaded by COPY."""

from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from psycopg.copy import LibpqWriter

from contacts.collector import no_collector
from customers.models import Customer
from uploads.copy_lines import LineWriter, issue_lines
from uploads.layout import Layout
from uploads.models import RowIssue, UploadPart
from uploads.records import read_blocks
from uploads.rejected import plain_rows
from uploads.rows import NULL, Issue, RowReader

_COPY_CUSTOMERS = (
    f"COPY {Customer._meta.db_table} (%s) FROM STDIN WITH (NULL E'\\x{ord(NULL):02x}')"
)
_COPY_ISSUES = (
    f"COPY {RowIssue._meta.db_table}"
    " (upload_id, line, column_name, value_masked, code, message, loan_number,"
    " primary_phone) FROM STDIN"
)

# Bytes of lines that may wait for PostgreSQL, while the next block is read: as a rule a
# whole part's, so that neither waits for the other before the part's end.
_SENT_AHEAD = 1 << 20
# Issues wait for the end of the rows' COPY: so many bytes in memory, the rest on disk.
_ISSUES_IN_MEMORY = 1 << 20
_CHUNK = 1 << 16


def load_part(part: UploadPart, *, now: datetime) -> tuple[int, int]:
    """Write a part's good rows and its issues; return how many rows were good and bad.

    Belongs into the transaction that marks the part done.
    """
    upload = part.upload
    layout = Layout.of(upload.layout)
    reader = RowReader(
        layout,
        region=upload.tenant.country.upper(),
        zone=ZoneInfo(upload.tenant.timezone),
        national_id_key=settings.NATIONAL_ID_KEY.encode(),
    )
    writer = LineWriter(
        reader.columns, tenant_id=upload.tenant_id, upload_id=upload.pk, now=now
    )
    # A file of refused rows comes back: its formulas were escaped.
    written_by_us = upload.parent_id is not None or layout.columns().helpers
    succeeded = failed = 0
    with (
        no_collector(),
        SpooledTemporaryFile(_ISSUES_IN_MEMORY) as issues,
        default_storage.open(upload.rows_file) as file,
        connection.cursor() as cursor,
    ):
        # PostgreSQL takes in a block while the next one is read.
        statement = _COPY_CUSTOMERS % ", ".join(writer.columns)
        unhurried = LibpqWriter(cursor.cursor, flush_threshold=_SENT_AHEAD)
        with cursor.copy(statement, writer=unhurried) as copy:
            for block in read_blocks(
                cast(BinaryIO, file),
                layout.shape(),
                start=part.start_byte,
                end=part.end_byte,
                first_line=part.first_line,
            ):
                rows = plain_rows(block.rows) if written_by_us else block.rows
                entries, refused = reader.read(rows)
                copy.write(writer.lines(entries))
                succeeded += len(entries)
                if block.hidden:
                    hidden = plain_rows(block.hidden) if written_by_us else block.hidden
                    refused += reader.refuse_hidden(hidden)
                refused += [
                    Issue(fault.line, "", "", fault.code, fault.message)
                    for fault in block.faults
                ]
                issues.write(issue_lines(refused, upload_id=upload.pk))
                failed += len({issue.line for issue in refused})
        issues.seek(0)
        with cursor.copy(_COPY_ISSUES) as copy:
            while chunk := issues.read(_CHUNK):
                copy.write(chunk)
    return succeeded, failed
