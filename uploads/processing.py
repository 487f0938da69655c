"""What workers do with a file that was read: load its parts, and say how it went.

A part is claimed by its row lock, which is held until its rows, its issues, its counts
and its *done* commit together. Kill anything at any moment: a part is there whole,
once, or not at all, and whoever comes next finds what is left.
"""

import logging
from datetime import datetime, timedelta

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Exists, F, OuterRef

from tenants.failures import describe_failure, locate_failure
from uploads.lender_files import register_upload
from uploads.loading import load_part
from uploads.models import FileUpload, UploadPart
from uploads.reading import MAX_ATTEMPTS, MAX_DEATHS, take_turn_reading
from uploads.work import doing, end, hold, part_limit, this_process

logger = logging.getLogger(__name__)

Status, Stage = FileUpload.Status, FileUpload.Stage

# A part takes a second or two. An upload on which nobody laid hands for so long has
# lost its worker, or its ring.
_STALLED_AFTER = timedelta(seconds=15)
HONEST_COUNTS = "file_uploads_completed_counts_honest"

# The tenant whose turn was longest ago comes first, so that a small file does not wait
# for a big one of somebody else's. Parts that failed before come after all others.
_CLAIM = """
WITH turns AS (
    SELECT upload.tenant_id, max(part.claimed_at) AS last_at
    FROM upload_parts part JOIN file_uploads upload ON upload.id = part.upload_id
    WHERE part.claimed_at > clock_timestamp() - interval '10 minutes'
    GROUP BY upload.tenant_id
), claimed AS (
    UPDATE upload_parts SET attempts = attempts + 1, claimed_at = clock_timestamp()
    WHERE id = (
        SELECT part.id
        FROM upload_parts part
        JOIN file_uploads upload ON upload.id = part.upload_id
        LEFT JOIN turns ON turns.tenant_id = upload.tenant_id
        WHERE part.status = 'pending' AND upload.status = 'processing'
          AND upload.stage = 'customer_creation'
          AND (%(upload_id)s::bigint IS NULL OR upload.id = %(upload_id)s)
        ORDER BY turns.last_at NULLS FIRST, part.attempts, upload.id, part.number
        LIMIT 1
        FOR UPDATE OF part SKIP LOCKED
    )
    RETURNING id, upload_id, number
), begun AS (
    INSERT INTO upload_work
        (upload_id, kind, part_number, worker, pid, started_at, deadline_at)
    SELECT upload_id, 'load', number, %(worker)s, %(pid)s, %(now)s, %(deadline_at)s
    FROM claimed
    RETURNING id
)
SELECT claimed.id, begun.id FROM claimed, begun
"""


def count_waiting_parts(*, upload_id: int) -> int:
    """Return how many parts of an upload are to be loaded now."""
    return UploadPart.objects.filter(
        upload=upload_id,
        upload__status=Status.PROCESSING,
        upload__stage=Stage.CUSTOMER_CREATION,
        status=UploadPart.Status.PENDING,
    ).count()


def load_next_part(
    *,
    now: datetime,
    upload_id: int | None = None,
    limit: timedelta | None = None,
) -> bool:
    """Load one part, of any upload or the one given; False when there is none.

    Any number of workers may do so side by side. Who takes longer than `limit` is
    killed (`uploads.watchdog`).
    """
    limit = limit or part_limit()
    process = this_process()
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "upload_id": upload_id,
                "worker": process["worker"],
                "pid": process["pid"],
                "now": now,
                "deadline_at": now + limit,
            },
        )
        claimed = cursor.fetchone()
    if claimed is None:
        return False
    part_id, work_id = claimed
    with doing(work_id):
        done = _load_claimed(part_id=part_id, work_id=work_id, limit=limit, now=now)
    if done is not None:
        finish_upload(upload_id=done, now=now)
    return True


def _load_claimed(
    *, part_id: int, work_id: int, limit: timedelta, now: datetime
) -> int | None:
    """Load a claimed part; return its upload's id when it is done."""
    try:
        with transaction.atomic():
            hold(work_id, limit=limit)
            return _load(part_id=part_id, work_id=work_id, now=now)
    except _Withdrawn:
        return None
    except OperationalError:
        raise  # the database is away, or locked; the part is as it was
    except Exception as exc:
        # A part that cannot be loaded costs its own upload, after all its siblings.
        logger.error(
            "Part %s could not be loaded: %s\n%s",
            part_id,
            describe_failure(exc),
            locate_failure(exc),
        )
        _note_failure(part_id=part_id, reason=type(exc).__name__, now=now)
        return None


class _Withdrawn(Exception):
    """The upload was cancelled or undone while a part of it was loaded."""


def _load(*, part_id: int, work_id: int, now: datetime) -> int | None:
    """Load a claimed part and return its upload's id; None when it is taken."""
    part = (
        UploadPart.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("upload__tenant")
        .filter(
            pk=part_id,
            status=UploadPart.Status.PENDING,
            upload__status=Status.PROCESSING,
            upload__stage=Stage.CUSTOMER_CREATION,
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
    end(work_id)  # first: whoever would kill this process locks the same row
    part.status, part.done_at, part.error = UploadPart.Status.DONE, now, ""
    part.save(
        update_fields=["succeeded_rows", "failed_rows", "status", "done_at", "error"]
    )
    # Who pauses an upload lets the parts in work be finished; so does a part of it that
    # failed.
    counted = FileUpload.objects.filter(
        pk=upload.pk, status__in=[Status.PROCESSING, Status.PAUSED, Status.FAILED]
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
            .filter(pk=part_id)
            .first()
        )
        if part is None:  # its file is read anew meanwhile
            return
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
            if finished:
                register_upload(
                    FileUpload.objects.select_related("tenant").get(pk=upload_id)
                )
    except IntegrityError as exc:
        diagnosis = getattr(exc.__cause__, "diag", None)
        if getattr(diagnosis, "constraint_name", None) != HONEST_COUNTS:
            raise
        # A defect of ours, shown as one.
        logger.error(
            "The counts of upload %s do not add up: %s",
            upload_id,
            describe_failure(exc),
        )
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
        return [pk for pk in ids if take_turn_reading(pk)]
