"""What was done with an upload, by whom and when: kept, and shown on its page."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from tenants.models import ApiClient
from uploads.models import FileUpload, UploadAct

Status = FileUpload.Status

# A member of staff, a program, or nobody: the command line, the system by itself.
Doer = AbstractBaseUser | ApiClient | None

_OPEN = {
    Status.PENDING: ("pause", "cancel"),
    Status.REVIEW: ("again", "cancel"),
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
    if not upload.file or upload.is_never_readable:
        impossible.add("retry")
    if upload.loaded_before_id is None:
        impossible.add("again")
    if not upload.succeeded_rows:
        impossible.add("undo")
    return [act for act in acts if act not in impossible]


@transaction.atomic
def mark_cancelled(upload_id: int, *, by: Doer, at: datetime) -> bool:
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
    by: Doer,
    at: datetime,
    row_count: int = 0,
) -> None:
    """Note an act, in the transaction that does it."""
    UploadAct.objects.create(
        upload_id=upload_id,
        act=act,
        by_id=person_id(by),
        by_client_id=client_id(by),
        at=at,
        row_count=row_count,
    )


def person_id(by: Doer) -> int | None:
    """Return the id of a member of staff, None for whoever is none."""
    return None if by is None or isinstance(by, ApiClient) else by.pk


def client_id(by: Doer) -> int | None:
    """Return the id of a program, None for whoever is none."""
    return by.pk if isinstance(by, ApiClient) else None
