"""Take an upload back: all entries it made, as one act."""

from datetime import datetime

from django.db import transaction

from customers.services import remove_entries
from uploads.acts import Doer, person_id, record_act
from uploads.mappings import doubt_mapping_of
from uploads.models import FileUpload, UploadAct

Status = FileUpload.Status


@transaction.atomic
def undo_upload(*, upload_id: int, by: Doer, now: datetime) -> int | None:
    """Remove every entry of an upload; return how many, None when it is undone already.

    Its counts, its issues and its file stay: what it was is history. A part in work
    adds nothing any more: either its worker counted its rows first, then the lock here
    waits for its commit; or it finds the upload undone and takes its part back.
    """
    not_undone = FileUpload.objects.exclude(status=Status.UNDONE)
    upload = not_undone.select_for_update(no_key=True).filter(pk=upload_id).first()
    if upload is None:
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
