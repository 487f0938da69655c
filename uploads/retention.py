"""How long the files that came are kept, and the issues of their rows.

Files hold national ids whole, and nothing else does.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from customers.comparing import forget_comparisons
from tenants.failures import describe_failure, is_database_away
from tenants.retention import Term, terms_over
from uploads.acts import mark_cancelled, record_act
from uploads.models import FileUpload, RowIssue, UploadAct

logger = logging.getLogger(__name__)

Status = FileUpload.Status

_ENDED = [Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.UNDONE]
# Waiting for somebody's word, not for a worker.
_FORGOTTEN = [Status.REVIEW, Status.PAUSED]
# One that has not ended was last touched by whoever paused it, or looked at it.
_KEPT_SINCE = Coalesce("completed_at", "updated_at")


def due_files(
    *, days: int, now: datetime, tenant_id: int | None = None
) -> QuerySet[FileUpload]:
    """Return the uploads whose file was kept for its tenant's term.

    `days` where a tenant has no term of its own, counted from the upload's end; of one
    that nobody decided about, from when it was last touched.
    """
    over = _over("keep_files_days", days=days, now=now, tenant_id=tenant_id)
    return (
        FileUpload.objects.alias(kept_since=_KEPT_SINCE)
        .filter(over, status__in=[*_ENDED, *_FORGOTTEN])
        .exclude(file="")
        .order_by("pk")
    )


def purge_files(*, days: int, now: datetime, tenant_id: int | None = None) -> int:
    """Delete the files that `due_files` returns; return of how many uploads.

    An upload that nobody decided about is cancelled. Rows, counts and issues stay. What
    cannot be deleted is logged, and due again the next time.
    """
    due = due_files(days=days, now=now, tenant_id=tenant_id)
    purged = _purge_each(
        due.values_list("pk", "tenant_id"), partial(_purge_file, days=days, now=now)
    )
    if purged:
        logger.info("Customer files deleted at their term's end: %s", purged)
    return purged


def _purge_file(upload_id: int, tenant_id: int, *, days: int, now: datetime) -> int:
    # Asked anew under its lock: it may have been resumed or tried again since, or its
    # tenant put on hold.
    upload = (
        due_files(days=days, now=now, tenant_id=tenant_id)
        .select_for_update(skip_locked=True, no_key=True)
        .filter(pk=upload_id)
        .first()
    )
    if upload is None:
        return 0
    if upload.status in _FORGOTTEN:
        mark_cancelled(upload_id, by=None, at=now)
    discard_file(upload, now=now)
    return 1


def _purge_each(
    due: QuerySet[FileUpload, tuple[int, int]], purge: Callable[[int, int], int]
) -> int:
    """Purge each upload in a transaction of its own; return how much went.

    One that cannot be purged keeps nobody from purging those behind it.
    """
    purged = left = 0
    for upload_id, tenant_id in list(due):
        try:
            with transaction.atomic():
                purged += purge(upload_id, tenant_id)
        except Exception as exc:  # each storage raises classes of its own
            if is_database_away(exc):
                raise
            left += 1
            logger.warning(
                "Upload %s cannot be purged and is left to the next time: %s",
                upload_id,
                describe_failure(exc),
            )
    if left:
        logger.warning("Uploads that are past their term and not purged: %s", left)
    return purged


def discard_file(upload: FileUpload, *, now: datetime) -> None:
    """Delete what is kept of an upload's file, and say so in its row.

    The files first: what was deleted without a word in the row is found again.
    """
    default_storage.delete(upload.rewritten_name)
    default_storage.delete(str(upload.file.name))
    upload.file, upload.purged_at, upload.updated_at = "", now, now
    upload.save(update_fields=["file", "purged_at", "updated_at"])
    record_act(upload.pk, UploadAct.Act.PURGED, by=None, at=now)


def due_issues(
    *, days: int, now: datetime, tenant_id: int | None = None
) -> QuerySet[RowIssue]:
    """Return the issues of uploads that ended before their tenant's term."""
    ended = _with_due_issues(days=days, now=now, tenant_id=tenant_id)
    return RowIssue.objects.filter(upload__in=ended.values("pk"))


def purge_issues(*, days: int, now: datetime, tenant_id: int | None = None) -> int:
    """Delete the issues that `due_issues` returns; return how many.

    What cannot be deleted is logged, and due again the next time.
    """
    due = _with_due_issues(days=days, now=now, tenant_id=tenant_id).filter(
        Exists(RowIssue.objects.filter(upload=OuterRef("pk")))
    )
    return _purge_each(
        due.values_list("pk", "tenant_id"),
        partial(_purge_issues_of, days=days, now=now),
    )


def _purge_issues_of(
    upload_id: int, tenant_id: int, *, days: int, now: datetime
) -> int:
    upload = (
        _with_due_issues(days=days, now=now, tenant_id=tenant_id)
        .select_for_update(skip_locked=True, no_key=True)
        .filter(pk=upload_id)
        .first()
    )
    if upload is None:  # it is tried again, say
        return 0
    # They tell what was not readable by these issues.
    forget_comparisons(uploads=[upload.pk])
    return RowIssue.objects.filter(upload=upload).delete()[0]


def _with_due_issues(
    *, days: int, now: datetime, tenant_id: int | None
) -> QuerySet[FileUpload]:
    over = _over("keep_issues_days", days=days, now=now, tenant_id=tenant_id)
    return (
        FileUpload.objects.alias(kept_since=_KEPT_SINCE)
        .filter(over, status__in=_ENDED)
        .order_by("pk")
    )


def _over(term: Term, *, days: int, now: datetime, tenant_id: int | None) -> Q:
    over = Q(pk__in=[])
    for one, before in terms_over(term, days=days, now=now, tenant_id=tenant_id):
        over |= Q(tenant_id=one, kept_since__lt=before)
    return over
