"""Uploads that ended are put to their lender's other files."""

from customers.lenders import corrected_files, register_file
from uploads.choices import header_fingerprint
from uploads.models import FileUpload

Status = FileUpload.Status

_REGISTERED = (Status.COMPLETED, Status.CANCELLED, Status.FAILED)
# What completes is registered at once. What ended otherwise, or before there was such a
# register, comes a few at a time.
_AT_ONCE = 20


def register_upload(upload: FileUpload) -> None:
    """Register an upload that ended; a corrected file as part of what it corrects."""
    if upload.parent_id is not None:
        file = corrected_files([upload.pk])[upload.pk]
        upload = FileUpload.objects.select_related("tenant").get(pk=file)
    headers = upload.layout.get("headers")
    if headers and upload.status in _REGISTERED:
        register_file(
            tenant=upload.tenant,
            upload_id=upload.pk,
            header_fingerprint=header_fingerprint(headers),
        )


def register_missing(*, limit: int = _AT_ONCE) -> None:
    """Register uploads that ended and are not yet, the oldest first.

    Of one that was cancelled or failed only what was loaded is there: whose it is tells
    whose loans its entries are of, but it is never a lender's newest file.
    """
    missing = FileUpload.objects.filter(
        status__in=_REGISTERED,
        parent=None,
        succeeded_rows__gt=0,
        lender_file=None,
        layout__has_key="headers",
    ).select_related("tenant")
    for upload in missing.order_by("pk")[:limit]:
        register_upload(upload)
