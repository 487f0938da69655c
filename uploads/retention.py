"""How long the files that came are kept: they hold national ids, and rows do not."""

import logging
from datetime import datetime, timedelta

from django.core.files.storage import default_storage
from django.db import transaction

from uploads.acts import mark_cancelled, record_act
from uploads.models import FileUpload, UploadAct

logger = logging.getLogger(__name__)

Status = FileUpload.Status

_ENDED = [Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.UNDONE]
# Waiting for somebody's word, not for a worker.
_FORGOTTEN = [Status.REVIEW, Status.PAUSED]


def purge_files(*, days: int, now: datetime) -> int:
    """Delete the files that came more than `days` ago; return of how many uploads.

    Only of uploads that ended: one that nobody decided about for so long is cancelled.
    Its row, its counts and its issues stay. No days: nothing is deleted.
    """
    if days <= 0:
        return 0
    old = FileUpload.objects.filter(created_at__lt=now - timedelta(days=days))
    forgotten = old.filter(status__in=_FORGOTTEN)
    for upload_id in list(forgotten.values_list("pk", flat=True)):
        mark_cancelled(upload_id, by=None, at=now)
    kept = old.filter(status__in=_ENDED).exclude(file="")
    purged = sum(
        _purge(upload_id, now)
        for upload_id in list(kept.order_by("pk").values_list("pk", flat=True))
    )
    if purged:
        logger.info("Customer files deleted after %s days: %s", days, purged)
    return purged


@transaction.atomic
def _purge(upload_id: int, now: datetime) -> bool:
    """Delete what is kept of an upload's file, and say so in its row.

    The files first: what was deleted without a word in the row is found again.
    """
    upload = (
        FileUpload.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(pk=upload_id, status__in=_ENDED)
        .exclude(file="")
        .first()
    )
    if upload is None:
        return False
    default_storage.delete(upload.rewritten_name)
    default_storage.delete(upload.file.name)
    upload.file, upload.purged_at, upload.updated_at = "", now, now
    upload.save(update_fields=["file", "purged_at", "updated_at"])
    record_act(upload.pk, UploadAct.Act.PURGED, by=None, at=now)
    return True
