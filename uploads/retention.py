"""How long the files that came are kept, and the issues of their rows.

Files hold national ids whole, and nothing else does.
"""

import logging
from datetime import datetime

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet

from tenants.retention import terms_over
from uploads.acts import mark_cancelled, record_act
from uploads.models import FileUpload, RowIssue, UploadAct

logger = logging.getLogger(__name__)

Status = FileUpload.Status

_ENDED = [Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.UNDONE]
# Waiting for somebody's word, not for a worker.
_FORGOTTEN = [Status.REVIEW, Status.PAUSED]


def due_files(
    *, days: int, now: datetime, tenant_id: int | None = None
) -> QuerySet[FileUpload]:
    """Return the uploads whose file came before its tenant's term.

    `days` where a tenant has no term of its own. Ended ones, and those that nobody
    decided about for so long.
    """
    before = Q(pk__in=[])
    for one, moment in terms_over(
        "keep_files_days", days=days, now=now, tenant_id=tenant_id
    ):
        before |= Q(tenant_id=one, created_at__lt=moment)
    return (
        FileUpload.objects.filter(before, status__in=[*_ENDED, *_FORGOTTEN])
        .exclude(file="")
        .order_by("pk")
    )


def purge_files(*, days: int, now: datetime, tenant_id: int | None = None) -> int:
    """Delete the files that `due_files` returns; return of how many uploads.

    An upload that nobody decided about is cancelled. Rows, counts and issues stay.
    """
    due = due_files(days=days, now=now, tenant_id=tenant_id)
    forgotten = due.filter(status__in=_FORGOTTEN).values_list("pk", flat=True)
    for upload_id in list(forgotten):
        mark_cancelled(upload_id, by=None, at=now)
    purged = sum(_purge(pk, now) for pk in list(due.values_list("pk", flat=True)))
    if purged:
        logger.info("Customer files deleted at their term's end: %s", purged)
    return purged


@transaction.atomic
def _purge(upload_id: int, now: datetime) -> bool:
    upload = (
        FileUpload.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(pk=upload_id, status__in=_ENDED)
        .exclude(file="")
        .first()
    )
    if upload is None:
        return False
    discard_file(upload, now=now)
    return True


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
    """Return the issues of uploads that came before their tenant's term."""
    before = Q(pk__in=[])
    for one, moment in terms_over(
        "keep_issues_days", days=days, now=now, tenant_id=tenant_id
    ):
        before |= Q(upload__tenant_id=one, upload__created_at__lt=moment)
    return RowIssue.objects.filter(before, upload__status__in=_ENDED)


def purge_issues(*, days: int, now: datetime, tenant_id: int | None = None) -> int:
    """Delete the issues that `due_issues` returns; return how many."""
    due = due_issues(days=days, now=now, tenant_id=tenant_id)
    upload_ids = due.order_by().values_list("upload_id", flat=True).distinct()
    return sum(
        RowIssue.objects.filter(upload_id=upload_id).delete()[0]
        for upload_id in list(upload_ids)
    )
