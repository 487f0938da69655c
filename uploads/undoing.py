"""Take an upload back: all entries it made, as one act."""

from datetime import datetime

from django.db import transaction

from customers.services import remove_entries
from uploads.acts import Doer, open_acts, person_id, record_act
from uploads.mappings import doubt_mapping_of
from uploads.models import FileUpload, UploadAct

Status = FileUpload.Status


@transaction.atomic
def undo_upload(*, upload_id: int, by: Doer, now: datetime) -> int | None:
    """Remove every entry of an upload; return how many, None when it cannot be undone.

    It has to be over, and to have brought entries: what waits or runs is cancelled
    before (`why_not_undone` says it to people). Its counts, its issues and its file
    stay: what it was is history. A part that is in work still, of an upload that failed
    or was cancelled, adds nothing any more: either its worker counted its rows first,
    then the lock here waits for its commit; or it takes its part back.
    """
    locked = FileUpload.objects.select_for_update(no_key=True)
    upload = locked.filter(pk=upload_id).first()
    if upload is None or "undo" not in open_acts(upload):
        return None
    removed = remove_entries(tenant=upload.tenant, upload_id=upload.pk)
    upload.status, upload.undone_at, upload.undone_rows = Status.UNDONE, now, removed
    upload.undone_by_id = person_id(by)
    upload.completed_at, upload.updated_at = upload.completed_at or now, now
    upload.save(
        update_fields=[
            "status", "undone_at", "undone_rows", "undone_by", "completed_at",
            "updated_at",
        ]
    )  # fmt: skip
    if removed:
        doubt_mapping_of(upload)
    record_act(upload.pk, UploadAct.Act.UNDONE, by=by, at=now, row_count=removed)
    return removed


def why_not_undone(upload: FileUpload) -> str:
    """Return why an upload cannot be undone as it stands; "" if it can."""
    if "undo" in open_acts(upload):
        return ""
    if upload.status == Status.UNDONE:
        return "This upload is undone already."
    if not upload.is_over:
        return (
            "This upload is not over. Cancel it first; what it loaded before can be "
            "undone then."
        )
    return "Nothing of this upload was loaded: there is nothing to undo."
