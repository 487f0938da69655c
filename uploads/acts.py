"""What was done with an upload, by whom and when: kept, and shown on its page."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from uploads.models import FileUpload, UploadAct

Status = FileUpload.Status

_OPEN = {
    Status.PENDING: ("pause", "cancel"),
    Status.REVIEW: ("cancel",),
    Status.PROCESSING: ("pause", "cancel"),
    Status.PAUSED: ("resume", "cancel"),
    Status.COMPLETED: ("undo",),
    Status.FAILED: ("retry", "undo"),
    Status.CANCELLED: ("undo",),
}


def open_acts(upload: FileUpload) -> list[str]:
    """Return what can be done with an upload as it stands, the likeliest first."""
    acts = _OPEN.get(Status(upload.status), ())
    impossible = set()
    if not upload.file:
        impossible.add("retry")
    if not upload.succeeded_rows:
        impossible.add("undo")
    return [act for act in acts if act not in impossible]


@transaction.atomic
def mark_cancelled(
    upload_id: int, *, by: AbstractBaseUser | None, at: datetime
) -> bool:
    """End an upload that has not ended; False when it has."""
    cancelled = FileUpload.objects.filter(
        pk=upload_id,
        status__in=[
            Status.PENDING,
            Status.REVIEW,
            Status.PROCESSING,
            Status.PAUSED,
        ],
    ).update(status=Status.CANCELLED, completed_at=at, updated_at=at)
    if cancelled:
        record_act(upload_id, UploadAct.Act.CANCELLED, by=by, at=at)
    return bool(cancelled)


def record_act(
    upload_id: int,
    act: UploadAct.Act,
    *,
    by: AbstractBaseUser | None,
    at: datetime,
    row_count: int = 0,
) -> None:
    """Note an act, in the transaction that does it; `by` None is no person."""
    UploadAct.objects.create(
        upload_id=upload_id,
        act=act,
        by_id=by.pk if by else None,
        at=at,
        row_count=row_count,
    )
