"""What a worker does with a customer file first: read it, and cut it into parts."""

import contextlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import QuerySet

from contacts.collector import no_collector
from tenants.failures import describe_failure, is_database_away, locate_failure
from tenants.kept_files import save_whole
from uploads.choices import Choices
from uploads.corrections import with_parents_writing
from uploads.encodings import NeverReadable, UnknownColumns, UnreadableFile
from uploads.loaded_before import find_unanswered
from uploads.mappings import LOOKED_AT, deciding_for, is_to_be_reviewed
from uploads.models import FileUpload, UploadPart
from uploads.quota import QuotaExceeded, take_bytes
from uploads.reader import Understood, rewrite_as_utf8, understand, wide_encoding
from uploads.turns import take_turn_of, unread_by_turns
from uploads.work import begin_reading, doing, end, hold, reading_limit
from uploads.workbooks.conversion import ReadSheet, is_workbook, write_rows

logger = logging.getLogger(__name__)

Status, Stage = FileUpload.Status, FileUpload.Stage

# Attempts that end with an error of the same file will do so again.
MAX_ATTEMPTS = 5
# A worker may die of the file, but far more often of something else: a machine that is
# switched off, memory that others took.
MAX_DEATHS = 25
# Tells our advisory locks from others.
_READING_LOCKS = 0x5550


def read_upload(
    *, upload_id: int, now: datetime, limit: timedelta | None = None
) -> int:
    """Understand an upload's file and cut it into parts; return how many.

    0 when there is nothing to read: it is read already, being read, over or gone. Who
    takes longer than `limit` is killed (`uploads.watchdog`).
    """
    with transaction.atomic():
        begun = _begin(upload_id, now=now, limit=limit)
    return _go_on(begun, now) if begun else 0


def read_next_upload(*, now: datetime, upload_id: int | None = None) -> int | None:
    """Read the next file of the tenant whose turn it is, as `read_upload` does.

    None when there is nothing to read, but what is being read. An upload that was begun
    before is read again after a while; the one given at once, when it is the next of
    its tenant.
    """
    for tenant_id, unread_id in unread_by_turns(now=now, upload_id=upload_id):
        with transaction.atomic():
            begun = None
            if take_turn_of(tenant_id=tenant_id, now=now):
                begun = _begin(unread_id, now=now)
        if begun:
            return _go_on(begun, now)
    return None


@dataclass(frozen=True, slots=True)
class _Begun:
    """A file that this process has begun to read."""

    upload_id: int
    reading: int
    work_id: int
    limit: timedelta


def _begin(
    upload_id: int, *, now: datetime, limit: timedelta | None = None
) -> _Begun | None:
    """Note that this process reads a file; None when there is nothing to read.

    Committed before the work, so that a file which kills its worker is given up.
    """
    if not take_turn_reading(upload_id):
        return None
    upload = _unread(upload_id).select_for_update(skip_locked=True, no_key=True).first()
    if upload is None:
        return None
    upload.begin_new_reading()
    upload.attempts += 1
    upload.status, upload.stage = Status.PROCESSING, Stage.CSV_PARSE
    upload.started_at, upload.updated_at = upload.started_at or now, now
    upload.save(
        update_fields=[
            "reading", "attempts", "status", "stage", "started_at", "updated_at",
        ]
    )  # fmt: skip
    if upload.attempts > MAX_DEATHS:
        _give_up_reading(upload, MAX_DEATHS, "its workers died", now)
        return None
    limit = limit or reading_limit(upload.size_bytes)
    work = begin_reading(upload_id=upload_id, limit=limit, now=now)
    return _Begun(upload.pk, upload.reading, work.pk, limit)


def _go_on(begun: _Begun, now: datetime) -> int:
    try:
        return _do_read(begun, now)
    except DatabaseError as exc:
        if is_database_away(exc):
            raise
        # Whatever PostgreSQL refuses of a file, it refuses its own upload only.
        logger.warning(
            "Upload %s could not be read: %s", begun.upload_id, describe_failure(exc)
        )
        _note_refusal(begun, exc, now)
        return 0


def _note_refusal(begun: _Begun, exc: DatabaseError, now: datetime) -> None:
    """Give an upload up whose file PostgreSQL refused as often as it is tried."""
    attempts = MAX_ATTEMPTS
    if isinstance(exc, OperationalError):
        attempts = MAX_DEATHS  # locks of others, say, or a full disk
    upload = FileUpload.objects.filter(
        pk=begun.upload_id, reading=begun.reading, attempts__gte=attempts
    ).first()
    if upload is not None:
        _give_up_reading(upload, attempts, type(exc).__name__, now)


def _do_read(begun: _Begun, now: datetime) -> int:
    with doing(begun.work_id), transaction.atomic():
        hold(begun.work_id, limit=begun.limit)
        if not take_turn_reading(begun.upload_id):
            return 0
        # Another may have begun after this one, and read it; its columns may have been
        # confirmed since as others. What is read is the upload as it stands now.
        unread = _unread(begun.upload_id).filter(reading=begun.reading)
        upload = unread.select_related("tenant", "parent").first()
        return _read(upload, now, work_id=begun.work_id) if upload else 0


def _unread(upload_id: int) -> QuerySet[FileUpload]:
    return FileUpload.objects.filter(
        pk=upload_id,
        status__in=[Status.PENDING, Status.PROCESSING],
        stage__in=[Stage.FILE_UPLOAD, Stage.CSV_PARSE],
    )


def take_turn_reading(upload_id: int) -> bool:
    """Become the only one to read an upload's file, until the transaction ends.

    Not by its row: a file takes seconds to read, and whoever pauses or cancels the
    upload meanwhile shall not wait for it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s, %s)", [_READING_LOCKS, upload_id]
        )
        return bool(cursor.fetchone()[0])


def _read(upload: FileUpload, now: datetime, *, work_id: int) -> int:
    sheet: ReadSheet | None = None
    try:
        rows_file, sheet = _rows_file(upload)
        choices = Choices.of(upload.choices)
        with (
            no_collector(),
            _without_useless_copy(upload, rows_file),
            default_storage.open(rows_file) as file,
        ):
            understood = understand(
                cast(BinaryIO, file),
                sheet=sheet.name if sheet else "",
                encoding_name=choices.encoding,
                delimiter=choices.delimiter,
                decide=deciding_for(upload),
                loads_hidden=choices.loads_hidden,
                may_lack_columns=upload.review in LOOKED_AT,
                now=now.astimezone(ZoneInfo(upload.tenant.timezone)),
            )
    except UnreadableFile as unreadable:
        message = f"{unreadable} {sheet.others if sheet else ''}".rstrip()
        end(work_id)  # first: who is done is not killed any more
        if isinstance(unreadable, UnknownColumns):
            _have_it_looked_at(upload)
        if isinstance(unreadable, NeverReadable):
            FileUpload.objects.filter(pk=upload.pk).update(is_never_readable=True)
        upload.mark_failed(stage=Stage.CSV_PARSE, message=message, now=now)
        logger.info("Upload %s cannot be read", upload.pk)
        return 0
    except FileNotFoundError:
        end(work_id)
        upload.mark_failed(
            stage=Stage.CSV_PARSE, message="The kept file is gone.", now=now
        )
        return 0
    except DatabaseError:
        raise
    except Exception as exc:
        # Whatever a file may do to the reader, it does to its own upload only.
        logger.error(
            "Upload %s could not be read: %s\n%s",
            upload.pk,
            describe_failure(exc),
            locate_failure(exc),
        )
        end(work_id)
        if upload.attempts >= MAX_ATTEMPTS:
            _give_up_reading(upload, MAX_ATTEMPTS, type(exc).__name__, now)
        return 0
    end(work_id)  # first: whoever would kill this process locks the same row
    still = FileUpload.objects.select_for_update(no_key=True).filter(
        pk=upload.pk, status=Status.PROCESSING, reading=upload.reading
    )
    if not still.exists():
        _discard_copy(upload, rows_file)
        return 0  # paused or cancelled meanwhile; who resumes has it read again
    if sheet:
        understood.notices.insert(0, sheet.notice)
    layout = with_parents_writing(upload, understood.layout)
    _keep_understood(upload, replace(understood, layout=layout), rows_file, now)
    return len(understood.parts)


def _have_it_looked_at(upload: FileUpload) -> None:
    """Show a file that nobody was to look at to whoever tries it again.

    They may know what its columns are.
    """
    FileUpload.objects.filter(pk=upload.pk, review=FileUpload.Review.NEVER).update(
        review=FileUpload.Review.ON_RETRY
    )


def _rows_file(upload: FileUpload) -> tuple[str, ReadSheet | None]:
    """Return the name of the kept file from which rows are read.

    It lies beside the one that was sent, where that cannot be cut by bytes. Of a
    workbook, also which sheet it holds.
    """
    kept_name = str(upload.file.name)
    with default_storage.open(kept_name) as file, TemporaryFile() as rewritten:
        kept, sheet = cast(BinaryIO, file), None
        if is_workbook(kept):
            sheet = write_rows(kept, cast(BinaryIO, rewritten))
        elif encoding := wide_encoding(kept):
            rewrite_as_utf8(kept, encoding, cast(BinaryIO, rewritten))
        else:
            return kept_name, None
        name = upload.rewritten_name
        rewritten.seek(0)
        default_storage.delete(name)  # of an attempt that did not end well
        return save_whole(default_storage, name, File(rewritten)), sheet


@contextlib.contextmanager
def _without_useless_copy(upload: FileUpload, rows_file: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _discard_copy(upload, rows_file)
        raise


def _discard_copy(upload: FileUpload, rows_file: str) -> None:
    """Delete the copy of a file that was not understood: nothing would count it."""
    if rows_file not in (upload.file.name, upload.layout.get("rows_file")):
        default_storage.delete(rows_file)


def _keep_understood(
    upload: FileUpload, understood: Understood, rows_file: str, now: datetime
) -> None:
    if rows_file != upload.file.name and not _has_room_for_copy(upload, rows_file, now):
        return
    UploadPart.objects.bulk_create(
        UploadPart(
            upload=upload,
            reading=upload.reading,
            number=number,
            start_byte=part.start,
            end_byte=part.end,
            first_line=part.first_line,
            row_count=part.row_count,
        )
        for number, part in enumerate(understood.parts)
    )
    upload.loaded_before = find_unanswered(upload)
    is_reviewed = is_to_be_reviewed(upload, understood.layout)
    if is_reviewed or upload.loaded_before:
        upload.status = Status.REVIEW  # the parts wait; they are claimed of none such
    else:
        upload.stage = Stage.CUSTOMER_CREATION
    upload.notices = understood.notices
    if not is_reviewed:  # nobody is asked about them
        upload.notices += understood.assumptions
    upload.total_rows = understood.row_count
    upload.layout = {**understood.layout.as_json(), "rows_file": rows_file}
    upload.updated_at = now
    upload.save(
        update_fields=[
            "status", "stage", "total_rows", "layout", "rewritten_bytes", "notices",
            "loaded_before", "updated_at",
        ]
    )  # fmt: skip
    logger.info(
        "Parsed %d customer records from %s",
        upload.total_rows,
        _loggable(upload.original_name),
    )


def _has_room_for_copy(upload: FileUpload, rows_file: str, now: datetime) -> bool:
    """Count the copy in its tenant's room; without room it is deleted.

    A workbook of 250 KB may hold 80 MB of rows.
    """
    size = default_storage.size(rows_file)
    try:
        # What it had before is counted already.
        if size > upload.rewritten_bytes:
            take_bytes(tenant=upload.tenant, size_bytes=size - upload.rewritten_bytes)
    except QuotaExceeded as exc:
        default_storage.delete(rows_file)
        upload.mark_failed(stage=Stage.CSV_PARSE, message=str(exc), now=now)
        return False
    upload.rewritten_bytes = size
    return True


def _loggable(name: str) -> str:
    """Return a file's name for the log: people name files after phone numbers."""
    return name if settings.LOG_PERSONAL_DATA else re.sub(r"\d{7,}", "…", name)


def _give_up_reading(
    upload: FileUpload, attempts: int, reason: str, now: datetime
) -> None:
    upload.mark_failed(
        stage=Stage.CSV_PARSE,
        message=f"The file could not be read in {attempts} attempts ({reason}).",
        now=now,
    )
