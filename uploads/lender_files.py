"""Uploads that ended are put to their lender's other files."""

import logging

from customers.lenders import corrected_files, register_file
from tenants.failures import describe_failure, is_database_away, locate_failure
from uploads.choices import header_fingerprint
from uploads.models import FileUpload

logger = logging.getLogger(__name__)

Status = FileUpload.Status

_REGISTERED = (Status.COMPLETED, Status.CANCELLED, Status.FAILED)
# What completes is registered at once. What ended otherwise, or before there was such a
# register, comes a few at a time.
_AT_ONCE = 20
_MOST_PASSED_OVER = 200


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
    registered = 0
    for upload in missing.order_by("pk")[: limit + _MOST_PASSED_OVER]:
        try:
            register_upload(upload)
        except Exception as exc:
            if is_database_away(exc):
                raise
            # Those behind it are registered none the less.
            logger.error(
                "Upload %s could not be put to its lender's files: %s\n%s",
                upload.pk,
                describe_failure(exc),
                locate_failure(exc),
            )
        else:
            registered += 1
        if registered == limit:
            return
