"""What workers do with a customer file: read it, load its parts, say how it went.

A part is claimed by its row lock, which is held until its rows, its issues, its counts
and its *done* commit together. Kill anything at any moment: a part is there whole,
once, or not at all, and whoever comes next finds what is left.
"""

import logging
import re
from dataclasses import replace
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)
from django.db.models import Exists, F, OuterRef

from uploads.choices import Choices
from uploads.corrections import with_parents_writing
from uploads.encodings import UnreadableFile
from uploads.loading import load_part
from uploads.mappings import LOOKED_AT, deciding_for, is_to_be_reviewed
from uploads.models import FileUpload, UploadPart
from uploads.reader import Understood, rewrite_as_utf8, understand, wide_encoding
from uploads.workbooks.conversion import ReadSheet, is_workbook, write_rows

logger = logging.getLogger(__name__)

Status, Stage = FileUpload.Status, FileUpload.Stage

# Attempts that end with an error of the same file will do so again.
MAX_ATTEMPTS = 5
# A worker may die of the file, but far more often of something else: a machine that is
# switched off, memory that others took.
MAX_DEATHS = 25
# A part takes a second or two. An upload on which nobody laid hands for so long has
# lost its worker, or its ring.
_STALLED_AFTER = timedelta(seconds=15)
# Tells our advisory locks from others.
_READING_LOCKS = 0x5550

# The tenant whose turn was longest ago comes first, so that a small file does not wait
# for a big one of somebody else's. Parts that failed before come after all others.
_CLAIM = """
WITH turns AS (
    SELECT upload.tenant_id, max(part.claimed_at) AS last_at
    FROM upload_parts part JOIN file_uploads upload ON upload.id = part.upload_id
    WHERE part.claimed_at > clock_timestamp() - interval '10 minutes'
    GROUP BY upload.tenant_id
)
UPDATE upload_parts SET attempts = attempts + 1, claimed_at = clock_timestamp()
WHERE id = (
    SELECT part.id
    FROM upload_parts part
    JOIN file_uploads upload ON upload.id = part.upload_id
    LEFT JOIN turns ON turns.tenant_id = upload.tenant_id
    WHERE part.status = 'pending' AND upload.status = 'processing'
      AND (%(upload_id)s::bigint IS NULL OR upload.id = %(upload_id)s)
    ORDER BY turns.last_at NULLS FIRST, part.attempts, upload.id, part.number
    LIMIT 1
    FOR UPDATE OF part SKIP LOCKED
)
RETURNING id
"""


def read_upload(*, upload_id: int, now: datetime) -> int:
    """Understand an upload's file and cut it into parts; return how many.

    0 when there is nothing to read: it is read already, being read, over or gone.
    """
    unread = FileUpload.objects.filter(
        pk=upload_id,
        status__in=[Status.PENDING, Status.PROCESSING],
        stage__in=[Stage.FILE_UPLOAD, Stage.CSV_PARSE],
    )
    with transaction.atomic():
        # Counted before the work, so that a file which kills its worker is given up.
        if not _take_turn_reading(upload_id):
            return 0
        upload = unread.select_for_update(skip_locked=True, no_key=True).first()
        if upload is None:
            return 0
        upload.attempts += 1
        upload.status, upload.stage = Status.PROCESSING, Stage.CSV_PARSE
        upload.started_at, upload.updated_at = upload.started_at or now, now
        upload.save(
            update_fields=["attempts", "status", "stage", "started_at", "updated_at"]
        )
    if upload.attempts > MAX_DEATHS:
        _give_up_reading(upload, MAX_DEATHS, "its workers died", now)
        return 0
    with transaction.atomic():
        if not _take_turn_reading(upload_id) or not unread.exists():
            return 0
        return _read(upload, now)


def _take_turn_reading(upload_id: int) -> bool:
    """Become the only one to read an upload's file, until the transaction ends.

    Not by its row: a file takes seconds to read, and whoever pauses or cancels the
    upload meanwhile shall not wait for it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s, %s)", [_READING_LOCKS, upload_id]
        )
        return bool(cursor.fetchone()[0])


def _read(upload: FileUpload, now: datetime) -> int:
    sheet: ReadSheet | None = None
    try:
        rows_file, sheet = _rows_file(upload)
        choices = Choices.of(upload.choices)
        with default_storage.open(rows_file) as file:
            understood = understand(
                cast(BinaryIO, file),
                sheet=sheet.name if sheet else "",
                encoding_name=choices.encoding,
                delimiter=choices.delimiter,
                decide=deciding_for(upload),
                may_lack_columns=upload.review in LOOKED_AT,
            )
    except UnreadableFile as unreadable:
        message = f"{unreadable} {sheet.others if sheet else ''}".rstrip()
        upload.mark_failed(stage=Stage.CSV_PARSE, message=message, now=now)
        logger.info("Upload %s cannot be read", upload.pk)
        return 0
    except FileNotFoundError:
        upload.mark_failed(
            stage=Stage.CSV_PARSE, message="The kept file is gone.", now=now
        )
        return 0
    except DatabaseError:
        raise
    except Exception as exc:
        # Whatever a file may do to the reader, it does to its own upload only.
        logger.exception("Upload %s could not be read", upload.pk)
        if upload.attempts >= MAX_ATTEMPTS:
            _give_up_reading(upload, MAX_ATTEMPTS, type(exc).__name__, now)
        return 0
    still = FileUpload.objects.select_for_update(no_key=True).filter(
        pk=upload.pk, status=Status.PROCESSING
    )
    if not still.exists():
        return 0  # paused or cancelled meanwhile; who resumes has it read again
    if sheet:
        understood.notices.insert(0, sheet.notice)
    layout = with_parents_writing(upload, understood.layout)
    _keep_understood(upload, replace(understood, layout=layout), rows_file, now)
    return len(understood.parts)


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
        return default_storage.save(name, File(rewritten)), sheet


def _keep_understood(
    upload: FileUpload, understood: Understood, rows_file: str, now: datetime
) -> None:
    upload.parts.all().delete()
    UploadPart.objects.bulk_create(
        UploadPart(
            upload=upload,
            number=number,
            start_byte=part.start,
            end_byte=part.end,
            first_line=part.first_line,
            row_count=part.row_count,
        )
        for number, part in enumerate(understood.parts)
    )
    if is_to_be_reviewed(upload, understood.layout):
        upload.status = Status.REVIEW  # the parts wait; they are claimed of none such
        upload.notices = understood.notices
    else:
        upload.stage = Stage.CUSTOMER_CREATION
        upload.notices = understood.notices + understood.assumptions
    upload.total_rows = understood.row_count
    upload.layout = {**understood.layout.as_json(), "rows_file": rows_file}
    upload.updated_at = now
    upload.save(
        update_fields=[
            "status", "stage", "total_rows", "layout", "notices", "updated_at",
        ]
    )  # fmt: skip
    logger.info(
        "Parsed %d customer records from %s",
        upload.total_rows,
        _loggable(upload.original_name),
    )


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


def count_waiting_parts(*, upload_id: int) -> int:
    """Return how many parts of an upload are to be loaded now."""
    return UploadPart.objects.filter(
        upload=upload_id,
        upload__status=Status.PROCESSING,
        status=UploadPart.Status.PENDING,
    ).count()


def load_next_part(*, now: datetime, upload_id: int | None = None) -> bool:
    """Load one part, of any upload or the one given; False when there is none.

    Any number of workers may do so side by side.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"upload_id": upload_id})
        claimed = cursor.fetchone()
    if claimed is None:
        return False
    try:
        with transaction.atomic():
            done = _load(part_id=claimed[0], now=now)
    except _Withdrawn:
        return True
    except OperationalError:
        raise  # the database is away; the part is as it was
    except Exception as exc:
        # A part that cannot be loaded costs its own upload, after all its siblings.
        logger.exception("Part %s could not be loaded", claimed[0])
        _note_failure(part_id=claimed[0], reason=type(exc).__name__, now=now)
        return True
    if done is not None:
        finish_upload(upload_id=done, now=now)
    return True


class _Withdrawn(Exception):
    """The upload was cancelled or undone while a part of it was loaded."""


def _load(*, part_id: int, now: datetime) -> int | None:
    """Load a claimed part and return its upload's id; None when it is taken."""
    part = (
        UploadPart.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("upload__tenant")
        .filter(
            pk=part_id,
            status=UploadPart.Status.PENDING,
            upload__status=Status.PROCESSING,
        )
        .first()
    )
    if part is None:
        return None
    if part.attempts - part.failures > MAX_DEATHS:
        _give_up_loading(part, "its workers died", now)
        return None
    upload = part.upload
    with connection.cursor() as cursor:
        # Entries have no foreign key to their upload, for speed: this lock keeps it
        # there. It does not stand in the way of other parts' counts.
        cursor.execute(
            "SELECT 1 FROM file_uploads WHERE id = %s FOR KEY SHARE", [upload.pk]
        )
    part.succeeded_rows, part.failed_rows = load_part(part, now=now)
    part.status, part.done_at, part.error = UploadPart.Status.DONE, now, ""
    part.save(
        update_fields=["succeeded_rows", "failed_rows", "status", "done_at", "error"]
    )
    # Who pauses an upload lets the parts in work be finished.
    counted = FileUpload.objects.filter(
        pk=upload.pk, status__in=[Status.PROCESSING, Status.PAUSED]
    ).update(
        succeeded_rows=F("succeeded_rows") + part.succeeded_rows,
        failed_rows=F("failed_rows") + part.failed_rows,
        updated_at=now,
    )
    if not counted:
        raise _Withdrawn
    return upload.pk


def _note_failure(*, part_id: int, reason: str, now: datetime) -> None:
    UploadPart.objects.filter(pk=part_id).update(
        error=reason, failures=F("failures") + 1
    )
    with transaction.atomic():
        part = (
            UploadPart.objects.select_for_update(of=("self",))
            .select_related("upload")
            .get(pk=part_id)
        )
        if part.failures >= MAX_ATTEMPTS and part.status == UploadPart.Status.PENDING:
            _give_up_loading(part, reason, now)


def _give_up_loading(part: UploadPart, reason: str, now: datetime) -> None:
    part.status, part.error = UploadPart.Status.FAILED, reason
    part.save(update_fields=["status", "error"])
    part.upload.mark_failed(
        stage=Stage.CUSTOMER_CREATION,
        message=f"The {part.row_count} rows from line {part.first_line} could not be "
        f"loaded in {part.attempts} attempts ({reason}). All other parts are kept; "
        "retry goes on with these.",
        now=now,
    )


def finish_upload(*, upload_id: int, now: datetime) -> bool:
    """Complete an upload whose parts are all done; True for whoever did it."""
    unfinished = UploadPart.objects.filter(upload=OuterRef("pk")).exclude(
        status=UploadPart.Status.DONE
    )
    try:
        with transaction.atomic():
            finished = FileUpload.objects.filter(
                ~Exists(unfinished),
                pk=upload_id,
                # The last part in work may end after a pause: nothing is left to pause.
                status__in=[Status.PROCESSING, Status.PAUSED],
                stage=Stage.CUSTOMER_CREATION,
            ).update(
                status=Status.COMPLETED,
                stage=Stage.STATUS_UPDATE,
                completed_at=now,
                updated_at=now,
            )
    except IntegrityError:
        # The constraint that keeps counts honest: a defect of ours, shown as one.
        logger.exception("The counts of upload %s do not add up", upload_id)
        FileUpload.objects.get(pk=upload_id).mark_failed(
            stage=Stage.STATUS_UPDATE,
            message="The counts of its rows do not add up to their total.",
            now=now,
        )
        return False
    if not finished:
        return False
    upload = FileUpload.objects.only("succeeded_rows", "failed_rows").get(pk=upload_id)
    logger.info(
        "File processing completed: %d successful, %d failed",
        upload.succeeded_rows,
        upload.failed_rows,
    )
    return True


def stalled_uploads(*, now: datetime) -> list[int]:
    """Return the uploads that should move and do not, those that waited longest first.

    One that is being read is not among them.
    """
    before = now - _STALLED_AFTER
    claimed_lately = UploadPart.objects.filter(
        upload=OuterRef("pk"), claimed_at__gte=before
    )
    still = FileUpload.objects.filter(
        ~Exists(claimed_lately),
        status__in=[Status.PENDING, Status.PROCESSING],
        updated_at__lt=before,
    ).order_by("pk")
    with transaction.atomic():
        unlocked = still.select_for_update(skip_locked=True, no_key=True)
        ids = list(unlocked.values_list("pk", flat=True))
        return [pk for pk in ids if _take_turn_reading(pk)]
